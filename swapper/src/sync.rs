//! Locks and flags between processors; under `cfg(loom)` those of the model checker, which explores their interleavings.
//!
//! Locks are held for a few instructions and never across foreign code, so spinning on them is short even where a thread
//! can be preempted.

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

#[cfg(loom)]
use loom::sync as locks;
#[cfg(not(loom))]
use spin as locks;

/// Mutual exclusion.
pub(crate) struct Mutex<T>(locks::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(locks::Mutex::new(value))
    }

    pub(crate) fn with<R>(&self, run: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(not(loom))]
        let mut guard = self.0.lock();
        #[cfg(loom)]
        let mut guard = self.0.lock().expect("not poisoned");
        run(&mut guard)
    }
}

/// The reader-writer lock of an entry of the global table (0053).
pub(crate) struct RwLock<T>(locks::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(locks::RwLock::new(value))
    }

    pub(crate) fn read<R>(&self, run: impl FnOnce(&T) -> R) -> R {
        #[cfg(not(loom))]
        let guard = self.0.read();
        #[cfg(loom)]
        let guard = self.0.read().expect("not poisoned");
        run(&guard)
    }

    pub(crate) fn write<R>(&self, run: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(not(loom))]
        let mut guard = self.0.write();
        #[cfg(loom)]
        let mut guard = self.0.write().expect("not poisoned");
        run(&mut guard)
    }
}
