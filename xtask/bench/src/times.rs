//! Times of many exchanges, and the line that tells of them.

use std::time::{Duration, Instant};

/// Times so far.
pub struct Times {
    began: Instant,
    taken: Vec<Duration>,
    /// What was not answered, or refused.
    pub failed: u64,
}

impl Times {
    /// None yet.
    pub fn new() -> Self {
        Self { began: Instant::now(), taken: Vec::with_capacity(1 << 18), failed: 0 }
    }

    /// Since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// One more.
    pub fn add(&mut self, taken: Duration) {
        self.taken.push(taken);
    }

    /// The line: how many, how many a second, quantiles in microseconds.
    pub fn line(mut self) -> String {
        let seconds = self.began.elapsed().as_secs_f64();
        self.taken.sort_unstable();
        let micros = |share: f64| {
            let at = (share * self.taken.len().saturating_sub(1) as f64).round() as usize;
            self.taken.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e6)
        };
        format!(
            "{{\"count\":{},\"per_s\":{:.1},\"p50_us\":{:.1},\"p99_us\":{:.1},\"failed\":{}}}",
            self.taken.len(),
            self.taken.len() as f64 / seconds,
            micros(0.5),
            micros(0.99),
            self.failed
        )
    }
}
