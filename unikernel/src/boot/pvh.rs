//! What a PVH loader tells (x86/HVM direct boot ABI, `hvm_start_info` version 1), read through the map of physical memory.

use crate::arch::paging::physical;

/// `hvm_start_info.magic`.
const MAGIC: u32 = 0x336e_c578;
/// Type of an entry that is usable memory.
pub const RAM: u32 = 1;

#[repr(C)]
struct RawStartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    modules: u32,
    module_list: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

/// One entry of the memory map, addresses physical.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Region {
    /// First address.
    pub start: u64,
    /// Length in octets.
    pub length: u64,
    /// [`RAM`] or something that is not ours.
    pub kind: u32,
    reserved: u32,
}

/// The loader's information.
pub struct StartInfo(&'static RawStartInfo);

impl StartInfo {
    /// The information at physical address `address`; `None` if there is none of a version that has a memory map.
    ///
    /// # Safety
    /// `address` is what the loader passed in `ebx`, and the map of physical memory stands.
    pub unsafe fn read(address: u64) -> Option<Self> {
        // SAFETY: the loader's structure lies in memory that nobody has been given yet, and is never written.
        let raw = unsafe { &*physical::<RawStartInfo>(address) };
        (raw.magic == MAGIC && raw.version >= 1).then_some(Self(raw))
    }

    /// The memory map.
    pub fn regions(&self) -> &'static [Region] {
        // SAFETY: the loader guarantees that many entries at that address; they are never written.
        unsafe { core::slice::from_raw_parts(physical(self.0.memory_map), self.0.memory_map_entries as usize) }
    }

    /// Copies the command line into `to`, as much as there is room for; returns its length.
    pub fn command_line(&self, to: &mut [u8]) -> usize {
        if self.0.command_line == 0 {
            return 0;
        }
        let from = physical::<u8>(self.0.command_line);
        for (i, octet) in to.iter_mut().enumerate() {
            // SAFETY: up to and including its terminating NUL, the command line lies at that address.
            match unsafe { from.add(i).read() } {
                0 => return i,
                // The kernel splits words as a shell would and panics on a quote that is not closed; nothing here needs quotes.
                b'"' | b'\'' | b'\\' => *octet = b'_',
                // It takes it for UTF-8 as well.
                128.. => *octet = b'?',
                other => *octet = other,
            }
        }
        to.len()
    }
}
