//! A fixed number of equal buffers in shared memory.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::mem::{Dma, DmaRegion, OutOfMemory};

/// Contiguous memory asked for at a time, unless a single buffer is larger.
const CHUNK: usize = 512 * 1024;

/// Buffers begin on cache lines.
const LINE: usize = 64;

/// Names a queue's buffers for the whole program, so that an owned buffer cannot be given to another queue: not even to the same queue of a device that was
/// opened anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(u32);

static OWNERS: AtomicU32 = AtomicU32::new(0);

/// The buffers of one queue, named by number.
#[derive(Debug)]
pub struct Buffers {
    owner: Owner,
    chunks: Vec<DmaRegion>,
    /// Buffers in a chunk, as a power of two.
    shift: u32,
    /// Bytes of a buffer.
    len: usize,
}

impl Buffers {
    /// `count` buffers of at least `len` bytes.
    pub fn new<D: Dma + ?Sized>(dma: &D, count: u16, len: usize) -> Result<Self, OutOfMemory> {
        let len = len.next_multiple_of(LINE);
        let in_chunk = (CHUNK / len).clamp(1, usize::from(count).max(1));
        let shift = in_chunk.ilog2();
        let chunk = 1usize << shift;
        let chunks = (0..usize::from(count).div_ceil(chunk))
            .map(|_| DmaRegion::allocate(dma, chunk * len))
            .collect::<Result<_, _>>()?;
        Ok(Self { owner: Owner(OWNERS.fetch_add(1, Ordering::Relaxed)), chunks, shift, len })
    }

    /// The name of these buffers.
    #[inline]
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// Bytes of a buffer.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn place(&self, index: u16) -> (usize, usize) {
        let index = usize::from(index);
        (index >> self.shift, (index & ((1 << self.shift) - 1)) * self.len)
    }

    /// The device's address of a buffer.
    #[inline]
    pub fn bus(&self, index: u16) -> u64 {
        let (chunk, offset) = self.place(index);
        self.chunks[chunk].bus(offset)
    }

    /// A buffer that the driver owns now.
    #[inline]
    pub fn bytes_mut(&mut self, index: u16) -> &mut [u8] {
        let (chunk, offset) = self.place(index);
        self.chunks[chunk].bytes_mut(offset, self.len)
    }
}
