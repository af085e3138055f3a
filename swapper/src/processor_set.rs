//! Processors by number, and sets of them.

use core::fmt;

/// Most processors that a system may have: a set of them is one 64-bit word. (A model checker is given few.)
pub const MAX_PROCESSORS: usize = if cfg!(loom) { 3 } else { 64 };

/// A processor's number, below [`MAX_PROCESSORS`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ProcessorId(u8);

impl ProcessorId {
    /// The processor with this number, if a system can have it.
    pub const fn new(number: usize) -> Option<Self> {
        if number < MAX_PROCESSORS { Some(Self(number as u8)) } else { None }
    }

    /// Its number, below [`MAX_PROCESSORS`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for ProcessorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A set of processors.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct ProcessorSet(u64);

impl ProcessorSet {
    /// The set with no processor.
    pub const EMPTY: Self = Self(0);

    /// The set whose members are the bits that are one; bit 0 is processor 0.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The members as bits; bit 0 is processor 0.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The set of one processor.
    pub const fn of(processor: ProcessorId) -> Self {
        Self(1 << processor.0)
    }

    /// Whether a processor is a member.
    pub const fn contains(self, processor: ProcessorId) -> bool {
        self.0 & Self::of(processor).0 != 0
    }

    /// Whether every member of `other` is a member of this one.
    pub const fn includes(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The number of members.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there is no member.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The members of both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The members that `other` does not have.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The member with the lowest number.
    pub const fn first(self) -> Option<ProcessorId> {
        if self.0 == 0 { None } else { Some(ProcessorId(self.0.trailing_zeros() as u8)) }
    }

    /// Adds a processor.
    pub const fn insert(&mut self, processor: ProcessorId) {
        self.0 |= Self::of(processor).0;
    }

    /// Takes a processor out.
    pub const fn remove(&mut self, processor: ProcessorId) {
        self.0 &= !Self::of(processor).0;
    }

    /// The members, lowest number first.
    pub fn iter(self) -> impl Iterator<Item = ProcessorId> {
        let mut rest = self;
        core::iter::from_fn(move || {
            let next = rest.first()?;
            rest.remove(next);
            Some(next)
        })
    }
}

impl fmt::Debug for ProcessorSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(ProcessorId::index)).finish()
    }
}
