//! Locks, held for a few instructions and never across foreign code; the same faces over another implementation let a
//! model checker in.

/// Mutual exclusion.
pub(crate) struct Mutex<T>(spin::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(spin::Mutex::new(value))
    }

    pub(crate) fn with<R>(&self, run: impl FnOnce(&mut T) -> R) -> R {
        run(&mut self.0.lock())
    }
}

/// The reader-writer lock of an entry of the global table (0053).
pub(crate) struct RwLock<T>(spin::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(spin::RwLock::new(value))
    }

    pub(crate) fn read<R>(&self, run: impl FnOnce(&T) -> R) -> R {
        run(&self.0.read())
    }

    pub(crate) fn write<R>(&self, run: impl FnOnce(&mut T) -> R) -> R {
        run(&mut self.0.write())
    }
}
