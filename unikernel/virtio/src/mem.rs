//! Memory shared with the device.
//!
//! [`DmaRegion`] is a piece of such memory with bounds-checked access. Words that both sides use while the other may change them (indices, flags,
//! descriptors) go through atomics, never through references; a buffer becomes a `&mut [u8]` only while the driver owns it.

use core::fmt;
use core::ptr::NonNull;
#[cfg(not(loom))]
use core::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};

#[cfg(loom)]
mod seen;

/// Bytes of a page, the unit of [`Dma::allocate`].
pub const PAGE: usize = 4096;

/// A run of pages from [`Dma::allocate`].
#[derive(Clone, Copy, Debug)]
pub struct DmaPages {
    /// Where the driver sees the first byte.
    pub address: NonNull<u8>,
    /// Where the device sees the first byte.
    pub bus: u64,
}

/// Where the device sees bytes that the driver did not get from [`Dma::allocate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The device's address of the first byte.
    pub bus: u64,
    /// How many bytes follow each other there.
    pub len: usize,
}

/// Gives out memory that driver and device share.
///
/// # Safety
/// What [`Dma::locate`] returns must be where the device sees the bytes in question, and stay so as long as they are allocated. The memory returned for `pages` must
/// - be `pages * PAGE` bytes, readable and writable at `address`, contiguous there and in bus addresses, both aligned to [`PAGE`];
/// - be filled with zeros;
/// - belong to the caller alone and stay valid for the rest of the program: it is never taken back.
pub unsafe trait Dma {
    /// Allocates `pages` contiguous zeroed pages for good, or says `None`.
    fn allocate(&self, pages: usize) -> Option<DmaPages>;

    /// Where the device sees the beginning of `bytes`, which are memory of any kind; `None`: nowhere. It sees them as they are, without anything being done.
    fn locate(&self, bytes: &[u8]) -> Option<Run> {
        let _ = bytes;
        None
    }
}

/// The platform had no contiguous memory of this many bytes for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    /// Bytes that were asked for.
    pub bytes: usize,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {} contiguous bytes of memory for the device: use fewer or smaller buffers", self.bytes)
    }
}

impl core::error::Error for OutOfMemory {}

/// Memory shared with the device, owned by the driver for good.
///
/// Offsets come from the driver's own arithmetic, never from the device; one out of range is a mistake in this crate and panics, as a slice
/// would. Words are little-endian, as the device sees them.
#[derive(Debug)]
pub struct DmaRegion {
    base: NonNull<u8>,
    bus: u64,
    len: usize,
    #[cfg(loom)]
    words: seen::Words,
}

// SAFETY: the region is owned memory (contract of `Dma`), tied to no thread.
unsafe impl Send for DmaRegion {}

impl DmaRegion {
    /// Allocates at least `len` zeroed bytes.
    pub fn allocate<D: Dma + ?Sized>(dma: &D, len: usize) -> Result<Self, OutOfMemory> {
        let pages = len.div_ceil(PAGE).max(1);
        let got = dma.allocate(pages).ok_or(OutOfMemory { bytes: len })?;
        Ok(Self {
            base: got.address,
            bus: got.bus,
            len: pages * PAGE,
            #[cfg(loom)]
            words: seen::Words::new(len),
        })
    }

    /// A second view of memory that a [`DmaRegion`] covers: what the fake device sees.
    #[cfg(any(test, feature = "fake"))]
    pub(crate) fn view(pages: DmaPages, len: usize) -> Self {
        Self {
            base: pages.address,
            bus: pages.bus,
            len,
            #[cfg(loom)]
            words: seen::Words::default(),
        }
    }

    /// Bytes in the region.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Always false: a region has at least a page.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The device's address of the byte at `offset`.
    pub fn bus(&self, offset: usize) -> u64 {
        assert!(offset < self.len);
        self.bus + offset as u64
    }
}

/// Words.
#[cfg(not(loom))]
impl DmaRegion {
    /// The pointer to a `T` at `offset`, in range and aligned.
    #[inline]
    fn at<T>(&self, offset: usize) -> *mut T {
        assert!(offset.is_multiple_of(size_of::<T>()) && offset <= self.len && self.len - offset >= size_of::<T>());
        // SAFETY: in range by the line above; the contract of `Dma` makes the region valid and its base aligned to a page.
        unsafe { self.base.as_ptr().add(offset).cast() }
    }

    /// Reads the word at `offset`.
    #[inline]
    pub fn load_u16(&self, offset: usize, order: Ordering) -> u16 {
        // SAFETY: valid and aligned by `at`; shared words are only ever accessed atomically.
        u16::from_le(unsafe { AtomicU16::from_ptr(self.at(offset)) }.load(order))
    }

    /// Writes the word at `offset`.
    #[inline]
    pub fn store_u16(&self, offset: usize, value: u16, order: Ordering) {
        // SAFETY: as in `load_u16`.
        unsafe { AtomicU16::from_ptr(self.at(offset)) }.store(value.to_le(), order);
    }

    /// Reads the word at `offset`, without ordering.
    #[inline]
    pub fn load_u32(&self, offset: usize) -> u32 {
        // SAFETY: as in `load_u16`.
        u32::from_le(unsafe { AtomicU32::from_ptr(self.at(offset)) }.load(Ordering::Relaxed))
    }

    /// Writes the word at `offset`, without ordering.
    #[inline]
    pub fn store_u32(&self, offset: usize, value: u32) {
        // SAFETY: as in `load_u16`.
        unsafe { AtomicU32::from_ptr(self.at(offset)) }.store(value.to_le(), Ordering::Relaxed);
    }

    /// Reads the word at `offset`, without ordering.
    #[inline]
    pub fn load_u64(&self, offset: usize) -> u64 {
        // SAFETY: as in `load_u16`.
        u64::from_le(unsafe { AtomicU64::from_ptr(self.at(offset)) }.load(Ordering::Relaxed))
    }

    /// Writes the word at `offset`, without ordering.
    #[inline]
    pub fn store_u64(&self, offset: usize, value: u64) {
        // SAFETY: as in `load_u16`.
        unsafe { AtomicU64::from_ptr(self.at(offset)) }.store(value.to_le(), Ordering::Relaxed);
    }
}

impl DmaRegion {
    /// The `len` bytes at `offset`, which must be a buffer that the driver owns now: not in the device's hands.
    ///
    /// A device that writes there all the same breaks the protocol; it can then change what the driver reads, as whoever runs the virtual
    /// machine always can, but not where the driver reads.
    #[inline]
    pub fn bytes_mut(&mut self, offset: usize, len: usize) -> &mut [u8] {
        assert!(offset <= self.len && self.len - offset >= len);
        // SAFETY: in range by the line above, valid by the contract of `Dma`; `&mut self` keeps out every other reference to the region.
        unsafe { core::slice::from_raw_parts_mut(self.base.as_ptr().add(offset), len) }
    }
}
