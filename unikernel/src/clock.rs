//! Time from the time-stamp counter, which all processors share.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::arch::{cpu, lapic};
use crate::hermit;

/// Counter value that is time zero.
static START: AtomicU64 = AtomicU64::new(0);
/// Microseconds per counter tick, as a fraction of 2^64.
static MICROS_PER_TICK: AtomicU64 = AtomicU64::new(0);
/// Ticks of the APIC's timer per microsecond, as a multiple of 2^-16.
static TIMER_TICKS_PER_MICRO: AtomicU64 = AtomicU64::new(0);

/// How long the APIC's timer is compared with the counter, in microseconds.
const CALIBRATION: u64 = 5_000;

/// Sets the clock going. Once, on the boot processor, after [`lapic::detect`].
pub fn start() {
    let megahertz = u64::from(hermit::megahertz()).max(1);
    START.store(cpu::timestamp(), Ordering::Relaxed);
    MICROS_PER_TICK.store(u64::MAX / megahertz, Ordering::Relaxed);
    let begin = micros();
    let ticks = lapic::measure_timer(|| while micros() - begin < CALIBRATION {});
    let passed = (micros() - begin).max(1);
    TIMER_TICKS_PER_MICRO.store(((u64::from(ticks) << 16) / passed).max(1), Ordering::Relaxed);
}

/// Microseconds since the start; the same on all processors, never backwards.
#[inline]
pub fn micros() -> u64 {
    let ticks = cpu::timestamp().wrapping_sub(START.load(Ordering::Relaxed));
    ((u128::from(ticks) * u128::from(MICROS_PER_TICK.load(Ordering::Relaxed))) >> 64) as u64
}

/// Seconds and microseconds since the start.
pub fn since_start() -> (u64, u64) {
    let micros = micros();
    (micros / 1_000_000, micros % 1_000_000)
}

/// Makes this processor's timer fire in `micros` microseconds, or earlier if that is more than it can count.
pub fn wake_in(micros: u64) {
    let ticks = (micros.saturating_mul(TIMER_TICKS_PER_MICRO.load(Ordering::Relaxed))) >> 16;
    lapic::arm_timer(u32::try_from(ticks).unwrap_or(u32::MAX));
}
