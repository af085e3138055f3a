//! A hierarchical timing wheel: one deadline per connection, O(1) to set, to change and to fire, however many connections there are.
//!
//! Five levels of 64 slots; a slot of level n spans 64^n ticks of 128 µs, so that the wheel spans 38 hours. A deadline goes to the level of
//! the highest bit in which it differs from the current tick; when the wheel reaches its slot it moves to a lower level, until it fires. It
//! fires at the end of its tick: never early, at most 128 µs late. Deadlines beyond the span are kept at its end and looked at again there.
//! The lists of the slots run through one vector of nodes, indexed as the connections are.

use alloc::vec::Vec;

use crate::time::Instant;

#[cfg(test)]
mod tests;

const TICK_SHIFT: u32 = 7;
const LEVELS: usize = 5;
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// How far ahead a deadline can be: one slot of the top level less than a whole turn, so that a slot never means two times.
const SPAN: u64 = (1 << (SLOT_BITS * LEVELS as u32)) - (1 << (SLOT_BITS * (LEVELS as u32 - 1)));
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Node {
    /// Ticks; meaningful while `slot` is not `NONE`.
    when: u64,
    slot: u32,
    next: u32,
    previous: u32,
}

const IDLE: Node = Node { when: 0, slot: NONE, next: NONE, previous: NONE };

/// The wheel.
pub(crate) struct TimerWheel {
    nodes: Vec<Node>,
    heads: [u32; SLOTS * LEVELS],
    occupied: [u64; LEVELS],
    /// The last tick that is over.
    tick: u64,
}

impl TimerWheel {
    pub fn new() -> Self {
        Self { nodes: Vec::new(), heads: [NONE; SLOTS * LEVELS], occupied: [0; LEVELS], tick: 0 }
    }

    /// Makes `index` fire at `deadline` or earlier: a deadline that is later than the one set is left to be set again when that fires, so
    /// that timers which are pushed back all the time cost nothing.
    #[inline]
    pub fn ensure(&mut self, index: u32, deadline: Instant) {
        let when = ticks(deadline);
        if let Some(node) = self.nodes.get(index as usize)
            && node.slot != NONE
            && node.when <= when
        {
            return;
        }
        self.set(index, when);
    }

    fn set(&mut self, index: u32, when: u64) {
        if self.nodes.len() <= index as usize {
            self.nodes.resize(index as usize + 1, IDLE);
        }
        self.cancel(index);
        self.link(index, when.clamp(self.tick + 1, self.tick + SPAN));
    }

    fn link(&mut self, index: u32, when: u64) {
        let differing = (self.tick ^ when) | (SLOTS as u64 - 1);
        let level = ((63 - differing.leading_zeros()) / SLOT_BITS).min(LEVELS as u32 - 1);
        let slot = level * SLOTS as u32 + ((when >> (level * SLOT_BITS)) as u32 & (SLOTS as u32 - 1));
        let head = self.heads[slot as usize];
        self.nodes[index as usize] = Node { when, slot, next: head, previous: NONE };
        if head != NONE {
            self.nodes[head as usize].previous = index;
        }
        self.heads[slot as usize] = index;
        self.occupied[level as usize] |= 1 << (slot as usize % SLOTS);
    }

    /// Takes `index` out of the wheel.
    pub fn cancel(&mut self, index: u32) {
        let Some(&node) = self.nodes.get(index as usize) else { return };
        if node.slot == NONE {
            return;
        }
        if node.next != NONE {
            self.nodes[node.next as usize].previous = node.previous;
        }
        if node.previous != NONE {
            self.nodes[node.previous as usize].next = node.next;
        } else {
            self.heads[node.slot as usize] = node.next;
            if node.next == NONE {
                self.occupied[node.slot as usize / SLOTS] &= !(1 << (node.slot as usize % SLOTS));
            }
        }
        self.nodes[index as usize] = IDLE;
    }

    /// The slot that is due next: its level, its number and the first tick it stands for.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        for level in 0..LEVELS {
            if self.occupied[level] == 0 {
                continue;
            }
            let shift = level as u32 * SLOT_BITS;
            let here = (self.tick >> shift) as u32 % SLOTS as u32;
            let ahead = self.occupied[level].rotate_right(here).trailing_zeros();
            let slot = (here + ahead) % SLOTS as u32;
            // A slot behind the present one belongs to the next turn of this level (only the top level can have such ones).
            let turn = (self.tick >> shift) - u64::from(here);
            let start = (turn + u64::from(here + ahead)) << shift;
            return Some((level, slot as usize, start));
        }
        None
    }

    /// When [`expired`](Self::expired) may have something: at or before the earliest deadline.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.next_slot().map(|(_, _, tick)| Instant::from_micros((tick << TICK_SHIFT) as i64))
    }

    /// Takes one connection whose deadline is at or before `now` out of the wheel.
    pub fn expired(&mut self, now: Instant) -> Option<u32> {
        let now = now.total_micros().max(0) as u64 >> TICK_SHIFT;
        loop {
            let Some((level, slot, start)) = self.next_slot().filter(|&(_, _, start)| start <= now) else {
                self.tick = self.tick.max(now);
                return None;
            };
            if level == 0 {
                self.tick = self.tick.max(start.saturating_sub(1));
                let index = self.heads[slot];
                self.cancel(index);
                return Some(index);
            }
            // The wheel arrives at this slot: its deadlines move to lower levels.
            self.tick = start;
            let mut index = self.heads[level * SLOTS + slot];
            self.heads[level * SLOTS + slot] = NONE;
            self.occupied[level] &= !(1 << slot);
            while index != NONE {
                let Node { when, next, .. } = self.nodes[index as usize];
                self.link(index, when.max(start));
                index = next;
            }
        }
    }
}

fn ticks(deadline: Instant) -> u64 {
    (deadline.total_micros().max(0) as u64).div_ceil(1 << TICK_SHIFT)
}
