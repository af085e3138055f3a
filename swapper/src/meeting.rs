//! Where the workers of a swap meet: the shared data of the Mediator's Root (0063, 0067).
//!
//! A plain value under one short lock. Each step of a worker enters its processor in a set; the step that completes a
//! set says so, and its worker wakes the others. Nobody spins or waits here.
//!
//! ```text
//!  per processor   started ── drained ── blocked ── transferred ── settled ── finished
//!                  (worker)   (Block)      │  ▲          │
//!                                          │  └ retract  │
//!  all together                           met ────── decision
//! ```

use crate::{HeldUp, Missing, Outcome, ProcessorId, ProcessorSet};
use alloc::vec::Vec;

/// How far each processor is.
#[derive(Debug)]
pub(crate) struct Meeting {
    /// Those that block and transfer.
    participants: ProcessorSet,
    /// Those that met the Mediator when the participants had met already: they only wait for the decision.
    bystanders: ProcessorSet,
    started: ProcessorSet,
    drained: ProcessorSet,
    blocked: ProcessorSet,
    transferred: ProcessorSet,
    settled: ProcessorSet,
    finished: ProcessorSet,
    met: bool,
    decision: Option<Outcome>,
    /// For each processor that has started: how many named activities had begun there by then.
    before: Vec<(ProcessorId, u64)>,
    /// For each processor that waits for a forwarded call: the activity that made it.
    callers: Vec<(ProcessorId, Option<&'static str>)>,
}

/// What a processor has to do in a swap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// Everything.
    Participant,
    /// Wait for the decision, then follow it.
    Bystander,
}

impl Meeting {
    pub(crate) fn new(participants: ProcessorSet) -> Self {
        Self {
            participants,
            bystanders: ProcessorSet::EMPTY,
            started: ProcessorSet::EMPTY,
            drained: ProcessorSet::EMPTY,
            blocked: ProcessorSet::EMPTY,
            transferred: ProcessorSet::EMPTY,
            settled: ProcessorSet::EMPTY,
            finished: ProcessorSet::EMPTY,
            met: false,
            decision: None,
            before: Vec::new(),
            callers: Vec::new(),
        }
    }

    /// With memory for what so many processors will report, or nothing if there is none.
    pub(crate) fn with_room(mut self, processors: usize) -> Option<Self> {
        self.before.try_reserve_exact(processors).ok()?;
        self.callers.try_reserve_exact(processors).ok()?;
        Some(self)
    }

    /// A processor met the Mediator (0055), one that takes part already or a new one. `None` if the swap is over, or
    /// over on this processor: it can call the object that won.
    pub(crate) fn join(&mut self, processor: ProcessorId) -> Option<Part> {
        if self.finished.contains(processor) || self.is_over() {
            None
        } else if self.participants.contains(processor) {
            Some(Part::Participant)
        } else if self.met || self.bystanders.contains(processor) || self.decision.is_some() {
            self.bystanders.insert(processor);
            Some(Part::Bystander)
        } else {
            self.participants.insert(processor);
            Some(Part::Participant)
        }
    }

    /// Whether the swap is over on this processor.
    pub(crate) fn is_finished(&self, processor: ProcessorId) -> bool {
        self.finished.contains(processor)
    }

    fn is_over(&self) -> bool {
        self.finished.includes(self.everyone())
    }

    /// Everyone who has to finish before the swap is over.
    pub(crate) fn everyone(&self) -> ProcessorSet {
        self.participants.union(self.bystanders)
    }

    pub(crate) fn participants(&self) -> ProcessorSet {
        self.participants
    }

    /// The worker runs; so many named activities have begun on its processor.
    pub(crate) fn start(&mut self, processor: ProcessorId, before: u64) {
        self.started.insert(processor);
        self.before.push((processor, before));
    }

    /// Of the named activities of a processor, how many are from before the swap; all, if its worker has not run.
    pub(crate) fn before(&self, processor: ProcessorId) -> u64 {
        self.before.iter().find(|(other, _)| *other == processor).map_or(u64::MAX, |(_, before)| *before)
    }

    /// In Block a call is inside the old object, made by this activity.
    pub(crate) fn waits_for_call(&mut self, processor: ProcessorId, by: Option<&'static str>) {
        self.callers.retain(|(other, _)| *other != processor);
        self.callers.push((processor, by));
    }

    /// Every call from before the swap has ended; the processor enters Block. True for the last one so far.
    pub(crate) fn drain(&mut self, processor: ProcessorId) -> bool {
        self.drained.insert(processor);
        self.drained.includes(self.participants)
    }

    /// No call is inside the old object on this processor. True if that completes the meeting.
    pub(crate) fn block(&mut self, processor: ProcessorId) -> bool {
        if self.met || self.decision.is_some() {
            return false;
        }
        self.blocked.insert(processor);
        self.met = self.blocked.includes(self.participants);
        self.met
    }

    /// A call has to enter the old object after all. False if it is too late: the participants have met, or the swap is
    /// decided.
    pub(crate) fn retract(&mut self, processor: ProcessorId) -> bool {
        if self.met || self.decision.is_some() {
            return false;
        }
        self.blocked.remove(processor);
        true
    }

    /// Whether the transfer has begun or may begin.
    pub(crate) fn has_met(&self) -> bool {
        self.met
    }

    /// This processor's state has been exported and imported. True if it was the last.
    pub(crate) fn transfer(&mut self, processor: ProcessorId) -> bool {
        self.transferred.insert(processor);
        self.transferred.includes(self.participants)
    }

    /// Decides, once. A commit is possible only when every participant has transferred. True if this was the decision.
    pub(crate) fn decide(&mut self, outcome: Outcome) -> bool {
        let allowed = outcome != Outcome::Committed || (self.met && self.transferred.includes(self.participants));
        if self.decision.is_some() || !allowed {
            return false;
        }
        self.decision = Some(outcome);
        true
    }

    pub(crate) fn decision(&self) -> Option<&Outcome> {
        self.decision.as_ref()
    }

    /// Whether the swap commits, once that is decided.
    pub(crate) fn commits(&self) -> Option<bool> {
        self.decision.as_ref().map(|decision| *decision == Outcome::Committed)
    }

    /// This processor's state is where it belongs after the decision. True if it was the last.
    pub(crate) fn settle(&mut self, processor: ProcessorId) -> bool {
        self.settled.insert(processor);
        self.is_settled()
    }

    /// Whether every state is where it belongs.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.includes(self.participants)
    }

    /// This processor is back to ordinary calls. True if it was the last.
    pub(crate) fn finish(&mut self, processor: ProcessorId) -> bool {
        self.finished.insert(processor);
        self.is_over()
    }

    /// Whom the others wait for.
    pub(crate) fn held_up(&self) -> Option<HeldUp> {
        [
            (self.started, Missing::Worker),
            (self.drained, Missing::Activity),
            (self.blocked, Missing::Call),
            (self.transferred, Missing::Transfer),
        ]
        .into_iter()
        .find_map(|(done, by)| Some(HeldUp::new(self.participants.without(done).first()?, by)))
        .map(|mut held_up| {
            let caller = self.callers.iter().find(|(other, _)| *other == held_up.processor);
            if held_up.by == Missing::Call {
                held_up.activity = caller.and_then(|(_, name)| *name);
            }
            held_up
        })
    }
}

#[cfg(test)]
mod tests;
