//! Tuple space search (Srinivasan, Suri, Varghese, SIGCOMM 1999): a hash table for each [`Tuple`] that occurs, all of them searched,
//! but for those that cannot have a better rule than the one found.

use alloc::vec::Vec;

use super::{
    dual::{Best, Dual, Search},
    heads::{FEW, Heads},
    packed::{Key, Mask, Packed, V4, V6},
    pool::{END, Pool, first},
    ranking::{First, Ranking},
    tuple::Tuple,
};
use crate::classification::table::Order;

/// Tuple space search.
pub type TupleSpace = Dual<Space<V4>, Space<V6>>;

impl TupleSpace {
    /// Without rules; the seed is for the hash.
    pub const fn new(seed: u64) -> Self {
        Dual::of(Space::new(seed), Space::new(seed))
    }
}

/// Tuple space search in one family.
#[derive(Clone, Debug)]
pub struct Space<const N: usize> {
    pool: Pool<N>,
    tables: Vec<Table<N>>,
    ranking: Ranking,
    seed: u64,
}

#[derive(Clone, Debug)]
struct Table<const N: usize> {
    tuple: Tuple,
    mask: Mask<N>,
    first: First,
    rules: usize,
    /// Heads of lists of the rules that agree in all that counts.
    lists: Heads,
}

impl<const N: usize> Table<N> {
    /// Goes on to look for the first rule, if that has to be: in few buckets at a time.
    fn search(&mut self, pool: &Pool<N>) {
        let (buckets, lists) = (self.lists.buckets(), &self.lists);
        let budget = if buckets <= FEW { FEW } else { FEW / 16 };
        self.first.search(buckets, budget, |at| lists.get(at).map_or(Order::NONE, |head| first(pool, head)));
    }
}

impl<const N: usize> Space<N> {
    const fn new(seed: u64) -> Self {
        Self { pool: Pool::new(), tables: Vec::new(), ranking: Ranking::new(), seed }
    }

    /// The table of this tuple; made if there is none. Empty ones are used again.
    fn table(&mut self, tuple: Tuple) -> usize {
        if let Some(at) = self.tables.iter().position(|table| table.tuple == tuple) {
            return at;
        }
        let table = Table { tuple, mask: tuple.mask(), first: First::NONE, rules: 0, lists: Heads::new() };
        let at = self.tables.iter().position(|table| table.rules == 0).unwrap_or(self.tables.len());
        if at == self.tables.len() {
            self.tables.push(table);
        } else {
            self.ranking.remove(self.tables[at].first.order, at as u32);
            self.tables[at] = table;
        }
        self.ranking.add(Order::NONE, at as u32);
        at
    }
}

impl<const N: usize> Search<N> for Space<N> {
    fn insert(&mut self, rule: Packed<N>) {
        let at = self.table(Tuple::of(&rule));
        let (pool, table, seed) = (&mut self.pool, &mut self.tables[at], self.seed);
        let key = rule.key();
        let mask = table.mask;
        let node = pool.insert(rule);
        pool.set_owner(node, at as u32);
        let hash = key.hash(&mask, seed);
        match table.lists.find(hash, |head| pool.node(*head).rule.key().agrees(&key, &mask)) {
            Some(head) => {
                let first = pool.link(head, node);
                if first != head {
                    table.lists.replace(hash, head, first);
                }
            }
            None => table.lists.insert(hash, node, |head| pool.node(*head).rule.key().hash(&mask, seed)),
        }
        table.rules += 1;
        let before = table.first.order;
        table.first.inserted(rule.order);
        table.search(pool);
        self.ranking.update(before, table.first.order, at as u32);
    }

    fn remove(&mut self, rule: &Packed<N>) {
        let Some(node) = self.pool.find(rule.id) else { return };
        let at = self.pool.node(node).owner;
        let (pool, table) = (&mut self.pool, &mut self.tables[at as usize]);
        let (key, mask) = (pool.node(node).rule.key(), table.mask);
        let hash = key.hash(&mask, self.seed);
        if let Some(head) = table.lists.find(hash, |head| pool.node(*head).rule.key().agrees(&key, &mask)) {
            match pool.unlink(head, node) {
                END => table.lists.remove(hash, head),
                first if first != head => table.lists.replace(hash, head, first),
                _ => {}
            }
        }
        pool.remove(node);
        table.rules -= 1;
        let before = table.first.order;
        table.first.removed(rule.order, table.rules);
        table.search(pool);
        self.ranking.update(before, table.first.order, at);
    }

    fn search(&self, keys: &[Key<N>], best: &mut [Best]) {
        for (key, best) in keys.iter().zip(best) {
            for (first, at) in self.ranking.iter() {
                if first >= best.order {
                    break;
                }
                let table = &self.tables[at];
                let hash = key.hash(&table.mask, self.seed);
                let agrees = |head: &u32| self.pool.node(*head).rule.key().agrees(key, &table.mask);
                if let Some(head) = table.lists.find(hash, agrees) {
                    self.pool.improve(head, key, best);
                }
            }
        }
    }

    fn settle(&mut self, budget: usize) -> bool {
        let (pool, seed) = (&mut self.pool, self.seed);
        if !pool.settle(budget) {
            return false;
        }
        // One at a time, so that it costs as much as `budget` says.
        self.tables
            .iter_mut()
            .all(|table| table.lists.settle(budget, |head| pool.node(*head).rule.key().hash(&table.mask, seed)))
    }

    fn dissolve(&mut self, budget: usize) -> bool {
        self.ranking = Ranking::new();
        self.tables.truncate(self.tables.len().saturating_sub(budget));
        self.tables.is_empty() && self.pool.dissolve(budget)
    }

    fn memory(&self) -> usize {
        let lists: usize = self.tables.iter().map(|table| table.lists.memory()).sum();
        self.pool.memory() + self.ranking.memory() + lists + self.tables.capacity() * size_of::<Table<N>>()
    }
}
