//! Short lists of rules, each contiguous in memory: the next rule to compare is known before the last one has been.

use alloc::vec::Vec;

use super::{packed::Packed, steady::Steady};
use crate::classification::table::{Order, RuleId};

/// A list, as its owner keeps it. Its place has room for the next power of two of its length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub at: u32,
    pub length: u16,
}

impl Block {
    pub const EMPTY: Self = Self { at: 0, length: 0 };

    fn class(self) -> usize {
        self.length.next_power_of_two().trailing_zeros() as usize
    }
}

/// The place of lists.
#[derive(Clone, Debug)]
pub(super) struct Arena<const N: usize> {
    rules: Steady<Packed<N>>,
    /// Places not in use, by the binary logarithm of their room.
    free: [Vec<u32>; 16],
}

impl<const N: usize> Arena<N> {
    pub const fn new() -> Self {
        Self { rules: Steady::new(), free: [const { Vec::new() }; 16] }
    }

    #[inline(always)]
    pub fn list(&self, block: Block) -> &[Packed<N>] {
        self.rules.get(block.at as usize..block.at as usize + usize::from(block.length)).unwrap_or(&[])
    }

    /// The order of the first rule of a list that is not empty.
    #[inline(always)]
    pub fn first_of(&self, block: Block) -> Order {
        self.rules.get(block.at as usize).map_or(Order::NONE, |rule| rule.order)
    }

    /// Takes a rule in its order. A list has at most 2^15 - 1.
    pub fn insert(&mut self, block: Block, rule: Packed<N>) -> Block {
        let list = self.list(block);
        let place = list.partition_point(|other| other.order < rule.order);
        let longer = Block { length: block.length + 1, ..block };
        let longer =
            if block.length == 0 || longer.class() != block.class() { self.moved(block, longer) } else { longer };
        let at = longer.at as usize;
        self.rules.change(at..at + usize::from(longer.length), |list| {
            list.copy_within(place..usize::from(block.length), place + 1);
            list[place] = rule;
        });
        longer
    }

    /// A list of rules that are in order. At most 2^15 - 1.
    pub fn build(&mut self, rules: &[Packed<N>]) -> Block {
        if rules.is_empty() {
            return Block::EMPTY;
        }
        let block = self.moved(Block::EMPTY, Block { at: 0, length: rules.len() as u16 });
        let at = block.at as usize;
        self.rules.change(at..at + rules.len(), |list| list.copy_from_slice(rules));
        block
    }

    /// Forgets a rule that is in the list.
    pub fn remove(&mut self, block: Block, id: RuleId) -> Block {
        let Some(place) = self.list(block).iter().position(|rule| rule.id == id) else { return block };
        let at = block.at as usize;
        self.rules.change(at + place..at + usize::from(block.length), |list| list.copy_within(1.., 0));
        let shorter = Block { length: block.length - 1, ..block };
        if shorter.length == 0 {
            self.release(block);
            return Block::EMPTY;
        }
        if shorter.class() == block.class() { shorter } else { self.moved(block, shorter) }
    }

    /// Gives the place of a list back.
    pub fn release(&mut self, block: Block) {
        if block.length != 0 {
            self.free[block.class()].push(block.at);
        }
    }

    /// Copies what fits of `from` to a place with room for `to`, and gives the old one back.
    fn moved(&mut self, from: Block, to: Block) -> Block {
        let class = to.class();
        let at = self.free[class].pop().unwrap_or_else(|| {
            let at = self.rules.len();
            self.rules.extend(Packed::NONE, 1 << class);
            at as u32
        });
        let kept = usize::from(from.length.min(to.length));
        self.rules.copy(from.at as usize, at as usize, kept);
        self.release(from);
        Block { at, ..to }
    }

    /// See [`Steady::settle`].
    pub fn settle(&mut self, budget: usize) -> bool {
        self.rules.settle(budget)
    }

    pub fn memory(&self) -> usize {
        let free: usize = self.free.iter().map(|free| free.capacity() * size_of::<u32>()).sum();
        self.rules.memory() + free
    }
}
