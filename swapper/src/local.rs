//! What a processor has to itself: its local table, generations, workers, and free entries.

use crate::{
    Coid, Outcome, ProcessorId, ProcessorReport, ProcessorSet, Reason,
    entry::Found,
    generation::{Generation, Generations},
    global_table::NoMemory,
    glue::{Header, OwnedRep, Reference},
    inbox::Inbox,
    local_table::LocalTable,
    mediator::{Mediator, MediatorRep, Phase},
    meeting::Part,
    memory::Handle,
    names::Named,
    system::Shared,
    worker::Step,
};
use alloc::{
    rc::{Rc, Weak},
    sync::Arc,
    vec::Vec,
};
use core::cell::{Cell, RefCell};
use hashbrown::HashMap;

/// A processor's own data. It never leaves its thread, so a `&Local` proves that the code runs on that processor.
pub(crate) struct Local {
    me: Weak<Self>,
    system: Arc<Shared>,
    id: ProcessorId,
    table: LocalTable,
    /// What this processor knows about the objects that it has referenced, by index.
    slots: RefCell<HashMap<usize, Slot>>,
    /// Free entries of this processor's region (0027).
    pub(crate) free: RefCell<Vec<u32>>,
    pub(crate) generations: Generations,
    /// Calls of methods that suspend that are inside an object: members of generations like activities, but not on the
    /// stack.
    calls: Cell<u32>,
    /// Suspended calls on this processor's stack.
    suspensions: Cell<u32>,
    /// What stands for the calls outside of any activity in which a call was suspended.
    outside: Cell<Option<Generation>>,
    /// The Mediator Reps of swaps that have not ended here.
    workers: RefCell<Vec<Handle<MediatorRep>>>,
    /// Forwarded calls on this processor's stack. What runs further up the stack runs inside of them: it is marked as
    /// being in a forwarded call (0061), whichever activity it belongs to.
    pub(crate) forwarded: Cell<u32>,
    /// Forwarded calls of methods that suspend, for which swaps of this processor wait: they end only if its event loop
    /// turns.
    pub(crate) carried: Cell<u32>,
    /// Named activities that are alive.
    named: Cell<u32>,
    /// Workers have something to look at.
    attention: Cell<bool>,
    /// Runs of the workers on the stack.
    running: Cell<u32>,
}

/// An object as one processor sees it.
struct Slot {
    generation: u32,
    references: usize,
    default: OwnedRep,
}

/// What a run of the workers came to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Progress {
    /// There is more to do now.
    pub again: bool,
    /// When to run the workers at the latest, on the platform's clock; `None` if nothing is under way here.
    pub deadline: Option<u64>,
}

impl Local {
    pub(crate) fn new(system: Arc<Shared>, id: ProcessorId, table: LocalTable, free: Vec<u32>) -> Rc<Self> {
        Rc::new_cyclic(|me| Self {
            me: me.clone(),
            system,
            id,
            table,
            slots: RefCell::default(),
            free: RefCell::new(free),
            generations: Generations::new(),
            calls: Cell::new(0),
            suspensions: Cell::new(0),
            outside: Cell::new(None),
            workers: RefCell::new(Vec::new()),
            forwarded: Cell::new(0),
            carried: Cell::new(0),
            named: Cell::new(0),
            attention: Cell::new(false),
            running: Cell::new(0),
        })
    }

    pub(crate) fn id(&self) -> ProcessorId {
        self.id
    }

    /// What this processor shares with others.
    pub(crate) fn inbox(&self) -> &Inbox {
        self.system.inbox(self.id)
    }

    /// A named activity begins; it also belongs to a generation, as any activity.
    pub(crate) fn enter(&self, name: &'static str) -> Named {
        self.named.set(self.named.get() + 1);
        self.inbox().names.enter(name, None)
    }

    pub(crate) fn leave(&self, named: Named) {
        self.named.set(self.named.get() - 1);
        self.inbox().names.leave(named);
    }

