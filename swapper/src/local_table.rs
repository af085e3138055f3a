//! A local translation table: a processor's Rep pointers (0026), in blocks that are made when the processor first refers
//! to an object in them.

use crate::{
    global_table::{BLOCK, NoMemory},
    glue::{Header, LocalEntry},
};
use alloc::{boxed::Box, vec::Vec};
use core::{
    cell::{Cell, OnceCell},
    ptr::{self, NonNull},
};

/// The table of one processor; used by that processor only.
pub(crate) enum LocalTable {
    /// For a thread of a process.
    Heap(Box<[OnceCell<Box<[LocalEntry]>>]>),
    /// In address space that is reserved for it, with which of its blocks have been written.
    At { base: NonNull<LocalEntry>, ready: Box<[Cell<bool>]> },
}

impl LocalTable {
    /// A table on the heap, or nothing if there is no memory for it.
    pub(crate) fn on_heap(entries: usize) -> Option<Self> {
        Some(Self::Heap(slice(entries / BLOCK, OnceCell::new)?))
    }

    /// A table at an address where memory is mapped for it.
    ///
    /// # Safety
    /// `base` is aligned to a word and points at `entries` words that nothing else uses for as long as the table lives.
    pub(crate) unsafe fn at(base: NonNull<u8>, entries: usize) -> Option<Self> {
        Some(Self::At { base: base.cast(), ready: slice(entries / BLOCK, || Cell::new(false))? })
    }

    /// Makes sure that there is an entry for an index below the number of entries.
    pub(crate) fn open(&self, index: usize) -> Result<(), NoMemory> {
        match self {
            Self::Heap(blocks) => {
                let block = &blocks[index / BLOCK];
                if block.get().is_none() {
                    let made = slice(BLOCK, || Cell::new(ptr::null())).ok_or(NoMemory)?;
                    block.get_or_init(|| made);
                }
            }
            Self::At { base, ready } => {
                if !ready[index / BLOCK].replace(true) {
                    let first = index / BLOCK * BLOCK;
                    for index in first..first + BLOCK {
                        // SAFETY: within the words that the caller of `at` gave.
                        unsafe { base.add(index).write(Cell::new(ptr::null())) };
                    }
                }
            }
        }
        Ok(())
    }

    /// The address of an entry that was opened: the base plus the index, nothing else (0027).
    pub(crate) fn entry(&self, index: usize) -> NonNull<LocalEntry> {
        match self {
            Self::Heap(blocks) => match blocks[index / BLOCK].get() {
                Some(block) => NonNull::from(&block[index % BLOCK]),
                None => unreachable!("entry {index} was not opened"),
            },
            Self::At { base, ready } => {
                assert!(ready[index / BLOCK].get(), "entry {index} was not opened");
                // SAFETY: within the table.
                unsafe { base.add(index) }
            }
        }
    }

    pub(crate) fn set(&self, index: usize, rep: *const Header) {
        // SAFETY: the entry is in the table, which lives as long as `self`; `LocalTable` is not `Sync`, so no other thread
        // is here, and a cell allows for the references that hold its address.
        unsafe { self.entry(index).as_ref() }.set(rep);
    }
}

/// A slice on the heap, or nothing if there is no memory for it.
fn slice<T>(length: usize, make: impl FnMut() -> T) -> Option<Box<[T]>> {
    let mut items = Vec::new();
    items.try_reserve_exact(length).ok()?;
    items.resize_with(length, make);
    Some(items.into_boxed_slice())
}
