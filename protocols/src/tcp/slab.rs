//! The table of connections: slots that are used again, with a generation that tells an old name from a new one.

use alloc::vec::Vec;
use core::fmt;

/// Names a connection of one engine.
///
/// The index is that of the connection's slot; the generation counts the slot's users, so that the name of a connection that is gone is
/// recognised as stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId {
    /// Slot in the engine's table, dense from 0.
    pub index: u32,
    /// Which user of the slot, from 1.
    pub generation: u32,
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// Slots that are made at a time. A table that moved to a larger place as it grows would hold up the processor, and need memory for both.
const CHUNK: usize = 64;

/// Slots for at most `limit` values.
pub(crate) struct Slab<T> {
    chunks: Vec<Vec<Slot<T>>>,
    slots: usize,
    free: Vec<u32>,
    limit: usize,
}

impl<T> Slab<T> {
    pub fn new(limit: usize) -> Self {
        Self { chunks: Vec::new(), slots: 0, free: Vec::new(), limit }
    }

    pub fn len(&self) -> usize {
        self.slots - self.free.len()
    }

    pub fn is_full(&self) -> bool {
        self.len() >= self.limit
    }

    /// Puts what `make` gives into a slot; `None` if all are taken.
    pub fn insert(&mut self, make: impl FnOnce(ConnId) -> T) -> Option<ConnId> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.slots < self.limit => {
                if self.slots.is_multiple_of(CHUNK) {
                    self.chunks.push(Vec::with_capacity(CHUNK));
                }
                self.chunks.last_mut()?.push(Slot { generation: 0, value: None });
                self.slots += 1;
                u32::try_from(self.slots - 1).ok()?
            }
            None => return None,
        };
        let slot = self.slot_mut(index)?;
        slot.generation = slot.generation.wrapping_add(1).max(1);
        let id = ConnId { index, generation: slot.generation };
        slot.value = Some(make(id));
        Some(id)
    }

    #[inline]
    fn slot(&self, index: u32) -> Option<&Slot<T>> {
        self.chunks.get(index as usize / CHUNK)?.get(index as usize % CHUNK)
    }

    #[inline]
    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot<T>> {
        self.chunks.get_mut(index as usize / CHUNK)?.get_mut(index as usize % CHUNK)
    }

    pub fn remove(&mut self, index: u32) -> Option<T> {
        let value = self.slot_mut(index)?.value.take()?;
        self.free.push(index);
        Some(value)
    }

    #[inline]
    pub fn at(&self, index: u32) -> Option<&T> {
        self.slot(index)?.value.as_ref()
    }

    #[inline]
    pub fn at_mut(&mut self, index: u32) -> Option<&mut T> {
        self.slot_mut(index)?.value.as_mut()
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten().filter_map(|slot| slot.value.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_stale_and_slots_are_used_again() {
        let mut slab = Slab::new(2);
        let a = slab.insert(|_| 'a').unwrap();
        let b = slab.insert(|_| 'b').unwrap();
        assert!(slab.is_full() && slab.insert(|_| 'c').is_none());
        assert_eq!(slab.remove(a.index), Some('a'));
        assert_eq!(slab.remove(a.index), None);
        assert_eq!((slab.at(a.index), slab.at(b.index)), (None, Some(&'b')));
        let c = slab.insert(|_| 'c').unwrap();
        assert_eq!(c.index, a.index);
        assert_ne!(c.generation, a.generation);
        assert_eq!(slab.iter().collect::<alloc::string::String>(), "cb");
        assert_eq!(slab.at(9), None);
    }
}
