//! How a table grows and shrinks: a few buckets at a time, each rule in the old place or in the new one.

use alloc::vec::Vec;

use super::table::{Bucket, LEAST_BUCKETS, LONG, MOVED, SHORT, Table};
use crate::classification::{
    engine::{
        arena::{Arena, Block},
        long::Long,
        packed::Packed,
        work,
    },
    table::Order,
};

impl<const N: usize> Table<N> {
    /// Begins to change the number of buckets if it does not fit that of the rules, and moves about `budget` of buckets and rules;
    /// whether nothing is left to do.
    pub fn settle(&mut self, arena: &mut Arena<N>, budget: usize) -> bool {
        let now = self.buckets.len();
        if self.next.capacity() == 0 {
            let due = if self.rules * 2 > now {
                now * 2
            } else if self.rules * 16 < now && now > LEAST_BUCKETS {
                now / 2
            } else {
                return self.search(arena, budget);
            };
            self.next = Vec::with_capacity(due);
            self.next_shift = 64 - due.trailing_zeros();
        }
        let mut done = 0;
        while done < budget && self.moved < now {
            done += if self.next_shift < self.shift { self.part(arena) } else { self.join(arena) };
        }
        work::done(done);
        if self.moved == now {
            self.buckets = core::mem::take(&mut self.next);
            self.shift = self.next_shift;
            self.moved = 0;
        }
        false
    }

    /// Goes on to look for the first rule, if that has to be.
    fn search(&mut self, arena: &Arena<N>, budget: usize) -> bool {
        let mut first = self.first;
        let head = |at| self.list(arena, self.buckets[at]).next().map_or(Order::NONE, |rule| rule.order);
        let done = first.search(self.buckets.len(), budget, head);
        self.first = first;
        done
    }

    /// Moves one bucket into two. Returns how many rules and buckets were touched.
    fn part(&mut self, arena: &mut Arena<N>) -> usize {
        let bucket = self.leave();
        let (mask, seed, bit) = (self.mask, self.seed, self.next_shift);
        let upper = |rule: &Packed<N>| rule.key().hash(&mask, seed) >> bit & 1 == 1;
        let count = self.list(arena, bucket).count();
        let uppers = self.list(arena, bucket).filter(|rule| upper(rule)).count();
        // Mostly all go the same way: then the list stays where it is.
        let two = if uppers == 0 {
            [bucket, Bucket::EMPTY]
        } else if uppers == count {
            [Bucket::EMPTY, bucket]
        } else {
            let rules = self.gather(arena, bucket);
            let (upper, lower): (Vec<_>, Vec<_>) = rules.into_iter().partition(upper);
            [self.build(arena, &lower), self.build(arena, &upper)]
        };
        self.next.extend(two);
        1 + count
    }

    /// Moves two buckets into one. Returns how many rules and buckets were touched.
    fn join(&mut self, arena: &mut Arena<N>) -> usize {
        let two = [self.leave(), self.leave()];
        let mut rules = 0;
        let one = match two {
            [one, Bucket { length: 0, .. }] | [Bucket { length: 0, .. }, one] => one,
            _ => {
                let mut all = two.map(|bucket| self.gather(arena, bucket)).concat();
                all.sort_unstable_by_key(|rule| rule.order);
                rules = all.len();
                self.build(arena, &all)
            }
        };
        self.next.push(one);
        2 + rules
    }

    /// The next bucket that has to move; lookups that need it go on to where it goes.
    fn leave(&mut self) -> Bucket {
        let place = &mut self.buckets[self.moved];
        self.moved += 1;
        core::mem::replace(place, Bucket { at: 0, length: MOVED, ..*place })
    }

    /// The rules of a bucket, whose place is free then.
    fn gather(&mut self, arena: &mut Arena<N>, bucket: Bucket) -> Vec<Packed<N>> {
        let rules = self.list(arena, bucket).copied().collect();
        if bucket.length == LONG {
            self.long[bucket.at as usize] = None;
        } else {
            arena.release(bucket.block());
        }
        rules
    }

    /// A bucket of rules that are in order.
    fn build(&mut self, arena: &mut Arena<N>, rules: &[Packed<N>]) -> Bucket {
        let signature = self.signature(rules.iter());
        if rules.len() > usize::from(SHORT) {
            let at = self.keep(Long::new(rules, self.vectors));
            return Bucket { at, length: LONG, signature };
        }
        let Block { at, length } = arena.build(rules);
        Bucket { at, length, signature }
    }
}
