//! The worker of a swap on one processor: what it does between calls (0051, 0054, 0061-0067).
//!
//! A state machine that the event loop steps. A step never waits: it goes as far as it can and returns.

use crate::{
    Failure, Outcome, Reason, SwapStep,
    local::{Inside, Local},
    mediator::{MediatorRep, Moment, Phase, Roots},
    meeting::Part,
    memory::Handle,
};
use core::ptr;

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Waits for an event.
    Waiting,
    /// Something changed that other workers of this processor may wait for.
    Progress,
    /// The swap is over on this processor.
    Finished,
}

impl Handle<MediatorRep> {
    /// Goes as far as possible.
    pub(crate) fn step(&self, local: &Local, now: u64) -> Step {
        if self.stepping.get() > 0 {
            return Step::Waiting;
        }
        let _stepping = Inside::enter(&self.stepping);
        let mut result = Step::Waiting;
        loop {
            match self.step_once(local, now) {
                Step::Waiting => break,
                step => result = step,
            }
            if result == Step::Finished {
                break;
            }
        }
        result
    }

    fn step_once(&self, local: &Local, now: u64) -> Step {
        let Some(roots) = self.roots.borrow().clone() else { return Step::Waiting };
        let me = local.id();
        let mediator = &self.mediator;
        if let Some(committed) = mediator.meeting.with(|meeting| meeting.commits()) {
            return self.follow(local, roots, committed);
        }
        if mediator.expire(local.system(), now) {
            return Step::Progress;
        }
        if self.is_late(local) {
            return Step::Waiting;
        }
        match self.phase.get() {
            Phase::Interpose if self.part == Part::Bystander => {
                self.phase.set(Phase::Transfer { done: true });
                Step::Progress
            }
            Phase::Interpose => {
                let before = local.inbox().names.begun();
                mediator.meeting.with(|meeting| meeting.start(me, before));
                local.reset_entry(mediator.terms.coid);
                self.phase.set(Phase::Forward(local.generations.wait()));
                local.ask_held();
                Step::Progress
            }
            Phase::Forward(wait) if local.generations.is_over(wait) => {
                local.generations.stop(wait);
                self.phase.set(Phase::Block { announced: false });
                let caller = (self.in_flight.get() > 0).then(|| self.caller.get());
                let drained = mediator.meeting.with(|meeting| {
                    if let Some(caller) = caller {
                        meeting.waits_for_call(me, caller);
                    }
                    meeting.drain(me)
                });
                if drained {
                    mediator.record(Moment::Drained, local.system().platform().now());
                }
                Step::Progress
            }
            Phase::Block { announced: false } if self.in_flight.get() == 0 => {
                self.phase.set(Phase::Block { announced: true });
                if mediator.meeting.with(|meeting| meeting.block(me)) {
                    mediator.record(Moment::Met, local.system().platform().now());
                    local.notify_others(mediator.meeting.with(|meeting| meeting.participants()));
                }
                Step::Progress
            }
            Phase::Block { announced: true } if mediator.meeting.with(|meeting| meeting.has_met()) => {
                self.phase.set(Phase::Transfer { done: false });
                Step::Progress
            }
            Phase::Transfer { done: false } => {
                // Once, even if a component panics: the others then wait until the deadline, and everything is restored.
                self.phase.set(Phase::Transfer { done: true });
                self.transfer(local, &roots);
                Step::Progress
            }
            _ => Step::Waiting,
        }
    }

    /// Whether a test wants this step not to be taken.
    fn is_late(&self, local: &Local) -> bool {
        let step = match self.phase.get() {
            Phase::Interpose => SwapStep::Interpose,
            Phase::Forward(_) => SwapStep::Forward,
            Phase::Block { .. } => SwapStep::Block,
            Phase::Transfer { done: false } => SwapStep::Transfer,
            Phase::Transfer { done: true } | Phase::Settled | Phase::Complete(_) => return false,
        };
        local.system().platform().fault(local.id(), step)
    }

