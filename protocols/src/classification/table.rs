//! The rules of a classifier, and what they counted.

#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::{error::Error, fmt};

use super::rule::Rule;

/// A rule's name in its table: a dense index, used again some time after the rule was removed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RuleId(pub u32);

impl RuleId {
    /// As an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A rule's place among all: by priority, then by insertion. No two rules of a table have the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Order(u64);

/// Bits of an [`Order`] that say when a rule was inserted: at a million insertions a second they last for twelve days.
const SEQUENCE_BITS: u32 = 40;

impl Order {
    /// Before every other.
    pub const FIRST: Self = Self(0);
    /// After every other; no rule has it.
    pub const NONE: Self = Self(u64::MAX);

    const fn new(priority: u32, sequence: u64) -> Self {
        Self((priority as u64) << SEQUENCE_BITS | sequence)
    }
}

/// A rule in its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The rule.
    pub rule: Rule,
    /// Its place among all.
    pub order: Order,
}

/// Why a rule was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TableError {
    /// The table holds as many rules as it may: this many.
    Full(usize),
    /// The priority is greater than [`Rule::LAST_PRIORITY`].
    Priority(u32),
    /// A prefix without a family, or longer than the family's addresses.
    Prefix,
    /// As many rules were inserted as an [`Order`] can tell apart; a new table begins again.
    Sequence,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(limit) => write!(f, "there are {limit} rules already, the most that the table holds"),
            Self::Priority(priority) => {
                write!(f, "priority {priority} is greater than the last one, {}", Rule::LAST_PRIORITY)
            }
            Self::Prefix => f.write_str("a prefix does not fit the version of IP"),
            Self::Sequence => {
                f.write_str("too many rules were inserted since the table was made; replace it by a new one")
            }
        }
    }
}

impl Error for TableError {}

/// Slots in a chunk.
const CHUNK: usize = 256;

/// Rules by name, in chunks: to grow moves none of them, and no room for as many again lies idle.
#[derive(Clone, Debug)]
struct Slots(Vec<Vec<Option<Entry>>>);

impl Slots {
    const fn new() -> Self {
        Self(Vec::new())
    }

    fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * CHUNK + last.len())
    }

    fn get(&self, id: RuleId) -> Option<&Option<Entry>> {
        self.0.get(id.index() / CHUNK)?.get(id.index() % CHUNK)
    }

    fn get_mut(&mut self, id: RuleId) -> Option<&mut Option<Entry>> {
        self.0.get_mut(id.index() / CHUNK)?.get_mut(id.index() % CHUNK)
    }

    /// Takes a rule under a name that is new.
    fn push(&mut self, entry: Entry) -> RuleId {
        let id = RuleId(self.len() as u32);
        match self.0.last_mut().filter(|last| last.len() < CHUNK) {
            Some(last) => last.push(Some(entry)),
            None => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(Some(entry));
                self.0.push(chunk);
            }
        }
        id
    }
}

/// The rules, each under its [`RuleId`].
#[derive(Clone, Debug)]
pub struct RuleTable {
    slots: Slots,
    free: Vec<RuleId>,
    sequence: u64,
    limit: usize,
}

impl RuleTable {
    /// An empty table for at most `limit` rules.
    pub const fn new(limit: usize) -> Self {
        Self { slots: Slots::new(), free: Vec::new(), sequence: 0, limit }
    }

    /// Takes a rule; after all that are there with the same priority.
    ///
    /// # Errors
    /// See [`TableError`]; then nothing has changed.
    pub fn insert(&mut self, rule: Rule) -> Result<RuleId, TableError> {
        if self.len() >= self.limit {
            return Err(TableError::Full(self.limit));
        }
        if rule.priority > Rule::LAST_PRIORITY {
            return Err(TableError::Priority(rule.priority));
        }
        if !rule.pattern.is_valid() {
            return Err(TableError::Prefix);
        }
        if self.sequence >> SEQUENCE_BITS != 0 {
            return Err(TableError::Sequence);
        }
        let entry = Entry { rule, order: Order::new(rule.priority, self.sequence) };
        self.sequence += 1;
        if let Some(id) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(id)
        {
            *slot = Some(entry);
            return Ok(id);
        }
        Ok(self.slots.push(entry))
    }

    /// Removes a rule and returns it, if it was there.
    pub fn remove(&mut self, id: RuleId) -> Option<Entry> {
        let entry = self.slots.get_mut(id)?.take()?;
        self.free.push(id);
        Some(entry)
    }

    /// The rule of this name.
    pub fn get(&self, id: RuleId) -> Option<&Entry> {
        self.slots.get(id)?.as_ref()
    }

    /// Frees at most `budget` pieces of memory, with the rules in them; whether none is left.
    pub(in crate::classification) fn dissolve(&mut self, budget: usize) -> bool {
        self.slots.0.truncate(self.slots.0.len().saturating_sub(budget));
        self.free.clear();
        self.slots.0.is_empty()
    }

    /// All rules, by name.
    pub fn iter(&self) -> impl Iterator<Item = (RuleId, &Entry)> {
        let slots = self.slots.0.iter().flatten().enumerate();
        slots.filter_map(|(index, slot)| slot.as_ref().map(|entry| (RuleId(index as u32), entry)))
    }

    /// The number of rules.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counter {
    /// Frames.
    pub packets: u64,
    /// Their lengths' sum.
    pub octets: u64,
}

const _: () = assert!(size_of::<Option<Entry>>() <= 104, "there may be a hundred thousand of them");
