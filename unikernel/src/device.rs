//! What a device driver needs of the machine: ports, memory that the device sees too, device registers.

use core::alloc::Layout;
use core::ptr::NonNull;

use virtio::mem::{Dma, DmaPages, Run};
use virtio::mmio::{Mmio, MmioWindow};
use virtio::transport::pci::PortIo;

use crate::arch::cpu;
use crate::arch::paging::{self, PAGE, PHYSICAL_OCTETS};

/// The ports of PCI configuration (mechanism 1).
#[derive(Clone, Copy, Debug)]
pub struct Ports;

// SAFETY of the port accesses below: the driver asks for 0xcf8 to 0xcff only, which the kernel uses during its start alone.
impl PortIo for Ports {
    fn in8(&self, port: u16) -> u8 {
        // SAFETY: see above.
        unsafe { cpu::in8(port) }
    }

    fn in16(&self, port: u16) -> u16 {
        // SAFETY: see above.
        unsafe { cpu::in16(port) }
    }

    fn in32(&self, port: u16) -> u32 {
        // SAFETY: see above.
        unsafe { cpu::in32(port) }
    }

    fn out8(&self, port: u16, value: u8) {
        // SAFETY: see above.
        unsafe { cpu::out8(port, value) }
    }

    fn out16(&self, port: u16, value: u16) {
        // SAFETY: see above.
        unsafe { cpu::out16(port, value) }
    }

    fn out32(&self, port: u16, value: u32) {
        // SAFETY: see above.
        unsafe { cpu::out32(port, value) }
    }
}

/// Device registers, seen through the map of physical memory.
#[derive(Clone, Copy, Debug)]
pub struct Registers;

impl Mmio for Registers {
    type Window = MmioWindow;

    fn map(&self, address: u64, length: usize) -> Option<MmioWindow> {
        if address.checked_add(length as u64)? > PHYSICAL_OCTETS {
            return None;
        }
        let base = NonNull::new(paging::physical::<u8>(address))?;
        // SAFETY: the map covers the range, for ever; the driver has read from the device that its registers lie there.
        Some(unsafe { MmioWindow::new(base, length) })
    }
}

/// Memory for devices, from the heap.
#[derive(Clone, Copy, Debug)]
pub struct DeviceMemory;

/// The kernel maps the heap in pages of this size, or larger ones.
const HEAP_PAGE: usize = 2 << 20;

/// Whether `octets` from `start` on, whole pages, lie one after the other in physical memory too; then where.
fn contiguous(start: *const u8, octets: usize) -> Option<u64> {
    let first = paging::translate(start)?;
    (0..octets)
        .step_by(PAGE)
        .all(|offset| paging::translate(start.wrapping_add(offset)) == Some(first + offset as u64))
        .then_some(first)
}

// SAFETY: the memory is fresh from the heap, zeroed, never freed, aligned to a page, and checked to be contiguous. Without an IOMMU the device sees physical
// addresses; the kernel moves no page that is in use.
unsafe impl Dma for DeviceMemory {
    fn allocate(&self, pages: usize) -> Option<DmaPages> {
        let octets = pages.checked_mul(PAGE)?;
        // Aligned to its own size, a block lies within one page of the heap.
        let align = octets.next_power_of_two().clamp(PAGE, HEAP_PAGE);
        let layout = Layout::from_size_align(octets, align).ok().filter(|layout| layout.size() > 0)?;
        // SAFETY: not of size zero.
        let address = NonNull::new(unsafe { alloc::alloc::alloc_zeroed(layout) })?;
        match contiguous(address.as_ptr(), octets) {
            Some(bus) => Some(DmaPages { address, bus }),
            None => {
                // SAFETY: allocated above with this layout, and given to nobody.
                unsafe { alloc::alloc::dealloc(address.as_ptr(), layout) };
                None
            }
        }
    }

    fn locate(&self, bytes: &[u8]) -> Option<Run> {
        let (bus, mut len) = paging::locate(bytes.as_ptr())?;
        // Pages that follow each other on both sides are one run, as the heap's mostly do.
        while len < bytes.len()
            && let Some((next, more)) = paging::locate(&raw const bytes[len])
            && next == bus + len as u64
        {
            len += more;
        }
        Some(Run { bus, len: len.min(bytes.len()) })
    }
}
