//! The words of a region as loom sees them: beside the memory, which is only there to have an address.

use alloc::sync::Arc;
use alloc::vec::Vec;

use loom::sync::atomic::{AtomicU64, Ordering};

use super::DmaRegion;

/// A word for each two bytes. Whoever reads at an offset reads as much as was written there.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(Arc<Vec<AtomicU64>>);

impl Words {
    pub(super) fn new(len: usize) -> Self {
        Self(Arc::new((0..len.div_ceil(2)).map(|_| AtomicU64::new(0)).collect()))
    }
}

#[allow(missing_docs, reason = "as without loom")]
impl DmaRegion {
    /// The same memory, for the device.
    #[cfg(test)]
    pub(crate) fn share(&self) -> Self {
        Self { words: self.words.clone(), ..*self }
    }

    pub fn load_u16(&self, offset: usize, order: Ordering) -> u16 {
        self.words.0[offset / 2].load(order) as u16
    }

    pub fn store_u16(&self, offset: usize, value: u16, order: Ordering) {
        self.words.0[offset / 2].store(value.into(), order);
    }

    pub fn load_u32(&self, offset: usize) -> u32 {
        self.load_u64(offset) as u32
    }

    pub fn store_u32(&self, offset: usize, value: u32) {
        self.store_u64(offset, value.into());
    }

    pub fn load_u64(&self, offset: usize) -> u64 {
        self.words.0[offset / 2].load(Ordering::Relaxed)
    }

    pub fn store_u64(&self, offset: usize, value: u64) {
        self.words.0[offset / 2].store(value, Ordering::Relaxed);
    }
}
