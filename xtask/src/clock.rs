//! The rate of the host's time-stamp counter, which the guest sees as its own under KVM and under TCG alike.
//!
//! Hermit calibrates the counter itself when it is not told; on a loaded host that calibration was off by up to 80 %.

use std::time::{Duration, Instant};

/// How long the counter is watched: the error is the cost of reading the clock (well below 1 µs) over this time.
const WATCH: Duration = Duration::from_millis(40);

/// The counter's rate in MHz, to the nearest MHz.
pub fn tsc_mhz() -> u64 {
    let (start, from) = (Instant::now(), read());
    while start.elapsed() < WATCH {
        std::hint::spin_loop();
    }
    let (ticks, ns) = (read() - from, start.elapsed().as_nanos() as u64);
    (ticks * 1000 + ns / 2) / ns
}

#[allow(unsafe_code)]
fn read() -> u64 {
    // SAFETY: RDTSC reads a counter and touches nothing else; every x86-64 processor has it, and Linux lets user code execute it.
    unsafe { core::arch::x86_64::_rdtsc() }
}
