//! The global allocator, over the kernel's heap.

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::hermit;

struct Heap;

/// Octets in use.
static USED: AtomicUsize = AtomicUsize::new(0);

/// Octets that the image has allocated at this moment.
pub fn used() -> usize {
    USED.load(Ordering::Relaxed)
}

// SAFETY: the kernel's heap gives each piece of memory to one caller, aligned as asked, from any processor.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        USED.fetch_add(layout.size(), Ordering::Relaxed);
        hermit::allocate(layout.size(), layout.align())
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller gives back what `alloc` gave it.
        unsafe { hermit::deallocate(pointer, layout.size(), layout.align()) };
    }
}

#[global_allocator]
static HEAP: Heap = Heap;
