//! Classes by turns on the way out: deficit round robin (M. Shreedhar and G. Varghese, "Efficient Fair Queuing Using Deficit Round Robin",
//! IEEE/ACM Transactions on Networking 4(3), 1996).
//!
//! A class waits from the moment in which something of it could not go: the card was full, the rate was used up, or another class was waiting
//! already. While no class waits, everything goes at once and nothing is counted. The classes that wait stand in a ring; the first one may
//! send until it has used up what it was given, its weight times [`QUANTUM`], and then stands last. Octets are those of IP packets, so a frame that the
//! card will cut counts as what it is.
//!
//! The paper keeps packets in queues and looks at the length of the first. Here connections keep their octets until their class has its turn, and what they
//! will send is not known before; so a turn goes on while there is credit, and what was overdrawn is missing in the next one (as in Linux's `fq_codel`).

#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::TxMeta;
use crate::classification::{CLASSES, Sharing, Waiting};
use crate::handover::UnderWay;

/// Octets of a turn for each unit of weight: the longest packet of Ethernet's usual MTU.
pub(super) const QUANTUM: i64 = 1_500;
/// Octets that may wait in the queue of a class: two of the longest packets.
pub(super) const QUEUE: usize = 128 << 10;
/// Octets that one activity sends by turns; what is left is sent by the next.
const ACTIVITY: i64 = 1 << 20;

/// A frame that waits.
pub(super) struct Queued {
    pub frame: Vec<u8>,
    pub meta: TxMeta,
    /// Octets of its IP packet.
    pub octets: usize,
    /// If another processor sends it.
    pub under_way: Option<UnderWay>,
}

/// Why nothing goes at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    /// The card has no room.
    Link,
    /// The rate is used up until then, in nanoseconds.
    Until(u64),
}

#[derive(Default)]
struct Class {
    /// Whether it stands in the ring.
    waits: bool,
    /// What it may still send in its turn; below 0, what it has overdrawn.
    deficit: i64,
    queue: VecDeque<Queued>,
    /// In this turn connections go before what is in the queue.
    connections_first: bool,
    /// Octets in `queue`.
    octets: usize,
    counts: Waiting,
}

/// The classes of one processor.
#[derive(Default)]
pub(super) struct Scheduler {
    /// How they share; nothing when only what still waits is to be sent.
    pub sharing: Option<Arc<Sharing>>,
    classes: [Class; CLASSES],
    /// Classes that wait, in the order of their turns.
    ring: VecDeque<u8>,
    /// The first of the ring has been given its quantum.
    begun: bool,
    /// The first of the ring may send at this moment.
    serving: bool,
    blocked: Option<Blocked>,
    /// What this activity may still send by turns.
    left: i64,
}

impl Scheduler {
    /// An activity begins, or goes on to send: the card may have room again.
    pub fn begin(&mut self) {
        self.blocked = None;
        self.left = ACTIVITY;
    }

    /// Whether frames have to be shown at all.
    pub fn is_on(&self) -> bool {
        self.sharing.is_some() || !self.ring.is_empty()
    }

    /// Whether something waits.
    pub fn is_waiting(&self) -> bool {
        !self.ring.is_empty()
    }

    /// Why nothing goes, if so.
    pub fn blocked(&self) -> Option<Blocked> {
        self.blocked
    }

    /// Whether a frame of this class may go now, as far as the other classes are concerned.
    pub fn may_send(&self, class: u8) -> bool {
        if self.blocked.is_some() {
            return false;
        }
        match self.ring.front() {
            None => true,
            Some(first) => self.serving && *first == class && self.classes[usize::from(class)].deficit > 0,
        }
    }

    /// Whether the rate lets a packet go now; if not, nothing goes until it does. `now` in nanoseconds.
    pub fn is_within_rate(&mut self, octets: usize, now: u64) -> bool {
        let ready_at = self.sharing.as_ref().map_or(0, |sharing| sharing.ready_at(octets, now));
        if ready_at > now {
            self.blocked = Some(Blocked::Until(ready_at));
        }
        ready_at <= now
    }

    /// The card had no room.
    pub fn link_is_full(&mut self) {
        self.blocked = Some(Blocked::Link);
    }

