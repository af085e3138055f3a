//! One rule after the other.

#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use super::Engine;
use crate::classification::{
    header::Header,
    rule::Pattern,
    table::{Entry, Order, RuleId},
};

/// Rules that lie together: a new one moves at most so many, wherever it belongs.
const CHUNK: usize = 64;

type Line = (Order, RuleId, Pattern);

/// All rules in order; the first that matches is it. The one that needs no proof: the others are tested against it.
#[derive(Clone, Debug, Default)]
pub struct Linear {
    /// In order, and so are the rules of each; none is empty.
    chunks: Vec<Vec<Line>>,
}

impl Linear {
    /// Without rules.
    pub const fn new() -> Self {
        Self { chunks: Vec::new() }
    }

    /// The chunk in which a rule of this place is, or belongs: the last one that does not begin after it.
    fn chunk(&self, order: Order) -> usize {
        self.chunks.partition_point(|chunk| chunk[0].0 <= order).saturating_sub(1)
    }
}

impl Engine for Linear {
    fn insert(&mut self, id: RuleId, entry: &Entry) {
        let line = (entry.order, id, entry.rule.pattern);
        let at = self.chunk(entry.order);
        let last = at + 1 == self.chunks.len();
        let Some(chunk) = self.chunks.get_mut(at) else { return self.chunks.push(fresh(&[line])) };
        let place = chunk.partition_point(|(order, ..)| *order < entry.order);
        if chunk.len() < CHUNK {
            chunk.insert(place, line);
        } else if place == CHUNK && last {
            // Behind all others, as when rules come in order: chunks stay full.
            self.chunks.push(fresh(&[line]));
        } else {
            let upper = fresh(&chunk[CHUNK / 2..]);
            chunk.truncate(CHUNK / 2);
            self.chunks.insert(at + 1, upper);
            // There is room in both halves now.
            self.insert(id, entry);
        }
    }

    fn remove(&mut self, id: RuleId, entry: &Entry) {
        let at = self.chunk(entry.order);
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        let place = chunk.partition_point(|(order, ..)| *order < entry.order);
        if chunk.get(place).is_some_and(|rule| rule.1 == id) {
            chunk.remove(place);
            if chunk.is_empty() {
                self.chunks.remove(at);
            }
        }
    }

    fn lookup(&self, header: &Header) -> Option<RuleId> {
        self.chunks.iter().flatten().find(|(.., pattern)| pattern.matches(header)).map(|(_, id, _)| *id)
    }

    fn dissolve(&mut self, budget: usize) -> bool {
        self.chunks.truncate(self.chunks.len().saturating_sub(budget));
        self.chunks.is_empty()
    }

    fn memory(&self) -> usize {
        let lines: usize = self.chunks.iter().map(Vec::capacity).sum();
        lines * size_of::<Line>() + self.chunks.capacity() * size_of::<Vec<Line>>()
    }
}

/// A chunk that never has to grow.
fn fresh(lines: &[Line]) -> Vec<Line> {
    let mut chunk = Vec::with_capacity(CHUNK);
    chunk.extend_from_slice(lines);
    chunk
}
