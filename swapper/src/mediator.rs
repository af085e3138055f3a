//! The Mediator: a distributed clustered object of its own that stands in front of another during its swap (0050-0057).
//!
//! [`Mediator`] is its Root. A [`MediatorRep`] is its Rep and its worker on one processor in one; this module holds what
//! happens to calls, `worker` what happens between calls.
//!
//! ```text
//!            two generation swaps      no forwarded call        every processor blocked    all imported
//!  Forward ───────────────────▶ Block ──────────────────▶ (met) ─────────────────▶ Transfer ───▶ Complete
//!  count,                       suspend; but what comes                suspend                   to the new object
//!  forward to the old           from inside a forwarded
//!                               call passes
//!      └──────────────────────────┴── deadline, cancel, failure ──┴──────────▶ Undone: to the old object
//! ```

use crate::{
    Missing, Outcome, PhaseTimes, ProcessorId, ProcessorReport, Protocol, Reason, Report, State,
    generation::{Generation, Wait},
    glue::{Header, OwnedRep},
    local::{Inside, Local},
    meeting::{Meeting, Part},
    memory::Handle,
    root::Root,
    suspend::Waiting,
    sync::Mutex,
    system::Shared,
    turn::Terms,
};
use alloc::{
    rc::{Rc, Weak},
    sync::Arc,
    vec::Vec,
};
use core::{
    cell::{Cell, RefCell},
    ptr,
};

/// The Root of a Mediator.
pub(crate) struct Mediator {
    pub(crate) terms: Terms,
    pub(crate) protocol: Protocol,
    pub(crate) meeting: Mutex<Meeting>,
    ledger: Mutex<Ledger>,
    /// Both objects, until the swap is over.
    roots: Mutex<Option<Roots>>,
    report: Mutex<Option<Report>>,
}

/// The object that is replaced, and the one that replaces it.
#[derive(Clone)]
pub(crate) struct Roots {
    pub(crate) old: Arc<dyn Root>,
    pub(crate) new: Arc<dyn Root>,
}

/// When each phase ended, and what each processor did.
#[derive(Default)]
struct Ledger {
    drained: Option<u64>,
    met: Option<u64>,
    decided: Option<u64>,
    processors: Vec<ProcessorReport>,
}

/// A moment that the report wants.
#[derive(Clone, Copy)]
pub(crate) enum Moment {
    Drained,
    Met,
    Decided,
}

impl Mediator {
    /// With memory for all that `processors` will write into it, or nothing if there is none.
    pub(crate) fn try_new(
        terms: Terms,
        roots: Roots,
        protocol: Protocol,
        meeting: Meeting,
        processors: usize,
    ) -> Option<Handle<Self>> {
        let mut ledger = Ledger::default();
        ledger.processors.try_reserve_exact(processors).ok()?;
        Handle::try_new(Self {
            terms,
            protocol,
            meeting: Mutex::new(meeting.with_room(processors)?),
            ledger: Mutex::new(ledger),
            roots: Mutex::new(Some(roots)),
            report: Mutex::new(None),
        })
    }

    pub(crate) fn roots(&self) -> Option<Roots> {
        self.roots.with(|roots| roots.clone())
    }

    pub(crate) fn record(&self, moment: Moment, now: u64) {
        self.ledger.with(|ledger| match moment {
            Moment::Drained => ledger.drained = Some(now),
            Moment::Met => ledger.met = Some(now),
            Moment::Decided => ledger.decided = Some(now),
        });
    }

    pub(crate) fn report(&self) -> Option<Report> {
        self.report.with(|report| report.as_ref().and_then(Report::try_clone))
    }
}

impl Handle<Mediator> {
    /// Ends the swap one way or the other; false if it was decided before, or cannot be committed. The global entry
    /// swings in the same moment, under its lock for writing (0067), so that no miss falls between.
    pub(crate) fn decide(&self, system: &Shared, outcome: Outcome, now: u64) -> bool {
        let Some(roots) = self.roots() else { return false };
        let winner = if outcome == Outcome::Committed { roots.new } else { roots.old };
        let everyone = system.entry(self.terms.coid.index()).with_mediator(self, |place| {
            self.meeting.with(|meeting| {
                meeting.decide(outcome).then(|| {
                    place.uninterpose(winner);
                    meeting.everyone()
                })
            })
        });
        let Some(everyone) = everyone.flatten() else { return false };
        self.record(Moment::Decided, now);
        system.notify_all(everyone);
        true
    }

