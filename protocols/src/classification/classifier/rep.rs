//! The part of a classifier that serves one processor.

use alloc::sync::Arc;

use swapper::ProcessorCell;

use super::root::Root;
use super::snapshot::Snapshot;
use super::state::{State, Totals, count};
use super::tables::seed;
use super::{Classifier, Decision, Duties, Packet};
use crate::classification::text::OUT;
use crate::classification::tracker::Flow;
use crate::classification::{Counter, Engine, FlowCache, RuleId, Verdict};

/// Flows of each version of IP that a cache remembers.
const FLOWS: usize = 8192;

/// A classifier's Rep: the table that this processor has now, and what it counted and tracked.
#[derive(Debug)]
pub struct Rep<E> {
    root: Arc<Root<E>>,
    pub(super) inner: ProcessorCell<Inner<E>>,
}

/// The table is never changed, only exchanged, and only between two frames: whatever a frame needs of the rules, it takes from one
/// and the same table.
#[derive(Debug)]
pub(super) struct Inner<E> {
    table: Arc<Snapshot<E>>,
    pub state: State,
    /// What frames that came in found; an entry dies with the generation of its table.
    pub cache: Option<FlowCache>,
}

impl<E: Engine> Rep<E> {
    pub(super) fn new(root: &Arc<Root<E>>) -> Self {
        let table = root.table();
        let state = State::new(root.secret());
        Self { root: Arc::clone(root), inner: ProcessorCell::new(Inner { table, state, cache: None }) }
    }

    /// Makes room for the counters of all rules.
    pub(super) fn reserve(&self) {
        self.inner.with(|inner| inner.state.reserve(inner.table.bound()));
    }

    /// The generation of the table that this processor has.
    pub(super) fn generation(&self) -> u64 {
        self.inner.with(|inner| inner.table.generation)
    }
}

impl<E: Engine> Classifier for Rep<E> {
    fn refresh(&self) -> Duties {
        self.inner.with(|inner| {
            if self.root.generation() != inner.table.generation {
                inner.table = self.root.table();
                inner.state.reserve(inner.table.bound());
            }
            if self.root.is_cached() && inner.cache.is_none() && inner.table.has_rules(0) {
                inner.cache = Some(FlowCache::new(FLOWS, seed(self.root.secret())));
            }
            let (table, stateful) = (&inner.table, inner.table.is_stateful());
            Duties { incoming: table.has_rules(0) || stateful, outgoing: table.has_rules(1), stateful }
        })
    }

    fn incoming(&self, packet: &Packet<'_>, now: u64) -> Decision {
        self.inner.with(|inner| inner.incoming(packet, now))
    }

    fn outgoing(&self, packet: &Packet<'_>, now: u64) -> Decision {
        self.inner.with(|inner| inner.outgoing(packet, now))
    }

    fn sent(&self, packet: &Packet<'_>, decision: &Decision, now: u64) {
        self.inner.with(|inner| inner.sent(packet, decision, now));
    }

    fn counters(&self, from: RuleId, into: &mut [Counter]) {
        self.inner.with(|inner| {
            for (offset, counter) in into.iter_mut().enumerate() {
                let id = RuleId(from.0.saturating_add(offset as u32));
                *counter = inner.state.rule(id, &inner.table.action(id));
            }
        });
    }

    fn totals(&self, into: &mut Totals) {
        self.inner.with(|inner| {
            let (tracked, tracking) = (inner.state.tracker.len() as u64, inner.state.tracker.counts());
            *into = Totals { tracked, tracking, ..inner.state.totals.clone() };
        });
    }
}

impl<E: Engine> Inner<E> {
    pub(super) fn table(&self) -> &Snapshot<E> {
        &self.table
    }

    fn incoming(&mut self, packet: &Packet<'_>, now: u64) -> Decision {
        let Self { table, state, cache } = self;
        if !table.has_rules(0) && !table.is_stateful() {
            return Decision::ACCEPT;
        }
        let Some(mut read) = packet.read() else { return Decision { verdict: Verdict::Drop, ..Decision::ACCEPT } };
        if table.is_stateful() {
            read.header.tracking = state.tracker.state(&read.flow, now);
        }
        let found = match cache {
            Some(cache) => cache.lookup(table.generation, &table.incoming, &read.header),
            None => table.incoming.lookup(&read.header),
        };
        let decision = decide(table, state, found, packet.length, now);
        if let Some(rule) = decision.rule {
            state.count_rule(rule, &table.action(rule), packet.length);
        }
        if decision.verdict == Verdict::Accept {
            count(&mut state.totals.classes[0][usize::from(decision.class)], packet.length);
            if table.is_stateful() {
                state.tracker.note(&read.flow, now);
            }
        }
        decision
    }

    /// What goes out is counted and tracked when it has gone: the link may have no room for it yet.
    fn outgoing(&mut self, packet: &Packet<'_>, now: u64) -> Decision {
        let Self { table, state, .. } = self;
        if !table.has_rules(1) {
            return Decision::ACCEPT;
        }
        let packet = Packet { interface: packet.interface | OUT, ..*packet };
        let Some(mut read) = packet.read() else { return Decision::ACCEPT };
        if table.is_stateful() {
            read.header.tracking = state.tracker.state(&read.flow, now);
        }
        decide(table, state, table.outgoing.lookup(&read.header), packet.length, now)
    }

    fn sent(&mut self, packet: &Packet<'_>, decision: &Decision, now: u64) {
        let Self { table, state, .. } = self;
        if let Some(rule) = decision.rule {
            state.count_rule(rule, &table.action(rule), packet.length);
        }
        if decision.verdict != Verdict::Accept {
            return;
        }
        count(&mut state.totals.classes[1][usize::from(decision.class)], packet.length);
        if table.is_stateful() {
            let flow = packet.read().map_or(Flow::Untracked, |read| read.flow);
            state.tracker.note(&flow, now);
        }
    }
}

/// The verdict of the rule that was found, its limit considered.
fn decide<E: Engine>(
    table: &Snapshot<E>,
    state: &mut State,
    found: Option<RuleId>,
    length: usize,
    now: u64,
) -> Decision {
    let Some(rule) = found else {
        count(&mut state.totals.unmatched, length);
        return Decision::ACCEPT;
    };
    let action = table.action(rule);
    let mut verdict = action.verdict;
    if action.limited && !table.bucket(rule).is_none_or(|bucket| bucket.take(length, now.saturating_mul(1000))) {
        count(&mut state.totals.limited, length);
        verdict = Verdict::Drop;
    }
    Decision { verdict, class: action.class, rule: Some(rule) }
}
