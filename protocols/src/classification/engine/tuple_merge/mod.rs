//! TupleMerge (Daly et al., "TupleMerge: Fast Software Packet Processing for Online Packet Classification", IEEE/ACM Transactions on
//! Networking, 2019): tuple space search with few tables. A table's tuple is less than what its rules fix, so that rules of many tuples
//! share it; where too many of them collide, it is split. What no tuple can tell apart, because ranges of ports are all that differs,
//! may be told apart by bit vectors.

mod sizes;
mod sweep;
mod table;

use alloc::vec::Vec;

use super::{
    arena::Arena,
    dual::{BATCH, Best, Dual, Search},
    packed::{Key, Packed, V4, V6},
    ranking::Ranking,
    tuple::{Tuple, scale},
};
use crate::classification::{by_rule::ByRule, table::Order};
use sweep::Sweep;
use table::{Bucket, Table};

/// TupleMerge.
pub type TupleMerge = Dual<Merge<V4, false>, Merge<V6, false>>;
/// TupleMerge with bit vectors in long buckets, for sets with many ranges of ports.
pub type BitVector = Dual<Merge<V4, true>, Merge<V6, true>>;

impl<const VECTORS: bool> Dual<Merge<V4, VECTORS>, Merge<V6, VECTORS>> {
    /// Without rules; the seed is for the hash.
    pub const fn new(seed: u64) -> Self {
        Dual::of(Merge::new(seed), Merge::new(seed))
    }
}

/// How many rules may agree in all that their table looks at, before it is split (if it can be).
const COLLISIONS: usize = 10;

/// So many buckets and rules are moved with each rule that comes or goes: so many that a change of a table's size has ended long before the
/// next one is due.
const MOVES: usize = 16;

const NOWHERE: u32 = u32::MAX;

/// TupleMerge in one family.
#[derive(Clone, Debug)]
pub struct Merge<const N: usize, const VECTORS: bool> {
    arena: Arena<N>,
    /// Which table a rule is in.
    places: ByRule<u32>,
    tables: Vec<Table<N>>,
    /// Splits that are under way.
    sweeps: Vec<Sweep>,
    ranking: Ranking,
    seed: u64,
}

impl<const N: usize, const VECTORS: bool> Merge<N, VECTORS> {
    const fn new(seed: u64) -> Self {
        Self {
            arena: Arena::new(),
            places: ByRule::new(NOWHERE),
            tables: Vec::new(),
            sweeps: Vec::new(),
            ranking: Ranking::new(),
            seed,
        }
    }

    /// The table that a rule belongs to: of those that can hold it the one that looks at most.
    fn best_table(&self, tuple: Tuple) -> Option<usize> {
        let tables = self.tables.iter().enumerate().filter(|(_, table)| table.rules > 0 && table.tuple.holds(tuple));
        tables.max_by_key(|(_, table)| table.tuple.bits()).map(|(at, _)| at)
    }

    fn make(&mut self, tuple: Tuple) -> usize {
        let at = self.tables.iter().position(|table| table.rules == 0).unwrap_or(self.tables.len());
        if at == self.tables.len() {
            self.tables.push(Table::new(tuple, VECTORS, self.seed));
        } else {
            self.sweeps.retain(|sweep| sweep.from != at && sweep.to != at);
            self.ranking.remove(self.tables[at].first.order, at as u32);
            self.tables[at] = Table::new(tuple, VECTORS, self.seed);
        }
        self.ranking.add(Order::NONE, at as u32);
        at
    }

    fn put(&mut self, at: usize, rule: Packed<N>) {
        let table = &mut self.tables[at];
        let before = table.first.order;
        table.insert(&mut self.arena, rule);
        self.ranking.update(before, table.first.order, at as u32);
        self.places.set(rule.id, at as u32);
    }

    fn settle_table(&mut self, at: usize, budget: usize) -> bool {
        let table = &mut self.tables[at];
        let before = table.first.order;
        let done = table.settle(&mut self.arena, budget);
        self.ranking.update(before, table.first.order, at as u32);
        done
    }

    fn search_one(&self, key: &Key<N>, best: &mut Best) {
        for (first, at) in self.ranking.iter() {
            if first >= best.order {
                return;
            }
            let table = &self.tables[at];
            let hash = key.hash(&table.mask, self.seed);
            let bucket = table.bucket(hash);
            if bucket.may_have(hash) == 1 {
                table.improve(&self.arena, bucket, key, best);
            }
        }
    }