    /// A packet of this class has gone.
    pub fn sent(&mut self, class: u8, octets: usize, now: u64) {
        if let Some(sharing) = &self.sharing {
            sharing.charge(octets, now);
        }
        let class = &mut self.classes[usize::from(class)];
        if class.waits {
            class.deficit -= octets as i64;
            self.left -= octets as i64;
        }
    }

    /// Something of this class could not go: it waits for its turn.
    pub fn wait(&mut self, class: u8) {
        let place = &mut self.classes[usize::from(class)];
        if !place.waits {
            place.waits = true;
            place.counts.backlogs += 1;
            self.ring.push_back(class);
        }
    }

    /// Queues a frame, of `len` octets, of a class that waits; whether there was room, of [`QUEUE`] octets.
    pub fn push(&mut self, class: u8, len: usize, queued: impl FnOnce() -> Queued) -> bool {
        if self.classes[usize::from(class)].octets + len > QUEUE {
            return false;
        }
        self.push_another(class, len, queued);
        true
    }

    /// Queues a frame of another processor, which has no more under way than it may.
    pub fn push_another(&mut self, class: u8, len: usize, queued: impl FnOnce() -> Queued) {
        let class = &mut self.classes[usize::from(class)];
        class.octets += len;
        class.queue.push_back(queued());
    }

    /// Whether in this turn of the class connections go before what is in its queue: by turns, for either may never end.
    pub fn are_connections_first(&mut self, class: u8) -> bool {
        let first = &mut self.classes[usize::from(class)].connections_first;
        *first = !*first;
        *first
    }

    /// Whether frames of this class wait in its queue.
    pub fn has_queued(&self, class: u8) -> bool {
        !self.classes[usize::from(class)].queue.is_empty()
    }

    /// A frame of this class found no room, and is lost.
    pub fn dropped(&mut self, class: u8) {
        self.classes[usize::from(class)].counts.dropped += 1;
    }

    /// The oldest frame in the queue of a class, taken out.
    pub fn pop(&mut self, class: u8) -> Option<Queued> {
        let class = &mut self.classes[usize::from(class)];
        let queued = class.queue.pop_front()?;
        class.octets -= queued.frame.len();
        Some(queued)
    }

    /// Puts a frame back that could not go after all.
    pub fn push_front(&mut self, class: u8, queued: Queued) {
        let class = &mut self.classes[usize::from(class)];
        class.octets += queued.frame.len();
        class.queue.push_front(queued);
    }

    /// The class whose turn it is; `None` if none waits, or nothing can go. [`end_turn`](Self::end_turn) follows.
    pub fn next_turn(&mut self) -> Option<u8> {
        if self.blocked.is_some() || self.left <= 0 {
            return None;
        }
        loop {
            let class = *self.ring.front()?;
            if !self.begun {
                self.begun = true;
                let weight = self.sharing.as_ref().map_or(1, |sharing| sharing.shares.weights[usize::from(class)]);
                self.classes[usize::from(class)].deficit += QUANTUM * i64::from(weight);
            }
            if self.classes[usize::from(class)].deficit > 0 {
                self.serving = true;
                return Some(class);
            }
            self.rotate();
        }
    }

    /// The class has sent what it could. `more`: it would send more.
    pub fn end_turn(&mut self, more: bool) {
        self.serving = false;
        let Some(&first) = self.ring.front() else { return };
        let class = &mut self.classes[usize::from(first)];
        if !more && class.queue.is_empty() {
            // What it did not use is not kept; what it has overdrawn is, until nobody waits any more.
            class.deficit = class.deficit.min(0);
            class.waits = false;
            self.begun = false;
            self.ring.pop_front();
            if self.ring.is_empty() {
                self.classes.iter_mut().for_each(|class| class.deficit = 0);
            }
        } else if class.deficit <= 0 {
            self.rotate();
        }
    }

    fn rotate(&mut self) {
        self.begun = false;
        self.ring.rotate_left(1);
    }

    /// What was counted.
    pub fn counts(&self) -> [Waiting; CLASSES] {
        self.classes.each_ref().map(|class| Waiting { queued: class.queue.len() as u64, ..class.counts })
    }
}
