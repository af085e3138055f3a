//! HyStart++ (RFC 9406): leaves the first slow start when the round-trip time begins to rise, before the queue overflows.
//!
//! ```text
//!   slow start --- RTT rose ---> conservative slow start --- five rounds ---> congestion avoidance
//!        ^                               |
//!        +---------- RTT fell -----------+
//! ```

use super::{Ack, AckFlags, INITIAL_SSTHRESH, Window, common};

/// RTT samples of a round before it is judged (N_RTT_SAMPLE).
const SAMPLES: u32 = 8;
/// The least rise of RTT that counts, microseconds (MIN_RTT_THRESH).
const MIN_THRESHOLD: u32 = 4_000;
/// A rise that always counts, microseconds (MAX_RTT_THRESH).
const MAX_THRESHOLD: u32 = 16_000;
/// In between, the part of RTT that counts (MIN_RTT_DIVISOR).
const THRESHOLD_DIVISOR: u32 = 8;
/// Rounds of conservative slow start (CSS_ROUNDS).
const CONSERVATIVE_ROUNDS: u32 = 5;
/// How much slower it grows (CSS_GROWTH_DIVISOR).
const CONSERVATIVE_DIVISOR: u32 = 4;
/// How many segments slow start may add for one ACK of an unpaced sender (section 4.3, L = 8): receivers that merge segments send
/// one ACK for many. A controller does not know whether the engine paces, so it is the same for a paced one.
const SLOW_START_LIMIT: u32 = 8;

/// What HyStart++ knows of a connection. All zero at the beginning; 0 stands for an infinite RTT.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HyStart {
    /// Smallest RTT of the last round, µs (lastRoundMinRTT).
    pub last_min_rtt: u32,
    /// Smallest RTT of this round so far, µs (currentRoundMinRTT).
    pub current_min_rtt: u32,
    /// RTT samples in this round (rttSampleCount).
    pub samples: u32,
    /// RTT that took the connection into conservative slow start, µs (cssBaselineMinRtt); 0 outside of it.
    pub baseline: u32,
    /// Rounds begun since then.
    pub rounds: u32,
}

/// What HyStart++ makes of an ACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Slow start.
    Grow,
    /// Conservative slow start.
    GrowSlowly,
    /// Congestion avoidance.
    Leave,
}

impl HyStart {
    /// Grows cwnd for an ACK of slow start; with HyStart++ as long as ssthresh is arbitrarily high (section 4.3), plainly after that.
    pub(super) fn slow_start(&mut self, window: &mut Window, ack: &Ack) {
        let verdict = if window.ssthresh == INITIAL_SSTHRESH { self.acknowledged(ack) } else { Verdict::Grow };
        match verdict {
            Verdict::Grow => common::slow_start(window, ack, SLOW_START_LIMIT, 1),
            Verdict::GrowSlowly => common::slow_start(window, ack, SLOW_START_LIMIT, CONSERVATIVE_DIVISOR),
            Verdict::Leave => {
                window.ssthresh = window.cwnd;
                common::keep_limits(window);
            }
        }
    }

    /// Takes an ACK of the first slow start (RFC 9406 section 4.2).
    pub fn acknowledged(&mut self, ack: &Ack) -> Verdict {
        if ack.flags.contains(AckFlags::ROUND_START) {
            self.last_min_rtt = self.current_min_rtt;
            self.current_min_rtt = 0;
            self.samples = 0;
            if self.baseline > 0 {
                self.rounds += 1;
                if self.rounds >= CONSERVATIVE_ROUNDS {
                    return Verdict::Leave;
                }
            }
        }
        if ack.rtt > 0 {
            self.samples = self.samples.saturating_add(1);
            self.current_min_rtt = if self.samples == 1 { ack.rtt } else { self.current_min_rtt.min(ack.rtt) };
        }
        if self.samples >= SAMPLES {
            self.judge();
        }
        if self.baseline > 0 { Verdict::GrowSlowly } else { Verdict::Grow }
    }

    fn judge(&mut self) {
        if self.baseline > 0 {
            if self.current_min_rtt < self.baseline {
                // The rise was an accident.
                self.baseline = 0;
            }
        } else if self.last_min_rtt > 0 {
            let threshold = (self.last_min_rtt / THRESHOLD_DIVISOR).clamp(MIN_THRESHOLD, MAX_THRESHOLD);
            if self.current_min_rtt >= self.last_min_rtt.saturating_add(threshold) {
                self.baseline = self.current_min_rtt;
                self.rounds = 0;
            }
        }
    }
}
