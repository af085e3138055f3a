//! The classifier as a clustered object: what every frame meets first.
//!
//! - [`Classifier`] is the interface; one object serves the system, each processor calls it for the frames of its own card.
//! - A **table** ([`snapshot`](self)) holds the rules of one generation. It is shared by all processors and never changed while one
//!   of them has it. A processor takes the newest at the beginning of an activity ([`Classifier::refresh`]); so each frame meets exactly
//!   one table, and every frame of a burst the same.
//! - [`Rulebook`] has the rules, makes the next table ready a few rules at a time, and puts it into place. The table before it is
//!   changed again only when no processor has it any more, which the reference count of the table says.
//! - Counters, buckets and connections outlive tables and engines: counters and connections are each processor's own and
//!   go over in a swap by reference ([`transfer`]); a bucket belongs to its rule.

use alloc::sync::Arc;

mod batch;
mod bucket;
mod packet;
mod rep;
mod root;
mod rulebook;
mod ruleset;
mod snapshot;
mod state;
mod tables;
pub mod transfer;

#[cfg(test)]
mod tests;

pub use batch::{Batch, Busy, Change, RulesError};
pub use bucket::Bucket;
pub use packet::{Packet, Read};
pub use rep::Rep;
pub use root::{Implementation, Root, at_start, implementations, lookup};
pub use rulebook::{Rulebook, Step};
pub use ruleset::Ruleset;
pub use state::{SHARED_COUNTERS, Totals};

pub use super::shares::CLASSES;
use super::shares::Sharing;
use super::{Counter, RuleId, Verdict};

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it goes on.
    pub verdict: Verdict,
    /// Its class, below [`CLASSES`].
    pub class: u8,
    /// The rule that it met; `None` if it met none, which accepts.
    pub rule: Option<RuleId>,
}

impl Decision {
    /// What happens without a rule.
    pub const ACCEPT: Self = Self { verdict: Verdict::Accept, class: 0, rule: None };
}

/// What the rules that hold ask for, so that nothing else is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Duties {
    /// There are rules for what comes in, or connections are tracked: [`Classifier::incoming`] has to be asked.
    pub incoming: bool,
    /// There are rules for what goes out: [`Classifier::outgoing`] has to be asked.
    pub outgoing: bool,
    /// Connections are tracked: [`Classifier::sent`] has to be told of everything that goes out.
    pub stateful: bool,
    /// The way out is shared by weights or has a rate: [`Classifier::sharing`] says how.
    pub shared: bool,
}

/// The interface of a classifier. Times are microseconds on the clock of the stack. No call can fail or block; only
/// [`refresh`](Classifier::refresh) allocates, a little each time, connection tracking until it has reached its limit, and what counts a frame
/// of a rule for whose counters there is no room yet.
#[swapper::interface]
pub trait Classifier {
    /// Takes the newest rules, and says what they ask for. Called at the beginning of each activity that has frames.
    fn refresh(&self) -> Duties;

    /// A frame came in. Counts it. `exists` says whether the stack has the connection that the frame belongs to or is about: connections may be
    /// older than the rules. It is asked only if rules ask for the state of connections, and about what connection tracking does not know.
    fn incoming(&self, packet: &Packet<'_>, exists: &dyn Fn() -> bool, now: u64) -> Decision;

    /// A frame is about to go out. Counts nothing and takes nothing: it may be shown again, if it cannot go now.
    fn outgoing(&self, packet: &Packet<'_>, now: u64) -> Decision;

    /// It has gone, or was dropped as decided: it is counted, and a limit's tokens are taken. To be called in the same activity as [`outgoing`](Classifier::outgoing).
    fn sent(&self, packet: &Packet<'_>, decision: &Decision, now: u64);

    /// How the way out is shared.
    fn sharing(&self, into: &mut Option<Arc<Sharing>>);

    /// What the rules from `from` on counted on this processor.
    fn counters(&self, from: RuleId, into: &mut [Counter]);

    /// What this processor counted otherwise.
    fn totals(&self, into: &mut Totals);
}
