//! The rules of an engine, each in a cache line of its own, and lists of them in order.

use super::{
    dual::Best,
    packed::{Key, Packed},
    steady::Steady,
};
use crate::classification::{
    by_rule::ByRule,
    table::{Order, RuleId},
};

/// The end of a list; no rule.
pub(super) const END: u32 = u32::MAX;

/// A rule in a list.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Node<const N: usize> {
    pub rule: Packed<N>,
    /// The next one of its list.
    pub next: u32,
    /// Whose list it is in: the engine's own number.
    pub owner: u32,
}

/// The rules.
#[derive(Clone, Debug)]
pub(super) struct Pool<const N: usize> {
    nodes: Steady<Node<N>>,
    /// Nodes not in use, in a list of their own.
    free: u32,
    /// Which node a rule is in.
    places: ByRule<u32>,
}

impl<const N: usize> Pool<N> {
    pub const fn new() -> Self {
        Self { nodes: Steady::new(), free: END, places: ByRule::new(END) }
    }

    pub fn insert(&mut self, rule: Packed<N>) -> u32 {
        let node = Node { rule, next: END, owner: END };
        let at = self.free;
        let at = if let Some(place) = self.nodes.get(at as usize) {
            self.free = place.next;
            self.change(at, |place| *place = node);
            at
        } else {
            self.nodes.extend(node, 1);
            self.nodes.len() as u32 - 1
        };
        self.places.set(rule.id, at);
        at
    }

    /// Where a rule is.
    pub fn find(&self, id: RuleId) -> Option<u32> {
        Some(self.places.get(id)).filter(|at| *at != END)
    }

    /// Frees the place of a rule that is in no list any more.
    pub fn remove(&mut self, at: u32) {
        let id = self.nodes[at as usize].rule.id;
        self.places.set(id, END);
        let free = self.free;
        self.change(at, |node| node.next = free);
        self.free = at;
    }

    fn change(&mut self, at: u32, change: impl FnOnce(&mut Node<N>)) {
        let at = at as usize;
        self.nodes.change(at..at + 1, |nodes| change(&mut nodes[0]));
    }

    #[inline]
    pub fn node(&self, at: u32) -> &Node<N> {
        &self.nodes[at as usize]
    }

    pub fn set_owner(&mut self, at: u32, owner: u32) {
        self.change(at, |node| node.owner = owner);
    }

    /// Puts a rule into the list that begins at `head`; returns where the list begins now.
    pub fn link(&mut self, head: u32, at: u32) -> u32 {
        let order = self.node(at).rule.order;
        let mut before = END;
        let mut next = head;
        while next != END && self.node(next).rule.order < order {
            before = next;
            next = self.node(next).next;
        }
        self.change(at, |node| node.next = next);
        if before == END {
            return at;
        }
        self.change(before, |node| node.next = at);
        head
    }

    /// Takes a rule out of the list that begins at `head`; returns where the list begins now.
    pub fn unlink(&mut self, head: u32, at: u32) -> u32 {
        let next = self.node(at).next;
        if head == at {
            return next;
        }
        let mut before = head;
        while self.node(before).next != at {
            before = self.node(before).next;
        }
        self.change(before, |node| node.next = next);
        head
    }

    /// The first rule in the list that the key matches, if that comes before the best one.
    #[inline]
    pub fn improve(&self, head: u32, key: &Key<N>, best: &mut Best) {
        let mut at = head;
        while let Some(node) = self.nodes.get(at as usize) {
            if node.rule.order >= best.order {
                return;
            }
            if node.rule.matches(key) {
                *best = Best { order: node.rule.order, id: node.rule.id };
                return;
            }
            at = node.next;
        }
    }

    /// See [`Steady::settle`].
    pub fn settle(&mut self, budget: usize) -> bool {
        self.nodes.settle(budget)
    }

    /// See [`ByRule::dissolve`]: where rules are is forgotten.
    pub fn dissolve(&mut self, budget: usize) -> bool {
        self.places.dissolve(budget)
    }

    pub fn memory(&self) -> usize {
        self.nodes.memory() + self.places.memory()
    }
}

/// The least order of a list: its first rule's.
pub(super) fn first<const N: usize>(pool: &Pool<N>, head: u32) -> Order {
    if head == END { Order::NONE } else { pool.node(head).rule.order }
}
