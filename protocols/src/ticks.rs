//! What tests take for a platform.

use core::sync::atomic::{AtomicU64, Ordering};

use swapper::{Platform, ProcessorId};

/// A platform whose clock ticks each time it is read, and on which nobody sleeps.
#[derive(Default)]
pub struct Ticks(AtomicU64);

impl Platform for Ticks {
    fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn wake(&self, _: ProcessorId) {}

    fn wait(&self, _: ProcessorId, _: Option<u64>) {}
}
