//! Swaps of one object that wait for each other: who orders one while another is under way may have it wait its turn.

use crate::{
    Coid, Outcome, PhaseTimes, ProcessorId, Protocol, Reason, Report, SwapOptions, mediator::Mediator, memory::Handle,
    root::Root, sync::Mutex, system::Shared,
};
use alloc::{sync::Arc, vec::Vec};

/// Most swaps that wait for one object; one more is refused with [`SwapError::Queue`](crate::SwapError::Queue).
pub const MAX_WAITING: usize = 8;

/// How to swap, and what to do if the object is being swapped already: refuse, which is what plain [`SwapOptions`] mean, or
/// wait, which is what [`SwapOptions::in_turn`] says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Order {
    pub(crate) options: SwapOptions,
    pub(crate) in_turn: bool,
}

impl SwapOptions {
    /// A swap that waits its turn if the object is being swapped already, behind those that wait since before; at most
    /// [`MAX_WAITING`] of them. Its time limit counts from the order, so while it waits too.
    pub const fn in_turn(self) -> Order {
        Order { options: self, in_turn: true }
    }
}

impl From<SwapOptions> for Order {
    fn from(options: SwapOptions) -> Self {
        Self { options, in_turn: false }
    }
}

/// When a swap was ordered, until when, and who wants to know the end.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) coid: Coid,
    pub(crate) ordered: u64,
    pub(crate) deadline: u64,
    pub(crate) notify: Option<ProcessorId>,
}

/// A place in an object's queue.
pub(crate) struct Ticket {
    pub(crate) terms: Terms,
    stage: Mutex<Stage>,
}

/// How far a queued swap is.
enum Stage {
    /// With the replacement.
    Waiting(Arc<dyn Root>),
    Begun(Handle<Mediator>),
    /// It ended without having begun.
    Over(Report),
}

impl Ticket {
    pub(crate) fn try_new(terms: Terms, replacement: Arc<dyn Root>) -> Option<Handle<Self>> {
        Handle::try_new(Self { terms, stage: Mutex::new(Stage::Waiting(replacement)) })
    }

    /// Its Mediator, once it has begun.
    pub(crate) fn begun(&self) -> Option<Handle<Mediator>> {
        self.stage.with(|stage| match stage {
            Stage::Begun(mediator) => Some(mediator.clone()),
            Stage::Waiting(_) | Stage::Over(_) => None,
        })
    }

    /// The report, if it ended without having begun.
    pub(crate) fn over(&self) -> Option<Report> {
        self.stage.with(|stage| match stage {
            Stage::Over(report) => report.try_clone(),
            Stage::Waiting(_) | Stage::Begun(_) => None,
        })
    }

    /// Its turn has come: begins it, or ends it for the reason that `begin` gives, with the replacement for the caller to
    /// drop outside of locks. Nothing at all if it ended while it waited.
    pub(crate) fn begin(
        &self,
        now: u64,
        begin: impl FnOnce(&Arc<dyn Root>) -> Result<Handle<Mediator>, Reason>,
    ) -> (Option<Handle<Mediator>>, Option<Arc<dyn Root>>) {
        self.stage.with(|stage| {
            let Stage::Waiting(replacement) = stage else { return (None, None) };
            let replacement = Arc::clone(replacement);
            let begun = if now >= self.terms.deadline { Err(Reason::Turn) } else { begin(&replacement) };
            match begun {
                Ok(mediator) => {
                    *stage = Stage::Begun(mediator.clone());
                    (Some(mediator), None)
                }
                Err(reason) => {
                    *stage = Stage::Over(self.report(reason, now));
                    (None, Some(replacement))
                }
            }
        })
    }

    /// Wakes whoever wants to know that the report is there.
    pub(crate) fn tell(&self, system: &Shared) {
        if let Some(processor) = self.terms.notify {
            system.notify(processor);
        }
    }

    fn report(&self, reason: Reason, now: u64) -> Report {
        Report {
            coid: self.terms.coid,
            outcome: Outcome::Undone(reason),
            protocol: Protocol::NOTHING,
            ordered: self.terms.ordered,
            phases: PhaseTimes { forward: now.saturating_sub(self.terms.ordered), ..PhaseTimes::default() },
            processors: Vec::new(),
        }
    }
}

impl Handle<Ticket> {
    /// Ends it while it waits; false if it does not wait any more.
    pub(crate) fn end(&self, system: &Shared, reason: Reason, now: u64) -> bool {
        let replacement = self.stage.with(|stage| match stage {
            Stage::Waiting(_) => match core::mem::replace(stage, Stage::Over(self.report(reason, now))) {
                Stage::Waiting(replacement) => Some(replacement),
                Stage::Begun(_) | Stage::Over(_) => None,
            },
            Stage::Begun(_) | Stage::Over(_) => None,
        });
        let Some(replacement) = replacement else { return false };
        system.entry(self.terms.coid.index()).forget(self);
        drop(replacement);
        self.tell(system);
        true
    }

    /// Ends it if its time is up while it waits.
    pub(crate) fn expire(&self, system: &Shared, now: u64) -> bool {
        now >= self.terms.deadline && self.end(system, Reason::Turn, now)
    }
}
