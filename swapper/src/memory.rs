//! Memory that may not be there: a box and a counted pointer that can be refused, which `alloc` has on nightly Rust only.
//! Everything that a swap needs is asked for through these or by `try_reserve`.

use alloc::boxed::Box;
use core::{
    alloc::Layout,
    ops::Deref,
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering},
};

/// A box, or nothing if there is no memory for it; the value is dropped then.
pub(crate) fn try_box<T>(value: T) -> Option<Box<T>> {
    let layout = Layout::new::<T>();
    if layout.size() == 0 {
        // Asks for no memory.
        return Some(Box::new(value));
    }
    // SAFETY: the layout is not empty.
    let place = NonNull::new(unsafe { alloc::alloc::alloc(layout) })?.cast::<T>();
    // SAFETY: new memory of this layout, which is how a box of this type is freed.
    unsafe {
        place.write(value);
        Some(Box::from_raw(place.as_ptr()))
    }
}

/// A counted pointer like `Arc`, without weak ones.
pub(crate) struct Handle<T>(NonNull<Counted<T>>);

struct Counted<T> {
    handles: AtomicUsize,
    value: T,
}

// SAFETY: as for `Arc`: handles on several threads share the value, and the last one drops it.
unsafe impl<T: Send + Sync> Send for Handle<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Handle<T> {}

impl<T> Handle<T> {
    /// The first handle, or nothing if there is no memory for it; the value is dropped then.
    pub(crate) fn try_new(value: T) -> Option<Self> {
        let counted = try_box(Counted { handles: AtomicUsize::new(1), value })?;
        Some(Self(NonNull::from(Box::leak(counted))))
    }

    /// Whether both lead to the same value.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn counted(&self) -> &Counted<T> {
        // SAFETY: the value lives as long as there is a handle, and only shared references to it are ever made.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Deref for Handle<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.counted().value
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        // Relaxed: who clones has a handle. No program lives long enough to make the count roll over.
        self.counted().handles.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        // Release and Acquire: whatever was done with the other handles happened before the value is dropped. (With a fence
        // for the last one alone it would be cheaper by nothing on x86, and ThreadSanitizer does not know fences.)
        if self.counted().handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SAFETY: came from a box, and this was the last handle.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}
