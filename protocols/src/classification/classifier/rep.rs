//! The part of a classifier that serves one processor.

use alloc::sync::Arc;

use swapper::ProcessorCell;

use super::bucket::Bucket;
use super::root::Root;
use super::snapshot::Snapshot;
use super::state::{State, Totals, count};
use super::tables::seed;
use super::{Classifier, Decision, Duties, Packet};
use crate::classification::text::OUT;
use crate::classification::tracker::Flow;
use crate::classification::{Counter, Engine, FlowCache, Header, RuleId, Sharing, Tracking, Verdict};

/// Flows of each version of IP that a cache remembers.
const FLOWS: usize = 8192;
/// Places for flows of each version of IP that are made at a time.
const PLACES: usize = 256;

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

    /// Says how many rules there are counters of.
    pub(super) fn reserve(&self) {
        self.inner.with(|inner| inner.state.reserve(inner.table.bound()));
    }

    /// Looks up a header of each version of IP, for nobody.
    pub(super) fn look_up(&self) {
        self.inner.with(|inner| {
            for header in [Header::v4(0, 0, 0, (0, 0)), Header::v6(0, 0, 0, (0, 0))] {
                let _ =
                    core::hint::black_box((inner.table.incoming.lookup(&header), inner.table.outgoing.lookup(&header)));
            }
        });
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
            inner.state.grow();
            if self.root.is_cached() && inner.table.has_rules(0) {
                let secret = self.root.secret();
                inner.cache.get_or_insert_with(|| FlowCache::begun(FLOWS, seed(secret))).grow(PLACES);
            }
            let (table, stateful) = (&inner.table, inner.table.is_stateful());
            Duties {
                incoming: table.has_rules(0) || stateful,
                outgoing: table.has_rules(1),
                stateful,
                shared: table.sharing.is_some(),
            }
        })
    }

    fn incoming(&self, packet: &Packet<'_>, exists: &dyn Fn() -> bool, now: u64) -> Decision {
        self.inner.with(|inner| inner.incoming(packet, exists, now))
    }

    fn outgoing(&self, packet: &Packet<'_>, now: u64) -> Decision {
        self.inner.with(|inner| inner.outgoing(packet, now))
    }

    fn sent(&self, packet: &Packet<'_>, decision: &Decision, now: u64) {
        self.inner.with(|inner| inner.sent(packet, decision, now));
    }

    fn sharing(&self, into: &mut Option<Arc<Sharing>>) {
        self.inner.with(|inner| {
            let (new, old) = (&inner.table.sharing, into.as_ref());
            if new.as_ref().map(Arc::as_ptr) != old.map(Arc::as_ptr) {
                into.clone_from(new);
            }
        });
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

    fn incoming(&mut self, packet: &Packet<'_>, exists: &dyn Fn() -> bool, now: u64) -> Decision {
        let Self { table, state, cache } = self;
        if !table.has_rules(0) && !table.is_stateful() {
            return Decision::ACCEPT;
        }
        let Some(mut read) = packet.read() else { return Decision { verdict: Verdict::Drop, ..Decision::ACCEPT } };
        if table.is_stateful() {
            let exists = || !read.is_first() && exists();
            read.header.tracking = state.tracker.state_or_pick_up(&read.flow, now, exists);
        }
        let found = match cache {
            Some(cache) => cache.lookup(table.generation, &table.incoming, &read.header),
            None => table.incoming.lookup(&read.header),
        };
        let decision = decide(table, found, |bucket| bucket.take(packet.length, nanos(now)));
        state.count_decision(&decision, &table.decided(&decision), packet.length);
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
            // What the stack sends within a connection shows that there is one.
            let within = read.is_within();
            read.header.tracking = if within { Tracking::Established } else { state.tracker.state(&read.flow, now) };
        }
        decide(table, table.outgoing.lookup(&read.header), |bucket| bucket.holds(packet.length, nanos(now)))
    }

    fn sent(&mut self, packet: &Packet<'_>, decision: &Decision, now: u64) {
        let Self { table, state, .. } = self;
        if table.has_rules(1) {
            let action = table.decided(decision);
            state.count_decision(decision, &action, packet.length);
            if action.limited
                && decision.verdict == action.verdict
                && let Some(bucket) = decision.rule.and_then(|rule| table.bucket(rule))
            {
                bucket.charge(packet.length, nanos(now));
            }
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

/// The verdict of the rule that was found, its limit considered: `within` says whether the frame is within it.
fn decide<E: Engine>(table: &Snapshot<E>, found: Option<RuleId>, within: impl FnOnce(&Bucket) -> bool) -> Decision {
    let Some(rule) = found else { return Decision::ACCEPT };
    let action = table.action(rule);
    let exceeds = action.limited && !table.bucket(rule).is_some_and(within);
    let verdict = if exceeds { Verdict::Drop } else { action.verdict };
    Decision { verdict, class: action.class, rule: Some(rule) }
}

fn nanos(micros: u64) -> u64 {
    micros.saturating_mul(1000)
}
