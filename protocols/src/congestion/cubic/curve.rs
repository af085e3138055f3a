//! CUBIC's curve: one congestion avoidance stage.
//!
//! Times are taken in **ticks** of 2^-20 s (0.95 microseconds), so that scaling by a second is a shift. With windows in bytes,
//! C = 0.4 segments/s^3 becomes 0.4 * SMSS bytes/s^3.
//!
//! Nothing overflows: windows are at most 2^30 bytes and the SMSS is in 1..=65535, so the time at which the curve passes any
//! window lies within [`REACH`] ticks of K; beyond, the curve is taken as flat.

use super::History;
use super::{Ack, Window};

/// log2 of ticks per second.
const TICK_BITS: u32 = 20;

/// More ticks than any curve needs between W_max and a window 2^30 bytes away with an SMSS of one byte (about 1390 s).
const REACH: u64 = 1 << 31;

/// Windows with a fraction: bytes in units of 2^-12.
const FRACTION_BITS: u32 = 12;

/// Bytes in units of 2^-12.
pub type Fraction = u64;

/// One congestion avoidance stage (RFC 9438 section 4.1.2). All zero while none is running.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Epoch {
    /// Time spent in this stage while cwnd was what limited the sender, µs: the `t` of W_cubic(t) (RFC 9438 section 5.8).
    pub elapsed: u64,
    /// When `elapsed` was last brought up to date, µs on the engine's clock.
    pub seen: u64,
    /// When the curve reaches W_max, in ticks after the stage's beginning: K.
    pub k: u64,
    /// The Reno-friendly estimate W_est, in bytes * 2^12.
    pub w_est: Fraction,
    /// The plateau of the curve, bytes: W_max.
    pub w_max: u32,
    /// Growth not yet in cwnd, in bytes * 2^-12; below one byte.
    pub remainder: u32,
    /// Whether a stage is running.
    pub running: bool,
    /// Time does not count until the next ACK: recovery or idleness went before.
    pub paused: bool,
}

impl Epoch {
    /// Begins a stage at the window as it stands (RFC 9438 section 4.2).
    ///
    /// If cwnd is already at or above W_max, or there is no W_max (slow start ended without a loss, or after a timeout, section
    /// 4.8), the plateau is at cwnd and K is 0.
    pub fn begin(now: u64, window: &Window, history: &mut History) -> Self {
        if history.w_max == 0 && history.cwnd_prior == 0 {
            history.cwnd_prior = window.cwnd;
        }
        let w_max = history.w_max.max(window.cwnd);
        Self {
            elapsed: 0,
            seen: now,
            k: k(w_max - window.cwnd, window.smss()),
            w_est: u64::from(window.cwnd) << FRACTION_BITS,
            w_max,
            remainder: 0,
            running: true,
            paused: false,
        }
    }

    /// Brings `elapsed` up to date; time counts only if the window limited the sender.
    pub fn pass(&mut self, now: u64, counts: bool) {
        if counts && !self.paused {
            self.elapsed = self.elapsed.saturating_add(now.saturating_sub(self.seen));
        }
        self.seen = now;
        self.paused = false;
    }

    /// Time until the next ACK does not count.
    pub fn pause(&mut self) {
        self.paused = self.running;
    }

