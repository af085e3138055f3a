//! Loss: when the connection believes in it, and what it does then (RFC 8985, RFC 9937; without SACK RFC 5681 and RFC 6582).

use super::super::prr::Prr;
use super::super::rack::Circumstances;
use super::super::scoreboard::{DUP_THRESH, Delivered};
use super::super::seq::Seq;
use super::frto::Frto;
use super::{Connection, Env};
use crate::congestion::{Cause, Congestion, CongestionEvent, Undo};
use crate::time::Instant;

/// What the sender is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing is known to be lost.
    Open,
    /// Fast recovery: loss was seen in ACKs.
    Fast,
    /// The retransmission timer expired.
    Timeout,
}

/// The state of recovery. It belongs to the connection, so that it lasts when the controller is exchanged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recovery {
    pub phase: Phase,
    /// SND.NXT when the phase began; the phase ends when it is acknowledged (RFC 6675 RecoveryPoint, RFC 6582 `recover`).
    pub point: Seq,
    /// Duplicate ACKs in a row.
    pub duplicates: u32,
    /// The next retransmission goes out whatever the window says.
    pub force: bool,
    /// How much fast recovery may send.
    pub prr: Prr,
    /// A window probe is due.
    pub probe: bool,
    /// cwnd held back more than was sent, when SND.NXT was this.
    pub limited: Option<Seq>,
    /// Octets sent because of duplicate ACKs, before recovery (RFC 3042).
    pub limited_transmit: u32,
    /// Timeouts in a row without progress.
    pub retries: u8,
    /// The round trip being counted ends when this is acknowledged.
    pub round_end: Seq,
    /// Our timestamp in the first retransmission of this recovery, until the first ACK after it came (RFC 3522).
    pub first_retransmission: Option<u32>,
    /// Octets sent again in this recovery that no duplicate report (RFC 2883) has yet shown to have been needless.
    pub in_doubt: u32,
    /// The reduction of this recovery can still be taken back.
    pub can_undo: bool,
    /// Whether the timeout was for nothing is being found out.
    pub frto: Frto,
}

impl Recovery {
    pub fn new(una: Seq) -> Self {
        Self {
            phase: Phase::Open,
            point: una,
            duplicates: 0,
            force: false,
            prr: Prr::default(),
            probe: false,
            limited: None,
            limited_transmit: 0,
            retries: 0,
            round_end: una,
            first_retransmission: None,
            in_doubt: 0,
            can_undo: false,
            frto: Frto::Off,
        }
    }

    /// `octets` were sent again, with this timestamp.
    #[inline]
    pub fn sent_again(&mut self, octets: u32, timestamp: Option<u32>) {
        self.force = false;
        self.prr.sent(octets);
        if self.phase == Phase::Open {
            // A tail loss probe, or what a smaller path MTU asks for: no window was reduced for it.
            return;
        }
        if self.in_doubt == 0 && self.can_undo {
            self.first_retransmission = timestamp;
        }
        self.in_doubt = self.in_doubt.saturating_add(octets);
    }

    /// A phase begins, for what was sent before `next`.
    fn begin(&mut self, phase: Phase, next: Seq) {
        self.phase = phase;
        self.point = next;
        self.force = true;
        self.first_retransmission = None;
        self.in_doubt = 0;
        self.can_undo = true;
    }
}

impl Connection {
    /// SND.UNA has advanced: ends the phase if everything sent before it began is acknowledged. Whether fast recovery ended.
    pub(super) fn leave_recovery(&mut self) -> bool {
        self.rack.advanced(self.snd_una);
        let phase = self.recovery.phase;
        if phase == Phase::Open || self.snd_una.lt(self.recovery.point) {
            return false;
        }
        self.recovery.phase = Phase::Open;
        self.recovery.force = false;
        self.recovery.duplicates = 0;
        self.scoreboard.forget_duplicates(None);
        self.rack.recovered();
        phase == Phase::Fast
    }