    fn take(&mut self, rule: &Packed<N>) {
        let at = self.places.get(rule.id);
        let Some(table) = self.tables.get_mut(at as usize) else { return };
        self.places.set(rule.id, NOWHERE);
        let before = table.first.order;
        table.remove(&mut self.arena, rule);
        self.ranking.update(before, table.first.order, at);
        self.settle_table(at as usize, MOVES);
    }
}

/// What a new table looks at: less than the rule that it is made for fixes.
fn relaxed<const N: usize>(tuple: Tuple) -> Tuple {
    let scale = scale::<N>();
    let [source, destination] = tuple.lengths;
    // The shorter of two very different prefixes would keep others out, and says little.
    let near = 4 * scale;
    let lengths = if source > destination.saturating_add(near) {
        [source, 0]
    } else if destination > source.saturating_add(near) {
        [0, destination]
    } else {
        [source, destination]
    };
    let relax = |length: u8| match length / scale {
        32.. => length - 4 * scale,
        25.. => length - 3 * scale,
        17.. => length - 2 * scale,
        9.. => length - scale,
        _ => length,
    };
    Tuple { lengths: lengths.map(relax), ports: [false; 2], protocol: false }
}

impl<const N: usize, const VECTORS: bool> Search<N> for Merge<N, VECTORS> {
    fn insert(&mut self, rule: Packed<N>) {
        let tuple = Tuple::of(&rule);
        let at = self.best_table(tuple).unwrap_or_else(|| self.make(relaxed::<N>(tuple)));
        self.put(at, rule);
        self.settle_table(at, MOVES);
        self.check(at, &rule.key());
        self.sweep(MOVES);
    }

    fn remove(&mut self, rule: &Packed<N>) {
        self.take(rule);
    }

    fn search(&self, keys: &[Key<N>], best: &mut [Best]) {
        if let ([key], [best]) = (keys, &mut *best) {
            return self.search_one(key, best);
        }
        // Table by table, all headers together: first the buckets, then the first rules of those that have any. These are
        // independent of each other, so the memory is asked for all of them at once, and no branch depends on what it says.
        let mut open = [0; BATCH];
        open.iter_mut().enumerate().for_each(|(n, open)| *open = n as u8);
        let mut hits = [(0, Bucket::EMPTY); BATCH];
        let mut count = keys.len().min(best.len()).min(BATCH);
        for (first, at) in self.ranking.iter() {
            let table = &self.tables[at];
            let (mut still, mut hit) = (0, 0);
            for n in 0..count {
                let at = open[n];
                // Headers that have something better than all of the table drop out.
                let is_open = usize::from(first < best[usize::from(at)].order);
                open[still] = at;
                still += is_open;
                let hash = keys[usize::from(at)].hash(&table.mask, self.seed);
                let bucket = table.bucket(hash);
                hits[hit] = (at, bucket);
                hit += is_open & bucket.may_have(hash);
            }
            count = still;
            if count == 0 {
                return;
            }
            let mut better = 0;
            for n in 0..hit {
                let (at, bucket) = hits[n];
                hits[better] = (at, bucket);
                better += usize::from(table.first_of(&self.arena, bucket) < best[usize::from(at)].order);
            }
            for &(at, bucket) in &hits[..better] {
                table.improve(&self.arena, bucket, &keys[usize::from(at)], &mut best[usize::from(at)]);
            }
        }
    }

    fn settle(&mut self, budget: usize) -> bool {
        if !self.sweeps.is_empty() {
            self.sweep(budget);
            return false;
        }
        (0..self.tables.len()).all(|at| self.settle_table(at, budget)) && self.arena.settle(budget)
    }

    fn dissolve(&mut self, budget: usize) -> bool {
        self.ranking = Ranking::new();
        self.sweeps.clear();
        match self.tables.last_mut() {
            Some(table) => {
                if table.dissolve(budget) {
                    self.tables.pop();
                }
                false
            }
            None => self.places.dissolve(budget),
        }
    }

    fn memory(&self) -> usize {
        let buckets: usize = self.tables.iter().map(Table::memory).sum();
        let lists = self.arena.memory() + self.places.memory();
        lists + buckets + self.ranking.memory() + self.tables.capacity() * size_of::<Table<N>>()
    }
}
