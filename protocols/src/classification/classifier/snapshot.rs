//! The rules of one generation, as processors look them up.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use super::Decision;
use super::bucket::Bucket;
use crate::classification::by_rule::ByRule;
use crate::classification::text::OUT;
use crate::classification::{Engine, Entry, Order, RuleId, Sharing, TrackingSet, Verdict};

/// No shared counter.
const NONE: u16 = u16::MAX;

/// The rules of one generation: what a processor finds them with, and what they do. Never changed while a processor has it.
#[derive(Debug)]
pub(super) struct Snapshot<E> {
    pub generation: u64,
    /// Rules for what comes in, and for what goes out.
    pub incoming: E,
    pub outgoing: E,
    actions: ByRule<Compiled>,
    /// By rule; only few rules have one, and to free the others must cost nothing.
    buckets: BTreeMap<RuleId, Arc<Bucket>>,
    counts: [usize; 2],
    stateful: usize,
    pub sharing: Option<Arc<Sharing>>,
}

/// What distinguishes a rule from all others, also from those that had its index before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Owner {
    /// How often the whole table had been replaced.
    pub epoch: u32,
    pub order: Order,
}

impl Owner {
    pub const NOBODY: Self = Self { epoch: 0, order: Order::NONE };
}

/// A rule's action.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compiled {
    pub owner: Owner,
    pub verdict: Verdict,
    pub class: u8,
    pub limited: bool,
    counter: u16,
}

impl Compiled {
    const NOTHING: Self =
        Self { owner: Owner::NOBODY, verdict: Verdict::Accept, class: 0, limited: false, counter: NONE };

    /// The shared counter.
    pub fn counter(&self) -> Option<usize> {
        (self.counter != NONE).then_some(self.counter.into())
    }
}

/// Which of the two engines a rule belongs into.
fn direction(entry: &Entry) -> usize {
    usize::from(entry.rule.pattern.interface.is_some_and(|interface| interface & OUT != 0))
}

fn is_stateful(entry: &Entry) -> bool {
    entry.rule.pattern.tracking != TrackingSet::ANY
}

impl<E: Engine> Snapshot<E> {
    /// Without rules; the engines are the same, and empty.
    pub fn new(incoming: E, outgoing: E) -> Self {
        Self {
            generation: 0,
            incoming,
            outgoing,
            actions: ByRule::new(Compiled::NOTHING),
            buckets: BTreeMap::new(),
            counts: [0; 2],
            stateful: 0,
            sharing: None,
        }
    }

    fn engine(&mut self, direction: usize) -> &mut E {
        if direction == 0 { &mut self.incoming } else { &mut self.outgoing }
    }

    pub fn insert(&mut self, id: RuleId, entry: &Entry, epoch: u32, bucket: Option<&Arc<Bucket>>) {
        let action = &entry.rule.action;
        let compiled = Compiled {
            owner: Owner { epoch, order: entry.order },
            verdict: action.verdict,
            // The text form has checked that it fits.
            class: action.class.unwrap_or(0) as u8,
            limited: bucket.is_some(),
            counter: action.counter.unwrap_or(NONE),
        };
        self.actions.set(id, compiled);
        if let Some(bucket) = bucket {
            self.buckets.insert(id, Arc::clone(bucket));
        }
        let direction = direction(entry);
        self.engine(direction).insert(id, entry);
        self.counts[direction] += 1;
        self.stateful += usize::from(is_stateful(entry));
    }

    pub fn remove(&mut self, id: RuleId, entry: &Entry) {
        let direction = direction(entry);
        self.engine(direction).remove(id, entry);
        self.counts[direction] -= 1;
        self.stateful -= usize::from(is_stateful(entry));
        self.buckets.remove(&id);
        self.actions.set(id, Compiled::NOTHING);
    }

    /// Goes on with what changes left to be done in the engines; whether nothing is left.
    pub fn settle(&mut self, budget: usize) -> bool {
        self.incoming.settle(budget) && self.outgoing.settle(budget)
    }

    /// Frees about `budget` pieces of memory of a table that nobody uses any more; whether only a few are left.
    pub fn dissolve(&mut self, budget: usize) -> bool {
        (0..budget).for_each(|_| drop(self.buckets.pop_first()));
        self.buckets.is_empty()
            && self.actions.dissolve(budget)
            && self.incoming.dissolve(budget)
            && self.outgoing.dissolve(budget)
    }

    /// Whether frames that come in (and, of the second, that go out) meet any rule at all.
    pub fn has_rules(&self, direction: usize) -> bool {
        self.counts[direction] != 0
    }

    /// Whether a rule asks for the state of connections.
    pub fn is_stateful(&self) -> bool {
        self.stateful != 0
    }

    pub fn action(&self, id: RuleId) -> Compiled {
        self.actions.get(id)
    }

    /// The action of the rule that decided; nothing without one.
    pub fn decided(&self, decision: &Decision) -> Compiled {
        decision.rule.map_or(Compiled::NOTHING, |rule| self.action(rule))
    }

    pub fn bucket(&self, id: RuleId) -> Option<&Bucket> {
        self.buckets.get(&id).map(|bucket| &**bucket)
    }

    /// One more than the greatest index in use.
    pub fn bound(&self) -> usize {
        self.actions.bound()
    }

    /// Octets.
    pub fn memory(&self) -> usize {
        self.incoming.memory() + self.outgoing.memory() + self.actions.memory()
    }
}
