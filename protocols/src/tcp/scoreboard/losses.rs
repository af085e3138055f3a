//! Which records are lost, and which are no longer.

use super::{LOST, RETRANSMITTED, SACKED, Scoreboard, Sent};
use crate::tcp::rack::Transmission;
use crate::tcp::seq::Seq;
use crate::time::Instant;

/// What the search for loss found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Search {
    /// Octets newly marked lost.
    pub lost: u32,
    /// Something sent before the newest arrival may still be under way: search again when its time is over.
    pub waiting: bool,
}

impl Scoreboard {
    /// Marks as lost what was sent before `newest`, which has arrived, and more than `patience` µs before `now` (RFC 8985 section 6.2
    /// step 5).
    #[inline]
    pub fn search(&mut self, newest: &Transmission, patience: i64, now: Instant) -> Search {
        let overtaken = |first: &Sent| newest.is_after(first.at, first.range.end);
        if self.sacked == 0 && self.again.is_empty() && !self.records.front().is_some_and(overtaken) {
            // Everything in flight was sent once, after all that has arrived.
            return Search::default();
        }
        let before = self.lost_ever;
        let expired = |at: Instant| now.total_micros() - at.total_micros() >= patience;
        let waiting = self.search_first(newest, expired) | self.search_again(newest, expired);
        Search { lost: self.lost_ever.wrapping_sub(before), waiting }
    }

    /// First transmissions. Whether one may still arrive.
    fn search_first(&mut self, newest: &Transmission, expired: impl Fn(Instant) -> bool) -> bool {
        let mut index = self.find(self.judged);
        while let Some(&Sent { range, at, marks, .. }) = self.records.get(index) {
            if marks & (SACKED | LOST | RETRANSMITTED) == 0 {
                if !newest.is_after(at, range.end) {
                    return false;
                }
                if !expired(at) {
                    return true;
                }
                self.mark_lost(index);
            }
            self.judged = range.end;
            index += 1;
        }
        false
    }

    /// Retransmissions. Whether one may still arrive.
    fn search_again(&mut self, newest: &Transmission, expired: impl Fn(Instant) -> bool) -> bool {
        while let Some(&again) = self.again.front() {
            if !newest.is_after(again.at, again.range.end) {
                return false;
            }
            // Parts of it may have arrived, or have been sent once more.
            let lies_in = |sent: &Sent| sent.range.start.lt(again.range.end);
            let mut index = self.find(again.range.start);
            while let Some(sent) = self.records.get(index).filter(|sent| lies_in(sent)) {
                if sent.at == again.at && sent.marks & (SACKED | LOST) == 0 {
                    if !expired(sent.at) {
                        return true;
                    }
                    self.mark_lost(index);
                }
                index += 1;
            }
            self.again.pop_front();
        }
        false
    }

    fn mark_lost(&mut self, index: usize) -> u32 {
        let Some(record) = self.records.get_mut(index).filter(|record| record.marks & (SACKED | LOST) == 0) else {
            return 0;
        };
        record.marks |= LOST;
        let (start, len) = (record.range.start, record.range.len());
        self.lost_from = if self.lost == 0 { start } else { self.lost_from.min(start) };
        self.lost += len;
        self.lost_ever = self.lost_ever.wrapping_add(len);
        len
    }

    /// Marks the first `octets` in flight as lost: three duplicate ACKs, or a partial ACK, say so. Gives the octets newly marked.
    pub fn mark_first_lost(&mut self, octets: u32) -> u32 {
        let Some(first) = self.records.front() else { return 0 };
        let end = first.range.end.min(first.range.start + octets);
        self.split(0, end);
        let marked = self.mark_lost(0);
        if marked > 0 {
            self.judged = self.judged.max(end);
        }
        marked
    }

    /// The retransmission timer expired. The first segment, of `mss` octets, counts as lost, and everything sent more than `patience` µs
    /// before `now` (RFC 8985 section 6.3); without a patience, everything not SACKed.
    ///
    /// A receiver that SACKed the very first octet and yet did not acknowledge it has reneged: then nothing counts as SACKed (RFC 2018
    /// section 8, RFC 6675 section 5.1).
    pub fn mark_lost_by_timeout(&mut self, mss: u32, patience: Option<i64>, now: Instant) {
        let Some(first) = self.records.front() else { return };
        let start = first.range.start;
        if first.marks & SACKED != 0 {
            self.ranges.clear();
            self.sacked = 0;
            for record in &mut self.records {
                record.marks &= !SACKED;
            }
        }
        self.mark_first_lost(mss);
        for index in 0..self.records.len() {
            let at = self.records[index].at;
            if patience.is_none_or(|patience| now.total_micros() - at.total_micros() >= patience) {
                self.mark_lost(index);
            }
        }
        self.judged = start;
        self.duplicates = 0;
    }

    /// What counted as lost and was not sent again counts as being in flight: it was a mistake.
    pub fn unmark_lost(&mut self) {
        for record in &mut self.records {
            record.marks &= !LOST;
        }
        self.lost = 0;
        self.judged = self.records.front().map_or(Seq(0), |first| first.range.start);
    }
}
