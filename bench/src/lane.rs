//! Measuring on several pinned threads at once.

use std::{
    hint, process,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};
use swapper::Host;

/// A value with cache lines to itself: two, because processors fetch them in pairs.
#[repr(align(128))]
#[derive(Default, Debug)]
pub struct Padded<T>(pub T);

/// A clock that all threads share, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// Begins at 0.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since the start.
    pub fn now(self) -> u64 {
        // More than 500 years.
        self.0.elapsed().as_nanos() as u64
    }
}

/// Lets threads begin together. They spin: a thread that sleeps would begin tens of microseconds later than the other.
#[derive(Debug)]
pub struct Gate {
    threads: usize,
    arrived: Padded<AtomicUsize>,
}

impl Gate {
    /// For so many threads.
    pub fn new(threads: usize) -> Self {
        Self { threads, arrived: Padded::default() }
    }

    /// Returns when as many threads as there are have called it as often as this one has.
    pub fn pass(&self) {
        self.pass_while(hint::spin_loop);
    }

    /// The same, doing this again and again meanwhile.
    pub fn pass_while(&self, mut meanwhile: impl FnMut()) {
        let ticket = self.arrived.0.fetch_add(1, Ordering::AcqRel);
        let target = (ticket / self.threads + 1) * self.threads;
        while self.arrived.0.load(Ordering::Acquire) < target {
            meanwhile();
        }
    }
}

/// Runs `work` on threads 0 to `threads - 1`, each pinned to a core, and returns what each gave.
///
/// A panic on one of them ends the program: the others would wait for it for ever.
pub fn run<T: Send>(threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    struct OrNothing;
    impl Drop for OrNothing {
        fn drop(&mut self) {
            if thread::panicking() {
                process::abort();
            }
        }
    }
    // Before a thread is pinned: those that it starts would see its core only.
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|number| {
                scope.spawn(move || {
                    let _guard = OrNothing;
                    Host::pin(number);
                    work(number)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a panic has ended the program")).collect()
    })
}

/// `value`, of which the compiler knows nothing any more, after a moment in which all memory may have changed. Costs no
/// instruction.
///
/// Around the argument and the result of a call that is measured, it keeps the compiler from calculating the result, from
/// leaving the call out, and from loading the function once for all calls of a loop. `std::hint::black_box` does
/// so too, but sends the value through memory, four cycles or more each time: as long as the calls in question, and so
/// a cover for differences between them.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[inline(always)]
pub fn opaque(mut value: u64) -> u64 {
    // SAFETY: there is no instruction in it.
    unsafe { core::arch::asm!("/* {0} */", inout(reg) value, options(nostack, preserves_flags)) };
    value
}

/// As above, by way of memory.
#[cfg(not(target_arch = "x86_64"))]
pub fn opaque(value: u64) -> u64 {
    hint::black_box(value)
}

#[cfg(test)]
mod tests;
