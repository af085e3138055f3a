//! Explicit congestion notification (RFC 3168 section 6.1): marks of the network are echoed until the peer has reacted, and echoes of the
//! peer are reacted to once per window.

use super::super::config::Ecn;
use super::super::header::{Flags, Header};
use super::super::seq::Seq;
use super::recovery::Phase;
use super::{Connection, Env};
use crate::congestion::{Cause, Congestion, CongestionEvent};
use crate::time::Instant;

/// The state of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    /// ACKs carry ECN-Echo until the peer says that its window is reduced.
    echo: bool,
    /// The next new data says that our window is reduced.
    reduced: bool,
    /// SND.NXT at the last reduction. Until something beyond is acknowledged, echoes and losses are of the same congestion: the peer hears that the window
    /// is reduced from the segment that begins there.
    reacted: Option<Seq>,
    /// No new data before this: the window cannot become smaller.
    held_until: Option<Instant>,
}

impl Marks {
    /// Until when new data is held back, if it is.
    #[inline]
    pub fn holds(&self, now: Instant) -> Option<Instant> {
        self.held_until.filter(|until| *until > now)
    }

    /// Whether the window was reduced after the segment at `lost` was sent: then that says nothing new (section 6.1.2).
    pub fn covers(&self, lost: Seq) -> bool {
        self.reacted.is_some_and(|end| lost.lt(end))
    }

    /// The last reduction is taken back: the peer shall not hear of it, and goes on to echo the marks that no reduction answers.
    pub fn withdraw(&mut self) {
        (self.reduced, self.reacted) = (false, None);
    }
}

impl Connection {
    /// Takes what a SYN says of ECN (section 6.1.1). An answer sets ECE alone; some old hosts just reflect both bits.
    pub(super) fn agree_on_ecn(&mut self, header: &Header, offered: Ecn) {
        let both = Flags::ECE.with(Flags::CWR);
        let answer = header.flags.contains(Flags::ACK);
        let flags = Flags(header.flags.0 & both.0);
        self.agreed.ecn = match offered {
            Ecn::Off => false,
            Ecn::Accept => !answer && flags == both,
            Ecn::Offer if answer => flags == Flags::ECE && self.syn_retries == 0,
            Ecn::Offer => flags == both,
        };
    }

    /// The ECN bits of our SYN. One that has to be repeated does without: something on the way may drop SYNs with these bits
    /// (section 6.1.1.1).
    pub(super) fn ecn_syn_flags(&self, answering: bool, offered: Ecn) -> Flags {
        match (answering, offered) {
            (true, _) if self.agreed.ecn => Flags::ECE,
            (false, Ecn::Offer) if self.syn_retries == 0 => Flags::ECE.with(Flags::CWR),
            _ => Flags::default(),
        }
    }

    /// A segment in the window: `marked` says that the network marked it (section 6.1.3).
    #[inline]
    pub(super) fn note_marks(&mut self, header: &Header, marked: bool, env: &mut Env<'_>) {
        if !self.agreed.ecn {
            return;
        }
        if header.flags.contains(Flags::CWR) {
            self.marks.echo = false;
        }
        if marked {
            self.marks.echo = true;
            self.stats.marks += 1;
            env.counters.ecn_marks += 1;
        }
    }

    /// Whether ACKs carry ECN-Echo.
    #[inline]
    pub(super) fn echoes(&self) -> bool {
        self.marks.echo
    }

    /// An ACK with ECN-Echo: the window is reduced, at most once per window of data (section 6.1.2). Whether it held only one segment, and could not become
    /// smaller.
    pub(super) fn take_echo(&mut self, header: &Header, ack: Seq, env: &mut Env<'_>) -> bool {
        if self.marks.reacted.is_some_and(|end| ack.gt(end)) {
            self.marks.reacted = None;
        }
        let echoes = self.agreed.ecn && header.flags.contains(Flags::ECE) && self.scoreboard.flight() > 0;
        if !echoes || self.marks.reacted.is_some() || self.recovery.phase != Phase::Open {
            return false;
        }
        self.stats.echoes += 1;
        env.counters.ecn_reductions += 1;
        let single = self.window.cwnd < 2 * self.window.mss;
        self.reduced();
        let now = env.now.total_micros() as u64;
        let event = CongestionEvent { now, flight: self.scoreboard.flight(), cause: Cause::Ecn };
        env.congestion.congestion(self.flow(), &mut self.window, &event);
        // What was not reduced for a loss is not taken back by a duplicate report.
        self.recovery.can_undo = false;
        single
    }

    /// After an echo at a window of one segment the retransmission timer begins anew, and new data waits as long as it does: that is how the rate falls
    /// further (section 6.1.2).
    pub(super) fn hold_back(&mut self, env: &Env<'_>) {
        let until = env.now + self.rtt.timeout(env.config);
        self.marks.held_until = Some(until);
        if self.scoreboard.flight() > 0 {
            self.timers.send = Some(until);
        }
        self.timers.probe = None;
    }

    /// The window was reduced, for a mark or a loss: the peer is told, and echoes of that time are of the same congestion.
    pub(super) fn reduced(&mut self) {
        self.marks.reduced = true;
        self.marks.reacted = Some(self.snd_nxt);
    }

    /// Marks new data as ECN-capable (section 6.1.2): nothing else is, neither retransmissions (6.1.5) nor probes (6.1.6). Whether the
    /// segment says that the window is reduced, and must therefore go alone.
    #[inline]
    pub(super) fn mark_capable(&mut self, header: &mut Header, payload: u32) -> bool {
        if !self.agreed.ecn || payload == 0 {
            return false;
        }
        header.ecn_capable = true;
        if self.marks.reduced {
            header.flags = header.flags.with(Flags::CWR);
        }
        self.marks.reduced
    }

    /// New data has gone out.
    #[inline]
    pub(super) fn sent_capable(&mut self, header: &Header) {
        if header.flags.contains(Flags::CWR) {
            self.marks.reduced = false;
        }
    }
}
