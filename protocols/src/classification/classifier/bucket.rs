//! The token bucket of a rule with a limit.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::classification::Limit;

/// Nanoseconds of a second.
const SECOND: u128 = 1_000_000_000;

/// A token bucket that all processors share: it holds the time at which it will be full again (the virtual scheduling form of the
/// generic cell rate algorithm, ITU-T I.371 annex A), so one word is the whole state and nothing has to refill it.
///
/// It is touched only by frames that meet its rule. It outlives tables and engines: whoever has the rule has the bucket.
#[derive(Debug)]
pub struct Bucket {
    limit: Limit,
    /// When it is full again, in nanoseconds; at or before now: it is full.
    full_at: AtomicU64,
}

impl Bucket {
    /// A full bucket.
    pub const fn new(limit: Limit) -> Self {
        Self { limit, full_at: AtomicU64::new(0) }
    }

    /// Takes the tokens of a frame of so many octets, if they are there. `now` in nanoseconds; may be a little behind what
    /// another processor said.
    pub fn take(&self, octets: usize, now: u64) -> bool {
        let (cost, depth) = (self.time(self.units(octets)), self.time(self.limit.burst));
        let step = |full_at: u64| {
            let next = full_at.max(now).saturating_add(cost);
            (next - now <= depth).then_some(next)
        };
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).is_ok()
    }

    /// Whether the tokens of a frame of so many octets are there; they are left there. `now` as in [`take`](Self::take).
    pub fn holds(&self, octets: usize, now: u64) -> bool {
        let cost = self.time(self.units(octets));
        self.full_at.load(Ordering::Relaxed).saturating_sub(now).saturating_add(cost) <= self.time(self.limit.burst)
    }

    /// When the tokens of a frame of so many octets will be there, in nanoseconds; not after `now`: they are.
    pub fn ready_at(&self, octets: usize, now: u64) -> u64 {
        let spare = self.time(self.limit.burst).saturating_sub(self.time(self.units(octets)));
        self.full_at.load(Ordering::Relaxed).max(now).saturating_sub(spare)
    }

    /// Takes the tokens of a frame that has gone, whether they are there or not: what is missing is taken from what flows in next.
    pub fn charge(&self, octets: usize, now: u64) {
        let cost = self.time(self.units(octets));
        let step = |full_at: u64| Some(full_at.max(now).saturating_add(cost));
        let _ = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step);
    }

    fn units(&self, octets: usize) -> u64 {
        if self.limit.octets { octets as u64 } else { 1 }
    }

    /// How long so many tokens take to flow in, in nanoseconds.
    fn time(&self, units: u64) -> u64 {
        let nanoseconds = u128::from(units) * SECOND / u128::from(self.limit.rate.max(1));
        u64::try_from(nanoseconds).unwrap_or(u64::MAX / 2)
    }

    /// Tokens that are in it. `now` in nanoseconds.
    pub fn level(&self, now: u64) -> u64 {
        let missing = u128::from(self.full_at.load(Ordering::Relaxed).saturating_sub(now));
        let missing = (missing * u128::from(self.limit.rate)).div_ceil(SECOND);
        self.limit.burst.saturating_sub(u64::try_from(missing).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let bucket = Bucket::new(Limit { rate: 100, burst: 20, octets: false });
        let taken = |at: u64, tries: usize| (0..tries).filter(|_| bucket.take(60, at)).count();
        let second = 1_000_000_000;
        assert_eq!(taken(5 * second, 50), 20);
        assert_eq!(bucket.level(5 * second), 0);
        assert_eq!(taken(5 * second + 9_999_999, 5), 0);
        assert_eq!(taken(5 * second + 10_000_000, 5), 1);
        assert_eq!(taken(5 * second + 55_000_000, 50), 4);
        // A clock that is behind gives nothing away.
        assert_eq!(taken(4 * second, 5), 0);
        assert_eq!(taken(60 * second, 50), 20);
    }

    #[test]
    fn what_has_gone_is_charged_and_the_time_of_the_next_is_known() {
        let bucket = Bucket::new(Limit { rate: 1_000_000, burst: 3_000, octets: true });
        assert!(bucket.ready_at(3_000, 7) <= 7, "full");
        bucket.charge(3_000, 7);
        assert_eq!(bucket.ready_at(1_000, 7), 1_000_007);
        assert_eq!(bucket.ready_at(1_000, 2_000_000), 1_000_007, "it was there before");
        bucket.charge(2_000, 7);
        assert_eq!(bucket.ready_at(1_000, 7), 3_000_007, "what was missing is taken from what flows in");
        assert!(!bucket.take(1_000, 3_000_006) && bucket.take(1_000, 3_000_007));
    }

    #[test]
    fn octets_count_where_they_shall() {
        let bucket = Bucket::new(Limit { rate: 1_000_000, burst: 3_000, octets: true });
        assert!(bucket.take(1_500, 0) && bucket.take(1_500, 0) && !bucket.take(1, 0));
        assert!(bucket.take(1_000, 1_000_000) && !bucket.take(1, 1_000_000));
        assert!(!bucket.take(3_001, 1 << 40), "more than it holds");
    }

    #[test]
    fn the_greatest_values_do_not_overflow() {
        let slow = Bucket::new(Limit { rate: 1, burst: 1 << 40, octets: true });
        assert!(slow.take(65_535, u64::MAX / 4) && slow.level(u64::MAX / 4) <= 1 << 40);
        let fast = Bucket::new(Limit { rate: 1 << 40, burst: 1 << 40, octets: false });
        assert!((0..1000).all(|_| fast.take(60, 1)));
    }
}
