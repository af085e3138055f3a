//! One engine from two, for IPv4 and for IPv6: so that neither pays for the other's addresses.

use super::{
    Engine,
    packed::{Key, Packed, V4, V6},
};
use crate::classification::{
    header::{Family, Header},
    table::{Entry, Order, RuleId},
};

/// How many headers are looked up together: enough to wait for many places in memory at a time, few enough to stay in the
/// first-level cache.
pub(in crate::classification) const BATCH: usize = 32;
/// So few headers are looked up one by one: to prepare for a batch costs more than waiting for memory.
pub(in crate::classification) const FEW: usize = 8;

/// The best rule so far for a header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Best {
    pub order: Order,
    pub id: RuleId,
}

impl Best {
    pub const NONE: Self = Self { order: Order::NONE, id: RuleId(u32::MAX) };

    fn id(self) -> Option<RuleId> {
        (self.order != Order::NONE).then_some(self.id)
    }
}

/// An engine for one family.
pub(super) trait Search<const N: usize>: Send {
    /// Takes a rule.
    fn insert(&mut self, rule: Packed<N>);

    /// Forgets a rule; one that is not there is no error.
    fn remove(&mut self, rule: &Packed<N>);

    /// Replaces `best[n]` by the first rule that `keys[n]` matches, if that comes before it. There are at most [`BATCH`]
    /// keys and as many best ones.
    fn search(&self, keys: &[Key<N>], best: &mut [Best]);

    /// See [`Engine::settle`].
    fn settle(&mut self, budget: usize) -> bool;

    /// See [`Engine::dissolve`].
    fn dissolve(&mut self, budget: usize) -> bool;

    /// The octets that its tables take.
    fn memory(&self) -> usize;
}

/// An engine for both families.
#[derive(Clone, Debug)]
pub struct Dual<A, B> {
    v4: A,
    v6: B,
}

impl<A, B> Dual<A, B> {
    pub(super) const fn of(v4: A, v6: B) -> Self {
        Self { v4, v6 }
    }
}

#[allow(private_bounds, reason = "who uses an engine need not know what it consists of")]
impl<A: Search<V4>, B: Search<V6>> Engine for Dual<A, B> {
    fn insert(&mut self, id: RuleId, entry: &Entry) {
        if entry.rule.pattern.family != Some(Family::V6)
            && let Some(rule) = Packed::new(id, entry)
        {
            self.v4.insert(rule);
        }
        if entry.rule.pattern.family != Some(Family::V4)
            && let Some(rule) = Packed::new(id, entry)
        {
            self.v6.insert(rule);
        }
    }

    fn remove(&mut self, id: RuleId, entry: &Entry) {
        if entry.rule.pattern.family != Some(Family::V6)
            && let Some(rule) = Packed::new(id, entry)
        {
            self.v4.remove(&rule);
        }
        if entry.rule.pattern.family != Some(Family::V4)
            && let Some(rule) = Packed::new(id, entry)
        {
            self.v6.remove(&rule);
        }
    }

    fn lookup(&self, header: &Header) -> Option<RuleId> {
        let mut best = [Best::NONE];
        match header.family {
            Family::V4 => self.v4.search(&[Key::new(header)], &mut best),
            Family::V6 => self.v6.search(&[Key::new(header)], &mut best),
        }
        best[0].id()
    }

    fn lookup_batch(&self, headers: &[Header], found: &mut [Option<RuleId>]) {
        for (headers, found) in headers.chunks(BATCH).zip(found.chunks_mut(BATCH)) {
            self.batch(headers, found);
        }
    }

    fn settle(&mut self, budget: usize) -> bool {
        self.v4.settle(budget) && self.v6.settle(budget)
    }

    fn dissolve(&mut self, budget: usize) -> bool {
        self.v4.dissolve(budget) && self.v6.dissolve(budget)
    }

    fn memory(&self) -> usize {
        self.v4.memory() + self.v6.memory()
    }
}

#[allow(private_bounds, reason = "as above")]
impl<A: Search<V4>, B: Search<V6>> Dual<A, B> {
    /// At most [`BATCH`] headers.
    fn batch(&self, headers: &[Header], found: &mut [Option<RuleId>]) {
        let count = headers.len().min(found.len());
        let headers = &headers[..count];
        let v6 = headers.iter().filter(|header| header.family == Family::V6).count();
        if count <= FEW || (v6 != 0 && v6 != count) {
            for (found, header) in found.iter_mut().zip(headers) {
                *found = self.lookup(header);
            }
            return;
        }
        let mut best = [Best::NONE; BATCH];
        if v6 == 0 {
            let mut keys = [Key::ZERO; BATCH];
            keys.iter_mut().zip(headers).for_each(|(key, header)| *key = Key::new(header));
            self.v4.search(&keys[..count], &mut best[..count]);
        } else {
            let mut keys = [Key::ZERO; BATCH];
            keys.iter_mut().zip(headers).for_each(|(key, header)| *key = Key::new(header));
            self.v6.search(&keys[..count], &mut best[..count]);
        }
        found.iter_mut().zip(best).take(count).for_each(|(found, best)| *found = best.id());
    }
}
