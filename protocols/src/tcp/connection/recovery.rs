//! Loss: when the connection believes in it, and what it does then (RFC 5681, RFC 6675, RFC 6582, RFC 6298).

use super::super::scoreboard::{DUP_THRESH, Delivered};
use super::super::seq::Seq;
use super::{Connection, Env};
use crate::congestion::{Cause, Congestion, CongestionEvent, Undo};

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
    /// The next retransmission goes out whatever the window says (RFC 6675 section 5 step 4.3).
    pub force: bool,
    /// A rescue retransmission was made in this recovery (RFC 6675 `NextSeg` rule 4).
    pub rescued: bool,
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
}

impl Recovery {
    pub fn new(una: Seq) -> Self {
        Self {
            phase: Phase::Open,
            point: una,
            duplicates: 0,
            force: false,
            rescued: false,
            probe: false,
            limited: None,
            limited_transmit: 0,
            retries: 0,
            round_end: una,
            first_retransmission: None,
            in_doubt: 0,
            can_undo: false,
        }
    }

    /// A phase begins, for what was sent before `next`.
    fn begin(&mut self, phase: Phase, next: Seq) {
        self.phase = phase;
        self.point = next;
        self.force = true;
        self.rescued = false;
        self.first_retransmission = None;
        self.in_doubt = 0;
        self.can_undo = true;
    }
}

impl Connection {
    /// SND.UNA has advanced: ends the phase if everything sent before it began is acknowledged. Whether fast recovery ended.
    pub(super) fn leave_recovery(&mut self) -> bool {
        let phase = self.recovery.phase;
        if phase == Phase::Open || self.snd_una.lt(self.recovery.point) {
            return false;
        }
        self.recovery.phase = Phase::Open;
        self.recovery.force = false;
        self.recovery.duplicates = 0;
        self.scoreboard.forget_duplicates(None);
        phase == Phase::Fast
    }

    /// Looks for loss after an ACK. `advanced` is by how much it moved SND.UNA, `duplicate` whether it is a duplicate ACK
    /// (RFC 5681 section 2; with SACK, one that reports something new).
    pub(super) fn detect_loss(&mut self, advanced: u32, duplicate: bool, delivered: &Delivered, env: &mut Env<'_>) {
        let mss = self.window.mss;
        if duplicate {
            self.recovery.duplicates = self.recovery.duplicates.saturating_add(1);
            if !self.agreed.sack {
                self.scoreboard.duplicate(mss);
            }
        } else if advanced > 0 && self.recovery.phase == Phase::Open {
            self.recovery.duplicates = 0;
            self.recovery.limited_transmit = 0;
            self.scoreboard.forget_duplicates(None);
        }
        let mut lost = if delivered.by_sack > 0 { self.scoreboard.judge(mss) } else { 0 };
        match self.recovery.phase {
            Phase::Open => {
                if lost == 0 && self.recovery.duplicates >= DUP_THRESH && self.may_recover() {
                    lost = self.scoreboard.mark_first_lost(mss);
                }
                if lost > 0 {
                    self.enter_fast_recovery(env);
                }
            }
            Phase::Fast if !self.agreed.sack && advanced > 0 => {
                // A partial ACK: the next segment is lost too (RFC 6582 section 3.2 step 3).
                self.scoreboard.forget_duplicates(Some(advanced.saturating_sub(mss)));
                self.scoreboard.mark_first_lost(mss);
                self.recovery.force = true;
            }
            Phase::Fast | Phase::Timeout => {}
        }
    }

    /// Without SACK, duplicate ACKs for what was sent before the last recovery ended prove nothing (RFC 6582 section 3.2 step 1).
    fn may_recover(&self) -> bool {
        self.agreed.sack || self.snd_una.gt(self.recovery.point)
    }

    fn enter_fast_recovery(&mut self, env: &mut Env<'_>) {
        self.recovery.begin(Phase::Fast, self.snd_nxt);
        self.stats.fast_recoveries += 1;
        env.counters.fast_recoveries += 1;
        let event = CongestionEvent {
            now: env.now.total_micros() as u64,
            flight: self.scoreboard.flight().saturating_sub(self.recovery.limited_transmit),
            cause: Cause::Loss,
        };
        env.congestion.congestion(self.flow(), &mut self.window, &event);
        self.recovery.limited_transmit = 0;
        // The retransmission that follows has a full timeout to be acknowledged in: the time that went by until the loss was
        // noticed does not count (compare RFC 6298 rule 5.1 with RFC 6582 section 4).
        self.timers.send = Some(env.now + self.rtt.timeout(env.config));
    }

    /// The retransmission timer expired: everything that is not SACKed is sent again, in slow start.
    pub(super) fn enter_timeout_recovery(&mut self) {
        self.scoreboard.mark_all_lost();
        self.recovery.begin(Phase::Timeout, self.snd_nxt);
        self.recovery.duplicates = 0;
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
            self.undo(env);
        }
    }

    /// Takes the last reduction back.
    fn undo(&mut self, env: &mut Env<'_>) {
        if !core::mem::take(&mut self.recovery.can_undo) {
            return;
        }
        env.counters.undone += 1;
        env.congestion.undo(self.flow(), &mut self.window, &Undo { now: env.now.total_micros() as u64 });
        self.scoreboard.unmark_lost();
        self.scoreboard.forget_duplicates(None);
        self.recovery.phase = Phase::Open;
        self.recovery.force = false;
        self.recovery.duplicates = 0;
        self.rtt.end_back_off();
    }
}
