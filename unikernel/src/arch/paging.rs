//! Page tables: the map of all physical memory, translation, and each processor's private slot.

use core::sync::atomic::{AtomicU64, Ordering};

use super::cpu;

/// PML4 entry of the map of all physical memory.
const PHYSICAL_SLOT: usize = 256;
/// PML4 entry of the memory that each processor sees differently.
const LOCAL_SLOT: usize = 300;
/// PML4 entry by which Hermit's page tables contain themselves.
const RECURSIVE_SLOT: usize = 511;

/// Where physical address 0 is seen.
const PHYSICAL_BASE: u64 = slot_address(PHYSICAL_SLOT);
/// Where each processor's private memory begins, the same address on all of them.
pub const LOCAL_BASE: u64 = slot_address(LOCAL_SLOT);

/// Octets of a page.
pub const PAGE: usize = 4096;

const PRESENT: u64 = 1 << 0;
const WRITABLE: u64 = 1 << 1;
const LARGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

const fn slot_address(slot: usize) -> u64 {
    0xffff_0000_0000_0000 | (slot as u64) << 39
}

/// One level of page tables, or a page of anything.
#[repr(C, align(4096))]
pub struct Table([AtomicU64; 512]);

impl Table {
    /// An empty one.
    pub const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; 512])
    }
}

unsafe extern "C" {
    /// 512 entries of 1 GiB; the PVH entry code fills it, under another loader [`install_physical`] does.
    #[link_name = "physical_pdpt"]
    static PHYSICAL_TABLE: Table;
}

/// Where `address` of physical memory (or of a device) is seen. Addresses from 512 GiB on are not mapped.
pub fn physical<T>(address: u64) -> *mut T {
    (PHYSICAL_BASE + address) as *mut T
}

/// How many octets of physical addresses the map covers.
pub const PHYSICAL_OCTETS: u64 = 512 << 30;

/// Puts the map of physical memory in place where the loader has not been ours. On the boot processor, before any other use of it.
pub fn install_physical() {
    let pml4: &Table =
        // SAFETY: Hermit's own page tables contain themselves at the last entry; each entry is an aligned word.
        unsafe { &*(0xffff_ffff_ffff_f000 as *const Table) };
    if pml4.0[PHYSICAL_SLOT].load(Ordering::Relaxed) & PRESENT != 0 {
        return;
    }
    // SAFETY: a static of the entry code; atomic words.
    let table = unsafe { &PHYSICAL_TABLE };
    for (i, entry) in table.0.iter().enumerate() {
        entry.store((i as u64) << 30 | LARGE | WRITABLE | PRESENT, Ordering::Relaxed);
    }
    // The image is mapped where it lies.
    let address = &raw const *table as u64;
    pml4.0[PHYSICAL_SLOT].store(address | WRITABLE | PRESENT, Ordering::SeqCst);
}

/// The physical address behind `address`, `None` if nothing is mapped there.
pub fn translate(address: *const u8) -> Option<u64> {
    locate(address).map(|(physical, _)| physical)
}

/// The physical address behind `address`, and how many octets of the same page, a large one perhaps, begin there.
pub fn locate(address: *const u8) -> Option<(u64, usize)> {
    let address = address as u64;
    let mut table = cpu::cr3() & ADDRESS;
    for shift in [39u32, 30, 21, 12] {
        let index = (address >> shift) as usize & 511;
        // SAFETY: page tables lie in physical memory, which is all mapped; entries are aligned words.
        let entry = unsafe { &(*physical::<Table>(table)).0[index] }.load(Ordering::Relaxed);
        if entry & PRESENT == 0 {
            return None;
        }
        if shift == 12 || (shift < 39 && entry & LARGE != 0) {
            let offset = (1 << shift) - 1;
            let physical = (entry & ADDRESS & !offset) | (address & offset);
            return Some((physical, (offset - (address & offset) + 1) as usize));
        }
        table = entry & ADDRESS;
    }
    None
}

