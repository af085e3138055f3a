//! The ring buffer that holds a connection's octets in one direction.

use alloc::boxed::Box;

use super::memory::Memory;

#[cfg(test)]
mod tests;

/// A ring of octets. Its capacity is 0 or a power of two. It is a promise: memory comes as octets do, in pieces that are powers of two, each of which takes
/// over what the one before held, until [`release`](Self::release).
///
/// The filled octets begin at `start`. A receiver also writes beyond them, into the free part, where segments that arrived out of
/// order wait for the gap before them to be filled.
#[derive(Default)]
pub(crate) struct Ring {
    octets: Box<[u8]>,
    capacity: usize,
    start: usize,
    len: usize,
}

impl Ring {
    /// A ring of `capacity` octets, rounded up to a power of two, without memory.
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.next_power_of_two(), ..Self::default() }
    }

    #[inline]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Octets of memory that the ring has: at most its capacity.
    #[inline]
    pub fn allocated(&self) -> usize {
        self.octets.len()
    }

    /// Sees to it that there is memory for `octets` octets, filled ones included, as far as that was promised. `beyond` octets after the filled part move
    /// along. Whether there is; if not, nothing has changed.
    #[inline]
    pub fn hold(&mut self, octets: usize, beyond: usize, memory: &mut Memory) -> bool {
        octets.min(self.capacity) <= self.octets.len() || self.grow(octets, beyond, memory)
    }

    fn grow(&mut self, octets: usize, beyond: usize, memory: &mut Memory) -> bool {
        let Some(mut piece) = memory.take(octets.min(self.capacity), self.capacity) else { return false };
        let filled = self.len;
        self.len = filled + beyond.min(self.writable());
        let [first, second] = self.slices(0, self.len);
        piece[..first.len()].copy_from_slice(first);
        piece[first.len()..self.len].copy_from_slice(second);
        self.len = filled;
        self.start = 0;
        memory.give(core::mem::replace(&mut self.octets, piece));
        true
    }

    /// Begins at the front of the memory again, which the processor's cache is likely to have, if nothing is filled. Nothing may wait beyond.
    #[inline]
    pub fn rewind(&mut self) {
        if self.len == 0 {
            self.start = 0;
        }
    }

    /// Gives the memory back, if nothing is filled.
    pub fn release(&mut self, memory: &mut Memory) {
        if self.len == 0 {
            self.start = 0;
            memory.give(core::mem::take(&mut self.octets));
        }
    }

    /// Gives back whatever there is, and the promise.
    pub fn discard(&mut self, memory: &mut Memory) {
        memory.give(core::mem::take(self).octets);
    }

    /// Promises more: `capacity` octets, rounded up to a power of two.
    pub fn extend(&mut self, capacity: usize) {
        self.capacity = self.capacity.max(capacity.next_power_of_two());
    }

    /// Filled octets.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Octets that can still be filled.
    #[inline]
    pub fn free(&self) -> usize {
        self.capacity - self.len
    }

    #[inline]
    fn position(&self, offset: usize) -> usize {
        (self.start + offset) & self.octets.len().wrapping_sub(1)
    }

    /// Octets that can be written now, into the memory that is there.
    #[inline]
    fn writable(&self) -> usize {
        self.octets.len().saturating_sub(self.len)
    }

    /// Appends as much of `octets` as there is room for and returns how much that was.
    pub fn push(&mut self, octets: &[u8]) -> usize {
        let taken = octets.len().min(self.writable());
        self.write_beyond(0, &octets[..taken]);
        self.len += taken;
        taken
    }

    /// Writes `octets` into the free part, `gap` octets after the filled part, without filling. What does not fit is left out.
    #[inline]
    pub fn write_beyond(&mut self, gap: usize, octets: &[u8]) {
        let room = self.writable().saturating_sub(gap);
        let octets = &octets[..octets.len().min(room)];
        if octets.is_empty() {
            return;
        }
        let at = self.position(self.len + gap);
        let until_end = self.octets.len() - at;
        if octets.len() <= until_end {
            self.octets[at..at + octets.len()].copy_from_slice(octets);
        } else {
            let (first, second) = octets.split_at(until_end);
            self.octets[at..].copy_from_slice(first);
            self.octets[..second.len()].copy_from_slice(second);
        }
    }

    /// Counts the next `octets` of the free part as filled.
    #[inline]
    pub fn fill(&mut self, octets: usize) {
        self.len += octets.min(self.writable());
    }

    /// `len` filled octets from `offset` on, in at most two pieces. Less if fewer are filled.
    #[inline]
    pub fn slices(&self, offset: usize, len: usize) -> [&[u8]; 2] {
        let len = len.min(self.len.saturating_sub(offset));
        if len == 0 {
            return [&[], &[]];
        }
        let at = self.position(offset);
        let until_end = self.octets.len() - at;
        if len <= until_end {
            [&self.octets[at..at + len], &[]]
        } else {
            [&self.octets[at..], &self.octets[..len - until_end]]
        }
    }

    /// The first contiguous piece of the free part.
    pub fn room(&mut self) -> &mut [u8] {
        if self.writable() == 0 {
            return &mut [];
        }
        let at = self.position(self.len);
        let end = if at < self.start { self.start } else { self.octets.len() };
        &mut self.octets[at..end]
    }

    /// Forgets the first `octets` filled octets.
    #[inline]
    pub fn consume(&mut self, octets: usize) {
        let octets = octets.min(self.len);
        self.start = self.position(octets);
        self.len -= octets;
    }
}
