//! A token bucket: how often something that a stranger can provoke may happen.

use crate::time::Instant;

/// At most `burst` at once and `burst` per `period_us` in the long run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limiter {
    burst: u32,
    period_us: u32,
    tokens: u32,
    refilled: i64,
}

impl Limiter {
    pub const fn new(burst: u32, period_us: u32) -> Self {
        Self { burst, period_us, tokens: burst, refilled: 0 }
    }

    /// Takes a token, if there is one.
    pub fn allow(&mut self, now: Instant) -> bool {
        let micros = now.total_micros();
        let elapsed = micros.saturating_sub(self.refilled).max(0) as u64;
        let earned = elapsed.saturating_mul(u64::from(self.burst)) / u64::from(self.period_us.max(1));
        if earned > 0 {
            self.tokens = u64::from(self.tokens).saturating_add(earned).min(u64::from(self.burst)) as u32;
            self.refilled = micros;
        }
        if self.tokens == 0 {
            return false;
        }
        self.tokens -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Limiter;
    use crate::time::Instant;

    #[test]
    fn allows_a_burst_and_then_the_rate() {
        let mut limiter = Limiter::new(10, 1_000_000);
        let allowed = |limiter: &mut Limiter, at: i64, tries: usize| {
            (0..tries).filter(|_| limiter.allow(Instant::from_micros(at))).count()
        };
        assert_eq!(allowed(&mut limiter, 5_000_000, 100), 10);
        assert_eq!(allowed(&mut limiter, 5_050_000, 100), 0);
        assert_eq!(allowed(&mut limiter, 5_300_000, 100), 3);
        assert_eq!(allowed(&mut limiter, 50_000_000, 100), 10);
    }
}
