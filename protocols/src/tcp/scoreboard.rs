//! The sender's record of what is in flight (RFC 6675 section 4).
//!
//! One record per transmission, in order of sequence numbers and without gaps, with the time it was sent. SACK blocks, loss and
//! retransmission are marks on records; the sums that decide what may be sent are kept up to date by each mark, so that no ACK costs a
//! walk through the window. `IsLost` grows with the distance below the highest SACKed octet, hence one edge divides the window, and
//! moving the edge touches each record once.

use alloc::collections::VecDeque;

use super::ranges::{Range, Ranges};
use super::seq::Seq;
use crate::time::Instant;

#[cfg(test)]
mod tests;

/// Duplicate ACKs, or discontiguous SACKed ranges, that mean loss (RFC 6675 section 2, DupThresh).
pub(crate) const DUP_THRESH: u32 = 3;

/// SACKed ranges that one connection remembers. A block that would make one more is ignored, as if its ACK had been lost.
const MAX_RANGES: usize = 256;

const SACKED: u8 = 1;
/// Believed lost and not sent again since.
const LOST: u8 = 2;
/// Sent more than once.
const RETRANSMITTED: u8 = 4;

#[derive(Clone, Copy, Debug)]
struct Sent {
    range: Range,
    at: Instant,
    marks: u8,
}

/// What an ACK brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// Octets newly known to have arrived, each counted once.
    pub octets: u32,
    /// Of these, by SACK blocks.
    pub by_sack: u32,
    /// When the last sent of them left, if it was sent only once (Karn's algorithm).
    pub newest: Option<Instant>,
    /// Whether the ACK covered something that was sent more than once.
    pub retransmitted: bool,
}

/// The records of one connection.
#[derive(Debug, Default)]
pub(crate) struct Scoreboard {
    records: VecDeque<Sent>,
    ranges: Ranges,
    outstanding: u32,
    sacked: u32,
    lost: u32,
    /// Octets that duplicate ACKs without SACK say have left the network.
    duplicates: u32,
    /// Loss has been judged up to here.
    judged: Seq,
    /// Nothing before here is marked lost.
    lost_from: Seq,
}

impl Scoreboard {
    /// Sequence numbers in flight: sent and not cumulatively acknowledged (RFC 5681 FlightSize).
    #[inline]
    pub fn flight(&self) -> u32 {
        self.outstanding
    }

    /// Sequence numbers believed to be in the network (RFC 6675 `pipe`).
    #[inline]
    pub fn pipe(&self) -> u32 {
        self.outstanding.saturating_sub(self.sacked + self.lost).saturating_sub(self.duplicates)
    }

    /// Transmissions on record.
    pub fn records(&self) -> usize {
        self.records.len()
    }

    /// Whether something lost waits to be sent again.
    #[inline]
    pub fn has_lost(&self) -> bool {
        self.lost > 0
    }

    /// The end of the highest SACKed range.
    pub fn highest_sacked(&self) -> Option<Seq> {
        self.ranges.last().map(|range| range.end)
    }

    /// Records the first transmission of `range`, which continues the last one.
    #[inline]
    pub fn sent(&mut self, range: Range, now: Instant) {
        if self.records.is_empty() {
            self.judged = range.start;
            self.lost_from = range.start;
        }
        self.outstanding += range.len();
        self.records.push_back(Sent { range, at: now, marks: 0 });
    }

    /// The record that contains `seq`, or the one after it.
    fn find(&self, seq: Seq) -> usize {
        self.records.partition_point(|record| record.range.end.le(seq))
    }

    fn split(&mut self, index: usize, at: Seq) {
        if let Some(record) = self.records.get_mut(index)
            && record.range.start.lt(at)
            && at.lt(record.range.end)
        {
            let mut second = *record;
            record.range.end = at;
            second.range.start = at;
            self.records.insert(index + 1, second);
        }
    }