    /// Undoes the swap if its time is up.
    pub(crate) fn expire(&self, system: &Shared, now: u64) -> bool {
        if now < self.terms.deadline {
            return false;
        }
        let held_up = self.meeting.with(|meeting| {
            let held_up = meeting.held_up()?;
            Some((held_up, meeting.before(held_up.processor)))
        });
        let held_up = held_up.map(|(mut held_up, before)| {
            let names = &system.inbox(held_up.processor).names;
            match held_up.by {
                Missing::Worker | Missing::Activity => held_up.activity = names.oldest(before),
                // A call that suspended is known by its own name.
                Missing::Call => held_up.activity = names.oldest_inside(self.terms.coid).or(held_up.activity),
                Missing::Transfer => {}
            }
            held_up
        });
        // Nobody held it up if the last import has just ended; that worker decides.
        held_up.is_some_and(|held_up| self.decide(system, Outcome::Undone(Reason::Deadline(held_up)), now))
    }

    /// A processor is back to ordinary calls; the last one writes the report and frees what is no longer needed.
    pub(crate) fn finish(&self, system: &Shared, report: ProcessorReport, now: u64) {
        self.ledger.with(|ledger| ledger.processors.push(report));
        let outcome = self.meeting.with(|meeting| {
            if meeting.finish(report.processor) { meeting.decision().map(Outcome::duplicate) } else { None }
        });
        let Some(outcome) = outcome else { return };
        let report = self.ledger.with(|ledger| ledger.report(self, outcome, now));
        // The old object is freed here, or the new one if the swap was undone (0067): outside of every lock.
        drop(self.roots.with(Option::take));
        system.release(self, now);
        self.report.with(|place| *place = Some(report));
        if let Some(processor) = self.terms.notify {
            system.notify(processor);
        }
    }
}

impl Ledger {
    fn report(&mut self, mediator: &Mediator, outcome: Outcome, now: u64) -> Report {
        self.processors.sort_unstable_by_key(|report| report.processor);
        let decided = self.decided.unwrap_or(now);
        let met = self.met.unwrap_or(decided).min(decided);
        let drained = self.drained.unwrap_or(decided).min(met);
        Report {
            coid: mediator.terms.coid,
            outcome,
            protocol: mediator.protocol,
            ordered: mediator.terms.ordered,
            phases: PhaseTimes {
                forward: drained.saturating_sub(mediator.terms.ordered),
                block: met.saturating_sub(drained),
                transfer: decided.saturating_sub(met),
                complete: now.saturating_sub(decided),
            },
            processors: core::mem::take(&mut self.processors),
        }
    }
}

/// What a Mediator's Rep does with calls, and its worker next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Phase {
    /// The worker has not run yet.
    Interpose,
    /// Calls are counted and forwarded; everything from before must end (0059-0061).
    Forward(Wait),
    /// New calls are suspended; counted ones must end (0063).
    Block {
        /// The meeting knows that none is left.
        announced: bool,
    },
    /// The state goes over (0065), or has gone and the decision is awaited.
    Transfer {
        /// Exported, imported.
        done: bool,
    },
    /// Decided; the state is where it belongs on this processor.
    Settled,
    /// Calls go to the object that won.
    Complete(*const Header),
}

/// A Mediator's Rep and worker on one processor.
pub(crate) struct MediatorRep {
    pub(crate) mediator: Handle<Mediator>,
    pub(crate) local: Weak<Local>,
    pub(crate) part: Part,
    pub(crate) phase: Cell<Phase>,
    /// The Rep of the old object on this processor; null until needed.
    pub(crate) old: Cell<*const Header>,
    /// Both objects, until the worker is done.
    pub(crate) roots: RefCell<Option<Roots>>,
    /// The old Rep's state, between export and decision.
    pub(crate) state: RefCell<Option<State>>,
    /// What local entries point at while this Rep mediates.
    pub(crate) rep: RefCell<Option<OwnedRep>>,
    /// Steps of the worker on the stack: one at most.
    pub(crate) stepping: Cell<u32>,
    /// Forwarded calls that have not returned (0056).
    pub(crate) in_flight: Cell<u32>,
    /// Those of them whose method suspends, and that a swap still waits for.
    pub(crate) carried: Cell<u32>,
    /// The activity that made the first of them.
    pub(crate) caller: Cell<Option<&'static str>>,
    forwarded: Cell<u64>,
    suspended: Cell<u64>,
    longest: Cell<u64>,
    /// Suspended calls on the stack, and when the first of them began to wait; those above it end before it.
    open: Cell<(u32, u64)>,
    /// Calls of methods that suspend, which wait without a stack.
    pub(crate) waiting: RefCell<Waiting>,
    pub(crate) items: Cell<u64>,
}

