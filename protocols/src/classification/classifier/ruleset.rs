//! Rules in their order.

use alloc::collections::BTreeMap;
use core::ops::Bound;

use crate::classification::{Entry, Order, Rule, RuleId, RuleTable, Setting, Shares, TableError};

/// Rules that can be gone through in the order in which they are looked at, and how the way out is shared.
#[derive(Clone, Debug)]
pub struct Ruleset {
    table: RuleTable,
    order: BTreeMap<Order, RuleId>,
    shares: Option<Shares>,
}

impl Default for Ruleset {
    fn default() -> Self {
        Self::new()
    }
}

impl Ruleset {
    /// The most rules.
    pub const LIMIT: usize = 1 << 17;

    /// No rules.
    pub const fn new() -> Self {
        Self { table: RuleTable::new(Self::LIMIT), order: BTreeMap::new(), shares: None }
    }

    /// Takes a rule; after all that are there with the same priority.
    ///
    /// # Errors
    /// See [`TableError`]; then nothing has changed.
    pub fn insert(&mut self, rule: Rule) -> Result<RuleId, TableError> {
        let id = self.table.insert(rule)?;
        if let Some(entry) = self.table.get(id) {
            self.order.insert(entry.order, id);
        }
        Ok(id)
    }

    /// Removes a rule and returns it, if it was there.
    pub fn remove(&mut self, id: RuleId) -> Option<Entry> {
        let entry = self.table.remove(id)?;
        self.order.remove(&entry.order);
        Some(entry)
    }

    /// The rule of this name.
    pub fn get(&self, id: RuleId) -> Option<&Entry> {
        self.table.get(id)
    }

    /// Sets one thing of the way out.
    pub fn set(&mut self, setting: Setting) {
        self.shares = Some(self.shares.unwrap_or_default().with(setting));
    }

    /// How the way out is shared, if anything was set.
    pub fn shares(&self) -> Option<&Shares> {
        self.shares.as_ref()
    }

    /// Forgets a few rules without order, for want of use for them; whether none is left.
    pub(super) fn dissolve(&mut self, budget: usize) -> bool {
        (0..budget).for_each(|_| _ = self.order.pop_first());
        self.order.is_empty() && self.table.dissolve(budget)
    }

    /// The number of rules.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The rules in order, from this one on; all without one. `None` if there is no such rule.
    pub fn from(&self, first: Option<RuleId>) -> Option<impl Iterator<Item = (RuleId, &Entry)>> {
        let start = match first {
            None => Bound::Unbounded,
            Some(id) => Bound::Included(self.get(id)?.order),
        };
        Some(self.within(start))
    }

    /// The rules in order, after this place.
    pub(super) fn after(&self, place: Option<Order>) -> impl Iterator<Item = (RuleId, &Entry)> {
        self.within(place.map_or(Bound::Unbounded, Bound::Excluded))
    }

    fn within(&self, start: Bound<Order>) -> impl Iterator<Item = (RuleId, &Entry)> {
        self.order.range((start, Bound::Unbounded)).filter_map(|(_, id)| Some((*id, self.table.get(*id)?)))
    }
}
