//! The global allocator, over the kernel's heap.

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::hermit;

struct Heap;

/// The kernel aligns every piece to two lines of the cache, so that none shares any with another's.
const ALIGNED: usize = 128;
/// And it notes something behind each piece.
const NOTE: usize = size_of::<usize>();

/// How many octets to ask for: with the note so many that the next piece begins where this one ends. The gap that would be between them is too
/// short for any other piece, and the kernel looks at one such gap after the other when a short piece is asked for: at a hundred thousand rules they were
/// so many that it took longer than a packet may wait.
const fn without_gap(size: usize) -> usize {
    (size + NOTE).next_multiple_of(ALIGNED) - NOTE
}

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
        hermit::allocate(without_gap(layout.size()), layout.align())
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller gives back what `alloc` gave it, which was asked for with this size.
        unsafe { hermit::deallocate(pointer, without_gap(layout.size()), layout.align()) };
    }
}

#[global_allocator]
static HEAP: Heap = Heap;
