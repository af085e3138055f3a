//! A list whose growth moves a few of its elements at a time.

use alloc::vec::Vec;
use core::{iter::repeat_n, ops::Deref, ops::Range};

use super::work;

/// A list in one piece of memory, so that it is read like any other. Before it is full, a larger one begins to be made beside it, a few
/// elements with each that is added; what changes meanwhile changes in both.
#[derive(Clone, Debug)]
pub(super) struct Steady<T> {
    now: Vec<T>,
    /// The first elements of `now`, with more room.
    next: Vec<T>,
}

/// The next list begins when this part of the room is left.
const LEFT: usize = 16;
/// Elements that are copied for each that is added: more than [`LEFT`], so that the next list is ready when it is needed, and twice
/// that, as several may be added at a time. (Lists of a few thousand may have to be moved as a whole even so.)
const COPIES: usize = 2 * LEFT;

impl<T> Deref for Steady<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        &self.now
    }
}

impl<T: Copy> Steady<T> {
    pub const fn new() -> Self {
        Self { now: Vec::new(), next: Vec::new() }
    }

    /// Adds some that are all the same.
    pub fn extend(&mut self, value: T, count: usize) {
        if self.now.capacity() - self.now.len() < count {
            work::done(self.now.len());
        }
        self.now.extend(repeat_n(value, count));
        let room = self.now.capacity();
        if self.next.capacity() == 0 && room - self.now.len() <= room / LEFT {
            self.next = Vec::with_capacity(room + room / 2 + count);
        }
        self.settle(count * COPIES);
    }

    /// Changes some of them.
    pub fn change<R>(&mut self, range: Range<usize>, change: impl FnOnce(&mut [T]) -> R) -> R {
        let result = change(&mut self.now[range.clone()]);
        self.mirror(range);
        result
    }

    /// Copies `length` elements to another place.
    pub fn copy(&mut self, from: usize, to: usize, length: usize) {
        self.now.copy_within(from..from + length, to);
        self.mirror(to..to + length);
    }

    fn mirror(&mut self, range: Range<usize>) {
        let end = range.end.min(self.next.len());
        if range.start < end {
            self.next[range.start..end].copy_from_slice(&self.now[range.start..end]);
        }
    }

    /// Copies at most `budget` elements for growth that is under way; whether there is none any more.
    pub fn settle(&mut self, budget: usize) -> bool {
        if self.next.capacity() == 0 {
            return true;
        }
        let from = self.next.len();
        let to = self.now.len().min(from.saturating_add(budget));
        work::done(to - from);
        self.next.extend_from_slice(&self.now[from..to]);
        if to == self.now.len() {
            self.now = core::mem::take(&mut self.next);
            return true;
        }
        false
    }

    pub fn memory(&self) -> usize {
        (self.now.capacity() + self.next.capacity()) * size_of::<T>()
    }
}
