//! Connection tracking: which frames belong to something that has been accepted before.
//!
//! Accepting "what is established" needs no trust in the sender's flags: a connection is what two ends have both sent something
//! for. The states are those of nftables' `ct state`.
//!
//! A connection that is older than the rules which ask is picked up in its middle, as Linux does too, but not on the segment's word: only
//! if the stack says that it has such a connection ([`Tracker::state_or_pick_up`]). It knows those of TCP, also in TIME-WAIT; of UDP and
//! ICMP the first frame that is seen is new. A SYN belongs to no connection that both ends have confirmed, but to its successor, and is new.
//!
//! # Limits
//! At most [`Tracker::LIMIT`] connections are remembered. At that limit the one that was idle for longest makes room; those that have
//! not been confirmed (a SYN without the ACK after its answer, a datagram without answer) go before the others, so a flood
//! of new ones cannot push out what is established.

mod flow;
mod lists;

#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::hash::Hasher;

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use super::Tracking;
pub use flow::{Flow, Tuple};
use lists::{Links, List, NOBODY};

/// Microseconds of a second.
const SECOND: u64 = 1_000_000;

/// The connections of one processor's network card.
#[derive(Debug)]
pub struct Tracker {
    index: HashTable<u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Unconfirmed and confirmed connections, each list by the time of its last frame.
    lists: [List; 2],
    secret: [u8; 16],
    limit: usize,
    counts: Counts,
}

/// What a tracker counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections noted.
    pub noted: u64,
    /// Connections that were forgotten because there was no room for a new one.
    pub evicted: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    tuple: Tuple,
    links: Links,
    /// When it is forgotten, in microseconds.
    expires: u64,
    /// Who began: whether the first frame went from the tuple's lower end to its upper one.
    upwards: bool,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Only one end has sent.
    Begun,
    /// The other end has answered.
    Answered,
    /// And the first has sent again, so it exists and has heard.
    Confirmed,
    /// A TCP connection that ends (FIN or RST).
    Ending,
}

impl Stage {
    fn list(self) -> usize {
        usize::from(matches!(self, Self::Confirmed))
    }
}

impl Tracker {
    /// Connections that are remembered at most.
    pub const LIMIT: usize = 16_384;

    /// A tracker that knows of nothing. The secret keeps strangers from choosing tuples that collide.
    pub fn new(secret: [u8; 16]) -> Self {
        Self::with_limit(secret, Self::LIMIT)
    }

    fn with_limit(secret: [u8; 16], limit: usize) -> Self {
        let lists = [List::EMPTY, List::EMPTY];
        Self {
            index: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            lists,
            secret,
            limit,
            counts: Counts::default(),
        }
    }

    /// The number of connections that are remembered; some of them may be over.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether no connection is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was counted.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What is known of a frame. `now` in microseconds. Changes nothing.
    pub fn state(&self, flow: &Flow, now: u64) -> Tracking {
        match *flow {
            Flow::Between { tuple, upwards, begins, opens, .. } => {
                match self.find(&tuple).filter(|slot| slot.expires > now) {
                    Some(slot) if opens && matches!(slot.stage, Stage::Confirmed | Stage::Ending) => Tracking::New,
                    Some(slot) if slot.upwards != upwards || slot.stage != Stage::Begun => Tracking::Established,
                    Some(_) => Tracking::New,
                    None if begins => Tracking::New,
                    None => Tracking::Invalid,
                }
            }
            Flow::About(tuple) => match self.find(&tuple).filter(|slot| slot.expires > now) {
                Some(_) => Tracking::Related,
                None => Tracking::Invalid,
            },
            Flow::Untracked => Tracking::New,
        }
    }

    /// The same, and a connection that is older than the rules is picked up: `exists` says whether there is the one that the frame belongs to or is
    /// about, and is asked if that is not known.
    pub fn state_or_pick_up(&mut self, flow: &Flow, now: u64, exists: impl FnOnce() -> bool) -> Tracking {
        let state = self.state(flow, now);
        let (tuple, upwards) = match *flow {
            Flow::Between { tuple, upwards, .. } => (tuple, upwards),
            Flow::About(tuple) => (tuple, true),
            Flow::Untracked => return state,
        };
        if matches!(state, Tracking::Established | Tracking::Related) || !exists() {
            return state;
        }
        if let Some(at) = self.position(&tuple) {
            self.forget(at);
        }
        self.enter(tuple, upwards, Stage::Confirmed, now);
        self.state(flow, now)
    }