impl MediatorRep {
    /// With the Rep for local entries, or nothing if there is no memory.
    pub(crate) fn try_new(mediator: Handle<Mediator>, local: Weak<Local>, part: Part) -> Option<Handle<Self>> {
        let roots = mediator.roots()?;
        let old = Arc::clone(&roots.old);
        let new = Handle::try_new(Self {
            mediator,
            local,
            part,
            phase: Cell::new(Phase::Interpose),
            old: Cell::new(ptr::null()),
            roots: RefCell::new(Some(roots)),
            state: RefCell::new(None),
            rep: RefCell::new(None),
            stepping: Cell::new(0),
            in_flight: Cell::new(0),
            carried: Cell::new(0),
            caller: Cell::new(None),
            forwarded: Cell::new(0),
            suspended: Cell::new(0),
            longest: Cell::new(0),
            open: Cell::new((0, 0)),
            waiting: RefCell::default(),
            items: Cell::new(0),
        })?;
        let rep = old.mediator_rep(new.clone())?;
        *new.rep.borrow_mut() = Some(rep);
        Some(new)
    }

    /// What local entries point at.
    pub(crate) fn header(&self) -> *const Header {
        match &*self.rep.borrow() {
            Some(rep) => rep.header(),
            None => unreachable!("a Mediator is met only before it is done"),
        }
    }

    pub(crate) fn report(&self, processor: ProcessorId, now: u64) -> ProcessorReport {
        // A call that is still suspended goes on as soon as this is written.
        let (open, since) = self.open.get();
        let longest = if open == 0 { self.longest.get() } else { self.longest.get().max(now.saturating_sub(since)) };
        ProcessorReport {
            processor,
            items: self.items.get(),
            forwarded: self.forwarded.get(),
            suspended: self.suspended.get(),
            longest_suspension: longest,
        }
    }

    /// Where a call may go now; `None` to suspend it.
    pub(crate) fn target(&self, local: &Local, call: Call) -> Option<Target> {
        match self.phase.get() {
            // Met through a miss before its worker ran: nothing can have been decided on this processor.
            Phase::Interpose if self.part == Part::Participant => Some(Target::Old),
            Phase::Forward(_) => Some(Target::Old),
            Phase::Block { announced } if self.passes(local, call) => {
                if announced && !self.mediator.meeting.with(|meeting| meeting.retract(local.id())) {
                    return None;
                }
                self.phase.set(Phase::Block { announced: false });
                Some(Target::Old)
            }
            // The old or new object calls itself during its transfer.
            Phase::Transfer { .. } if self.stepping.get() > 0 => Some(Target::Within),
            Phase::Complete(rep) => Some(Target::Winner(rep)),
            _ => None,
        }
    }

    /// Whether a call passes through Block. One from inside a forwarded call must, whichever object forwarded it: what
    /// it runs in has to end first (0063). And while another swap waits on this processor for activities to end, none
    /// may be held: it could be the very one that is waited for, and two swaps would wait for each other. Nor may a call
    /// hold the stack on which a forwarded call that suspended has to end.
    fn passes(&self, local: &Local, call: Call) -> bool {
        matches!(self.phase.get(), Phase::Block { .. })
            && (local.forwarded.get() > 0
                || local.generations.waiting() > 0
                || (call == Call::OnStack && local.carried.get() > 0))
    }

    pub(crate) fn old(&self, local: &Local) -> *const Header {
        if self.old.get().is_null() {
            match &*self.roots.borrow() {
                Some(roots) => self.old.set(roots.old.reach(local)),
                None => unreachable!("a call is forwarded only before the decision"),
            }
        }
        self.old.get()
    }

    pub(crate) fn count_suspended(&self) {
        self.suspended.set(self.suspended.get() + 1);
    }

    pub(crate) fn count_suspension(&self, time: u64) {
        self.longest.set(self.longest.get().max(time));
    }
}

