//! Tables, the one with the first rule first: a search ends where no later table can have anything better.

use alloc::vec::Vec;

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
/// done only if so many rules changed since the last time that it costs each of them little.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    pub order: Order,
    changes: usize,
}

impl First {
    pub const NONE: Self = Self { order: Order::NONE, changes: 0 };

    pub fn inserted(&mut self, order: Order) {
        self.changes += 1;
        self.order = self.order.min(order);
    }

    /// A rule has gone; `left` rules are there still, and `least` finds the first of them.
    pub fn removed(&mut self, order: Order, left: usize, least: impl FnOnce() -> Order) {
        self.changes += 1;
        if order == self.order && self.changes >= left / 4 {
            *self = Self { order: least(), changes: 0 };
        }
    }
}
