//! What a processor has counted and knows of connections: all that must outlive the tables and the engines.

use alloc::vec;
use alloc::vec::Vec;

use super::Decision;
use super::snapshot::{Compiled, Owner};
use crate::classification::text::MAX_COUNTER;
use crate::classification::tracker::{Counts, Tracker};
use crate::classification::{CLASSES, Counter, RuleId, Waiting};

/// Shared counters.
pub const SHARED_COUNTERS: usize = MAX_COUNTER as usize + 1;

/// Everything that one processor counted, beside the rules' own counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// By class: what was accepted coming in, and what went out.
    pub classes: [[Counter; CLASSES]; 2],
    /// By class: how it waited on the way out, which the stack counts.
    pub waiting: [Waiting; CLASSES],
    /// The shared counters.
    pub shared: Vec<Counter>,
    /// Frames that met no rule while there were some.
    pub unmatched: Counter,
    /// Frames that exceeded their rule's limit.
    pub limited: Counter,
    /// Connections that are tracked now.
    pub tracked: u64,
    /// What connection tracking counted.
    pub tracking: Counts,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            classes: [[Counter::default(); CLASSES]; 2],
            waiting: [Waiting::default(); CLASSES],
            shared: vec![Counter::default(); SHARED_COUNTERS],
            unmatched: Counter::default(),
            limited: Counter::default(),
            tracked: 0,
            tracking: Counts::default(),
        }
    }
}

impl Totals {
    /// Adds another processor's.
    pub fn add(&mut self, other: &Self) {
        let own =
            self.classes.iter_mut().flatten().chain(&mut self.shared).chain([&mut self.unmatched, &mut self.limited]);
        let others = other.classes.iter().flatten().chain(&other.shared).chain([&other.unmatched, &other.limited]);
        for (own, other) in own.zip(others) {
            own.packets += other.packets;
            own.octets += other.octets;
        }
        self.waiting.iter_mut().zip(&other.waiting).for_each(|(own, other)| own.add(other));
        self.tracked += other.tracked;
        self.tracking.noted += other.tracking.noted;
        self.tracking.evicted += other.tracking.evicted;
    }
}

pub(super) fn count(counter: &mut Counter, octets: usize) {
    counter.packets += 1;
    counter.octets += octets as u64;
}

/// Rules whose counters are one piece of memory.
const CHUNK: usize = 256;
/// Such pieces that are made at a time: to make them all takes longer than packets should wait.
const GROWTH: usize = 4;

/// A Rep's state.
#[derive(Debug)]
pub(super) struct State {
    /// By rule, in pieces; one that is empty has no counters yet.
    rules: Vec<Vec<(Owner, Counter)>>,
    /// Pieces before this one have been made.
    made: usize,
    /// Counters that there is to be room for.
    bound: usize,
    pub totals: Totals,
    pub tracker: Tracker,
}

impl State {
    pub fn new(secret: [u8; 16]) -> Self {
        Self { rules: Vec::new(), made: 0, bound: 0, totals: Totals::default(), tracker: Tracker::new(secret) }
    }

    /// There are counters of so many rules from now on. Memory for them is found a little with each [`grow`](Self::grow).
    pub fn reserve(&mut self, bound: usize) {
        self.bound = self.bound.max(bound);
    }

    /// Makes room for some counters more, if it lacks.
    pub fn grow(&mut self) {
        let due = self.bound.div_ceil(CHUNK);
        if self.made < due {
            self.rules.resize_with(due, Vec::new);
            let end = due.min(self.made + GROWTH);
            self.rules[self.made..end].iter_mut().for_each(make);
            self.made = end;
        }
    }

    /// Counts a frame of a rule. A counter begins at 0 when its index has another owner.
    pub fn count_rule(&mut self, id: RuleId, action: &Compiled, octets: usize) {
        let index = id.index();
        if index < self.bound
            && let Some(piece) = self.rules.get_mut(index / CHUNK)
        {
            // Of a rule that was met before it was this piece's turn.
            make(piece);
            let (owner, counter) = &mut piece[index % CHUNK];
            if *owner != action.owner {
                (*owner, *counter) = (action.owner, Counter::default());
            }
            count(counter, octets);
        }
        if let Some(shared) = action.counter().and_then(|number| self.totals.shared.get_mut(number)) {
            count(shared, octets);
        }
    }

    /// Counts what was decided of a frame while there were rules; `action` is that of the rule.
    pub fn count_decision(&mut self, decision: &Decision, action: &Compiled, octets: usize) {
        let Some(rule) = decision.rule else { return count(&mut self.totals.unmatched, octets) };
        if action.limited && decision.verdict != action.verdict {
            count(&mut self.totals.limited, octets);
        }
        self.count_rule(rule, action, octets);
    }

    /// What a rule counted.
    pub fn rule(&self, id: RuleId, action: &Compiled) -> Counter {
        let piece = self.rules.get(id.index() / CHUNK);
        let own = piece.and_then(|piece| piece.get(id.index() % CHUNK)).filter(|(owner, _)| *owner == action.owner);
        own.map(|(_, counter)| *counter).unwrap_or_default()
    }

    /// Rules whose counters are kept.
    pub fn len(&self) -> usize {
        self.bound
    }
}

fn make(piece: &mut Vec<(Owner, Counter)>) {
    if piece.is_empty() {
        *piece = vec![(Owner::NOBODY, Counter::default()); CHUNK];
    }
}
