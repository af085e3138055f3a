//! The ring buffer that holds a connection's octets in one direction.

use alloc::boxed::Box;
use alloc::vec;

#[cfg(test)]
mod tests;

/// A ring of octets. Its capacity is 0 or a power of two. It is a promise: memory for it is there from [`allocate`](Self::allocate) on, until
/// [`release`](Self::release).
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

    /// Octets of memory that the ring has: none, or its capacity.
    #[inline]
    pub fn allocated(&self) -> usize {
        self.octets.len()
    }

    /// Gets memory.
    pub fn allocate(&mut self) {
        if self.octets.is_empty() {
            self.octets = vec![0; self.capacity].into_boxed_slice();
        }
    }

    /// Gives the memory back, if nothing is filled, and returns how much that was.
    pub fn release(&mut self) -> usize {
        if self.len > 0 {
            return 0;
        }
        self.start = 0;
        core::mem::take(&mut self.octets).len()
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
        (self.start + offset) & self.capacity.wrapping_sub(1)
    }

    /// Octets that can be written now: none without memory.
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

    /// Moves to a ring of `capacity` octets, together with `beyond` octets after the filled part. Does nothing if that would not hold
    /// them. Without memory only the promise changes.
    pub fn resize(&mut self, capacity: usize, beyond: usize) {
        let capacity = capacity.next_power_of_two();
        let keep = self.len + beyond.min(self.free());
        if capacity < keep {
            return;
        }
        if self.octets.is_empty() {
            self.capacity = capacity;
            return;
        }
        let filled = self.len;
        self.len = keep;
        let mut octets = vec![0; capacity].into_boxed_slice();
        let [first, second] = self.slices(0, keep);
        octets[..first.len()].copy_from_slice(first);
        octets[first.len()..keep].copy_from_slice(second);
        *self = Self { octets, capacity, start: 0, len: filled };
    }
}