    /// Everything before `una` is acknowledged.
    #[inline]
    pub fn acknowledged(&mut self, una: Seq, delivered: &mut Delivered) {
        while let Some(record) = self.records.front_mut() {
            if record.range.start.ge(una) {
                break;
            }
            let part = Range { start: record.range.start, end: record.range.end.min(una) };
            let (marks, at, len) = (record.marks, record.at, part.len());
            if part.end == record.range.end {
                self.records.pop_front();
            } else {
                record.range.start = una;
            }
            self.outstanding -= len;
            if marks & LOST != 0 {
                self.lost -= len;
            }
            if marks & SACKED != 0 {
                self.sacked -= len;
                continue;
            }
            delivered.octets += len;
            if marks & RETRANSMITTED != 0 {
                delivered.retransmitted = true;
            } else {
                delivered.newest = Some(at);
            }
        }
        if !self.ranges.is_empty() {
            self.ranges.remove_before(una);
        }
        self.judged = self.judged.max(una);
        self.lost_from = self.lost_from.max(una);
        if delivered.retransmitted {
            delivered.newest = None;
        }
    }

    /// A SACK block says that `block`, which lies within what is in flight, has arrived. `max_records` bounds what blocks that cut
    /// records into pieces can make them.
    pub fn sack(&mut self, block: Range, max_records: usize, delivered: &mut Delivered) {
        if self.ranges.containing(block).is_some() || self.records.len() >= max_records {
            return;
        }
        let mut ranges = core::mem::take(&mut self.ranges);
        // TooMany: the block is ignored (see MAX_RANGES).
        let _ = ranges.insert(block, MAX_RANGES, |gap| self.mark_sacked(gap, delivered));
        self.ranges = ranges;
    }

    fn mark_sacked(&mut self, gap: Range, delivered: &mut Delivered) {
        let mut index = self.find(gap.start);
        while let Some(&record) = self.records.get(index) {
            if record.range.start.ge(gap.end) {
                break;
            }
            if record.range.start.lt(gap.start) {
                self.split(index, gap.start);
                index += 1;
                continue;
            }
            self.split(index, gap.end);
            let record = &mut self.records[index];
            let len = record.range.len();
            if record.marks & LOST != 0 {
                self.lost -= len;
            }
            record.marks = (record.marks & !LOST) | SACKED;
            self.sacked += len;
            delivered.octets += len;
            delivered.by_sack += len;
            if record.marks & RETRANSMITTED == 0 && delivered.newest.is_none_or(|newest| newest < record.at) {
                delivered.newest = Some(record.at);
            }
            index += 1;
        }
    }

    /// A duplicate ACK without SACK: one segment of `mss` octets has left the network.
    pub fn duplicate(&mut self, mss: u32) {
        self.duplicates = (self.duplicates + mss).min(self.outstanding.saturating_sub(self.lost));
    }

    /// `octets` of what duplicate ACKs had reported are now acknowledged, or all of it (`None`).
    pub fn forget_duplicates(&mut self, octets: Option<u32>) {
        self.duplicates = octets.map_or(0, |octets| self.duplicates.saturating_sub(octets));
    }

    /// Marks what SACK says is lost (RFC 6675 `IsLost`) and gives the number of octets newly marked.
    pub fn judge(&mut self, mss: u32) -> u32 {
        let mut above = 0u32;
        let mut edge = None;
        for (count, range) in (1..).zip(self.ranges.as_slice().iter().rev()) {
            above = above.saturating_add(range.len());
            if count >= DUP_THRESH || above > (DUP_THRESH - 1) * mss {
                edge = Some(range.start);
                break;
            }
        }
        match edge {
            Some(edge) if edge.gt(self.judged) => self.mark_lost_before(edge),
            _ => 0,
        }
    }

