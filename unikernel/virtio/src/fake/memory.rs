//! Memory that driver and fake device share, where bus addresses are not host addresses.

use alloc::vec::Vec;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed};
use std::sync::{Arc, Mutex, Weak};

use crate::mem::{Dma, DmaPages, DmaRegion, PAGE, Run};

/// A gap between allocations, so that an overrun is found.
const GAP: u64 = 16 * PAGE as u64;

#[derive(Debug, Default)]
struct State {
    allocations: Vec<DmaRegion>,
    lent: Vec<Lent>,
    next: u64,
    /// Pages that may still be allocated; `None`: any number.
    limit: Option<usize>,
}

/// Memory that the device may read, but is not the driver's.
#[derive(Debug)]
struct Lent {
    /// Not held, so that it is found out when nobody does while the device still reads.
    bytes: Weak<[u8]>,
    /// Where the driver sees it.
    address: usize,
    len: usize,
    /// Where the device sees the first run; each is followed by a gap.
    bus: u64,
    /// Bytes of a run.
    run: usize,
}

impl Lent {
    /// Where the device sees what lies `offset` bytes behind the beginning.
    fn locate(&self, offset: usize) -> Run {
        let (run, within) = (offset / self.run, offset % self.run);
        let bus = self.bus + run as u64 * (self.run as u64 + GAP) + within as u64;
        Run { bus, len: (self.run - within).min(self.len - offset) }
    }

    /// What lies at `bus`, if it is of this memory.
    fn read(&self, bus: u64, len: usize) -> Option<Vec<u8>> {
        let from = bus.checked_sub(self.bus)?;
        let (run, within) = (from / (self.run as u64 + GAP), from % (self.run as u64 + GAP));
        let offset = usize::try_from(run).ok()? * self.run + usize::try_from(within).ok()?;
        let all = within + len as u64 <= self.run as u64 && offset + len <= self.len;
        all.then(|| {
            self.bytes.upgrade().expect("the device reads what nobody keeps any more")[offset..][..len].to_vec()
        })
    }
}

/// An allocator of shared memory, and the device's access to it. An access outside what was allocated panics: the driver gave a wrong address.
#[derive(Clone, Debug, Default)]
pub struct FakeMemory {
    state: Arc<Mutex<State>>,
}

// SAFETY: pages come zeroed and aligned from the host's allocator, are never freed, and bus addresses are contiguous where host addresses are. The fake
// device touches them only through the atomic words and the buffers that the driver gave to it.
unsafe impl Dma for FakeMemory {
    fn allocate(&self, pages: usize) -> Option<DmaPages> {
        let mut state = self.state.lock().ok()?;
        if let Some(limit) = &mut state.limit {
            *limit = limit.checked_sub(pages)?;
        }
        let layout = Layout::from_size_align(pages.checked_mul(PAGE)?, PAGE).ok()?;
        // SAFETY: the layout has bytes, since the driver allocates one page at least.
        let address = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let bus = 0x10_0000_0000 + state.next;
        state.next += (pages * PAGE) as u64 + GAP;
        let pages = DmaPages { address, bus };
        state.allocations.push(DmaRegion::view(pages, layout.size()));
        Some(pages)
    }

    fn locate(&self, bytes: &[u8]) -> Option<Run> {
        let state = self.state.lock().ok()?;
        let address = bytes.as_ptr() as usize;
        let lent = state.lent.iter().find(|lent| (lent.address..lent.address + lent.len).contains(&address))?;
        Some(lent.locate(address - lent.address))
    }
}

impl FakeMemory {
    /// Lets the driver have only `pages` more.
    pub fn limit(&self, pages: usize) {
        self.state.lock().expect("no panic while held").limit = Some(pages);
    }

    /// Lets the device read `bytes`, which it sees in runs of `run` bytes that do not follow each other.
    pub fn lend(&self, bytes: &Arc<[u8]>, run: usize) {
        let mut state = self.state.lock().expect("no panic while held");
        let (address, len, bus) = (bytes.as_ptr() as usize, bytes.len(), 0x20_0000_0000 + state.next);
        state.next += (len.div_ceil(run) * (run + GAP as usize)) as u64 + GAP;
        state.lent.push(Lent { bytes: Arc::downgrade(bytes), address, len, bus, run });
    }

    fn with<R>(&self, bus: u64, len: usize, act: impl FnOnce(&mut DmaRegion, usize) -> R) -> R {
        let mut state = self.state.lock().expect("no panic while held");
        let found = state.allocations.iter_mut().find_map(|region| {
            let offset = usize::try_from(bus.checked_sub(region.bus(0))?).ok()?;
            (offset <= region.len() && region.len() - offset >= len).then_some((region, offset))
        });
        match found {
            Some((region, offset)) => act(region, offset),
            None => {
                drop(state);
                panic!("device was given {len} bytes at {bus:#x}, which are no shared memory")
            }
        }
    }

    /// The allocation that begins at `bus`, for a test that needs the device's accesses without a lock around them.
    #[cfg(test)]
    pub(crate) fn region(&self, bus: u64) -> DmaRegion {
        self.with(bus, 1, |region, _| {
            let address = NonNull::from(&mut region.bytes_mut(0, 1)[0]);
            DmaRegion::view(DmaPages { address, bus }, region.len())
        })
    }

    /// Reads a word.
    pub fn load16(&self, bus: u64) -> u16 {
        self.with(bus, 2, |region, at| region.load_u16(at, core::sync::atomic::Ordering::Acquire))
    }

    /// Writes a word.
    pub fn store16(&self, bus: u64, value: u16) {
        self.with(bus, 2, |region, at| region.store_u16(at, value, core::sync::atomic::Ordering::Release));
    }

    /// Reads a word.
    pub fn load32(&self, bus: u64) -> u32 {
        self.with(bus, 4, |region, at| region.load_u32(at))
    }

    /// Writes a word.
    pub fn store32(&self, bus: u64, value: u32) {
        self.with(bus, 4, |region, at| region.store_u32(at, value));
    }

    /// Reads a word.
    pub fn load64(&self, bus: u64) -> u64 {
        self.with(bus, 8, |region, at| region.load_u64(at))
    }

    /// Reads a buffer.
    pub fn read(&self, bus: u64, len: usize) -> Vec<u8> {
        let state = self.state.lock().expect("no panic while held");
        let lent = state.lent.iter().find_map(|lent| lent.read(bus, len));
        drop(state);
        lent.unwrap_or_else(|| self.with(bus, len, |region, at| region.bytes_mut(at, len).to_vec()))
    }

    /// Writes a buffer.
    pub fn write(&self, bus: u64, bytes: &[u8]) {
        self.with(bus, bytes.len(), |region, at| region.bytes_mut(at, bytes.len()).copy_from_slice(bytes));
    }
}
