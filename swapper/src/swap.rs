//! A swap as the one who orders it sees it.

use crate::{Coid, Outcome, ProcessorId, Reason, Report, System, mediator::Mediator, memory::Handle, turn::Ticket};
use core::fmt;

/// How to swap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SwapOptions {
    /// Nanoseconds from the order after which a swap that is not committed is undone.
    pub time_limit: u64,
    /// A processor to wake when the report is there.
    pub notify: Option<ProcessorId>,
}

impl SwapOptions {
    /// One second.
    pub const DEFAULT_TIME_LIMIT: u64 = 1_000_000_000;
}

impl Default for SwapOptions {
    fn default() -> Self {
        Self { time_limit: Self::DEFAULT_TIME_LIMIT, notify: None }
    }
}

/// A swap that was ordered. Dropping the handle changes nothing.
#[derive(Clone)]
pub struct Swap {
    pub(crate) system: System,
    pub(crate) course: Course,
}

/// How an order began.
#[derive(Clone)]
pub(crate) enum Course {
    Begun(Handle<Mediator>),
    Queued(Handle<Ticket>),
}

impl Swap {
    /// The report, when the swap is over on every processor and there is memory for a copy of it. Undoes the swap if its time is up, in case none of its
    /// processors does.
    pub fn poll(&self) -> Option<Report> {
        let report = self.report();
        if report.is_some() {
            return report;
        }
        let shared = &self.system.0;
        let now = shared.platform().now();
        match self.mediator() {
            Some(mediator) => {
                mediator.expire(shared, now);
                None
            }
            None => {
                if let Course::Queued(ticket) = &self.course {
                    ticket.expire(shared, now);
                }
                self.report()
            }
        }
    }

    fn report(&self) -> Option<Report> {
        match &self.course {
            Course::Begun(mediator) => mediator.report(),
            Course::Queued(ticket) => match ticket.begun() {
                Some(mediator) => mediator.report(),
                None => ticket.over(),
            },
        }
    }

    fn mediator(&self) -> Option<Handle<Mediator>> {
        match &self.course {
            Course::Begun(mediator) => Some(mediator.clone()),
            Course::Queued(ticket) => ticket.begun(),
        }
    }

    /// Whether it waits for another swap of the same object to end.
    pub fn is_waiting(&self) -> bool {
        match &self.course {
            Course::Begun(_) => false,
            Course::Queued(ticket) => ticket.begun().is_none() && ticket.over().is_none(),
        }
    }

    /// How the swap ends, as soon as that is decided; a processor that has not run its worker since is not back to
    /// ordinary calls yet, so the report may still be missing.
    pub fn outcome(&self) -> Option<Outcome> {
        match (self.mediator(), &self.course) {
            (Some(mediator), _) => mediator.meeting.with(|meeting| meeting.decision().map(Outcome::duplicate)),
            (None, Course::Queued(ticket)) => ticket.over().map(|report| report.outcome),
            (None, Course::Begun(_)) => None,
        }
    }

    /// Undoes the swap if it is not decided yet; false if it is. Either way the report follows when every processor has
    /// run its worker; for a swap that waits its turn it is there at once, and the replacement is freed.
    pub fn cancel(&self) -> bool {
        let shared = &self.system.0;
        let now = shared.platform().now();
        if let Course::Queued(ticket) = &self.course
            && ticket.end(shared, Reason::Cancelled, now)
        {
            return true;
        }
        self.mediator().is_some_and(|mediator| mediator.decide(shared, Outcome::Undone(Reason::Cancelled), now))
    }

    /// The object.
    pub fn coid(&self) -> Coid {
        match &self.course {
            Course::Begun(mediator) => mediator.terms.coid,
            Course::Queued(ticket) => ticket.terms.coid,
        }
    }
}

impl fmt::Debug for Swap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Swap").field("coid", &self.coid()).field("outcome", &self.outcome()).finish()
    }
}
