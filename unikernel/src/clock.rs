//! Time from the time-stamp counter, which all processors share.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::arch::{cpu, lapic};
use crate::hermit;

/// Counter value that is time zero.
static START: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds per counter tick, as a multiple of 2^-32.
static NANOS_PER_TICK: AtomicU64 = AtomicU64::new(0);
/// Ticks of the APIC's timer per microsecond, as a multiple of 2^-16.
static TIMER_TICKS_PER_MICRO: AtomicU64 = AtomicU64::new(0);

/// How long the APIC's timer is compared with the counter each time, in microseconds.
const CALIBRATION: u64 = 500;

/// Sets the clock going. Once, on the boot processor, after [`lapic::detect`].
pub fn start() {
    let megahertz = u64::from(hermit::megahertz()).max(1);
    START.store(cpu::timestamp(), Ordering::Relaxed);
    NANOS_PER_TICK.store(((1_000u128 << 32) / u128::from(megahertz)) as u64, Ordering::Relaxed);
    // One measurement may be spoilt: by an emulator that translates the code first, or by a host that runs something else meanwhile.
    let mut rates: [u64; 7] = core::array::from_fn(|_| {
        let (ticks, passed) = measure(CALIBRATION);
        (u64::from(ticks) << 16) / passed
    });
    rates.sort_unstable();
    TIMER_TICKS_PER_MICRO.store(rates[rates.len() / 2].max(1), Ordering::Relaxed);
}

/// Ticks of the APIC's timer in about `micros` microseconds, and how many they really were.
fn measure(micros_wanted: u64) -> (u32, u64) {
    let (mut begin, mut end) = (0, 0);
    let ticks = lapic::measure_timer(|| {
        begin = micros();
        end = begin;
        while end - begin < micros_wanted {
            end = micros();
        }
    });
    (ticks, (end - begin).max(1))
}

/// Nanoseconds since the start; the same on all processors, never backwards.
#[inline]
pub fn nanos() -> u64 {
    let ticks = cpu::timestamp().wrapping_sub(START.load(Ordering::Relaxed));
    ((u128::from(ticks) * u128::from(NANOS_PER_TICK.load(Ordering::Relaxed))) >> 32) as u64
}

/// Microseconds since the start.
#[inline]
pub fn micros() -> u64 {
    nanos() / 1_000
}

/// Seconds and microseconds since the start.
pub fn since_start() -> (u64, u64) {
    let micros = micros();
    (micros / 1_000_000, micros % 1_000_000)
}

/// Makes this processor's timer fire in `micros` microseconds, or earlier if that is more than it can count; returns in how many.
pub fn wake_in(micros: u64) -> u64 {
    let rate = TIMER_TICKS_PER_MICRO.load(Ordering::Relaxed);
    let most = (u64::from(u32::MAX) << 16) / rate;
    let micros = micros.min(most);
    lapic::arm_timer(((micros * rate) >> 16) as u32);
    micros
}
