//! Round-trip time and retransmission timeout (RFC 6298).

use super::config::Config;
use crate::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// The smallest round-trip time is that of one to two such periods, so that a path that became longer does not look short for ever
/// (RFC 8985 section 6.2 step 1). Linux looks back 300 s.
const PERIOD: Duration = Duration::from_secs(150);

/// The estimator of one connection. Microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rtt {
    /// Smoothed round-trip time, 0 before the first sample.
    pub srtt: u32,
    /// Round-trip time variation.
    pub rttvar: u32,
    /// Smallest sample of this period and the one before, 0 before the first.
    pub min: u32,
    /// Smallest sample of this period, which ends then.
    period_min: u32,
    period_ends: Instant,
    rto: u32,
    backoff: u8,
}

impl Rtt {
    pub fn new(config: &Config) -> Self {
        Self {
            srtt: 0,
            rttvar: 0,
            min: 0,
            period_min: u32::MAX,
            period_ends: Instant::ZERO,
            rto: clamp(config.initial_rto),
            backoff: 0,
        }
    }

    /// Takes a sample (never of a retransmitted segment: Karn's algorithm, RFC 6298 section 3) and ends the back-off.
    pub fn sample(&mut self, rtt: u32, now: Instant, config: &Config) {
        let rtt = rtt.clamp(1, u32::MAX / 8);
        if now >= self.period_ends {
            self.min = self.period_min;
            self.period_min = rtt;
            self.period_ends = now + PERIOD;
        }
        self.period_min = self.period_min.min(rtt);
        self.min = self.min.min(rtt);
        if self.srtt == 0 {
            self.srtt = rtt;
            self.rttvar = rtt / 2;
        } else {
            // beta = 1/4, alpha = 1/8 (RFC 6298 equations 2.3)
            self.rttvar = self.rttvar - self.rttvar / 4 + self.srtt.abs_diff(rtt) / 4;
            self.srtt = (self.srtt - self.srtt / 8 + rtt / 8).max(1);
        }
        self.backoff = 0;
        self.rto = self.computed(config);
    }

    fn computed(&self, config: &Config) -> u32 {
        // The clock's granularity G is a microsecond here and can be neglected.
        let rto = self.srtt.saturating_add(self.rttvar.saturating_mul(4).max(1));
        rto.clamp(clamp(config.min_rto), clamp(config.max_rto))
    }

    /// A SYN had to be retransmitted and no sample exists: RTO is at least 3 seconds when data begins (RFC 6298 section 5.7).
    pub fn syn_was_lost(&mut self) {
        self.backoff = 0;
        self.rto = self.rto.max(3_000_000);
    }

    /// Doubles the timeout (RFC 6298 section 5.5).
    pub fn back_off(&mut self) {
        self.backoff = (self.backoff + 1).min(16);
    }

    /// Ends the back-off, keeping the last computed timeout: the path proved to be alive.
    pub fn end_back_off(&mut self) {
        self.backoff = 0;
    }

    /// The current timeout, with back-off.
    pub fn timeout(&self, config: &Config) -> Duration {
        let micros = u64::from(self.rto) << self.backoff;
        Duration::from_micros(micros.min(u64::from(clamp(config.max_rto))))
    }
}

fn clamp(duration: Duration) -> u32 {
    u32::try_from(duration.total_micros()).unwrap_or(u32::MAX)
}