    /// Looks for loss after an ACK and gives the octets that are newly believed to be lost. `advanced` is by how much it moved SND.UNA,
    /// `duplicate` whether it is a duplicate ACK (RFC 5681 section 2; with SACK, one that reports something new).
    pub(super) fn find_losses(
        &mut self,
        advanced: u32,
        duplicate: bool,
        delivered: &Delivered,
        env: &mut Env<'_>,
    ) -> u32 {
        if duplicate {
            self.recovery.duplicates = self.recovery.duplicates.saturating_add(1);
            let makes_room = match self.recovery.phase {
                // Limited transmit: two segments (RFC 3042 section 2).
                Phase::Open => self.recovery.duplicates < DUP_THRESH || self.may_recover(),
                Phase::Fast => true,
                // What was sent before a timeout does not count as being in the network anyway.
                Phase::Timeout => self.snd_nxt.gt(self.recovery.point),
            };
            if makes_room && !self.agreed.sack {
                self.scoreboard.duplicate(self.window.mss);
            }
        } else if advanced > 0 && self.recovery.phase == Phase::Open {
            self.recovery.duplicates = 0;
            self.recovery.limited_transmit = 0;
            self.scoreboard.forget_duplicates(None);
        }
        if self.agreed.sack {
            if let Some(certain) = &delivered.certain {
                self.rack.arrived(certain, env.now);
            }
            self.rack.reordering_seen |= delivered.reordered;
            self.search_losses(env)
        } else {
            self.count_duplicates(advanced)
        }
    }

    /// RACK: marks what time says is lost, and sets the timer for what it does not say it of yet (RFC 8985 section 6.2 step 5).
    pub(super) fn search_losses(&mut self, env: &mut Env<'_>) -> u32 {
        self.timers.reordering = None;
        let Some(newest) = self.rack.newest else { return 0 };
        let patience = self.rack.patience(&self.circumstances());
        let found = self.scoreboard.search(&newest, patience, env.now);
        if found.waiting {
            // The last of those for which there is still hope was sent no later than what has arrived.
            let micros = (newest.at.total_micros() + patience).max(env.now.total_micros() + 1);
            self.timers.reordering = Some(Instant::from_micros(micros));
        }
        found.lost
    }

    fn circumstances(&self) -> Circumstances {
        Circumstances {
            recovering: self.recovery.phase != Phase::Open,
            many_sacked: self.scoreboard.many_sacked(self.window.mss),
            srtt: self.rtt.srtt,
            min_rtt: self.rtt.min,
        }
    }

    /// Without SACK: three duplicate ACKs mean loss, and in recovery a partial ACK does (RFC 5681 section 3.2, RFC 6582 section 3.2).
    fn count_duplicates(&mut self, advanced: u32) -> u32 {
        let mss = self.window.mss;
        match self.recovery.phase {
            Phase::Open if self.recovery.duplicates >= DUP_THRESH && self.may_recover() => {
                self.scoreboard.mark_first_lost(mss)
            }
            Phase::Fast if advanced > 0 => {
                self.scoreboard.forget_duplicates(Some(advanced.saturating_sub(mss)));
                self.recovery.force = true;
                self.scoreboard.mark_first_lost(mss)
            }
            _ => 0,
        }
    }

    /// `lost` octets are newly believed to be lost: begins fast recovery, unless there is a recovery already.
    pub(super) fn react_to_loss(&mut self, lost: u32, delivered: u32, env: &mut Env<'_>) {
        if lost > 0 && self.recovery.phase == Phase::Open {
            self.enter_fast_recovery(delivered, env);
        }
    }

    /// What may be in flight: cwnd, and in fast recovery what PRR says (RFC 9937; it needs SACK to know what was delivered). A controller
    /// that sets a rate governs recovery by itself.
    #[inline]
    pub(super) fn flight_limit(&self) -> u32 {
        if self.recovery.phase == Phase::Fast && self.agreed.sack && self.window.pacing_rate == 0 {
            self.recovery.prr.limit()
        } else {
            self.window.cwnd
        }
    }

    /// Without SACK, duplicate ACKs for what was sent before the last recovery ended prove nothing (RFC 6582 section 3.2 step 1).
    fn may_recover(&self) -> bool {
        self.snd_una.gt(self.recovery.point)
    }

