//! Hermit's boot information (entry version of `hermit-entry` 0.10), filled from PVH's.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU64, Ordering};

use super::pvh::{RAM, Region, StartInfo};
use crate::arch::exit;

/// Longest command line, in octets; what is longer is cut off.
const COMMAND_LINE: usize = 4096;
/// Most regions of memory that are handed on; Hermit itself keeps 16.
const REGIONS: usize = 16;
/// COM1.
const SERIAL_PORT: u16 = 0x3f8;

/// `RawBootInfo` of `hermit-entry`, platform "Multiboot".
#[repr(C)]
pub struct BootInfo {
    physical_start: u64,
    physical_end: u64,
    serial_port: u16,
    device_tree: u64,
    image_start: u64,
    image_end: u64,
    tls: [u64; 4],
    platform: u32,
    command_line: u64,
    command_line_length: u64,
    multiboot: u64,
    spare: [u64; 4],
}

impl BootInfo {
    /// First octet of physical memory and the one after its last.
    ///
    /// # Safety
    /// `from` points to boot information that a loader has filled.
    pub unsafe fn read_memory(from: *const Self) -> (u64, u64) {
        // SAFETY: the caller vouches for it; the fields are plain numbers.
        unsafe { ((&raw const (*from).physical_start).read(), (&raw const (*from).physical_end).read()) }
    }
}

/// Multiboot 1 information with nothing but a memory map (flag bit 6).
#[repr(C)]
struct Multiboot {
    flags: u32,
    unused: [u32; 10],
    memory_map_length: u32,
    memory_map: u32,
    unused_tail: [u32; 19],
}

/// An entry of Multiboot's memory map: 24 octets, the first field counts the other 20.
#[repr(C, packed)]
#[derive(Clone, Copy)]
struct MultibootRegion {
    size: u32,
    start: u64,
    length: u64,
    kind: u32,
}

struct Told {
    info: BootInfo,
    multiboot: Multiboot,
    regions: [MultibootRegion; REGIONS],
    command_line: [u8; COMMAND_LINE],
}

/// Written once, on the boot processor before the kernel runs; the kernel only reads.
struct Once(UnsafeCell<Told>);

// SAFETY: see above: a single writer before there is a second processor.
unsafe impl Sync for Once {}

static TOLD: Once = Once(UnsafeCell::new(Told {
    info: BootInfo {
        physical_start: 0,
        physical_end: 0,
        serial_port: 0,
        device_tree: 0,
        image_start: 0,
        image_end: 0,
        tls: [0; 4],
        platform: 0,
        command_line: 0,
        command_line_length: 0,
        multiboot: 0,
        spare: [0; 4],
    },
    multiboot: Multiboot { flags: 0, unused: [0; 10], memory_map_length: 0, memory_map: 0, unused_tail: [0; 19] },
    regions: [MultibootRegion { size: 0, start: 0, length: 0, kind: 0 }; REGIONS],
    command_line: [0; COMMAND_LINE],
}));

static MEMORY: AtomicU64 = AtomicU64::new(0);

/// Octets of memory that the machine has.
pub fn memory_octets() -> u64 {
    MEMORY.load(Ordering::Relaxed)
}

/// Notes how many octets of memory the machine has.
pub fn set_memory(octets: u64) {
    MEMORY.store(octets, Ordering::Relaxed);
}

unsafe extern "C" {
    static image_start: u8;
    static image_end: u8;
}

/// Called by the entry code on its own stack, with the loader's `hvm_start_info`; returns Hermit's boot information.
pub extern "C" fn describe_machine(start_info: u32) -> *const u8 {
    // SAFETY: the entry code passes what the loader passed, and has built the map of physical memory.
    let Some(start) = (unsafe { StartInfo::read(start_info.into()) }) else {
        exit::raw_line(b"midflight: error: the loader passed no PVH start information with a memory map");
        exit::fail();
    };
    // SAFETY: only this function writes it, once, before anyone reads.
    let told = unsafe { &mut *TOLD.0.get() };

    let ram = |region: &&Region| region.kind == RAM;
    let mut count = 0;
    for (to, from) in told.regions.iter_mut().zip(start.regions().iter().filter(ram)) {
        *to = MultibootRegion { size: 20, start: from.start, length: from.length, kind: RAM };
        count += 1;
    }
    set_memory(start.regions().iter().filter(ram).map(|r| r.length).sum());

    told.multiboot.flags = 1 << 6;
    told.multiboot.memory_map = (&raw const told.regions) as u32;
    told.multiboot.memory_map_length = (count * size_of::<MultibootRegion>()) as u32;

    let length = start.command_line(&mut told.command_line);
    told.info.physical_end = start.regions().iter().filter(ram).map(|r| r.start + r.length).max().unwrap_or(0);
    told.info.serial_port = SERIAL_PORT;
    told.info.image_start = (&raw const image_start) as u64;
    told.info.image_end = (&raw const image_end) as u64;
    told.info.command_line = told.command_line.as_ptr() as u64;
    told.info.command_line_length = length as u64;
    told.info.multiboot = (&raw const told.multiboot) as u64;
    (&raw const told.info).cast()
}
