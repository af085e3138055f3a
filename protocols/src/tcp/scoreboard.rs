//! The sender's record of what is in flight (RFC 6675 section 4, RFC 8985 section 5).
//!
//! One record per burst of transmissions, in order of sequence numbers and without gaps, with the time it was sent. What then happens to
//! a part of it makes that part a record of its own: SACK blocks, loss and retransmission are marks on records; the sums that decide what may be sent are kept up to date by each mark, so that no ACK costs a
//! walk through the window. First transmissions lie in the order of their times, and retransmissions are listed apart in theirs: the
//! search for loss goes along both and looks at each transmission once.

mod losses;

use alloc::collections::VecDeque;

use super::rack::Transmission;
use super::ranges::{Range, Ranges};
use super::rate::Snapshot;
use super::seq::Seq;
use crate::time::Instant;

#[cfg(test)]
mod tests;

/// Duplicate ACKs, or discontiguous SACKed ranges, that mean loss where nothing is reordered (RFC 6675 section 2, DupThresh).
pub(crate) const DUP_THRESH: u32 = 3;

/// SACKed ranges that one connection remembers. A block that would make one more is ignored, as if its ACK had been lost.
const MAX_RANGES: usize = 1024;

/// Retransmissions whose loss is looked for. Of one more, the oldest is left to the retransmission timer.
const MAX_AGAIN: usize = 4096;

/// Octets of one record at most: what a card takes at once.
const MAX_BURST: u32 = 1 << 16;

const SACKED: u8 = 1;
/// Believed lost and not sent again since.
const LOST: u8 = 2;
/// Sent more than once.
const RETRANSMITTED: u8 = 4;

#[derive(Clone, Copy, Debug)]
struct Sent {
    range: Range,
    at: Instant,
    snapshot: Snapshot,
    marks: u8,
}

/// A retransmission on its way.
#[derive(Clone, Copy, Debug)]
struct Again {
    range: Range,
    at: Instant,
}

/// What an ACK brought.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delivered {
    /// Octets newly known to have arrived, each counted once.
    pub octets: u32,
    /// Of these, by SACK blocks.
    pub by_sack: u32,
    /// When the last sent of them left, if it was sent only once (Karn's algorithm).
    pub newest: Option<Instant>,
    /// Whether the ACK covered something that was sent more than once.
    pub retransmitted: bool,
    /// Of everything that arrived, the transmission that left last, and what it noted.
    pub last: Option<(Transmission, Snapshot)>,
    /// The same, without retransmissions that may be confused with their originals (RFC 8985 section 6.2 step 2).
    pub certain: Option<Transmission>,
    /// Something sent once arrived after what was sent later (RFC 8985 section 6.2 step 3).
    pub reordered: bool,
    pub judge: Judge,
}

/// What tells a retransmission from its original, and what arrives late from what does not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judge {
    pub now: Instant,
    /// The smallest round-trip time, µs: no retransmission is acknowledged sooner.
    pub min_rtt: u32,
    /// The timestamp that the ACK echoes, in milliseconds on our clock.
    pub echo: Option<u32>,
    /// The highest sequence number that had arrived before (RACK.fack).
    pub highest: Seq,
}

impl Delivered {
    pub fn new(judge: Judge) -> Self {
        Self { judge, ..Self::default() }
    }

    /// `record`, up to `end`, has arrived.
    #[inline]
    fn take(&mut self, record: &Sent, end: Seq) {
        let this = Transmission { at: record.at, end };
        let newer = |than: Option<Transmission>| than.is_none_or(|than| this.is_after(than.at, than.end));
        if newer(self.last.map(|(last, _)| last)) {
            self.last = Some((this, record.snapshot));
        }
        let again = record.marks & RETRANSMITTED != 0;
        if newer(self.certain) && !(again && self.judge.is_ambiguous(record.at)) {
            self.certain = Some(this);
        }
        self.reordered |= !again && end.lt(self.judge.highest);
        self.retransmitted |= again;
    }
}

impl Default for Judge {
    fn default() -> Self {
        Self { now: Instant::ZERO, min_rtt: 0, echo: None, highest: Seq(0) }
    }
}

impl Judge {
    /// Whether the ACK may be for the original of what was sent again at `at`.
    fn is_ambiguous(&self, at: Instant) -> bool {
        let millis = (at.total_micros() as u64 / 1000) as u32;
        let older = self.echo.is_some_and(|echo| (echo.wrapping_sub(millis) as i32) < 0);
        older || self.now.total_micros() - at.total_micros() < i64::from(self.min_rtt)
    }
}

/// The records of one connection.
#[derive(Debug, Default)]
pub(crate) struct Scoreboard {
    records: VecDeque<Sent>,
    /// Retransmissions in the order of their times; some are out of date.
    again: VecDeque<Again>,
    ranges: Ranges,
    outstanding: u32,
    sacked: u32,
    lost: u32,
    /// Octets marked lost since the connection began; wraps.
    lost_ever: u32,
    /// Octets that duplicate ACKs without SACK say have left the network.
    duplicates: u32,
    /// Loss of first transmissions has been judged up to here.
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

    /// The highest sequence number SACKed.
    #[inline]
    pub fn highest(&self) -> Option<Seq> {
        self.ranges.last().map(|range| range.end)
    }

    /// Octets SACKed.
    #[inline]
    pub fn sacked(&self) -> u32 {
        self.sacked
    }

    /// Whether as many segments of `mss` octets are SACKed as prove loss when nothing is reordered (RFC 8985 section 6.2 step 4).
    #[inline]
    pub fn many_sacked(&self, mss: u32) -> bool {
        self.sacked > (DUP_THRESH - 1) * mss || self.ranges.as_slice().len() >= DUP_THRESH as usize
    }

    /// Octets marked lost since the connection began; wraps.
    #[inline]
    pub fn lost_ever(&self) -> u32 {
        self.lost_ever
    }

    /// Records the first transmission of `range`, which continues the last one.
    #[inline]
    pub fn sent(&mut self, range: Range, now: Instant, snapshot: Snapshot) {
        if self.records.is_empty() {
            self.judged = range.start;
            self.lost_from = range.start;
        }
        self.outstanding += range.len();
        if let Some(last) = self.records.back_mut()
            && last.at == now
            && last.marks == 0
            && last.snapshot.is_of_burst(&snapshot)
            && last.range.len() + range.len() <= MAX_BURST
        {
            last.range.end = range.end;
            last.snapshot.in_flight = snapshot.in_flight;
            return;
        }
        self.records.push_back(Sent { range, at: now, snapshot, marks: 0 });
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
            let (whole, marks, at, len) = (*record, record.marks, record.at, part.len());
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
            delivered.take(&whole, part.end);
            if marks & RETRANSMITTED == 0 {
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
        if self.records.is_empty() {
            self.again.clear();
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
            delivered.take(record, record.range.end);
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

    /// The last range in flight, unless it is SACKed.
    pub fn last(&self) -> Option<Range> {
        let last = self.records.back()?;
        (last.marks & SACKED == 0).then_some(last.range)
    }

    /// Records that `range`, the beginning or the end of one record, was sent again.
    pub fn sent_again(&mut self, range: Range, now: Instant, snapshot: Snapshot) {
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
            record.snapshot = snapshot;
            if self.again.len() >= MAX_AGAIN {
                self.again.pop_front();
            }
            self.again.push_back(Again { range: record.range, at: now });
        }
    }

    /// Gives memory back, if nothing is in flight.
    pub fn give_back(&mut self) {
        if self.records.is_empty() {
            self.records = VecDeque::new();
            self.again = VecDeque::new();
            self.ranges = Ranges::default();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
