//! Packet classification: which rule a frame meets.
//!
//! - [`Header`]: the fields of a frame that rules look at.
//! - [`Rule`]: a [`Pattern`] of such fields, a priority, an [`Action`].
//! - [`RuleTable`]: the rules, each under a dense [`RuleId`].
//! - [`text`]: rules as people write and read them, and ClassBench's filters.
//! - [`tracker`]: which frames belong to a connection that has been accepted.
//! - [`classifier`]: the clustered object that every frame meets, and the [`Rulebook`](classifier::Rulebook) behind it.
//! - [`Engine`]: finds the first rule, in [`Order`], whose pattern a header matches. The table says what the rule does.
//! - [`FlowCache`]: remembers what an engine found.
//! - [`Shares`]: how classes share the way out.

mod by_rule;
pub mod classifier;
mod engine;
mod flow_cache;
pub mod generate;
mod header;
mod rule;
mod shares;
mod table;
pub mod text;
pub mod tracker;

pub use engine::{BitVector, Engine, Linear, TupleMerge, TupleSpace};
pub use flow_cache::FlowCache;
pub use header::{Family, Header, Tracking};
pub use rule::{Action, Bits, Limit, Pattern, Ports, Prefix, Reject, Rule, TrackingSet, Verdict};
pub use shares::{CLASSES, MAX_RATE, MAX_WEIGHT, MIN_RATE, Setting, Shares, Sharing, Waiting};
pub use table::{Counter, Entry, Order, RuleId, RuleTable, TableError};
