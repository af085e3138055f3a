//! An entry of the Global Translation Table, with its reader-writer lock (0026, 0053).

use crate::{
    Coid, ObjectError, ProcessorId, ProcessorSet, SwapError,
    mediator::Mediator,
    meeting::Part,
    memory::Handle,
    root::Root,
    sync::{AtomicU64, Ordering, RwLock},
    turn::{MAX_WAITING, Ticket},
};
use alloc::{collections::VecDeque, sync::Arc};

/// An entry of the global table.
pub(crate) struct Entry {
    place: RwLock<Place>,
    /// The processors that hold references.
    bound: AtomicU64,
}

/// What the lock of an entry protects.
pub(crate) struct Place {
    generation: u32,
    root: Occupant,
    /// The swap that has not ended on every processor yet, decided or not.
    swap: Option<Handle<Mediator>>,
    /// The swaps that wait for it, at most [`MAX_WAITING`]; empty if there is none.
    queue: VecDeque<Handle<Ticket>>,
}

/// What an entry leads to.
enum Occupant {
    Nobody,
    Object(Arc<dyn Root>),
    /// Interposed: misses go to the Mediator (0053).
    Mediator(Handle<Mediator>),
}

/// What a miss finds.
pub(crate) enum Found {
    Root(Arc<dyn Root>),
    Mediator(Handle<Mediator>, Part),
}

impl Entry {
    pub(crate) fn new() -> Self {
        let place = Place { generation: 1, root: Occupant::Nobody, swap: None, queue: VecDeque::new() };
        Self { place: RwLock::new(place), bound: AtomicU64::new(0) }
    }

    /// Installs a Root into this free entry (0027); returns the entry's generation.
    pub(crate) fn install(&self, root: Arc<dyn Root>) -> u32 {
        self.place.write(|place| {
            place.root = Occupant::Object(root);
            place.generation
        })
    }

    /// Takes the object out; says also whether the entry can be used again.
    pub(crate) fn vacate(&self, coid: Coid) -> Result<(Arc<dyn Root>, bool), ObjectError> {
        self.place.write(|place| {
            let Occupant::Object(root) = place.of(coid).ok_or(ObjectError::Stale(coid))? else {
                return Err(ObjectError::InSwap(coid));
            };
            let root = Arc::clone(root);
            if place.swap.is_some() {
                return Err(ObjectError::InSwap(coid));
            }
            // Bits are set under this lock; one that is cleared meanwhile only makes the answer stricter than needed.
            let by = ProcessorSet::from_bits(self.bound.load(Ordering::Acquire));
            if !by.is_empty() {
                return Err(ObjectError::Referenced { coid, by });
            }
            place.root = Occupant::Nobody;
            // An entry whose generations are used up is never used again.
            let next = place.generation.checked_add(1);
            place.generation = next.unwrap_or(place.generation);
            Ok((root, next.is_some()))
        })
    }

    /// Interposes the Mediator that `begin` makes for the object (0053); the lock is held for writing meanwhile. If the
    /// object is being swapped, `wait` may make a ticket for the queue.
    pub(crate) fn interpose(
        &self,
        coid: Coid,
        begin: impl FnOnce(&Arc<dyn Root>) -> Result<Handle<Mediator>, SwapError>,
        wait: impl FnOnce(&Arc<dyn Root>) -> Result<Handle<Ticket>, SwapError>,
    ) -> Result<Interposed, SwapError> {
        self.place.write(|place| {
            let old = match place.of(coid).ok_or(SwapError::Stale(coid))? {
                Occupant::Object(old) => Arc::clone(old),
                Occupant::Mediator(mediator) => mediator.roots().ok_or(SwapError::InSwap(coid))?.old,
                Occupant::Nobody => return Err(SwapError::Stale(coid)),
            };
            if place.swap.is_some() {
                let ticket = wait(&old)?;
                if place.queue.len() >= MAX_WAITING {
                    return Err(SwapError::Queue(coid));
                }
                place.queue.try_reserve(1).map_err(|_| SwapError::NoMemory)?;
                place.queue.push_back(ticket.clone());
                return Ok(Interposed::Queued(ticket));
            }
            let mediator = begin(&old)?;
            place.interpose(&mediator);
            Ok(Interposed::Begun(mediator))
        })
    }

    /// Takes a swap out of the queue.
    pub(crate) fn forget(&self, ticket: &Handle<Ticket>) {
        self.place.write(|place| place.queue.retain(|other| !other.is(ticket)));
    }

