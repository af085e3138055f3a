//! What the control service asks of the node that it runs on.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use protocols::classification::classifier::{Batch, Totals};
use protocols::classification::{Counter, Rule, RuleId, Shares};
use protocols::control::{ConnectionRecord, Record, Refusal};
use protocols::time::{Duration, Instant};

/// Names a question or a swap, so that what comes later finds the request that waits for it.
pub type Ticket = u64;

/// An object that can be swapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its name.
    pub name: &'static str,
    /// The implementation in place.
    pub current: &'static str,
    /// Name and summary of each implementation.
    pub implementations: Vec<(&'static str, &'static str)>,
}

/// How an order to swap began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It is under way; [`Server::swapped`](super::Server::swapped) is called with this ticket when it is decided.
    Swap(Ticket),
    /// The same, but it has to be prepared first, which may take some time.
    Prepared(Ticket),
    /// That implementation is in place already; nothing was done.
    Unchanged,
}

/// What a processor is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Its connections from this slot on, at most [`Question::BATCH`] of them.
    Connections {
        /// The first slot.
        from: u32,
    },
    /// Its counters.
    Counters,
    /// What these rules counted there.
    Rules(Arc<[RuleId]>),
    /// What its classifier counted otherwise.
    RuleTotals,
}

impl Question {
    /// Connections in one answer.
    pub const BATCH: usize = 8;
}

/// What a processor answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Connections with their slots, in the order of the slots, and whether there are more.
    Connections(Vec<(u32, ConnectionRecord)>, bool),
    /// Counters.
    Counters(Vec<Record>),
    /// What rules counted, in the order in which they were asked for.
    Rules(Vec<Counter>),
    /// What was counted beside the rules' own counters.
    RuleTotals(Box<Totals>),
}

/// The node, as the control service sees it. `P` names a peer.
pub trait Host<P> {
    /// The time of this turn.
    fn now(&self) -> Instant;
    /// Sends a datagram. A datagram that cannot be sent is lost, as on any network: the client asks again.
    fn reply(&mut self, peer: P, datagram: &[u8]);
    /// Number of processors.
    fn processors(&self) -> usize;
    /// Asks a processor; [`Server::answered`](super::Server::answered) brings the answer. False if its mailbox is full.
    fn ask(&mut self, processor: usize, question: Question, ticket: Ticket) -> bool;
    /// Ends the system when what is said now has been sent.
    fn shut_down(&mut self);
    /// The objects that can be swapped.
    fn objects(&self) -> Vec<Object>;
    /// Begins a swap. The names were checked against `objects`.
    ///
    /// # Errors
    /// What the reply has to say.
    fn swap(&mut self, object: &str, implementation: &str, deadline: Duration) -> Result<Started, Refusal>;
    /// The lines of `status` that are about the whole system.
    fn status(&self) -> Vec<Record>;
    /// At most `most` rules in order, from this one on; `None` if there is no such rule.
    fn rules(&self, from: Option<RuleId>, most: usize) -> Option<Vec<(RuleId, Rule)>>;
    /// How the way out is shared, if that is set.
    fn shares(&self) -> Option<Shares>;
    /// What is there of rules.
    fn rule_summary(&self) -> Record;
    /// Begins to bring a batch into force; [`Server::rules_in_force`](super::Server::rules_in_force) is called when it is.
    ///
    /// # Errors
    /// What the reply has to say; then nothing has changed.
    fn change_rules(&mut self, batch: Batch) -> Result<Ticket, Refusal>;
}
