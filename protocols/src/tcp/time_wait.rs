//! TIME-WAIT: of a connection that both sides have finished only its identity is kept, so that what is left of it in the network finds neither
//! nothing nor its successor (RFC 9293 section 3.6.1), and so that a peer that did not get the last ACK gets another.
//!
//! A row has no buffers, no timer and no congestion state. Rows lie in a list in the order in which their time ends, the oldest first; at the limit that
//! one goes. Whose time is over is no longer found, and its place is free from the next [`expire`](TimeWaits::expire) on.

use alloc::sync::Arc;
use alloc::vec::Vec;

use hashbrown::HashTable;

use super::directory::{Directory, Life};
use super::header::{Flags, Header};
use super::isn;
use super::lookup::Key;
use super::seq::Seq;
use crate::time::{Duration, Instant};

#[cfg(test)]
mod tests;

const NONE: u32 = u32::MAX;

/// Rows for which there is memory at a time.
const GROWTH: usize = 1024;

/// What the hash of the table is for, among the uses of the key.
const PURPOSE: u32 = 4;

/// Between two answers to segments that ought to be answered, but prove nothing, ms: never an endless exchange of ACKs.
const CHALLENGE_INTERVAL: u32 = 500;

/// What is remembered of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remains {
    pub key: Key,
    /// The next sequence number that we would send, and expect.
    pub snd_nxt: Seq,
    pub rcv_nxt: Seq,
    /// The peer's last timestamp (TS.Recent), if timestamps were agreed on.
    pub ts_recent: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    remains: Remains,
    /// When it last answered without proof, ms; wraps.
    answered: u32,
    ends: Instant,
    older: u32,
    newer: u32,
}

/// What to do about a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may begin a new incarnation, whose sequence numbers have to lie beyond this one; then the row has to go.
    Reopen(Seq),
    /// Acknowledge once more.
    Acknowledge,
    /// It counts as this, and is acknowledged unless there was an answer a moment ago.
    Challenge(Odd),
    /// It counts as this, and nothing follows.
    Drop(Odd),
    /// It says nothing new.
    Ignore,
}

/// What is wrong with a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Odd {
    /// It lies outside the window, which is empty.
    Window,
    /// Its timestamp is older than the last one.
    Old,
    /// It has no timestamp.
    NoTimestamp,
    /// A SYN of the same incarnation or an older one.
    Syn,
    /// A reset: it must not end TIME-WAIT (RFC 1337 section 3 F1).
    Reset,
}

/// The rows of one engine.
pub(crate) struct TimeWaits {
    rows: Vec<Row>,
    table: HashTable<u32>,
    secret: [u8; 16],
    limit: usize,
    /// The first of the free rows, which are linked by `newer`.
    free: u32,
    oldest: u32,
    newest: u32,
    /// Where other processors look.
    directory: Option<Arc<Directory>>,
}

impl TimeWaits {
    /// Room for `limit` rows; memory for them comes as they do.
    pub fn new(secret: [u8; 16], limit: usize) -> Self {
        let (rows, table) = (Vec::new(), HashTable::new());
        Self { rows, table, secret, limit, free: NONE, oldest: NONE, newest: NONE, directory: None }
    }

    /// From now on its rows are in this directory too.
    pub fn publish(&mut self, directory: Arc<Directory>) {
        self.table.iter().for_each(|&index| directory.insert(self.rows[index as usize].remains.key, Life::Identity));
        self.directory = Some(directory);
    }

    /// How many there are, those included whose time is over and which were not yet taken away.
    #[inline]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Remembers a connection until `ends`, which is no earlier than that of any other. Whether the oldest had to make room.
    pub fn insert(&mut self, remains: Remains, ends: Instant) -> bool {
        if let Some(index) = self.position(&remains.key) {
            self.remove(index);
        }
        let full = self.len() >= self.limit;
        if full {
            self.remove(self.oldest);
        }
        let row = Row { remains, answered: 0, ends, older: NONE, newer: NONE };
        if let Some(directory) = &self.directory {
            directory.insert(remains.key, Life::Identity);
        }
        let index = match self.rows.get(self.free as usize) {
            Some(free) => {
                let index = self.free;
                self.free = free.newer;
                self.rows[index as usize] = row;
                index
            }
            None => {
                if self.rows.len() == self.rows.capacity() {
                    // Not twice as many, which would stay empty.
                    self.rows.reserve_exact(GROWTH);
                }
                self.rows.push(row);
                (self.rows.len() - 1) as u32
            }
        };
        self.append(index);
        let (secret, rows) = (&self.secret, &self.rows);
        let hash = |index: &u32| isn::hash(secret, &rows[*index as usize].remains.key, PURPOSE);
        self.table.insert_unique(hash(&index), index, hash);
        full
    }

    fn position(&self, key: &Key) -> Option<u32> {
        let hash = isn::hash(&self.secret, key, PURPOSE);
        self.table.find(hash, |&index| self.rows[index as usize].remains.key == *key).copied()
    }

