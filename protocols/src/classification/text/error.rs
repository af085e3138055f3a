//! Where a line stops making sense, and why.

use alloc::string::String;
use core::fmt;

/// A line that is no rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextError {
    /// The number of the line, from 1; 0 where it is the only one.
    pub line: u32,
    /// The character at which it stops making sense, from 1.
    pub column: u32,
    /// Why.
    pub fault: Fault,
}

/// Why a line is no rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Something else was expected there: what, and what was found (cut after some characters).
    Expected(&'static str, String),
    /// The line ended where something was expected.
    Ended(&'static str),
    /// A number is out of its range.
    Range {
        /// What the number is for.
        what: &'static str,
        /// What was given.
        found: u64,
        /// The lowest and the highest that are possible.
        range: (u64, u64),
    },
    /// Bits to the right of a prefix are not 0: the address, as it would have to be.
    HostBits(String),
    /// A range that ends before it begins.
    Backwards(u64, u64),
    /// The same thing was said before.
    Twice(&'static str),
    /// It contradicts what was said before.
    Conflict(&'static str),
    /// Nothing can match this.
    Never(&'static str),
}

impl TextError {
    pub(super) const fn at(column: u32, fault: Fault) -> Self {
        Self { line: 0, column, fault }
    }

    pub(super) const fn on(mut self, line: u32) -> Self {
        self.line = line;
        self
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, ", self.line)?;
        }
        write!(f, "column {}: {}", self.column, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected(what, found) => write!(f, "expected {what}, found `{found}`"),
            Self::Ended(what) => write!(f, "the line ends where {what} is expected"),
            Self::Range { what, found, range: (low, high) } => {
                write!(f, "{what} {found} is not within {low} to {high}")
            }
            Self::HostBits(network) => write!(f, "the address has bits beyond the prefix; write {network}"),
            Self::Backwards(first, last) => write!(f, "the range {first}-{last} ends before it begins"),
            Self::Twice(what) => write!(f, "{what} is given twice"),
            Self::Conflict(what) => write!(f, "this contradicts {what}, which stands before"),
            Self::Never(why) => write!(f, "nothing can match this: {why}"),
        }
    }
}

impl core::error::Error for TextError {}