    /// Answers a miss, holding the lock for reading (0053).
    pub(crate) fn find(&self, processor: ProcessorId) -> Found {
        self.place.read(|place| {
            // The entry swings at the decision, but a processor's state is where it belongs only when its worker has seen
            // to it. Until then its misses still go to the Mediator.
            if let Some(mediator) = &place.swap
                && let Some(part) = mediator.meeting.with(|meeting| meeting.join(processor))
            {
                return Found::Mediator(mediator.clone(), part);
            }
            match &place.root {
                Occupant::Object(root) => {
                    root.record_miss(processor);
                    Found::Root(Arc::clone(root))
                }
                Occupant::Mediator(_) => unreachable!("before the decision everyone may join"),
                Occupant::Nobody => unreachable!("an object with references is not destroyed"),
            }
        })
    }

    /// Runs `install` under the lock if the entry still leads to this Root.
    pub(crate) fn if_still(&self, root: &Arc<dyn Root>, install: impl FnOnce()) -> bool {
        self.place.read(|place| match &place.root {
            Occupant::Object(other) if Arc::ptr_eq(other, root) => {
                install();
                true
            }
            _ => false,
        })
    }

    /// Checks a COID for a processor that wants to refer to it, and records that it does.
    pub(crate) fn bind<R>(
        &self,
        coid: Coid,
        (schema, wanted): (u64, &'static str),
        processor: ProcessorId,
        refer: impl FnOnce(&Arc<dyn Root>) -> R,
    ) -> Result<R, ObjectError> {
        let root = self.place.read(|place| {
            let root = match place.of(coid) {
                Some(Occupant::Object(root)) => Arc::clone(root),
                // The interface is the same for both objects of a swap.
                Some(Occupant::Mediator(mediator)) => mediator.roots().ok_or(ObjectError::InSwap(coid))?.old,
                Some(Occupant::Nobody) | None => return Err(ObjectError::Stale(coid)),
            };
            if root.schema() != schema {
                return Err(ObjectError::Interface { coid, has: root.name(), wanted });
            }
            // Under the lock, so that `destroy` sees either the bit or no object to refer to.
            self.bound.fetch_or(ProcessorSet::of(processor).bits(), Ordering::AcqRel);
            Ok(root)
        })?;
        Ok(refer(&root))
    }

    /// A processor's last reference is gone.
    pub(crate) fn unbind(&self, processor: ProcessorId) {
        // Release: its calls happened before a `destroy` that sees the bit cleared.
        self.bound.fetch_and(!ProcessorSet::of(processor).bits(), Ordering::AcqRel);
    }

    /// Runs `change` under the lock for writing, if this Mediator is interposed.
    pub(crate) fn with_mediator<R>(
        &self,
        mediator: &Handle<Mediator>,
        change: impl FnOnce(&mut Place) -> R,
    ) -> Option<R> {
        self.place.write(|place| match &place.root {
            Occupant::Mediator(other) if other.is(mediator) => Some(change(place)),
            _ => None,
        })
    }

    /// The swap is over on every processor. The next one that waits and that `begin` can begin follows, interposed before
    /// anybody else can be.
    pub(crate) fn release(
        &self,
        mediator: &Handle<Mediator>,
        mut begin: impl FnMut(&Arc<dyn Root>, &Handle<Ticket>) -> Option<Handle<Mediator>>,
    ) -> Option<Handle<Mediator>> {
        self.place.write(|place| {
            if place.swap.as_ref().is_none_or(|other| !other.is(mediator)) {
                return None;
            }
            place.swap = None;
            let Occupant::Object(root) = &place.root else { unreachable!("the entry swung at the decision") };
            let root = Arc::clone(root);
            while let Some(ticket) = place.queue.pop_front() {
                if let Some(next) = begin(&root, &ticket) {
                    place.interpose(&next);
                    return Some(next);
                }
            }
            None
        })
    }
}

/// What became of an order.
pub(crate) enum Interposed {
    Begun(Handle<Mediator>),
    Queued(Handle<Ticket>),
}

impl Place {
    /// What is here, if it is what the COID names.
    fn of(&self, coid: Coid) -> Option<&Occupant> {
        (self.generation == coid.generation() && !matches!(self.root, Occupant::Nobody)).then_some(&self.root)
    }

    fn interpose(&mut self, mediator: &Handle<Mediator>) {
        self.root = Occupant::Mediator(mediator.clone());
        self.swap = Some(mediator.clone());
    }

    /// The entry swings to the object that won.
    pub(crate) fn uninterpose(&mut self, winner: Arc<dyn Root>) {
        self.root = Occupant::Object(winner);
    }
}
