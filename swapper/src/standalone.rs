//! An object by itself: for tests, simulations and tools that want what a reference calls, without an event loop.

use crate::{Interface, Object, ObjectError, Platform, ProcessorId, System};

/// A reference to an object in a system of its own that nobody else can reach. It is called as in any system, at the same
/// cost, but can never be swapped: there is no handle to order a swap with. It stays on this thread; dropping the reference
/// and its clones frees the object.
///
/// # Errors
/// The object has another interface than `I`.
pub fn standalone<I: Interface + ?Sized>(object: impl Into<Object>) -> Result<I::Ref, ObjectError> {
    let system = System::new(1, Still).expect("a system may have one processor");
    // SAFETY: workers are never run, since no swap can be ordered.
    let processor = unsafe { system.attach(0) }.expect("processor 0 of a new system is free");
    let coid = processor.create(object)?;
    processor.bind::<I>(coid)
}

/// Where no swap can be ordered there is no time limit, nobody to wake and nothing to wait for.
struct Still;

impl Platform for Still {
    fn now(&self) -> u64 {
        0
    }

    fn wake(&self, _: ProcessorId) {}

    fn wait(&self, _: ProcessorId, _: Option<u64>) {}
}
