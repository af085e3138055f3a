//! What the receiver holds beyond the next octet it expects, and the SACK blocks that report it (RFC 2018 section 4, RFC 2883).

use super::options::SackBlocks;
use super::ranges::{Range, Ranges};
use super::seq::Seq;

#[cfg(test)]
mod tests;

/// Out-of-order ranges that one connection remembers. A segment that would need one more is dropped, as if it had been lost. When slow start
/// overfills a queue, every second segment may be missing over a whole round trip.
pub(crate) const MAX_RANGES: usize = 256;

/// The ranges, and which of them changed last.
#[derive(Debug, Default)]
pub(crate) struct Reassembly {
    held: Ranges,
    /// A place in each of the ranges that changed last, newest first (RFC 2018: the first block has the most recent segment).
    recent: [Option<Seq>; 4],
    /// A duplicate to report once (RFC 2883 section 4).
    duplicate: Option<Range>,
}

/// The segment cannot be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl Reassembly {
    /// Whether nothing is held.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Octets between `next` and the end of what is held.
    pub fn reach(&self, next: Seq) -> usize {
        self.held.last().map_or(0, |last| (last.end - next) as usize)
    }

    /// Remembers a segment that does not begin at the next octet expected.
    ///
    /// # Errors
    /// [`NoRoom`] at the limit of ranges.
    pub fn hold(&mut self, segment: Range) -> Result<(), NoRoom> {
        if let Some(known) = self.held.containing(segment) {
            self.duplicate = Some(segment);
            self.touch(known);
            return Ok(());
        }
        let joined = self.held.insert(segment, MAX_RANGES, |_| ()).map_err(|_| NoRoom)?;
        self.touch(joined);
        Ok(())
    }

    fn touch(&mut self, range: Range) {
        let inside = |place: &Option<Seq>| place.is_some_and(|seq| seq.ge(range.start) && seq.lt(range.end));
        let mut newest = [Some(range.start), None, None, None];
        let others = self.recent.iter().filter(|place| place.is_some() && !inside(place));
        for (free, place) in newest.iter_mut().skip(1).zip(others) {
            *free = *place;
        }
        self.recent = newest;
    }

    /// The next octet expected has become `next`: gives what it is when everything held that continues there is counted too.
    pub fn advance(&mut self, next: Seq) -> Seq {
        self.held.remove_before(next);
        match self.held.as_slice().first() {
            Some(first) if first.start == next => {
                let end = first.end;
                self.held.remove_before(end);
                end
            }
            _ => next,
        }
    }

    /// A segment came that had been received before: it is reported in the next ACK.
    pub fn note_duplicate(&mut self, segment: Range) {
        self.duplicate = Some(segment);
    }

    /// Whether the next ACK reports a duplicate.
    pub fn has_duplicate(&self) -> bool {
        self.duplicate.is_some()
    }

    /// The blocks for the next ACK, at most `limit` of them.
    pub fn blocks(&self, limit: u8) -> SackBlocks {
        let mut blocks = SackBlocks::default();
        if let Some(duplicate) = self.duplicate {
            blocks.push(duplicate.start.0, duplicate.end.0);
        }
        for place in self.recent.iter().flatten() {
            if let Some(range) = self.held.containing(Range { start: *place, end: *place + 1 }) {
                blocks.push(range.start.0, range.end.0);
            }
        }
        blocks.truncate(limit);
        blocks
    }

    /// The duplicate has been reported.
    pub fn reported(&mut self) {
        self.duplicate = None;
    }

    /// Gives memory back, if nothing is held.
    pub fn give_back(&mut self) {
        if self.held.is_empty() {
            self.held = Ranges::default();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