    /// The row of the connection with `key`, if its time is not over.
    #[inline]
    pub fn find(&self, key: &Key, now: Instant) -> Option<u32> {
        if self.table.is_empty() {
            return None;
        }
        self.position(key).filter(|&index| self.rows[index as usize].ends > now)
    }

    /// What a row that [`find`](Self::find) gave holds.
    pub fn remains(&self, index: u32) -> Option<&Remains> {
        self.rows.get(index as usize).map(|row| &row.remains)
    }

    /// Judges a segment with `payload` octets for the row at `index`, which [`find`](Self::find) gave. TIME-WAIT lasts for `time`, and begins
    /// anew with the peer's FIN.
    pub fn judge(&mut self, index: u32, header: &Header, payload: usize, now: Instant, time: Duration) -> Verdict {
        let Some(row) = self.rows.get_mut(index as usize) else { return Verdict::Ignore };
        let verdict = row.remains.judge(header, payload);
        match verdict {
            Verdict::Acknowledge => {
                let end = Seq(header.sequence) + header.sequence_len(payload);
                if header.flags.contains(Flags::FIN) && end == row.remains.rcv_nxt {
                    row.ends = now + time;
                    self.unlink(index);
                    self.append(index);
                }
            }
            Verdict::Challenge(odd) => {
                let millis = (now.total_micros() / 1000) as u32;
                if millis.wrapping_sub(row.answered) < CHALLENGE_INTERVAL {
                    return Verdict::Drop(odd);
                }
                row.answered = millis;
            }
            Verdict::Reopen(_) | Verdict::Drop(_) | Verdict::Ignore => {}
        }
        verdict
    }

    /// Takes away at most `most` rows whose time is over.
    pub fn expire(&mut self, now: Instant, most: usize) {
        for _ in 0..most {
            match self.rows.get(self.oldest as usize) {
                Some(row) if row.ends <= now => self.remove(self.oldest),
                _ => return,
            }
        }
    }

    /// Forgets a row.
    pub fn remove(&mut self, index: u32) {
        let Some(row) = self.rows.get(index as usize) else { return };
        let hash = isn::hash(&self.secret, &row.remains.key, PURPOSE);
        if let Ok(entry) = self.table.find_entry(hash, |&other| other == index) {
            entry.remove();
            if let Some(directory) = &self.directory {
                directory.remove(&row.remains.key, Life::Identity);
            }
            self.unlink(index);
            self.rows[index as usize].newer = self.free;
            self.free = index;
        }
    }

    fn append(&mut self, index: u32) {
        let row = &mut self.rows[index as usize];
        (row.older, row.newer) = (self.newest, NONE);
        match self.rows.get_mut(self.newest as usize) {
            Some(before) => before.newer = index,
            None => self.oldest = index,
        }
        self.newest = index;
    }

    fn unlink(&mut self, index: u32) {
        let Row { older, newer, .. } = self.rows[index as usize];
        match self.rows.get_mut(older as usize) {
            Some(row) => row.newer = newer,
            None => self.oldest = newer,
        }
        match self.rows.get_mut(newer as usize) {
            Some(row) => row.older = older,
            None => self.newest = older,
        }
    }
}

impl Remains {
    /// RFC 9293 sections 3.6.1 and 3.10.7.4, RFC 6191 section 2, RFC 1337.
    fn judge(&mut self, header: &Header, payload: usize) -> Verdict {
        let (flags, seq) = (header.flags, Seq(header.sequence));
        if flags.contains(Flags::RST) {
            return Verdict::Drop(Odd::Reset);
        }
        let value = header.options.timestamps.map(|timestamps| timestamps.value);
        // How much newer the segment's timestamp is, where both have one.
        let newer = value.zip(self.ts_recent).map(|(value, recent)| value.wrapping_sub(recent) as i32);
        if flags.contains(Flags::SYN) {
            let opens = !flags.contains(Flags::ACK)
                && newer.is_none_or(|newer| newer >= 0)
                && (newer.is_some_and(|newer| newer > 0) || seq.gt(self.rcv_nxt));
            return if opens { Verdict::Reopen(self.snd_nxt) } else { Verdict::Challenge(Odd::Syn) };
        }
        if let Some(recent) = &mut self.ts_recent {
            let Some(value) = value else { return Verdict::Drop(Odd::NoTimestamp) };
            if newer.is_some_and(|newer| newer < 0) {
                return Verdict::Challenge(Odd::Old);
            }
            if seq.le(self.rcv_nxt) {
                *recent = value;
            }
        }
        if header.sequence_len(payload) > 0 {
            // Whatever it is, it came before; nothing comes after a FIN.
            Verdict::Acknowledge
        } else if seq == self.rcv_nxt {
            Verdict::Ignore
        } else {
            Verdict::Challenge(Odd::Window)
        }
    }
}
