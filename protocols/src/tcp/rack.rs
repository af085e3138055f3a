//! RACK: what was sent before something that has arrived, and has not arrived itself within a reordering window, is lost (RFC 8985
//! section 6). The records are in the scoreboard; here is when to believe in loss.

use super::seq::Seq;
use crate::time::Instant;

#[cfg(test)]
mod tests;

/// Recoveries without duplicate reports after which the reordering window is small again (RFC 8985 section 6.2 step 4).
const PERSIST: u8 = 16;

/// A transmission that has arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transmission {
    /// When it left.
    pub at: Instant,
    /// The sequence number after its last octet.
    pub end: Seq,
}

impl Transmission {
    /// Whether this one left after the one that left at `at` and ended at `end` (RFC 8985 section 6.1 `RACK_sent_after`).
    #[inline]
    pub fn is_after(&self, at: Instant, end: Seq) -> bool {
        self.at > at || (self.at == at && self.end.gt(end))
    }
}

/// The state of one connection. It lasts when the controller is exchanged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rack {
    /// Of what has arrived, the transmission sent last (RACK.xmit_ts, RACK.end_seq).
    pub newest: Option<Transmission>,
    /// How long what arrived with the last ACK took, µs (RACK.rtt).
    rtt: u32,
    /// The network reorders (RACK.reordering_seen).
    pub reordering_seen: bool,
    /// Quarters of the smallest round-trip time in the reordering window (RACK.reo_wnd_mult).
    multiplier: u8,
    persist: u8,
    /// The window has grown in this round, which ends here (RACK.dsack_round).
    grown_until: Option<Seq>,
}

/// What the reordering window depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances {
    /// In fast recovery, or in recovery after a timeout.
    pub recovering: bool,
    /// As many segments are SACKed as prove loss when nothing is reordered.
    pub many_sacked: bool,
    /// µs.
    pub srtt: u32,
    /// µs.
    pub min_rtt: u32,
}

impl Rack {
    pub fn new() -> Self {
        Self { newest: None, rtt: 0, reordering_seen: false, multiplier: 1, persist: PERSIST, grown_until: None }
    }

    /// `arrived` was sent last of what an ACK reports for certain (step 2).
    #[inline]
    pub fn arrived(&mut self, arrived: &Transmission, now: Instant) {
        if self.newest.is_none_or(|newest| arrived.is_after(newest.at, newest.end)) {
            self.newest = Some(*arrived);
        }
        self.rtt = u32::try_from((now.total_micros() - arrived.at.total_micros()).max(0)).unwrap_or(u32::MAX);
    }

    /// An ACK reports a duplicate: what was sent again had arrived, so that waiting longer would have been right. Once per round (step 4).
    pub fn duplicate_reported(&mut self, una: Seq, nxt: Seq) {
        if self.grown_until.is_none_or(|end| una.ge(end)) {
            self.grown_until = Some(nxt);
            self.multiplier = self.multiplier.saturating_add(1);
            self.persist = PERSIST;
        }
    }

    /// A recovery is over (step 4).
    pub fn recovered(&mut self) {
        if self.grown_until.is_some() {
            return;
        }
        self.persist = self.persist.saturating_sub(1);
        if self.persist == 0 {
            self.multiplier = 1;
        }
    }

    /// Ends the round in which the window grew.
    #[inline]
    pub fn advanced(&mut self, una: Seq) {
        if self.grown_until.is_some_and(|end| una.ge(end)) {
            self.grown_until = None;
        }
    }

    /// The reordering window, µs (step 4).
    pub fn window(&self, at: &Circumstances) -> u32 {
        if !self.reordering_seen && (at.recovering || at.many_sacked) {
            return 0;
        }
        let window = u64::from(self.multiplier) * u64::from(at.min_rtt) / 4;
        (window as u32).min(at.srtt)
    }

    /// How long after it was sent a transmission must have arrived, µs, if one sent later has (step 5).
    pub fn patience(&self, at: &Circumstances) -> i64 {
        i64::from(self.rtt) + i64::from(self.window(at))
    }
}
