//! Memory that each processor sees differently at one address: the swapper's local translation table, and a page that says which
//! processor this is.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use swapper::{Processor, System, SystemError};

use crate::arch::paging::{self, LOCAL_BASE, LOCAL_LAST, LOCAL_PAGES, LocalTables, PAGE, Table};

// The swapper's address is the one that the page tables give.
const _: () = assert!(swapper::VBASE as u64 == LOCAL_BASE);

/// Set once the boot processor has its page: before, everything is processor 0.
static READY: AtomicBool = AtomicBool::new(false);

/// Why a processor's private memory could not be set up.
#[derive(Debug)]
pub enum LocalError {
    /// Memory from the heap is not mapped as expected.
    Unmapped,
    /// The local translation table takes more pages than there is room for.
    TooLarge {
        /// Pages that it takes.
        pages: usize,
    },
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
            Self::TooLarge { pages } => {
                write!(f, "a local translation table of {pages} pages: {LOCAL_PAGES} are possible")
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

/// A word of the page that says which processor this is.
fn word(index: usize) -> &'static AtomicU64 {
    // SAFETY: once `install` is through on this processor, the page is mapped for ever; an aligned word below its end.
    unsafe { &*(LOCAL_LAST as *const AtomicU64).add(index % (PAGE / 8)) }
}

/// Gives this processor, one of `processors`, its private memory. Once on each, on the boot processor first.
pub fn install(processor: usize, processors: usize) -> Result<(), LocalError> {
    let count = swapper::local_table_bytes(processors).div_ceil(PAGE);
    if count > LOCAL_PAGES {
        return Err(LocalError::TooLarge { pages: count });
    }
    let tables: &'static LocalTables = Box::leak(Box::default());
    let table: &'static [Table] = (0..count).map(|_| Table::new()).collect::<Vec<_>>().leak();
    if !paging::install_local(tables, table, Box::leak(Box::default())) {
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

/// Attaches this processor to the swapper, with its local translation table where all processors have theirs.
pub fn attach(system: &System, processor: usize) -> Result<Processor, SystemError> {
    let Some(base) = NonNull::new(swapper::VBASE as *mut u8) else {
        return Err(SystemError::NoSuchProcessor(processor));
    };
    // SAFETY: `install` has mapped as many octets there as a system of all processors needs, for this processor alone and for ever,
    // and its loop runs workers only between activities.
    unsafe { system.attach_at(processor, base) }
}
