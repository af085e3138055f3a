//! How the rule for a header is found.

mod arena;
mod dual;
mod heads;
mod linear;
mod long;
mod packed;
mod pool;
mod ranking;
mod steady;
mod tuple;
mod tuple_merge;
mod tuple_space;
pub(super) mod work;

#[cfg(test)]
mod tests;

pub(super) use dual::{BATCH, FEW};
pub use linear::Linear;
pub(super) use packed::{Key, Mask, V4, V6};
pub use tuple_merge::{BitVector, TupleMerge};
pub use tuple_space::TupleSpace;

use super::{
    header::Header,
    table::{Entry, RuleId},
};

/// Finds, among the rules that were inserted, the first in [`Order`](super::Order) that a header matches.
///
/// An engine knows of a rule its pattern and its place; what the rule does is in the [`RuleTable`](super::RuleTable). It
/// allocates when rules change, never when it looks one up.
pub trait Engine: Send {
    /// Takes a rule, under a name that no other rule in the engine has.
    fn insert(&mut self, id: RuleId, entry: &Entry);

    /// Forgets a rule. `entry` is what was inserted under that name; a name that is not in the engine is no error.
    fn remove(&mut self, id: RuleId, entry: &Entry);

    /// The rule that the header meets.
    fn lookup(&self, header: &Header) -> Option<RuleId>;

    /// The same for several headers, `found[n]` for `headers[n]`; where one of the two is longer, the rest is left alone. An
    /// engine that waits for memory does so for several headers at a time.
    fn lookup_batch(&self, headers: &[Header], found: &mut [Option<RuleId>]) {
        for (found, header) in found.iter_mut().zip(headers) {
            *found = self.lookup(header);
        }
    }

    /// Goes on with what inserting and removing left to be done, for about `budget` rules; whether nothing is left. Lookups find the
    /// same before, but may take longer.
    fn settle(&mut self, _budget: usize) -> bool {
        true
    }

    /// Frees about `budget` of its pieces of memory, those of an engine that nobody uses any more; whether only a few are left. From the first
    /// call on a lookup may miss rules.
    fn dissolve(&mut self, _budget: usize) -> bool {
        true
    }

    /// The octets that its tables take, unused capacity included.
    fn memory(&self) -> usize;
}