    /// `delivered`: octets that arrived by the ACK that began it.
    fn enter_fast_recovery(&mut self, delivered: u32, env: &mut Env<'_>) {
        self.recovery.begin(Phase::Fast, self.snd_nxt);
        self.recovery.prr = Prr::begin(self.scoreboard.flight() - self.scoreboard.sacked() + delivered);
        self.forget_probe();
        self.stats.fast_recoveries += 1;
        env.counters.fast_recoveries += 1;
        if self.marks.covers(self.snd_una) {
            // The window is as small as it is to become, for another reason: that is not taken back.
            self.recovery.can_undo = false;
        } else {
            self.reduced();
            let event = CongestionEvent {
                now: env.now.total_micros() as u64,
                flight: self.scoreboard.flight().saturating_sub(self.recovery.limited_transmit),
                cause: Cause::Loss,
            };
            env.congestion.congestion(self.flow(), &mut self.window, &event);
        }
        self.recovery.limited_transmit = 0;
        // The retransmission that follows has a full timeout to be acknowledged in: the time that went by until the loss was
        // noticed does not count (compare RFC 6298 rule 5.1 with RFC 6582 section 4).
        self.timers.send = Some(env.now + self.rtt.timeout(env.config));
    }

    /// The retransmission timer expired: what is not SACKed and has had its time is sent again, in slow start (RFC 8985 section 6.3).
    pub(super) fn enter_timeout_recovery(&mut self, env: &mut Env<'_>) {
        let patience = self.agreed.sack.then(|| self.rack.patience(&self.circumstances()));
        self.scoreboard.mark_lost_by_timeout(self.window.mss, patience, env.now);
        self.ask_forward(self.recovery.retries > 1);
        self.recovery.begin(Phase::Timeout, self.snd_nxt);
        self.recovery.duplicates = 0;
        self.timers.reordering = None;
        self.forget_probe();
        self.reduced();
    }

    /// The first ACK that moves SND.UNA after a retransmission: it echoes the timestamp of what it answers. If that was sent before the
    /// retransmission, the original had arrived, and nothing was lost (Eifel detection, RFC 3522 section 3).
    pub(super) fn detect_spurious(&mut self, echo: Option<u32>, env: &mut Env<'_>) {
        let Some(again) = self.recovery.first_retransmission.take() else { return };
        if let Some(echo) = echo
            && (echo.wrapping_sub(again) as i32) < 0
        {
            self.undo(env);
        }
    }

    /// A duplicate report: `octets` of what was sent again had arrived before. When that is true of all of it, nothing was lost
    /// (RFC 3708 section 3.3).
    pub(super) fn needless(&mut self, octets: u32, env: &mut Env<'_>) {
        if self.recovery.in_doubt == 0 {
            return;
        }
        self.recovery.in_doubt = self.recovery.in_doubt.saturating_sub(octets);
        if self.recovery.in_doubt == 0 {
            // What was late, and not lost, was overtaken.
            self.rack.reordering_seen = true;
            self.undo(env);
        }
    }

    /// How long what has been overtaken may be late outside of recovery, µs.
    pub(super) fn reordering_window(&self) -> u32 {
        self.rack.window(&Circumstances { recovering: false, many_sacked: false, ..self.circumstances() })
    }

    /// Takes the last reduction back.
    pub(super) fn undo(&mut self, env: &mut Env<'_>) {
        if !core::mem::take(&mut self.recovery.can_undo) {
            return;
        }
        self.stats.undone += 1;
        env.counters.undone += 1;
        env.congestion.undo(self.flow(), &mut self.window, &Undo { now: env.now.total_micros() as u64 });
        self.marks.withdraw();
        self.scoreboard.unmark_lost();
        self.scoreboard.forget_duplicates(None);
        self.recovery.phase = Phase::Open;
        self.recovery.frto = Frto::Off;
        self.recovery.force = false;
        self.recovery.duplicates = 0;
        self.rtt.end_back_off();
    }
}
