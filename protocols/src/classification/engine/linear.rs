//! One rule after the other.

use alloc::vec::Vec;

use super::Engine;
use crate::classification::{
    header::Header,
    rule::Pattern,
    table::{Entry, Order, RuleId},
};

/// All rules in order; the first that matches is it. The one that needs no proof: the others are tested against it.
#[derive(Clone, Debug, Default)]
pub struct Linear {
    rules: Vec<(Order, RuleId, Pattern)>,
}

impl Linear {
    /// Without rules.
    pub const fn new() -> Self {
        Self { rules: Vec::new() }
    }
}

impl Engine for Linear {
    fn insert(&mut self, id: RuleId, entry: &Entry) {
        let at = self.rules.partition_point(|(order, ..)| *order < entry.order);
        self.rules.insert(at, (entry.order, id, entry.rule.pattern));
    }

    fn remove(&mut self, id: RuleId, entry: &Entry) {
        let at = self.rules.partition_point(|(order, ..)| *order < entry.order);
        if self.rules.get(at).is_some_and(|rule| rule.1 == id) {
            self.rules.remove(at);
        }
    }

    fn lookup(&self, header: &Header) -> Option<RuleId> {
        self.rules.iter().find(|(.., pattern)| pattern.matches(header)).map(|(_, id, _)| *id)
    }

    fn memory(&self) -> usize {
        self.rules.capacity() * size_of::<(Order, RuleId, Pattern)>()
    }
}
