//! The rules of the classifier, and the work on them: a little in each turn, so that no packet waits for it.

use alloc::vec::Vec;

use protocols::classification::classifier::{Batch, Rulebook, RulesError, Step};
use protocols::classification::{Rule, RuleId};
use protocols::control::{Code, Record, Refusal};

use super::shared::Shared;
use crate::control::Ticket;
use crate::service::System;

/// Time for the work on rules in one turn, nanoseconds.
const SLICE_NS: u64 = 100_000;
/// Rules between two looks at the clock: one may move a few hundred others.
const RULES: usize = 1;
/// Rules in one turn at most.
const MOST: usize = 4096;

/// What became of the work in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// The batch with this ticket is in force.
    InForce(Ticket),
    /// The tables for a swap are ready.
    Prepared,
}

/// Kept by processor 0.
pub(super) struct Rules {
    pub book: Rulebook,
    ticket: Option<Ticket>,
    last: Ticket,
    /// There is more to do in the next turn.
    pub again: bool,
    /// The longest time that a turn worked for what was begun last, nanoseconds.
    pub longest_ns: u64,
}

impl Rules {
    pub fn new(book: Rulebook) -> Rules {
        Rules { book, ticket: None, last: 0, again: false, longest_ns: 0 }
    }

    /// Begins to bring a batch into force.
    pub fn change(&mut self, batch: Batch) -> Result<Ticket, Refusal> {
        self.book.begin(batch).map_err(|error| {
            let code = match error {
                RulesError::Busy(_) => Code::Busy,
                RulesError::Full { .. } | RulesError::TooMany(_) => Code::Limit,
                RulesError::NoSuchRule { .. } | RulesError::Twice { .. } => Code::BadRule,
            };
            Refusal::new(code, alloc::format!("{error}"))
        })?;
        self.last += 1;
        self.ticket = Some(self.last);
        self.again = true;
        Ok(self.last)
    }

    /// Goes on with what was begun, for a short time.
    pub fn turn(&mut self, shared: &Shared) -> Option<Done> {
        let platform = shared.platform;
        let began = platform.now_ns();
        let end = began.saturating_add(SLICE_NS);
        if !self.book.is_busy() {
            while self.book.has_leftovers() && platform.now_ns() < end {
                self.book.tidy(RULES);
            }
            self.again = self.book.has_leftovers();
            return None;
        }
        let done = self.work(shared, end);
        self.longest_ns = self.longest_ns.max(platform.now_ns().saturating_sub(began));
        done
    }

    fn work(&mut self, shared: &Shared, end: u64) -> Option<Done> {
        let platform = shared.platform;
        for _ in 0..MOST / RULES {
            match self.book.step(RULES) {
                Step::More => {}
                Step::InForce => return self.ticket.take().map(Done::InForce),
                Step::Prepared => return Some(Done::Prepared),
                // The next turn begins an activity of this processor; others may sleep.
                Step::Waiting => {
                    (1..shared.processors()).for_each(|processor| platform.wake(processor));
                    self.again = true;
                    return None;
                }
                Step::Idle => {
                    self.again = false;
                    return None;
                }
            }
            if platform.now_ns() >= end {
                break;
            }
        }
        self.again = true;
        None
    }

    /// Some rules in order.
    pub fn page(&self, from: Option<RuleId>, most: usize) -> Option<Vec<(RuleId, Rule)>> {
        let rules = self.book.rules().from(from)?.take(most);
        Some(rules.map(|(id, entry)| (id, entry.rule)).collect())
    }

    pub fn summary(&self) -> Record {
        Record::new()
            .with("implementation", self.book.implementation().name)
            .with("rules", self.book.rules().len() as u64)
            .with("generation", self.book.generation())
            .with("table_octets", self.book.memory() as u64)
    }
}
