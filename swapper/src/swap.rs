//! A swap as the one who orders it sees it.

use crate::{Coid, Outcome, ProcessorId, Reason, Report, System, mediator::Mediator};
use alloc::sync::Arc;
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
    pub(crate) mediator: Arc<Mediator>,
}

impl Swap {
    /// The report, when the swap is over on every processor. Undoes the swap if its time is up, in case none of its
    /// processors does.
    pub fn poll(&self) -> Option<Report> {
        let report = self.mediator.report();
        if report.is_none() {
            let shared = &self.system.0;
            self.mediator.expire(shared, shared.platform().now());
        }
        report
    }

    /// How the swap ends, as soon as that is decided; a processor that has not run its worker since is not back to
    /// ordinary calls yet, so the report may still be missing.
    pub fn outcome(&self) -> Option<Outcome> {
        self.mediator.meeting.with(|meeting| meeting.decision().cloned())
    }

    /// Undoes the swap if it is not decided yet; false if it is. Either way the report follows when every processor has
    /// run its worker.
    pub fn cancel(&self) -> bool {
        let shared = &self.system.0;
        self.mediator.decide(shared, Outcome::Undone(Reason::Cancelled), shared.platform().now())
    }

    /// The object.
    pub fn coid(&self) -> Coid {
        self.mediator.coid
    }
}

impl fmt::Debug for Swap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Swap").field("coid", &self.coid()).field("outcome", &self.outcome()).finish()
    }
}