    /// Notes a frame that was accepted, or that goes out. `now` in microseconds.
    pub fn note(&mut self, flow: &Flow, now: u64) {
        let Flow::Between { tuple, upwards, opens, ends, .. } = *flow else { return };
        let Some(at) = self.position(&tuple) else { return self.begin(flow, now) };
        let Some(&slot) = self.slots.get(at as usize) else { return };
        if slot.expires <= now || (opens && slot.stage == Stage::Ending) {
            self.forget(at);
            return self.begin(flow, now);
        }
        let stage = match slot.stage {
            _ if ends => Stage::Ending,
            Stage::Begun if slot.upwards != upwards => Stage::Answered,
            Stage::Answered if slot.upwards == upwards => Stage::Confirmed,
            stage => stage,
        };
        self.lists[slot.stage.list()].remove(&mut self.slots, at);
        self.slots[at as usize].stage = stage;
        self.slots[at as usize].expires = now.saturating_add(lifetime(&tuple, stage));
        self.lists[stage.list()].append(&mut self.slots, at);
    }

    fn begin(&mut self, flow: &Flow, now: u64) {
        let Flow::Between { tuple, upwards, begins, .. } = *flow else { return };
        if begins {
            self.enter(tuple, upwards, Stage::Begun, now);
        }
    }

    /// Enters what is not there.
    fn enter(&mut self, tuple: Tuple, upwards: bool, stage: Stage, now: u64) {
        if !self.make_room() {
            return;
        }
        let expires = now.saturating_add(lifetime(&tuple, stage));
        let slot = Slot { tuple, links: Links::default(), expires, upwards, stage };
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                self.slots.len() as u32 - 1
            }
        };
        let (secret, slots) = (self.secret, &self.slots);
        let rehash = |at: &u32| slots.get(*at as usize).map_or(0, |slot| hash(&secret, &slot.tuple));
        self.index.insert_unique(hash(&secret, &tuple), at, rehash);
        self.lists[stage.list()].append(&mut self.slots, at);
        self.counts.noted += 1;
    }

    /// Whether there is room for one more.
    fn make_room(&mut self) -> bool {
        if self.index.len() < self.limit {
            return true;
        }
        let oldest = self.lists.iter().map(|list| list.first).find(|first| *first != NOBODY);
        let Some(oldest) = oldest else { return false };
        self.counts.evicted += 1;
        self.forget(oldest);
        true
    }

    fn forget(&mut self, at: u32) {
        let Some(&slot) = self.slots.get(at as usize) else { return };
        self.lists[slot.stage.list()].remove(&mut self.slots, at);
        if let Ok(entry) = self.index.find_entry(hash(&self.secret, &slot.tuple), |other| *other == at) {
            entry.remove();
            self.free.push(at);
        }
    }

    fn position(&self, tuple: &Tuple) -> Option<u32> {
        let same = |at: &u32| self.slots.get(*at as usize).is_some_and(|slot| slot.tuple == *tuple);
        self.index.find(hash(&self.secret, tuple), same).copied()
    }

    fn find(&self, tuple: &Tuple) -> Option<&Slot> {
        self.slots.get(self.position(tuple)? as usize)
    }
}

fn hash(secret: &[u8; 16], tuple: &Tuple) -> u64 {
    let mut hasher = SipHasher13::new_with_key(secret);
    hasher.write_u128(tuple.low.0);
    hasher.write_u128(tuple.high.0);
    hasher.write_u64(u64::from(tuple.low.1) << 32 | u64::from(tuple.high.1) << 8 | u64::from(tuple.protocol));
    hasher.finish()
}

/// How long a connection is remembered after a frame of it, in microseconds: for TCP after RFC 5382 section 5 (two hours and four
/// minutes; four minutes while it begins or ends), for UDP after RFC 4787 section 4.3, for ICMP after RFC 5508 section 3.2.
fn lifetime(tuple: &Tuple, stage: Stage) -> u64 {
    let seconds = match (tuple.protocol, stage) {
        (6, Stage::Confirmed) => 7_440,
        (6, _) => 240,
        (1 | 58, _) => 60,
        (_, Stage::Confirmed) => 300,
        _ => 120,
    };
    seconds * SECOND
}
