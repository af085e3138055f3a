//! An allocator that is refused memory.

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's, but for what this says is refused. It is asked before each allocation, and must not allocate.
pub struct Scarce(pub fn(Layout) -> bool);

// SAFETY: everything is passed on to the system's allocator, or refused.
unsafe impl GlobalAlloc for Scarce {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if (self.0)(layout) {
            return std::ptr::null_mut();
        }
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(place, layout) }
    }
}