    /// Grows cwnd for an ACK (RFC 9438 sections 4.2 to 4.5). `credit`: bytes acknowledged to a controller before this one,
    /// for which the window has not grown.
    pub fn grow(&mut self, window: &mut Window, ack: &Ack, credit: u32, history: &History) {
        let cwnd = window.cwnd;
        let smss = window.smss();
        let acked = ack.acked.min(cwnd);

        // What an additive increase of one segment per window would have given for the bytes carried over.
        let mut growth = share(credit.min(cwnd), smss, cwnd);

        self.grow_estimate(acked, cwnd, smss, history.cwnd_prior);
        if w_cubic(self.elapsed, self.k, self.w_max, smss) < (self.w_est >> FRACTION_BITS) as u32 {
            // Section 4.3, the Reno-friendly region.
            growth += self.w_est.saturating_sub(u64::from(cwnd) << FRACTION_BITS);
        } else {
            // Sections 4.4 and 4.5: a round trip ahead, at most half as much again.
            let ahead = self.elapsed.saturating_add(u64::from(window.srtt));
            let target = w_cubic(ahead, self.k, self.w_max, smss).clamp(cwnd, cwnd.saturating_add(cwnd / 2));
            growth += share(acked, target - cwnd, cwnd);
        }

        growth += u64::from(self.remainder);
        self.remainder = (growth & ((1 << FRACTION_BITS) - 1)) as u32;
        let bytes = u32::try_from(growth >> FRACTION_BITS).unwrap_or(u32::MAX);
        window.cwnd = cwnd.saturating_add(bytes);
    }

    /// W_est grows by alpha_cubic * segments acknowledged / cwnd, where alpha_cubic = 3 * (1 - beta) / (1 + beta) = 9 / 17
    /// until W_est has regained the window before the reduction, and 1 from then on (RFC 9438 section 4.3).
    fn grow_estimate(&mut self, acked: u32, cwnd: u32, smss: u32, cwnd_prior: u32) {
        let increase = share(acked, smss, cwnd);
        let regained = self.w_est >> FRACTION_BITS >= u64::from(cwnd_prior);
        let limit = u64::from(super::super::MAX_WINDOW) << FRACTION_BITS;
        self.w_est = (self.w_est + if regained { increase } else { increase * 9 / 17 }).min(limit);
    }
}

/// `amount * part / whole` in bytes * 2^12.
fn share(part: u32, amount: u32, whole: u32) -> Fraction {
    // The quotient is at most amount * 2^12 because part <= whole.
    (u128::from(u64::from(part) * u64::from(amount)) << FRACTION_BITS).checked_div(u128::from(whole)).unwrap_or(0)
        as u64
}

/// K = cubic_root(distance / C) in ticks (RFC 9438 figure 2), for `distance = W_max - cwnd_epoch` in bytes.
pub(super) fn k(distance: u32, smss: u32) -> u64 {
    // (K / 2^20)^3 = distance * 5 / (2 * smss), hence K^3 = distance * 5 * 2^59 / smss: below 2^(32 + 3 + 59).
    cubic_root(((u128::from(distance) * 5) << (3 * TICK_BITS - 1)) / u128::from(smss))
}

/// The largest integer whose cube is at most `n`; `n` below 2^96.
pub(super) fn cubic_root(n: u128) -> u64 {
    let mut root: u64 = 0;
    for bit in (0..32).rev() {
        let candidate = u128::from(root | 1 << bit);
        if candidate * candidate * candidate <= n {
            root |= 1 << bit;
        }
    }
    root
}

/// W_cubic(t) = C * (t - K)^3 + W_max in bytes (RFC 9438 figure 1); `elapsed` in µs, `k` in ticks. Never below 0 nor above
/// `u32::MAX`.
pub(super) fn w_cubic(elapsed: u64, k: u64, w_max: u32, smss: u32) -> u32 {
    // 2^20 / 10^6 ticks in a microsecond. Times beyond 2^40 µs (12 days) are far past every curve's reach.
    let t = (elapsed.min(1 << 40) << TICK_BITS) / 1_000_000;
    let distance = t.abs_diff(k).min(REACH);
    // 0.4 * smss * distance^3 / 2^60, with distance^3 * smss below 2^(93 + 16).
    let cube = u128::from(distance * distance) * u128::from(distance);
    let bytes = (((cube * u128::from(smss)) >> (3 * TICK_BITS - 16)) * 2 / 5) >> 16;
    let offset = u32::try_from(bytes).unwrap_or(u32::MAX);
    if t < k { w_max.saturating_sub(offset) } else { w_max.saturating_add(offset) }
}
