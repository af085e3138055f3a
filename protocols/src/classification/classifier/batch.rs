//! Changes of rules that come into force together.

use alloc::vec::Vec;
use core::fmt;

use super::ruleset::Ruleset;
use crate::classification::{Rule, RuleId, Setting};

/// One change of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new rule.
    Add(Rule),
    /// A rule less.
    Delete(RuleId),
    /// One thing of the way out, set anew.
    Set(Setting),
}

/// What is to be done all at once, or not at all.
#[derive(Debug)]
pub enum Batch {
    /// Changes in this order, each with the number of its line for errors; at most [`Batch::CHANGES`].
    Change(Vec<(u32, Change)>),
    /// These rules and settings instead of all that are there.
    Replace(Ruleset),
}

impl Batch {
    /// Changes of one batch.
    pub const CHANGES: usize = 10_000;
}

/// Why a batch was refused. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulesError {
    /// There is no rule of that name.
    NoSuchRule {
        /// The line of the batch.
        line: u32,
        /// The name.
        id: RuleId,
    },
    /// The batch deletes a rule twice.
    Twice {
        /// The name.
        id: RuleId,
    },
    /// There would be more rules than [`Ruleset::LIMIT`].
    Full {
        /// The line of the first rule that is one too many.
        line: u32,
    },
    /// More changes than [`Batch::CHANGES`].
    TooMany(usize),
    /// Something else is under way; try again.
    Busy(Busy),
}

/// A change or a swap is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchRule { line, id } => write!(f, "line {line}: there is no rule {}", id.0),
            Self::Twice { id } => write!(f, "rule {} is deleted twice", id.0),
            Self::Full { line } => write!(f, "line {line}: there would be more than {} rules", Ruleset::LIMIT),
            Self::TooMany(count) => {
                write!(f, "{count} changes are too many for one batch of {}; replace all rules instead", Batch::CHANGES)
            }
            Self::Busy(busy) => busy.fmt(f),
        }
    }
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the rules are being changed, or the classifier is being swapped; try again")
    }
}

impl core::error::Error for RulesError {}
impl core::error::Error for Busy {}
