//! Sorted, disjoint ranges of sequence numbers, bounded in number.

use alloc::vec::Vec;

use super::seq::Seq;

#[cfg(test)]
mod tests;

/// The octets from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub start: Seq,
    pub end: Seq,
}

impl Range {
    pub fn len(&self) -> u32 {
        self.end - self.start
    }
}

/// No room for one more range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

/// The set. All its ranges lie within 2^31 of each other.
#[derive(Debug, Default)]
pub(crate) struct Ranges {
    ranges: Vec<Range>,
}

impl Ranges {
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub fn as_slice(&self) -> &[Range] {
        &self.ranges
    }

    pub fn last(&self) -> Option<Range> {
        self.ranges.last().copied()
    }

    /// Forgets everything; the memory is kept.
    pub fn clear(&mut self) {
        self.ranges.clear();
    }

    /// The first range that ends at or after `seq`.
    fn first_reaching(&self, seq: Seq) -> usize {
        self.ranges.partition_point(|range| range.end.lt(seq))
    }

    /// The range that contains all of `wanted`.
    pub fn containing(&self, wanted: Range) -> Option<Range> {
        let found = *self.ranges.get(self.first_reaching(wanted.start + 1))?;
        (found.start.le(wanted.start) && found.end.ge(wanted.end)).then_some(found)
    }

    /// Adds `new`, joining it with the ranges that it overlaps or touches. `gap` is called for each part that was not yet in the set.
    /// Gives the range that `new` became part of.
    ///
    /// # Errors
    /// [`TooMany`] if that would make more than `limit` ranges; nothing has changed then.
    pub fn insert(&mut self, new: Range, limit: usize, mut gap: impl FnMut(Range)) -> Result<Range, TooMany> {
        let first = self.first_reaching(new.start);
        let mut joined = new;
        let mut at = new.start;
        let mut last = first;
        while let Some(old) = self.ranges.get(last).filter(|old| old.start.le(new.end)) {
            if at.lt(old.start) {
                gap(Range { start: at, end: old.start });
            }
            at = at.max(old.end);
            joined = Range { start: joined.start.min(old.start), end: joined.end.max(old.end) };
            last += 1;
        }
        if first == last {
            if self.ranges.len() >= limit {
                return Err(TooMany);
            }
            gap(new);
            self.ranges.insert(first, new);
            return Ok(new);
        }
        if at.lt(new.end) {
            gap(Range { start: at, end: new.end });
        }
        self.ranges[first] = joined;
        self.ranges.drain(first + 1..last);
        Ok(joined)
    }

    /// Forgets everything before `seq`.
    pub fn remove_before(&mut self, seq: Seq) {
        if self.ranges.first().is_none_or(|first| first.start.ge(seq)) {
            return;
        }
        let gone = self.ranges.partition_point(|range| range.end.le(seq));
        self.ranges.drain(..gone);
        if let Some(first) = self.ranges.first_mut() {
            first.start = first.start.max(seq);
        }
    }
}
