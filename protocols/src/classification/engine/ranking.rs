//! Tables, the one with the first rule first: a search ends where no later table can have anything better.

use alloc::vec::Vec;

use super::work;
use crate::classification::table::Order;

/// Tables by the [`Order`] of the first rule they may have.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranking(Vec<(Order, u32)>);

impl Ranking {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    pub fn add(&mut self, first: Order, table: u32) {
        let at = self.0.partition_point(|entry| *entry < (first, table));
        self.0.insert(at, (first, table));
    }

    pub fn remove(&mut self, first: Order, table: u32) {
        let at = self.0.partition_point(|entry| *entry < (first, table));
        if self.0.get(at) == Some(&(first, table)) {
            self.0.remove(at);
        }
    }

    pub fn update(&mut self, before: Order, now: Order, table: u32) {
        if before != now {
            self.remove(before, table);
            self.add(now, table);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (Order, usize)> {
        self.0.iter().map(|&(first, table)| (first, table as usize))
    }

    pub fn memory(&self) -> usize {
        self.0.capacity() * size_of::<(Order, u32)>()
    }
}

/// The least order in a table, as far as it is known.
///
/// It is never greater than the true one. When the first rule goes, the next one has to be looked for in the whole table: that is
/// done only if so many rules changed since the last time that it costs each of them little, and a few places at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    pub order: Order,
    changes: usize,
    search: Option<Search>,
}

/// The first rule is being looked for: the least order in the first `at` of `of` places, or of what came since.
#[derive(Clone, Copy, Debug)]
struct Search {
    at: usize,
    of: usize,
    least: Order,
}

impl Search {
    const fn new(of: usize) -> Self {
        Self { at: 0, of, least: Order::NONE }
    }
}

impl First {
    pub const NONE: Self = Self { order: Order::NONE, changes: 0, search: None };

    pub fn inserted(&mut self, order: Order) {
        self.changes += 1;
        self.order = self.order.min(order);
        if let Some(search) = &mut self.search {
            search.least = search.least.min(order);
        }
    }

    /// A rule has gone; `left` rules are there still.
    pub fn removed(&mut self, order: Order, left: usize) {
        self.changes += 1;
        if order == self.order && self.changes >= left / 4 && self.search.is_none() {
            self.search = Some(Search::new(0));
            self.changes = 0;
        }
    }

    /// Goes on to look for the first rule, if that has to be; in at most `budget` places. `head` is the least order in one of `of`
    /// places: as long as these are as many, no rule changes its place. Whether nothing is left to do.
    pub fn search(&mut self, of: usize, budget: usize, head: impl Fn(usize) -> Order) -> bool {
        let Some(search) = &mut self.search else { return true };
        if search.of != of {
            *search = Search::new(of);
        }
        let end = of.min(search.at.saturating_add(budget));
        search.least = (search.at..end).map(head).fold(search.least, Order::min);
        work::done(end - search.at);
        search.at = end;
        if end < of {
            return false;
        }
        (self.order, self.search) = (search.least, None);
        true
    }
}
