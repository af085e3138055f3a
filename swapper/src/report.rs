//! What became of a swap.

use crate::{Coid, Failure, ProcessorId, ProcessorSet, Protocol, SwapError};
use alloc::vec::Vec;
use core::fmt;

/// The end of a swap: it took effect everywhere, or nowhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The new object serves.
    Committed,
    /// The old object serves, with everything it had.
    Undone(Reason),
}

impl Outcome {
    /// A copy that needs no memory that is not there: a component's own words may be missing from it.
    pub(crate) fn duplicate(&self) -> Self {
        match self {
            Self::Committed => Self::Committed,
            Self::Undone(Reason::Export { processor, failure }) => {
                Self::Undone(Reason::Export { processor: *processor, failure: failure.duplicate() })
            }
            Self::Undone(Reason::Import { processor, failure }) => {
                Self::Undone(Reason::Import { processor: *processor, failure: failure.duplicate() })
            }
            // Without text.
            Self::Undone(reason) => Self::Undone(reason.clone()),
        }
    }
}

/// Why a swap was undone.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The time was up.
    Deadline(HeldUp),
    /// Somebody asked for it.
    Cancelled,
    /// The old object could not give its state away.
    Export {
        /// On which processor.
        processor: ProcessorId,
        /// What it said.
        failure: Failure,
    },
    /// The new object could not take the state.
    Import {
        /// On which processor.
        processor: ProcessorId,
        /// What it said.
        failure: Failure,
    },
    /// A processor that took part was detached.
    Detached(ProcessorId),
    /// There was no memory to tell a processor to take part, or for it to do so.
    NoMemory(ProcessorId),
    /// The time was up while the swap waited for another swap of the same object to end.
    Turn,
    /// Its turn came, and it could not begin: the swaps before it had left an object that it does not fit.
    NotBegun(SwapError),
}

/// Who held a swap up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct HeldUp {
    /// The processor that the others waited for.
    pub processor: ProcessorId,
    /// What it had not done.
    pub by: Missing,
    /// The name of the activity that held it up there: of those that the swap waited for, or during which the loop did not
    /// turn, the one that began first; or the one that made the forwarded call. A call that suspended is an activity whose
    /// name is its method's, as in `Disk::read`. `None` if it has no name
    /// ([`Processor::activity_named`](crate::Processor::activity_named)), or came when 64 others had one.
    pub activity: Option<&'static str>,
}

impl HeldUp {
    pub(crate) const fn new(processor: ProcessorId, by: Missing) -> Self {
        Self { processor, by, activity: None }
    }
}

/// What a processor had not done when the time was up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Missing {
    /// It had not run its worker at all: its event loop did not turn.
    Worker,
    /// An activity from before the swap had not ended.
    Activity,
    /// A call that was forwarded to the old object had not returned.
    Call,
    /// It had not transferred the state.
    Transfer,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline(held_up) => write!(f, "the time was up: {held_up}"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Export { processor, failure } => write!(f, "export on processor {processor}: {failure}"),
            Self::Import { processor, failure } => write!(f, "import on processor {processor}: {failure}"),
            Self::Detached(processor) => write!(f, "processor {processor} was detached"),
            Self::NoMemory(processor) => write!(f, "no memory for processor {processor} to take part"),
            Self::Turn => f.write_str("the time was up before its turn came: another swap of the object was under way"),
            Self::NotBegun(error) => write!(f, "its turn came and it could not begin: {error}"),
        }
    }
}

impl fmt::Display for HeldUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.by {
            Missing::Worker => "had not run its worker",
            Missing::Activity => "had an activity from before the swap",
            Missing::Call => "had a forwarded call that did not return",
            Missing::Transfer => "had not transferred the state",
        };
        write!(f, "processor {} {what}", self.processor)?;
        match self.activity {
            Some(activity) => write!(f, " (activity {activity:?})"),
            None => Ok(()),
        }
    }
}

/// The time of each phase in nanoseconds, from the first processor to enter it (or from the order) to the last to leave.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct PhaseTimes {
    /// From the order to the last processor's change to Block.
    pub forward: u64,
    /// From there to the meeting before the transfer.
    pub block: u64,
    /// From there to the decision.
    pub transfer: u64,
    /// From the decision until every processor was back to ordinary calls.
    pub complete: u64,
}

/// What a swap meant to one processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProcessorReport {
    /// The processor.
    pub processor: ProcessorId,
    /// Things (connections, say) whose state it moved; as exported, also if the swap was undone later.
    pub items: u64,
    /// Calls that it forwarded to the old object, counted.
    pub forwarded: u64,
    /// Calls that it suspended.
    pub suspended: u64,
    /// Nanoseconds of the longest suspension.
    pub longest_suspension: u64,
}

impl ProcessorReport {
    /// A processor that did nothing.
    pub(crate) const fn nothing(processor: ProcessorId) -> Self {
        Self { processor, items: 0, forwarded: 0, suspended: 0, longest_suspension: 0 }
    }
}

/// A swap's report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The object.
    pub coid: Coid,
    /// How it ended.
    pub outcome: Outcome,
    /// The protocol that was negotiated.
    pub protocol: Protocol,
    /// When it was ordered, on the platform's clock in nanoseconds.
    pub ordered: u64,
    /// The time of each phase; one that was not reached has 0.
    pub phases: PhaseTimes,
    /// Each processor that took part, by number.
    pub processors: Vec<ProcessorReport>,
}

impl Report {
    /// A copy, if there is memory for it.
    pub(crate) fn try_clone(&self) -> Option<Self> {
        let Self { coid, outcome, protocol, ordered, phases, .. } = self;
        let mut processors = Vec::new();
        processors.try_reserve_exact(self.processors.len()).ok()?;
        processors.extend_from_slice(&self.processors);
        let outcome = outcome.duplicate();
        Some(Self { coid: *coid, outcome, protocol: *protocol, ordered: *ordered, phases: *phases, processors })
    }

    /// Whether the new object serves.
    pub fn is_committed(&self) -> bool {
        self.outcome == Outcome::Committed
    }

    /// Nanoseconds from the order until every processor was back to ordinary calls.
    pub fn total(&self) -> u64 {
        let PhaseTimes { forward, block, transfer, complete } = self.phases;
        forward + block + transfer + complete
    }

    /// Calls forwarded to the old object, on all processors.
    pub fn forwarded(&self) -> u64 {
        self.processors.iter().map(|processor| processor.forwarded).sum()
    }

    /// Calls suspended, on all processors.
    pub fn suspended(&self) -> u64 {
        self.processors.iter().map(|processor| processor.suspended).sum()
    }

    /// Nanoseconds of the longest suspension on any processor.
    pub fn longest_suspension(&self) -> u64 {
        self.processors.iter().map(|processor| processor.longest_suspension).max().unwrap_or(0)
    }

    /// Things whose state was moved, on all processors.
    pub fn items(&self) -> u64 {
        self.processors.iter().map(|processor| processor.items).sum()
    }

    /// The processors that took part.
    pub fn involved(&self) -> ProcessorSet {
        let mut set = ProcessorSet::EMPTY;
        self.processors.iter().for_each(|processor| set.insert(processor.processor));
        set
    }
}