    /// The name of the activity that began last.
    pub(crate) fn newest_name(&self) -> Option<&'static str> {
        if self.named.get() == 0 { None } else { self.inbox().names.newest() }
    }

    pub(crate) fn system(&self) -> &Shared {
        &self.system
    }

    /// A reference to an object whose interface and generation have been checked.
    pub(crate) fn refer(
        self: &Rc<Self>,
        coid: Coid,
        root: impl FnOnce(DefaultObject) -> Option<OwnedRep>,
    ) -> Result<Reference, NoMemory> {
        self.table.open(coid.index())?;
        let mut slots = self.slots.borrow_mut();
        let known = slots.get(&coid.index()).is_some_and(|slot| slot.generation == coid.generation());
        if !known {
            // The entry's previous object is gone, and with it every reference: nobody can be in its Default Object.
            slots.try_reserve(1).map_err(|_| NoMemory)?;
            let default = root(DefaultObject { local: self.me.clone(), coid }).ok_or(NoMemory)?;
            self.table.set(coid.index(), default.header());
            slots.insert(coid.index(), Slot { generation: coid.generation(), references: 0, default });
        }
        drop(slots);
        self.count_reference(coid);
        Ok(Reference::new(self.table.entry(coid.index()), Rc::clone(self), coid))
    }

    pub(crate) fn count_reference(&self, coid: Coid) {
        if let Some(slot) = self.slots.borrow_mut().get_mut(&coid.index()) {
            slot.references += 1;
        }
    }

    /// Whether this processor has references to an object.
    pub(crate) fn refers(&self, coid: Coid) -> bool {
        self.slots
            .borrow()
            .get(&coid.index())
            .is_some_and(|slot| slot.generation == coid.generation() && slot.references > 0)
    }

    pub(crate) fn drop_reference(&self, coid: Coid) {
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(&coid.index()) else { return };
        slot.references -= 1;
        if slot.references == 0 {
            drop(slots);
            self.system.entry(coid.index()).unbind(self.id);
        }
    }

    /// Puts the Default Object back into the local entry, so that the next call misses (0054).
    pub(crate) fn reset_entry(&self, coid: Coid) -> Option<*const Header> {
        let slots = self.slots.borrow();
        let slot = slots.get(&coid.index()).filter(|slot| slot.generation == coid.generation())?;
        self.table.set(coid.index(), slot.default.header());
        Some(slot.default.header())
    }

    /// Puts a Rep into the local entry, if this processor knows the object.
    pub(crate) fn set_entry(&self, coid: Coid, rep: *const Header) {
        if self.slots.borrow().get(&coid.index()).is_some_and(|slot| slot.generation == coid.generation()) {
            self.table.set(coid.index(), rep);
        }
    }

    pub(crate) fn end_activity(&self, generation: Generation) {
        if self.generations.end(generation) {
            // The callback of a wait for a generation (0060).
            self.attend();
        }
    }

    /// A call of a method that suspends enters an object.
    pub(crate) fn begin_call(&self) -> Generation {
        self.calls.set(self.calls.get() + 1);
        self.generations.begin()
    }

    /// It has ended, or is dropped.
    pub(crate) fn end_call(&self, generation: Generation) {
        self.calls.set(self.calls.get() - 1);
        self.end_activity(generation);
    }

    /// A call is suspended, so workers will run inside of it: it counts as an activity for as long. Outside of any activity
    /// it may itself be part of calls that nothing counts; something stands for them from now on.
    pub(crate) fn suspend(&self) -> Generation {
        if self.generations.alive() == self.calls.get() {
            self.outside.set(Some(self.generations.begin()));
        }
        self.suspensions.set(self.suspensions.get() + 1);
        self.generations.begin()
    }

    /// The call goes on.
    pub(crate) fn resume(&self, generation: Generation) {
        self.suspensions.set(self.suspensions.get() - 1);
        self.end_activity(generation);
        if self.suspensions.get() == 0 && self.outside.get().is_some() {
            // Only the event loop can say that those calls have ended.
            self.attend();
        }
    }

    /// The event loop runs the workers itself. With no call suspended, none is under way outside of activities (the
    /// promise of `System::attach`).
    pub(crate) fn run_from_loop(&self, now: u64) -> Progress {
        if self.suspensions.get() == 0
            && let Some(generation) = self.outside.take()
        {
            self.end_activity(generation);
        }
        self.run(now)
    }

    /// A swap begins to wait for what is alive: the calls that are held on this processor may be what it waits for.
    pub(crate) fn ask_held(&self) {
        let mut index = 0;
        loop {
            let Some(worker) = self.workers.borrow().get(index).cloned() else { break };
            worker.ask_all();
            index += 1;
        }
    }

    /// Makes this processor run its workers, also if its event loop is about to sleep.
    pub(crate) fn attend(&self) {
        self.attention.set(true);
        if self.running.get() == 0 {
            self.system.notify(self.id);
        }
    }

    /// Asks other processors to run their workers, and this one to look at its own again.
    pub(crate) fn notify_others(&self, processors: ProcessorSet) {
        self.attend();
        self.system.notify_all(processors.without(ProcessorSet::of(self.id)));
    }

    /// Runs the workers for as long as one of them makes progress.
    pub(crate) fn run(&self, now: u64) -> Progress {
        self.collect();
        if self.workers.borrow().is_empty() {
            return Progress::default();
        }
        let _running = Inside::enter(&self.running);
        let mut again = true;
        while again {
            again = self.attention.replace(false);
            self.collect();
            let mut index = 0;
            loop {
                let Some(worker) = self.workers.borrow().get(index).cloned() else { break };
                match worker.step(self, now) {
                    Step::Waiting => index += 1,
                    Step::Progress => {
                        again = true;
                        index += 1;
                    }
                    Step::Finished => {
                        again = true;
                        self.workers.borrow_mut().retain(|other| !other.is(&worker));
                    }
                }
            }
        }
        let deadline = self.workers.borrow().iter().map(|worker| worker.mediator.terms.deadline).min();
        Progress { again: self.system.inbox(self.id).is_signalled(), deadline }
    }

    /// Takes in the swaps that were ordered since.
    fn collect(&self) {
        let _running = Inside::enter(&self.running);
        let signalled = self.system.inbox(self.id).collect(|mediator| {
            if self.worker(&mediator, Part::Participant).is_none() {
                self.sit_out(&mediator);
            }
        });
        if signalled {
            self.attention.set(true);
        }
    }

    /// The Mediator's Rep on this processor, made if there is none and there is memory for it.
    fn worker(&self, mediator: &Handle<Mediator>, part: Part) -> Option<Handle<MediatorRep>> {
        self.attend();
        let mut workers = self.workers.borrow_mut();
        if let Some(worker) = workers.iter().find(|worker| worker.mediator.is(mediator)) {
            return Some(worker.clone());
        }
        workers.try_reserve(1).ok()?;
        let worker = MediatorRep::try_new(mediator.clone(), self.me.clone(), part)?;
        workers.push(worker.clone());
        Some(worker)
    }

    /// There is no memory for this processor's part in a swap: undoes it if that is still possible, and waits until the state
    /// is where it belongs. Nothing here has changed so far, so nothing is left to do.
    fn sit_out(&self, mediator: &Handle<Mediator>) {
        let platform = self.system.platform();
        if mediator.meeting.with(|meeting| meeting.is_finished(self.id)) {
            // It was met by a call before the message came.
            return;
        }
        mediator.decide(&self.system, Outcome::Undone(Reason::NoMemory(self.id)), platform.now());
        // Without this processor they have met only if it takes no part but that a call came while the state was under way.
        let settled = || mediator.meeting.with(|meeting| !meeting.has_met() || meeting.is_settled());
        if !settled() {
            let generation = self.suspend();
            while !settled() {
                let progress = self.run(platform.now());
                if !progress.again && !settled() {
                    platform.wait(self.id, progress.deadline);
                }
            }
            self.resume(generation);
        }
        mediator.finish(&self.system, ProcessorReport::nothing(self.id), platform.now());
    }

    /// Answers a miss (0027, 0053, 0055).
    fn miss(&self, coid: Coid) -> *const Header {
        loop {
            match self.system.entry(coid.index()).find(self.id) {
                Found::Root(root) => {
                    // Made without holding the lock: the constructor is foreign code. If a swap began meanwhile, this
                    // processor's worker knows, because the miss was recorded; only the entry must not be overwritten.
                    let rep = root.reach(self);
                    if self.system.entry(coid.index()).if_still(&root, || self.set_entry(coid, rep)) {
                        return rep;
                    }
                }
                Found::Mediator(mediator, part) => {
                    let Some(worker) = self.worker(&mediator, part) else {
                        self.sit_out(&mediator);
                        continue;
                    };
                    let rep = worker.header();
                    self.set_entry(coid, rep);
                    return rep;
                }
            }
        }
    }
}

