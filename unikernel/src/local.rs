//! Memory that each processor sees differently at one address.
//!
//! | page | content |
//! |---|---|
//! | 0 | who this processor is |
//! | 1 … | the swapper's local translation table |

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::arch::paging::{self, LOCAL_BASE, LocalTables, PAGE, Table};

/// Pages of the local translation table.
pub const TABLE_PAGES: usize = 16;
/// Where the local translation table lies.
pub const TABLE_BASE: u64 = LOCAL_BASE + PAGE as u64;

/// Set once the boot processor has its page: before, everything is processor 0.
static READY: AtomicBool = AtomicBool::new(false);

/// Why a processor's private memory could not be set up.
#[derive(Debug)]
pub enum LocalError {
    /// Memory from the heap is not mapped as expected.
    Unmapped,
    /// The self-check read something else than what this processor has written.
    Shared {
        /// The processor.
        processor: usize,
        /// What its page should say.
        expected: u64,
        /// What it says.
        found: u64,
    },
}

impl fmt::Display for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmapped => {
                f.write_str("the processor's private pages are not in mapped memory: give the machine more of it (-m)")
            }
            Self::Shared { processor, expected, found } => {
                write!(
                    f,
                    "private page of processor {processor} reads {found:#x} instead of {expected:#x}: page tables are not private"
                )
            }
        }
    }
}

/// A word of the first private page.
fn word(index: usize) -> &'static AtomicU64 {
    // SAFETY: once `install` is through on this processor, the page is mapped for ever; an aligned word below its end.
    unsafe { &*(LOCAL_BASE as *const AtomicU64).add(index % (PAGE / 8)) }
}

/// Gives this processor its private memory. Once on each, on the boot processor first.
pub fn install(processor: usize) -> Result<(), LocalError> {
    let tables: &'static LocalTables = Box::leak(Box::default());
    let pages: &'static [Table] = (0..=TABLE_PAGES).map(|_| Table::new()).collect::<Vec<_>>().leak();
    if !paging::install_local(tables, pages) {
        return Err(LocalError::Unmapped);
    }
    word(0).store(processor as u64, Ordering::SeqCst);
    word(1).store(mark(processor), Ordering::SeqCst);
    READY.store(true, Ordering::Release);
    Ok(())
}

/// A word that no other processor writes.
fn mark(processor: usize) -> u64 {
    0x4d69_6466_6c69_6768 ^ (processor as u64) << 56
}

/// Makes sure that this processor still reads its own words, after all processors have written theirs at the same address.
pub fn check(processor: usize) -> Result<(), LocalError> {
    for (index, expected) in [(0, processor as u64), (1, mark(processor))] {
        let found = word(index).load(Ordering::SeqCst);
        if found != expected {
            return Err(LocalError::Shared { processor, expected, found });
        }
    }
    Ok(())
}

/// The processor that runs this: one load.
#[inline]
pub fn processor() -> usize {
    if READY.load(Ordering::Acquire) { word(0).load(Ordering::Relaxed) as usize } else { 0 }
}
