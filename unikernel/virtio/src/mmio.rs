//! Registers of the device.

use core::ptr::NonNull;

/// A window of device registers. All accesses are little-endian and have side effects, so none is merged, split or left out.
///
/// Out of range or misaligned, a read gives all ones and a write does nothing, as on a bus where no device answers.
pub trait Registers {
    /// Reads 8 bits at `offset` (bytes).
    fn read8(&self, offset: usize) -> u8;
    /// Reads 16 bits at `offset`.
    fn read16(&self, offset: usize) -> u16;
    /// Reads 32 bits at `offset`.
    fn read32(&self, offset: usize) -> u32;
    /// Writes 8 bits at `offset`.
    fn write8(&self, offset: usize, value: u8);
    /// Writes 16 bits at `offset`.
    fn write16(&self, offset: usize, value: u16);
    /// Writes 32 bits at `offset`.
    fn write32(&self, offset: usize, value: u32);
}

/// Maps physical addresses of device registers: what the platform provides.
pub trait Mmio {
    /// What a mapping is; [`MmioWindow`] everywhere but in tests.
    type Window: Registers;

    /// Maps `length` bytes of registers at the physical address for good, uncached; `None` where that is not possible.
    fn map(&self, physical: u64, length: usize) -> Option<Self::Window>;
}

impl<M: Mmio> Mmio for &M {
    type Window = M::Window;
    fn map(&self, physical: u64, length: usize) -> Option<Self::Window> {
        (**self).map(physical, length)
    }
}

/// Registers reached by ordinary loads and stores.
#[derive(Debug)]
pub struct MmioWindow {
    base: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping stays for ever (contract of `new`) and is the same on every processor.
unsafe impl Send for MmioWindow {}

impl MmioWindow {
    /// A window over the `length` bytes of registers mapped at `base`.
    ///
    /// # Safety
    /// `base .. base + length` must be mapped on all processors for the rest of the program, to device registers and nothing else, and
    /// loads and stores of 1, 2 and 4 bytes there must be allowed.
    pub unsafe fn new(base: NonNull<u8>, length: usize) -> Self {
        Self { base, length }
    }

    #[inline]
    fn at<T>(&self, offset: usize) -> Option<*mut T> {
        let end = offset.checked_add(size_of::<T>())?;
        // SAFETY: evaluated only in range, where the contract of `new` makes the address valid.
        let address = (end <= self.length).then(|| unsafe { self.base.as_ptr().add(offset) })?.cast::<T>();
        address.is_aligned().then_some(address)
    }

    #[inline]
    fn read<T>(&self, offset: usize, absent: T) -> T {
        // SAFETY: mapped and aligned by `at`.
        self.at(offset).map_or(absent, |address: *mut T| unsafe { address.read_volatile() })
    }

    #[inline]
    fn write<T>(&self, offset: usize, value: T) {
        if let Some(address) = self.at::<T>(offset) {
            // SAFETY: mapped and aligned by `at`.
            unsafe { address.write_volatile(value) }
        }
    }
}

impl Registers for MmioWindow {
    fn read8(&self, offset: usize) -> u8 {
        self.read(offset, u8::MAX)
    }
    fn read16(&self, offset: usize) -> u16 {
        u16::from_le(self.read(offset, u16::MAX))
    }
    fn read32(&self, offset: usize) -> u32 {
        u32::from_le(self.read(offset, u32::MAX))
    }
    fn write8(&self, offset: usize, value: u8) {
        self.write(offset, value);
    }
    fn write16(&self, offset: usize, value: u16) {
        self.write(offset, value.to_le());
    }
    fn write32(&self, offset: usize, value: u32) {
        self.write(offset, value.to_le());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_keeps_to_its_bounds() {
        let mut memory = [0u64; 2];
        let base = NonNull::new(memory.as_mut_ptr().cast::<u8>()).unwrap();
        // SAFETY: the array outlives the window, and 12 of its 16 bytes are used.
        let window = unsafe { MmioWindow::new(base, 12) };
        window.write32(8, 0x0403_0201);
        assert_eq!((window.read8(9), window.read16(10), window.read32(8)), (2, 0x0403, 0x0403_0201));
        window.write32(12, 0xffff_ffff);
        window.write16(11, 0xffff);
        window.write8(usize::MAX, 1);
        assert_eq!((window.read32(12), window.read16(9), window.read16(usize::MAX)), (u32::MAX, u16::MAX, u16::MAX));
        assert_eq!(memory, [0, 0x0403_0201]);
    }
}