/// Something is on the stack, counted until it leaves, by a panic too.
pub(crate) struct Inside<'a>(&'a Cell<u32>);

impl<'a> Inside<'a> {
    pub(crate) fn enter(count: &'a Cell<u32>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // From here on no swap counts on this processor. Those under way are undone, and end here without waiting.
        let now = self.system.platform().now();
        let rest = self.system.inbox(self.id).detach(self.free.take());
        for mediator in rest {
            if self.worker(&mediator, Part::Participant).is_none() {
                self.sit_out(&mediator);
            }
        }
        let workers = self.workers.take();
        for worker in workers {
            worker.mediator.decide(&self.system, Outcome::Undone(Reason::Detached(self.id)), now);
            while worker.step(self, now) == Step::Progress {}
            let roots = worker.roots.borrow().clone();
            if let (Phase::Settled, Some(roots)) = (worker.phase.get(), roots) {
                let committed = worker.mediator.meeting.with(|meeting| meeting.decision() == Some(&Outcome::Committed));
                worker.complete(self, roots, committed);
            }
        }
    }
}

/// A Default Object (0027): what a local entry holds until this processor's first call on the object.
///
/// One for each object that a processor references, so it knows the object and the processor; its shims have the types.
pub(crate) struct DefaultObject {
    local: Weak<Local>,
    coid: Coid,
}

impl DefaultObject {
    pub(crate) fn miss(&self) -> *const Header {
        let Some(local) = self.local.upgrade() else { unreachable!("a call holds its processor alive") };
        local.miss(self.coid)
    }
}