/// The page tables of one processor: a copy of the kernel's top level, and the way down to its private pages.
#[derive(Default)]
pub struct LocalTables {
    pml4: Table,
    pdpt: Table,
    pd: Table,
    pt: Table,
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

/// Most pages that [`install_local`] maps from [`LOCAL_BASE`] on.
pub const LOCAL_PAGES: usize = 511;
/// Where [`install_local`] maps its last page.
pub const LOCAL_LAST: u64 = LOCAL_BASE + (LOCAL_PAGES * PAGE) as u64;

/// Gives this processor page tables of its own, in which `pages` are seen at [`LOCAL_BASE`] and `last` at [`LOCAL_LAST`]. False, with nothing
/// changed, if there are more than [`LOCAL_PAGES`] or the memory given is not mapped.
///
/// Hermit never changes top-level entries once it runs, so the copy stays right.
pub fn install_local(tables: &'static LocalTables, pages: &'static [Table], last: &'static Table) -> bool {
    let address = |table: &Table| translate((&raw const *table).cast());
    let (Some(pml4), Some(pdpt), Some(pd), Some(pt)) =
        (address(&tables.pml4), address(&tables.pdpt), address(&tables.pd), address(&tables.pt))
    else {
        return false;
    };
    if pages.len() > LOCAL_PAGES {
        return false;
    }
    let places = tables.pt.0.iter().zip(pages).chain([(&tables.pt.0[LOCAL_PAGES], last)]);
    for (entry, page) in places {
        let Some(page) = address(page) else { return false };
        entry.store(page | NO_EXECUTE | WRITABLE | PRESENT, Ordering::Relaxed);
    }
    tables.pd.0[0].store(pt | WRITABLE | PRESENT, Ordering::Relaxed);
    tables.pdpt.0[0].store(pd | WRITABLE | PRESENT, Ordering::Relaxed);
    // SAFETY: the top level in use lies in physical memory; aligned words.
    let kernel = unsafe { &*physical::<Table>(cpu::cr3() & ADDRESS) };
    for (to, from) in tables.pml4.0.iter().zip(&kernel.0) {
        to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
    }
    tables.pml4.0[LOCAL_SLOT].store(pdpt | WRITABLE | PRESENT, Ordering::Relaxed);
    tables.pml4.0[RECURSIVE_SLOT].store(pml4 | WRITABLE | PRESENT, Ordering::SeqCst);
    // SAFETY: everything that was mapped still is; the tables are static.
    unsafe { cpu::set_cr3(pml4) };
    true
}

/// The pages of a large page that [`unmap_null_page`] takes apart.
static FIRST_PAGES: Table = Table::new();

/// Makes page 0 fault, so that a null pointer is found out. The kernel mapped it for its ACPI scan; uhyve maps it in a large page.
pub fn unmap_null_page() {
    let mut table = cpu::cr3() & ADDRESS;
    for level in 0..4 {
        // SAFETY: as in `translate`.
        let entry = unsafe { &(*physical::<Table>(table)).0[0] };
        let value = entry.load(Ordering::Relaxed);
        if value & PRESENT == 0 || (level == 1 && value & LARGE != 0) {
            return;
        }
        if level == 2 && value & LARGE != 0 {
            let flags = value & !(ADDRESS | LARGE);
            for (page, small) in FIRST_PAGES.0.iter().enumerate().skip(1) {
                small.store((page * PAGE) as u64 | flags, Ordering::Relaxed);
            }
            let Some(pages) = translate((&raw const FIRST_PAGES).cast()) else { return };
            entry.store(pages | WRITABLE | PRESENT, Ordering::SeqCst);
            // SAFETY: the same pages but for the first, where nothing is that anyone reads once the kernel runs.
            unsafe { cpu::set_cr3(cpu::cr3()) };
            return;
        }
        if level == 3 {
            entry.store(0, Ordering::SeqCst);
            // SAFETY: the same tables; drops this processor's memory of the entry. Others have not touched it yet.
            unsafe { cpu::set_cr3(cpu::cr3()) };
        }
        table = value & ADDRESS;
    }
}
