//! How a table is split: a few buckets at a time. A rule is found in either of the two tables, so nothing waits for the end of it.

use alloc::vec::Vec;

use super::{COLLISIONS, MOVES, Merge};
use crate::classification::engine::{
    packed::{Key, Packed},
    tuple::Tuple,
    work,
};

/// A split that is under way: what fixes as much as `tuple` moves to a table that looks at that.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    pub from: usize,
    pub to: usize,
    tuple: Tuple,
    /// The first hash that has not been looked at: it stands for a bucket whatever the number of these.
    hash: u64,
}

/// Rules that are moved at a time: each moves [`MOVES`] others in both tables, if these grow or shrink.
const RULES: usize = 1;

impl<const N: usize, const VECTORS: bool> Merge<N, VECTORS> {
    /// Begins to split the table if too many rules in it agree with this key, and if the rules differ in a table that looks at more.
    pub(super) fn check(&mut self, at: usize, key: &Key<N>) {
        let table = &self.tables[at];
        let hash = key.hash(&table.mask, self.seed);
        // Where a split has not come by yet, it is to be seen first what that leaves.
        if self.sweeps.iter().any(|sweep| sweep.from == at && sweep.hash <= hash) {
            return;
        }
        let Some(collisions) = table.collisions(&self.arena, key, COLLISIONS) else { return };
        let tuples = || collisions.iter().map(Tuple::of);
        let Some(tuple) = tuples().reduce(Tuple::common) else { return };
        let tuple = tuples().fold(tuple, Tuple::most).between(tuple);
        let Some(rule) = collisions.iter().find(|rule| tuple.holds(Tuple::of(*rule))) else { return };
        if tuple == table.tuple {
            return;
        }
        let to = self.tables.iter().position(|table| table.rules > 0 && table.tuple == tuple);
        let to = to.unwrap_or_else(|| self.make(tuple));
        // So that the new table is in use.
        self.relocate(rule, to);
        self.sweeps.push(Sweep { from: at, to, tuple, hash: 0 });
    }

    /// Goes on with the last split, for about so many buckets and rules.
    pub(super) fn sweep(&mut self, budget: usize) {
        let mut done = 0;
        while done < budget
            && let Some(sweep) = self.sweeps.last()
        {
            let Sweep { from, to, tuple, hash } = *sweep;
            let (rules, next) = self.tables[from].rules_at(&self.arena, hash);
            let mut count = 0;
            let rules = rules.inspect(|_| count += 1).filter(|rule| tuple.holds(Tuple::of(*rule))).copied();
            let moving: Vec<Packed<N>> = rules.take(RULES).collect();
            done += 1 + count + moving.len() * MOVES;
            work::done(1 + count);
            let number = self.sweeps.len();
            if moving.len() < RULES {
                match next {
                    Some(next) => self.sweeps[number - 1].hash = next,
                    None => _ = self.sweeps.pop(),
                }
            }
            moving.iter().for_each(|rule| self.relocate(rule, to));
        }
    }

    fn relocate(&mut self, rule: &Packed<N>, to: usize) {
        work::done(1);
        self.take(rule);
        self.put(to, *rule);
        self.settle_table(to, MOVES);
    }
}