    fn mark_lost_before(&mut self, edge: Seq) -> u32 {
        let mut marked = 0;
        let mut index = self.find(self.judged);
        while let Some(record) = self.records.get_mut(index) {
            if record.range.start.ge(edge) {
                break;
            }
            if record.marks & (SACKED | LOST | RETRANSMITTED) == 0 {
                if self.lost == 0 && marked == 0 {
                    self.lost_from = record.range.start;
                }
                record.marks |= LOST;
                marked += record.range.len();
            }
            index += 1;
        }
        self.judged = edge;
        self.lost += marked;
        marked
    }

    /// Marks the first `octets` in flight as lost: three duplicate ACKs, or a partial ACK, say so. Gives the octets newly marked.
    pub fn mark_first_lost(&mut self, octets: u32) -> u32 {
        let Some(first) = self.records.front() else { return 0 };
        let (start, end) = (first.range.start, first.range.end.min(first.range.start + octets));
        self.split(0, end);
        let Some(first) = self.records.front_mut() else { return 0 };
        if first.marks & (SACKED | LOST) != 0 {
            return 0;
        }
        first.marks |= LOST;
        self.lost += end - start;
        self.lost_from = start;
        self.judged = self.judged.max(end);
        end - start
    }

    /// The timer expired: everything not SACKed counts as lost, also what was sent again. A receiver that SACKed the very first octet
    /// and yet did not acknowledge it has reneged: then nothing counts as SACKed (RFC 2018 section 8, RFC 6675 section 5.1).
    pub fn mark_all_lost(&mut self) {
        let Some(first) = self.records.front() else { return };
        let start = first.range.start;
        if first.marks & SACKED != 0 {
            self.ranges.clear();
            self.sacked = 0;
            for record in &mut self.records {
                record.marks &= !SACKED;
            }
        }
        for record in &mut self.records {
            if record.marks & SACKED == 0 {
                record.marks |= LOST;
            }
            self.judged = record.range.end;
        }
        self.lost = self.outstanding - self.sacked;
        self.duplicates = 0;
        self.lost_from = start;
    }

    /// What counted as lost and was not sent again counts as being in flight: it was a mistake.
    pub fn unmark_lost(&mut self) {
        for record in &mut self.records {
            record.marks &= !LOST;
        }
        self.lost = 0;
    }

    /// The first lost range that waits to be sent again.
    pub fn next_lost(&mut self) -> Option<Range> {
        if self.lost == 0 {
            return None;
        }
        let mut index = self.find(self.lost_from);
        while let Some(record) = self.records.get(index) {
            self.lost_from = record.range.start;
            if record.marks & LOST != 0 {
                return Some(record.range);
            }
            index += 1;
        }
        None
    }

    /// The first range below the highest SACKed octet that was sent once and is neither SACKed nor lost (RFC 6675 `NextSeg` rule 3).
    pub fn next_unsure(&self) -> Option<Range> {
        let highest = self.highest_sacked()?;
        let unsure = |record: &&Sent| record.marks & (SACKED | LOST | RETRANSMITTED) == 0;
        let found = self.records.range(self.find(self.judged)..).take(MAX_RANGES).find(unsure)?;
        found.range.start.lt(highest).then_some(found.range)
    }

    /// The last range, if it was sent once and is not SACKed (RFC 6675 `NextSeg` rule 4).
    pub fn last(&self) -> Option<Range> {
        let last = self.records.back()?;
        (last.marks & (SACKED | LOST | RETRANSMITTED) == 0).then_some(last.range)
    }

    /// Records that `range`, the beginning or the end of one record, was sent again.
    pub fn sent_again(&mut self, range: Range, now: Instant) {
        let mut index = self.find(range.start);
        if self.records.get(index).is_some_and(|record| record.range.start.lt(range.start)) {
            self.split(index, range.start);
            index += 1;
        }
        self.split(index, range.end);
        if let Some(record) = self.records.get_mut(index) {
            if record.marks & LOST != 0 {
                self.lost -= record.range.len();
                self.lost_from = record.range.end;
            }
            record.marks = (record.marks & !LOST) | RETRANSMITTED;
            record.at = now;
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
