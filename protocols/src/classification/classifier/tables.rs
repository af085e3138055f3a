//! The two tables of one implementation: the one in force, and the one that is being made ready.

use alloc::boxed::Box;
use alloc::sync::Arc;

use swapper::{Object, Transfer};

use super::bucket::Bucket;
use super::root::{Classification, Root};
use super::snapshot::Snapshot;
use super::{Classifier, Rep, transfer};
use crate::classification::{Engine, Entry, RuleId, Sharing};

/// The tables of one implementation, whichever it is.
pub(super) trait Tables: Send {
    /// Begins a spare table without rules, in place of the one that there is.
    fn begin(&mut self);
    /// Whether there is a spare table.
    fn has_spare(&self) -> bool;
    /// Whether the spare table can be changed: no processor has it any more.
    fn is_ready(&mut self) -> bool;
    /// Changes the spare table, if it can be changed.
    fn insert(&mut self, id: RuleId, entry: &Entry, epoch: u32, bucket: Option<&Arc<Bucket>>);
    /// As above.
    fn remove(&mut self, id: RuleId, entry: &Entry);
    /// Goes on with what changes of the spare table left to be done; whether nothing is left.
    fn settle(&mut self, budget: usize) -> bool;
    /// Puts the spare table into force. The other one is the spare table now.
    fn publish(&mut self, generation: u64, sharing: Option<&Arc<Sharing>>);
    /// Does once what a swap does with a Rep, with one that nobody has: packets wait for it then, and should not wait for code that
    /// was never run.
    fn rehearse(&self);
    /// Looks something up in the table that was published, for the same reason.
    fn rehearse_lookup(&self);
    /// Frees a little of tables that are not in use any more; whether only a few pieces are left, or nobody but the last processor's Rep can free the
    /// rest.
    fn dissolve(&mut self, budget: usize) -> bool;
    /// Gives the spare table up, to be freed a little at a time.
    fn take_spare(&mut self) -> Option<Box<dyn Dissolve>>;
    /// A new clustered object around these tables.
    fn object(&self) -> Object;
    /// Octets of both tables.
    fn memory(&self) -> usize;
}

/// A table that is not needed any more: many pieces of memory, which take their time to free.
pub(super) trait Dissolve: Send {
    /// Frees about `budget` of them; whether only a few are left, or a processor has the table still.
    fn dissolve(&mut self, budget: usize) -> bool;
}

impl<E: Engine + Sync> Dissolve for Arc<Snapshot<E>> {
    fn dissolve(&mut self, budget: usize) -> bool {
        Arc::get_mut(self).is_none_or(|table| table.dissolve(budget))
    }
}

/// A seed of hash tables, from a secret.
pub(super) fn seed(secret: [u8; 16]) -> u64 {
    u64::from_le_bytes(core::array::from_fn(|index| secret[index]))
}

pub(super) struct TablesOf<E> {
    root: Arc<Root<E>>,
    spare: Option<Arc<Snapshot<E>>>,
    make: fn(u64) -> E,
    seed: u64,
}

impl<E: Engine> TablesOf<E> {
    pub fn new(make: fn(u64) -> E, secret: [u8; 16], cached: bool) -> Self {
        let seed = seed(secret);
        let root = Root::new(Arc::new(Snapshot::new(make(seed), make(seed))), secret, cached);
        Self { root: Arc::new(root), spare: None, make, seed }
    }

    fn change(&mut self, change: impl FnOnce(&mut Snapshot<E>)) {
        if let Some(spare) = self.spare.as_mut().and_then(Arc::get_mut) {
            change(spare);
        }
    }
}

impl<E: Engine + Sync + 'static> Tables for TablesOf<E> {
    fn begin(&mut self) {
        self.spare = Some(Arc::new(Snapshot::new((self.make)(self.seed), (self.make)(self.seed))));
    }

    fn has_spare(&self) -> bool {
        self.spare.is_some()
    }

    fn is_ready(&mut self) -> bool {
        self.spare.as_mut().and_then(Arc::get_mut).is_some()
    }

    fn insert(&mut self, id: RuleId, entry: &Entry, epoch: u32, bucket: Option<&Arc<Bucket>>) {
        self.change(|spare| spare.insert(id, entry, epoch, bucket));
    }

    fn remove(&mut self, id: RuleId, entry: &Entry) {
        self.change(|spare| spare.remove(id, entry));
    }

    fn settle(&mut self, budget: usize) -> bool {
        self.spare.as_mut().and_then(Arc::get_mut).is_none_or(|spare| spare.settle(budget))
    }

    fn publish(&mut self, generation: u64, sharing: Option<&Arc<Sharing>>) {
        self.change(|spare| (spare.generation, spare.sharing) = (generation, sharing.cloned()));
        if let Some(spare) = self.spare.take() {
            self.spare = Some(self.root.exchange(spare));
        }
    }

    fn take_spare(&mut self) -> Option<Box<dyn Dissolve>> {
        self.spare.take().map(|spare| Box::new(spare) as _)
    }

    fn rehearse(&self) {
        let rep = Rep::new(&self.root);
        for &protocol in transfer::protocols(self.root.is_cached()) {
            if let Ok(state) = rep.export(protocol)
                && rep.import(protocol, &state).is_ok()
            {
                rep.adopt(protocol, state);
            }
        }
        rep.refresh();
        rep.look_up();
    }

    fn rehearse_lookup(&self) {
        Rep::new(&self.root).look_up();
    }

    fn dissolve(&mut self, budget: usize) -> bool {
        if let Some(spare) = &mut self.spare {
            if spare.dissolve(budget) {
                self.spare = None;
            }
            return false;
        }
        let table = Arc::get_mut(&mut self.root).and_then(Root::table_mut);
        table.is_none_or(|table| table.dissolve(budget))
    }

    fn object(&self) -> Object {
        Classification::object(&self.root)
    }

    fn memory(&self) -> usize {
        self.root.table().memory() + self.spare.as_ref().map_or(0, |spare| spare.memory())
    }
}
