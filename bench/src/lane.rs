//! Pinned threads as processors, and their platform.

use bench_jobs::Padded;
use std::{
    hint, process,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Instant,
};
use swapper::{Host, Platform, ProcessorId};

/// Pinned threads that never sleep: what waits, spins. So do event loops that poll; a sleeping thread would add the operating
/// system's time to wake it, which is not what these measurements are about.
pub struct Polling {
    start: Instant,
    bells: Vec<Padded<AtomicBool>>,
}

impl Polling {
    /// For so many processors.
    pub fn new(processors: usize) -> Self {
        Self { start: Instant::now(), bells: (0..processors).map(|_| Padded::default()).collect() }
    }
}

impl Platform for Polling {
    fn now(&self) -> u64 {
        // More than 500 years.
        self.start.elapsed().as_nanos() as u64
    }

    fn wake(&self, processor: ProcessorId) {
        if let Some(bell) = self.bells.get(processor.index()) {
            bell.0.store(true, Ordering::Release);
        }
    }

    fn wait(&self, processor: ProcessorId, until: Option<u64>) {
        let Some(bell) = self.bells.get(processor.index()) else { return };
        while !bell.0.swap(false, Ordering::AcqRel) {
            if until.is_some_and(|until| self.now() >= until) {
                return;
            }
            hint::spin_loop();
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

#[cfg(test)]
mod tests {
    use super::run;

    #[test]
    fn threads_are_numbered() {
        assert_eq!(run(3, |number| number), [0, 1, 2]);
    }
}
