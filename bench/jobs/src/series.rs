//! Samples under one condition.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// What a round's samples come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Within {
    /// The least. For code that does the same each time: whatever else the machine did can only have added to it.
    Minimum,
    /// The middle one. Where the disturbance belongs to what is measured.
    Median,
    /// That which 99 of 100 do not exceed.
    Percentile99,
}

/// Samples of one under one condition. A round is one turn of it among its peers; it has one or more samples.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Series {
    /// What is measured.
    pub name: String,
    /// Of whom.
    pub peer: String,
    /// How a round's figure follows from its samples.
    pub within: Within,
    /// What a reader has to know beside it; mostly nothing.
    pub note: String,
    /// Every sample in picoseconds, by round.
    pub rounds: Vec<Vec<u64>>,
}
