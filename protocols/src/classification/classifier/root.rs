//! The classifiers as clustered objects, and the list of them.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use spin::mutex::SpinMutex;
use swapper::{Component, Distributed, Failure, Object, ProcessorId, Protocol};

use super::snapshot::Snapshot;
use super::tables::{Tables, TablesOf};
use super::{Classifier, Rep, transfer};
use crate::classification::{BitVector, Engine, Linear, TupleMerge, TupleSpace};

/// A classifier's shared data: the table that holds now. Extended from the distributed Root: counters and connections are each
/// processor's own, the table is one for all.
#[derive(Debug)]
pub struct Root<E> {
    /// Of `table`, so that a processor sees with one load whether it has to take another.
    generation: AtomicU64,
    table: SpinMutex<Arc<Snapshot<E>>>,
    secret: [u8; 16],
    /// Whether each processor has a flow cache in front of the table.
    cached: bool,
}

impl<E> Root<E> {
    pub(super) fn new(table: Arc<Snapshot<E>>, secret: [u8; 16], cached: bool) -> Self {
        Self { generation: AtomicU64::new(table.generation), table: SpinMutex::new(table), secret, cached }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn table(&self) -> Arc<Snapshot<E>> {
        Arc::clone(&self.table.lock())
    }

    /// The table, if nobody else has it.
    pub(super) fn table_mut(&mut self) -> Option<&mut Snapshot<E>> {
        Arc::get_mut(self.table.get_mut())
    }

    pub(super) fn is_cached(&self) -> bool {
        self.cached
    }

    pub(super) fn secret(&self) -> [u8; 16] {
        self.secret
    }

    /// From now on this table holds. Returns the one that held until now; processors have it until they look again.
    pub(super) fn exchange(&self, table: Arc<Snapshot<E>>) -> Arc<Snapshot<E>> {
        let generation = table.generation;
        let old = core::mem::replace(&mut *self.table.lock(), table);
        self.generation.store(generation, Ordering::Release);
        old
    }
}

/// The component: what the swapper makes Reps of.
pub(super) struct Classification<E>(pub Arc<Root<E>>);

impl<E: Engine + Sync + 'static> Component for Classification<E> {
    type Interface = dyn Classifier;
    type Rep = Rep<E>;

    fn rep(component: &Arc<Self>, _processor: ProcessorId) -> Rep<E> {
        let rep = Rep::new(&component.0);
        rep.reserve();
        rep
    }

    /// The state comes from the old object, with room for every counter.
    fn try_rep(component: &Arc<Self>, _processor: ProcessorId) -> Result<Rep<E>, Failure> {
        Ok(Rep::new(&component.0))
    }

    fn protocols(&self) -> &'static [Protocol] {
        transfer::protocols(self.0.cached)
    }
}

impl<E: Engine + Sync + 'static> Classification<E> {
    pub fn object(root: &Arc<Root<E>>) -> Object {
        Distributed::new(Self(Arc::clone(root))).into()
    }
}

/// A classifier that can be chosen by name.
#[derive(Clone, Copy, Debug)]
pub struct Implementation {
    /// The name that orders use.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    make: fn([u8; 16]) -> Box<dyn Tables>,
}

impl Implementation {
    /// Its tables, without rules.
    pub(super) fn tables(&self, secret: [u8; 16]) -> Box<dyn Tables> {
        (self.make)(secret)
    }
}

const IMPLEMENTATIONS: &[Implementation] = &[
    Implementation {
        name: "tuple-merge",
        summary: "TupleMerge: tuples of prefix lengths, merged into few hash tables",
        make: |secret| Box::new(TablesOf::new(TupleMerge::new, secret, false)),
    },
    Implementation {
        name: "tuple-merge-cached",
        summary: "the same behind a flow cache",
        make: |secret| Box::new(TablesOf::new(TupleMerge::new, secret, true)),
    },
    Implementation {
        name: "tuple-space",
        summary: "tuple space search: a hash table for each tuple of prefix lengths",
        make: |secret| Box::new(TablesOf::new(TupleSpace::new, secret, false)),
    },
    Implementation {
        name: "tuple-space-cached",
        summary: "the same behind a flow cache",
        make: |secret| Box::new(TablesOf::new(TupleSpace::new, secret, true)),
    },
    Implementation {
        name: "bit-vector",
        summary: "TupleMerge whose collisions are told apart by bit vectors over ranges of ports",
        make: |secret| Box::new(TablesOf::new(BitVector::new, secret, false)),
    },
    Implementation {
        name: "bit-vector-cached",
        summary: "the same behind a flow cache",
        make: |secret| Box::new(TablesOf::new(BitVector::new, secret, true)),
    },
    Implementation {
        name: "linear",
        summary: "one rule after the other: for a few rules, and to test the others against",
        make: |secret| Box::new(TablesOf::new(|_| Linear::new(), secret, false)),
    },
    Implementation {
        name: "linear-cached",
        summary: "the same behind a flow cache",
        make: |secret| Box::new(TablesOf::new(|_| Linear::new(), secret, true)),
    },
];

/// Every classifier that is compiled in.
pub fn implementations() -> &'static [Implementation] {
    IMPLEMENTATIONS
}

/// The classifier that is in place at the start.
pub fn at_start() -> &'static Implementation {
    &IMPLEMENTATIONS[0]
}

/// The classifier of this name, exactly as written.
pub fn lookup(name: &str) -> Option<&'static Implementation> {
    IMPLEMENTATIONS.iter().find(|implementation| implementation.name == name)
}