impl Handle<MediatorRep> {
    /// A call: decides where it goes, and suspends it for as long as that is open.
    pub(crate) fn admit(self) -> Mediated {
        let Some(local) = self.local.upgrade() else { unreachable!("a call holds its processor alive") };
        let mut suspension: Option<Suspension> = None;
        let target = loop {
            if let Some(target) = self.target(&local, Call::OnStack) {
                break target;
            }
            suspension.get_or_insert_with(|| Suspension::begin(&self, &local));
            // The suspended call lets this processor's workers run: the swap depends on them.
            let now = local.system().platform().now();
            let progress = local.run(now);
            if !progress.again
                && matches!(self.phase.get(), Phase::Block { .. } | Phase::Transfer { .. } | Phase::Settled)
                && !self.passes(&local, Call::OnStack)
            {
                local.system().platform().wait(local.id(), progress.deadline);
            }
        };
        let (rep, counted) = match target {
            Target::Old => (self.old(&local), true),
            Target::Within => (self.old(&local), false),
            Target::Winner(rep) => (rep, false),
        };
        drop(suspension);
        let counted = counted.then(|| Counted::begin(&self, &local, Call::OnStack));
        if counted.is_some() {
            local.forwarded.set(local.forwarded.get() + 1);
        }
        Mediated { rep, counted }
    }
}

/// What a call holds while it waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Call {
    /// The processor's stack.
    OnStack,
    /// Nothing: its method suspends.
    OffStack,
}

/// Where a call may go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// To the old object, counted.
    Old,
    /// To the old object, from inside of its own transfer.
    Within,
    /// To the object that won.
    Winner(*const Header),
}

/// A suspended call.
struct Suspension<'a> {
    rep: &'a MediatorRep,
    local: &'a Local,
    generation: Generation,
}

impl<'a> Suspension<'a> {
    fn begin(rep: &'a MediatorRep, local: &'a Local) -> Self {
        rep.count_suspended();
        let (open, since) = rep.open.get();
        rep.open.set((open + 1, if open == 0 { local.system().platform().now() } else { since }));
        Self { rep, local, generation: local.suspend() }
    }
}

impl Drop for Suspension<'_> {
    fn drop(&mut self) {
        let (open, since) = self.rep.open.get();
        self.rep.open.set((open - 1, since));
        self.rep.count_suspension(self.local.system().platform().now().saturating_sub(since));
        self.local.resume(self.generation);
    }
}

/// A call that is inside the old object and that Block waits for (0056).
pub(crate) struct Counted {
    mediator: Handle<MediatorRep>,
    local: Rc<Local>,
    call: Call,
}

impl Counted {
    pub(crate) fn begin(mediator: &Handle<MediatorRep>, local: &Rc<Local>, call: Call) -> Self {
        if mediator.in_flight.get() == 0 {
            mediator.caller.set(local.newest_name());
        }
        mediator.in_flight.set(mediator.in_flight.get() + 1);
        mediator.forwarded.set(mediator.forwarded.get() + 1);
        if call == Call::OffStack {
            mediator.carried.set(mediator.carried.get() + 1);
            local.carried.set(local.carried.get() + 1);
        }
        Self { mediator: mediator.clone(), local: Rc::clone(local), call }
    }

    /// What runs until the guard is dropped runs inside of this call.
    pub(crate) fn mark(&self) -> Inside<'_> {
        Inside::enter(&self.local.forwarded)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Self { mediator, local, call } = self;
        if *call == Call::OffStack && !matches!(mediator.phase.get(), Phase::Complete(_)) {
            mediator.carried.set(mediator.carried.get() - 1);
            local.carried.set(local.carried.get() - 1);
        }
        let left = mediator.in_flight.get() - 1;
        mediator.in_flight.set(left);
        if left == 0 && matches!(mediator.phase.get(), Phase::Block { .. }) {
            // The callback that ends the wait for counted calls.
            local.attend();
        }
    }
}

/// A call on its way through the Mediator; its end is the end of the call (0057).
pub struct Mediated {
    rep: *const Header,
    counted: Option<Counted>,
}

impl Mediated {
    /// Where to call.
    pub const fn rep(&self) -> *const Header {
        self.rep
    }
}

impl Drop for Mediated {
    fn drop(&mut self) {
        if let Some(Counted { local, .. }) = &self.counted {
            local.forwarded.set(local.forwarded.get() - 1);
        }
    }
}
