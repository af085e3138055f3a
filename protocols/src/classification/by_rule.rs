//! Something for each rule.

use alloc::{vec, vec::Vec};

use super::table::RuleId;

/// Values by [`RuleId`], in chunks that are made when they are needed: however great an index is, little is done for it.
#[derive(Clone, Debug)]
pub(in crate::classification) struct ByRule<T> {
    /// Full, or empty.
    chunks: Vec<Vec<T>>,
    bound: usize,
    nothing: T,
}

/// Rules of a chunk.
const CHUNK: usize = 1024;

impl<T: Copy> ByRule<T> {
    /// `nothing` is the value of rules without one.
    pub const fn new(nothing: T) -> Self {
        Self { chunks: Vec::new(), bound: 0, nothing }
    }

    #[inline]
    pub fn get(&self, id: RuleId) -> T {
        let chunk = self.chunks.get(id.index() / CHUNK);
        chunk.and_then(|chunk| chunk.get(id.index() % CHUNK)).copied().unwrap_or(self.nothing)
    }

    pub fn set(&mut self, id: RuleId, value: T) {
        let at = id.index() / CHUNK;
        if self.chunks.len() <= at {
            self.chunks.resize(at + 1, Vec::new());
        }
        if self.chunks[at].is_empty() {
            self.chunks[at] = vec![self.nothing; CHUNK];
        }
        self.chunks[at][id.index() % CHUNK] = value;
        self.bound = self.bound.max(id.index() + 1);
    }

    /// One more than the greatest index that had a value.
    pub fn bound(&self) -> usize {
        self.bound
    }

    /// Frees at most `budget` pieces of memory, and forgets the values in them; whether none is left.
    pub fn dissolve(&mut self, budget: usize) -> bool {
        self.chunks.truncate(self.chunks.len().saturating_sub(budget));
        self.chunks.is_empty()
    }

    /// Octets.
    pub fn memory(&self) -> usize {
        let values: usize = self.chunks.iter().map(Vec::capacity).sum();
        values * size_of::<T>() + self.chunks.capacity() * size_of::<Vec<T>>()
    }
}