    /// Export from the old, import into the new, in parallel with the other processors (0065).
    fn transfer(&self, local: &Local, roots: &Roots) {
        let me = local.id();
        let mediator = &self.mediator;
        let participants = mediator.meeting.with(|meeting| meeting.participants());
        let cluster = roots.old.cluster(me);
        // Where processors share the old Rep, the lowest of them hands its state over.
        let leads = participants.iter().find(|&other| roots.old.cluster(other) == cluster) == Some(me);
        // What the components call meanwhile must not be suspended by a swap that waits for this very worker.
        let inside = Inside::enter(&local.forwarded);
        // Before anything leaves the old Rep.
        let made = self.failing(local, SwapStep::Rep).and_then(|()| roots.new.prepare(local));
        let outcome = match made {
            Err(failure) => Err(Reason::Import { processor: me, failure }),
            Ok(()) if leads => self.hand_over(local, roots),
            Ok(()) => Ok(()),
        };
        drop(inside);
        let now = local.system().platform().now();
        match outcome {
            Err(reason) => {
                mediator.decide(local.system(), Outcome::Undone(reason), now);
            }
            Ok(()) if mediator.meeting.with(|meeting| meeting.transfer(me)) => {
                // The last one decides; what is late is undone even now.
                if now < mediator.terms.deadline {
                    mediator.decide(local.system(), Outcome::Committed, now);
                } else {
                    let held_up = crate::HeldUp::new(me, crate::Missing::Transfer);
                    mediator.decide(local.system(), Outcome::Undone(Reason::Deadline(held_up)), now);
                }
            }
            Ok(()) => {}
        }
    }

    /// Whether a test wants this step to fail.
    fn failing(&self, local: &Local, step: SwapStep) -> Result<(), Failure> {
        if local.system().platform().fault(local.id(), step) { Err(Failure::NoMemory) } else { Ok(()) }
    }

    fn hand_over(&self, local: &Local, roots: &Roots) -> Result<(), Reason> {
        let processor = local.id();
        let protocol = self.mediator.protocol;
        let made = self.failing(local, SwapStep::Export).and_then(|()| roots.old.prepare(local));
        let exported = made.and_then(|()| roots.old.export(local, protocol));
        let state = exported.map_err(|failure| Reason::Export { processor, failure })?;
        self.items.set(state.items());
        let imported = self.failing(local, SwapStep::Import).and_then(|()| roots.new.import(local, protocol, &state));
        *self.state.borrow_mut() = Some(state);
        imported.map_err(|failure| Reason::Import { processor, failure })
    }

    /// After the decision: the state to where it belongs, then calls to the object that won.
    fn follow(&self, local: &Local, roots: Roots, committed: bool) -> Step {
        let mediator = &self.mediator;
        match self.phase.get() {
            Phase::Settled => {
                // A Rep that several processors share is complete only when the one that led has settled.
                let alone = roots.old.is_distributed() && roots.new.is_distributed();
                if !alone && !mediator.meeting.with(|meeting| !meeting.has_met() || meeting.is_settled()) {
                    return Step::Waiting;
                }
                self.complete(local, roots, committed);
                Step::Finished
            }
            phase => {
                if let Phase::Forward(wait) = phase {
                    local.generations.stop(wait);
                }
                let state = self.state.borrow_mut().take();
                if let Some(state) = state {
                    let winner = if committed { &roots.new } else { &roots.old };
                    let _inside = Inside::enter(&local.forwarded);
                    if committed {
                        winner.adopt(local, mediator.protocol, state);
                    } else {
                        winner.restore(local, mediator.protocol, state);
                    }
                }
                self.phase.set(Phase::Settled);
                if mediator.meeting.with(|meeting| meeting.settle(local.id())) {
                    local.notify_others(mediator.meeting.with(|meeting| meeting.everyone()));
                }
                Step::Progress
            }
        }
    }

    /// The local entry and the suspended calls go to the object that won (0067).
    pub(crate) fn complete(&self, local: &Local, roots: Roots, committed: bool) {
        let winner = if committed { &roots.new } else { &roots.old };
        let coid = self.mediator.terms.coid;
        let rep = match winner.reached(local) {
            Some(rep) => {
                winner.record_miss(local.id());
                local.set_entry(coid, rep);
                rep
            }
            // Not called here so far: its Rep is made by the first call, as ever.
            None => local.reset_entry(coid).unwrap_or(ptr::null()),
        };
        // Calls that are inside after an undo are nobody's business but the next swap's.
        local.carried.set(local.carried.get() - self.carried.take());
        self.phase.set(Phase::Complete(rep));
        self.old.set(ptr::null());
        self.roots.borrow_mut().take();
        // Calls that are inside hold a count on what they need; nothing leads here any more.
        let rep = self.rep.borrow_mut().take();
        drop((rep, roots));
        let now = local.system().platform().now();
        self.let_all_go(now);
        self.mediator.finish(local.system(), self.report(local.id(), now), now);
    }
}
