//! A local translation table: a processor's Rep pointers (0026).

use crate::glue::{Header, LocalEntry};
use alloc::{boxed::Box, vec::Vec};
use core::{
    cell::Cell,
    ptr::{self, NonNull},
};

/// The table of one processor; used by that processor only.
pub(crate) struct LocalTable {
    base: NonNull<LocalEntry>,
    entries: usize,
    on_heap: bool,
}

impl LocalTable {
    /// A table on the heap, for a thread of a process.
    pub(crate) fn on_heap(entries: usize) -> Self {
        let table: Vec<LocalEntry> = (0..entries).map(|_| Cell::new(ptr::null())).collect();
        let base = NonNull::from(Box::leak(table.into_boxed_slice())).cast();
        Self { base, entries, on_heap: true }
    }

    /// A table at an address where memory is mapped for it.
    ///
    /// # Safety
    /// `base` is aligned to a word and points at `entries` words that nothing else uses for as long as the table lives.
    pub(crate) unsafe fn at(base: NonNull<u8>, entries: usize) -> Self {
        let base = base.cast::<LocalEntry>();
        for index in 0..entries {
            // SAFETY: within the words that the caller gives.
            unsafe { base.add(index).write(Cell::new(ptr::null())) };
        }
        Self { base, entries, on_heap: false }
    }

    /// The address of an entry: the base plus the index, nothing else (0027).
    pub(crate) fn entry(&self, index: usize) -> NonNull<LocalEntry> {
        assert!(index < self.entries, "entry {index} of a table of {}", self.entries);
        // SAFETY: within the table.
        unsafe { self.base.add(index) }
    }

    pub(crate) fn set(&self, index: usize, rep: *const Header) {
        // SAFETY: the entry is in the table, which lives as long as `self`; `LocalTable` is not `Sync`, so no other thread
        // is here, and a cell allows for the references that hold its address.
        unsafe { self.entry(index).as_ref() }.set(rep);
    }
}

impl Drop for LocalTable {
    fn drop(&mut self) {
        if self.on_heap {
            let table = ptr::slice_from_raw_parts_mut(self.base.as_ptr(), self.entries);
            // SAFETY: made by `on_heap` from a box of this length.
            drop(unsafe { Box::from_raw(table) });
        }
    }
}
