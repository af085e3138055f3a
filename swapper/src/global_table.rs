//! The Global Translation Table (0026): entries in one region per processor, each region in blocks that are made when its
//! processor needs them (0027).

use crate::{
    Coid, INDEX_BITS, ProcessorId, REGION_ENTRIES, SystemError,
    entry::Entry,
    sync::{AtomicPtr, Ordering},
};
use alloc::{boxed::Box, vec::Vec};
use core::{ops::Range, ptr};

/// The entries of a block: one page of a local translation table.
pub(crate) const BLOCK: usize = REGION_ENTRIES;

type Block = [Entry; BLOCK];

/// The table.
pub(crate) struct GlobalTable {
    /// Entries of a region.
    region: usize,
    /// Null until made; never null again.
    blocks: Box<[AtomicPtr<Block>]>,
}

// SAFETY: a pointer owns its block, whose entries may be shared; it is made once, and freed with the table.
unsafe impl Send for GlobalTable where Entry: Send + Sync {}
// SAFETY: as above.
unsafe impl Sync for GlobalTable where Entry: Send + Sync {}

impl GlobalTable {
    /// Room for this many regions of so many entries.
    pub(crate) fn new(regions: usize, region: usize) -> Result<Self, SystemError> {
        let fits = region > 0 && region.is_multiple_of(BLOCK) && region <= (1 << INDEX_BITS) / regions;
        if !fits {
            return Err(SystemError::Region { entries: region, processors: regions });
        }
        let count = regions * region / BLOCK;
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(count).map_err(|_| SystemError::NoMemory)?;
        blocks.resize_with(count, || AtomicPtr::new(ptr::null_mut()));
        Ok(Self { region, blocks: blocks.into_boxed_slice() })
    }

    /// Entries that it has room for.
    pub(crate) fn entries(&self) -> usize {
        self.blocks.len() * BLOCK
    }

    /// The entry of an index, if its block was made: that of any COID that was ever given out.
    pub(crate) fn get(&self, index: usize) -> Option<&Entry> {
        // Acquire pairs with the Release in `grow`: whoever sees the block sees its entries.
        let block = self.blocks.get(index / BLOCK)?.load(Ordering::Acquire);
        // SAFETY: a pointer that is not null leads to a block that lives as long as the table.
        let block = unsafe { block.as_ref() }?;
        block.get(index % BLOCK)
    }

    /// Whose region a COID lies in.
    pub(crate) fn region(&self, coid: Coid) -> Option<ProcessorId> {
        (coid.index() < self.entries()).then(|| ProcessorId::new(coid.index() / self.region)).flatten()
    }

    /// Makes the next block of a region and returns its indices; `Ok(None)` if the region has all of them, an error if
    /// there is no memory. To be called by the region's processor only.
    pub(crate) fn grow(&self, region: ProcessorId) -> Result<Option<Range<u32>>, NoMemory> {
        let first = region.index() * self.region / BLOCK;
        let mut own = (first..).zip(&self.blocks[first..first + self.region / BLOCK]);
        let Some((number, place)) = own.find(|(_, block)| block.load(Ordering::Relaxed).is_null()) else {
            return Ok(None);
        };
        let mut entries = Vec::new();
        entries.try_reserve_exact(BLOCK).map_err(|_| NoMemory)?;
        entries.resize_with(BLOCK, Entry::new);
        let Ok(block) = <Box<Block>>::try_from(entries.into_boxed_slice()) else { unreachable!("of this length") };
        place.store(Box::into_raw(block), Ordering::Release);
        Ok(Some((number * BLOCK) as u32..((number + 1) * BLOCK) as u32))
    }
}

/// There is no memory for a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NoMemory;

impl Drop for GlobalTable {
    fn drop(&mut self) {
        for block in &self.blocks {
            let block = block.load(Ordering::Relaxed);
            if !block.is_null() {
                // SAFETY: came from a box in `grow`, and nobody else has the table any more.
                drop(unsafe { Box::from_raw(block) });
            }
        }
    }
}
