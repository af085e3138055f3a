//! Clustered Object Identifiers, and the arithmetic from one to its entries in the translation tables (0025-0027).

use crate::MAX_PROCESSORS;
use core::fmt;

/// Entries of a region unless [`System::with_regions`](crate::System::with_regions) says otherwise, and the unit by which
/// regions grow: one page of a local translation table. (A model checker is given a small one.)
pub const REGION_ENTRIES: usize = if cfg!(loom) { 1 } else { 512 };

/// Bits of a COID's index that name the entry; the tables have at most 2^20 entries.
pub const INDEX_BITS: u32 = 20;

/// Octets of address space that a local translation table needs at its base in a system of `processors` with regions of
/// [`REGION_ENTRIES`]; a multiple of a 4 KiB page. For other regions:
/// [`System::local_table_bytes`](crate::System::local_table_bytes).
pub const fn local_table_bytes(processors: usize) -> usize {
    let processors = if processors > MAX_PROCESSORS { MAX_PROCESSORS } else { processors };
    processors * REGION_ENTRIES * size_of::<usize>()
}

/// Where a unikernel on x86-64 maps its local translation tables: slot 300 of the top-level page table, the same
/// address on every core and different pages behind it (0026). Give it to
/// [`attach_at`](crate::System::attach_at).
pub const VBASE: usize = 0xFFFF_9600_0000_0000;

/// The name of a clustered object (0025): clients keep it, send it to other processors, and turn it into a reference on
/// the processor where they call.
///
/// It holds the index of the object's entries and the generation of the entry. An entry that is used again has another
/// generation, so a COID that outlived its object is answered by an error and never by another object.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Coid {
    index: u32,
    generation: u32,
}

impl Coid {
    pub(crate) const fn new(index: usize, generation: u32) -> Self {
        debug_assert!(index < 1 << INDEX_BITS);
        Self { index: index as u32, generation }
    }

    /// The entry's index, the same in the global and in every local table; below 2^20.
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// Which of the objects that this entry has served.
    pub const fn generation(self) -> u32 {
        self.generation
    }

    /// As one word, for a register or a message.
    pub const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }

    /// From one word; any word will do, a COID is checked when it is used.
    pub const fn from_bits(bits: u64) -> Self {
        Self { index: bits as u32, generation: (bits >> 32) as u32 }
    }
}

impl fmt::Debug for Coid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Coid({}.{})", self.index, self.generation)
    }
}

impl fmt::Display for Coid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}
