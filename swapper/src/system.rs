//! A system: the Global Translation Table (0026), and what its processors share.

use crate::{
    Coid, MAX_PROCESSORS, MAX_WAITING, Object, ObjectError, Order, Outcome, Platform, Processor, ProcessorId,
    ProcessorReport, ProcessorSet, REGION_ENTRIES, Reason, Swap, SwapError, SwapStep, SystemError,
    entry::{Entry, Interposed},
    global_table::GlobalTable,
    inbox::{Inbox, Unreachable},
    local::Local,
    local_table::LocalTable,
    mediator::{Mediator, Roots},
    meeting::Meeting,
    memory::Handle,
    root::Root,
    swap::Course,
    transfer,
    turn::{Terms, Ticket},
};
use alloc::{boxed::Box, sync::Arc};
use core::{fmt, ptr::NonNull};

/// A system of processors with one Global Translation Table. Clones are the same system.
#[derive(Clone)]
pub struct System(pub(crate) Arc<Shared>);

/// What the processors of a system share.
pub(crate) struct Shared {
    platform: Box<dyn Platform>,
    processors: usize,
    table: GlobalTable,
    inboxes: Box<[Inbox]>,
}

impl System {
    /// A system with this many processors, numbered from 0; at most [`MAX_PROCESSORS`]. Each may create 512 objects
    /// ([`REGION_ENTRIES`]).
    ///
    /// # Errors
    /// [`SystemError::Processors`] or [`SystemError::NoMemory`].
    pub fn new(processors: usize, platform: impl Platform) -> Result<Self, SystemError> {
        Self::with_regions(processors, REGION_ENTRIES, platform)
    }

    /// A system each of whose processors may create `entries` objects: a multiple of [`REGION_ENTRIES`], and not more than
    /// 2^20 for all processors together.
    ///
    /// Regions grow by 512 entries when they are used up; until then only their address space is reserved. Local tables
    /// grow likewise, when a processor first refers to an object of a block.
    ///
    /// # Errors
    /// [`SystemError::Processors`], [`SystemError::Region`] or [`SystemError::NoMemory`].
    pub fn with_regions(processors: usize, entries: usize, platform: impl Platform) -> Result<Self, SystemError> {
        if processors == 0 || processors > MAX_PROCESSORS {
            return Err(SystemError::Processors(processors));
        }
        let table = GlobalTable::new(processors, entries)?;
        let inboxes = (0..processors).map(|_| Inbox::new()).collect();
        Ok(Self(Arc::new(Shared { platform: Box::new(platform), processors, table, inboxes })))
    }

    /// How many processors it has.
    pub fn processors(&self) -> usize {
        self.0.processors
    }

    /// Octets of address space that a local translation table needs at its base; a multiple of a 4 KiB page. A page of it is
    /// first touched when its processor refers to one of its 512 objects.
    pub fn local_table_bytes(&self) -> usize {
        self.0.table.entries() * size_of::<usize>()
    }

    /// The platform's clock, in nanoseconds.
    pub fn now(&self) -> u64 {
        self.0.platform.now()
    }

    /// Makes the calling thread a processor of this system, with a local translation table on the heap.
    ///
    /// # Errors
    /// [`SystemError::NoSuchProcessor`], [`SystemError::Attached`] or [`SystemError::NoMemory`].
    ///
    /// # Safety
    /// The event loop's promise: while a call through a reference of this processor is running, workers are run
    /// ([`Processor::run_workers`]), and activities that make calls are begun, only inside an
    /// [activity](Processor::activity) that began before that call and ends after it. A loop that makes its calls in
    /// activities, and runs workers between them, keeps it without a thought. A call of a method that suspends is running
    /// while it is polled.
    pub unsafe fn attach(&self, processor: usize) -> Result<Processor, SystemError> {
        self.attach_with(processor, LocalTable::on_heap)
    }

    /// Makes the calling core a processor of this system, with its local translation table at `base`: in a unikernel the
    /// same address on every core ([`VBASE`](crate::VBASE)), with other memory behind it (0026).
    ///
    /// # Errors
    /// As for [`attach`](Self::attach).
    ///
    /// # Safety
    /// As for [`attach`](Self::attach); and at `base`, aligned to a word,
    /// [`local_table_bytes`](Self::local_table_bytes) octets are mapped on this core, at the latest when they are touched,
    /// for as long as the processor and its references exist, and used by nobody else.
    pub unsafe fn attach_at(&self, processor: usize, base: NonNull<u8>) -> Result<Processor, SystemError> {
        // SAFETY: passed on from the caller.
        self.attach_with(processor, |entries| unsafe { LocalTable::at(base, entries) })
    }

    fn attach_with(
        &self,
        processor: usize,
        table: impl FnOnce(usize) -> Option<LocalTable>,
    ) -> Result<Processor, SystemError> {
        let id = ProcessorId::new(processor).filter(|_| processor < self.0.processors);
        let id = id.ok_or(SystemError::NoSuchProcessor(processor))?;
        let table = table(self.0.table.entries()).ok_or(SystemError::NoMemory)?;
        let free = self.0.inbox(id).attach().ok_or(SystemError::Attached(id))?;
        Ok(Processor::new(Local::new(Arc::clone(&self.0), id, table, free)))
    }

    /// Begins to swap the object `coid` for `replacement` (0052); from any processor, or from none.
    ///
    /// The processors that have called the object carry the swap out as they run their workers. It ends *committed* or
    /// *undone*, at the latest soon after its time limit, and the handle then has its report. Whether the replacement is
    /// of the same implementation is not looked at. On an error nothing was touched.
    ///
    /// If the object is being swapped already, the order is refused, or waits its turn with [`SwapOptions::in_turn`](crate::SwapOptions::in_turn).
    ///
    /// # Errors
    /// Any [`SwapError`].
    pub fn swap(&self, coid: Coid, replacement: impl Into<Object>, order: impl Into<Order>) -> Result<Swap, SwapError> {
        let Object(new) = replacement.into();
        let Order { options, in_turn } = order.into();
        let system = &self.0;
        let ordered = system.platform.now();
        let terms = Terms {
            coid,
            ordered,
            deadline: ordered.saturating_add(options.time_limit),
            notify: options.notify.filter(|processor| processor.index() < system.processors),
        };
        let entry = system.table.get(coid.index()).ok_or(SwapError::Stale(coid))?;
        let mut launch = Launch::default();
        let interposed = entry.interpose(
            coid,
            |old| system.begin(terms, old, &new, &mut launch),
            |old| {
                if !in_turn {
                    return Err(SwapError::InSwap(coid));
                }
                fits(coid, old, &new)?;
                Ticket::try_new(terms, Arc::clone(&new)).ok_or(SwapError::NoMemory)
            },
        )?;
        Ok(match interposed {
            Interposed::Begun(mediator) => {
                system.launch(&mediator, launch);
                Swap { system: self.clone(), course: Course::Begun(mediator) }
            }
            Interposed::Queued(ticket) => Swap { system: self.clone(), course: Course::Queued(ticket) },
        })
    }

    /// Removes an object that nobody references and frees it.
    ///
    /// # Errors
    /// [`ObjectError::Stale`], [`ObjectError::Referenced`] or [`ObjectError::InSwap`].
    pub fn destroy(&self, coid: Coid) -> Result<(), ObjectError> {
        let stale = ObjectError::Stale(coid);
        let (entry, region) = self.0.table.get(coid.index()).zip(self.0.table.region(coid)).ok_or(stale)?;
        let (root, again) = entry.vacate(coid)?;
        if again {
            self.0.inbox(region).give_back(coid.index() as u32);
        }
        drop(root);
        Ok(())
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "System({} processors)", self.0.processors)
    }
}

/// What is to be done for a swap when no lock is held any more.
#[derive(Default)]
struct Launch {
    participants: ProcessorSet,
    /// The last participant that could not be told to take part, and all of those.
    unreachable: Option<(ProcessorId, Unreachable)>,
    untold: ProcessorSet,
}

/// Whether the replacement has the object's interface.
fn fits(coid: Coid, old: &Arc<dyn Root>, new: &Arc<dyn Root>) -> Result<(), SwapError> {
    if old.schema() == new.schema() {
        return Ok(());
    }
    Err(SwapError::Interface { coid, has: old.name(), replacement: new.name() })
}

impl Shared {
    /// Makes the Mediator of a swap and orders its workers; the entry's lock is held for writing, so no miss is under way and
    /// the set of those that have called is exact (0053, 0054).
    fn begin(
        &self,
        terms: Terms,
        old: &Arc<dyn Root>,
        new: &Arc<dyn Root>,
        launch: &mut Launch,
    ) -> Result<Handle<Mediator>, SwapError> {
        fits(terms.coid, old, new)?;
        let first = ProcessorId::new(0).unwrap_or_else(|| unreachable!("a system has a processor 0"));
        if self.platform.fault(first, SwapStep::Order) {
            return Err(SwapError::NoMemory);
        }
        let (from, to) = (old.protocols(), new.protocols());
        let protocol = transfer::negotiate(from, to)
            .ok_or(SwapError::NoCommonProtocol { old: transfer::bits(from), new: transfer::bits(to) })?;
        let attached = self.attached();
        let mut participants = old.missed().intersection(attached);
        if participants.is_empty() {
            // Nobody has called it yet: one processor carries the swap out alone.
            participants.insert(attached.first().ok_or(SwapError::NoProcessor)?);
        }
        let roots = Roots { old: Arc::clone(old), new: Arc::clone(new) };
        let meeting = Meeting::new(participants);
        let mediator =
            Mediator::try_new(terms, roots, protocol, meeting, self.processors).ok_or(SwapError::NoMemory)?;
        // Before the lock is released, so that a miss that meets the Mediator finds its worker ordered already.
        *launch = Launch { participants, ..Launch::default() };
        for processor in participants.iter() {
            let posted = if self.platform.fault(processor, SwapStep::Post) {
                Err(Unreachable::NoMemory)
            } else {
                self.inbox(processor).post(&mediator)
            };
            if let Err(why) = posted {
                launch.unreachable = Some((processor, why));
                launch.untold.insert(processor);
            }
        }
        Ok(mediator)
    }

    /// Makes the workers of a swap that has begun run.
    fn launch(&self, mediator: &Handle<Mediator>, launch: Launch) {
        if let Some((processor, why)) = launch.unreachable {
            let reason = match why {
                Unreachable::Detached => Reason::Detached(processor),
                Unreachable::NoMemory => Reason::NoMemory(processor),
            };
            mediator.decide(self, Outcome::Undone(reason), self.platform.now());
        }
        for processor in launch.untold.iter() {
            // Detached just now, or without a worker: its entry leads where it led, to the old object. So it can be spoken for.
            mediator.finish(self, ProcessorReport::nothing(processor), self.platform.now());
        }
        self.notify_all(launch.participants);
    }

    /// The swap is over on every processor: from here on the object can be swapped again, by the next that waits first.
    pub(crate) fn release(&self, mediator: &Handle<Mediator>, now: u64) {
        let mut launch = Launch::default();
        let mut over = [const { None }; MAX_WAITING];
        let mut places = over.iter_mut();
        let next = self.entry(mediator.terms.coid.index()).release(mediator, |old, ticket| {
            let (begun, dropped) =
                ticket.begin(now, |new| self.begin(ticket.terms, old, new, &mut launch).map_err(Reason::NotBegun));
            if let Some((replacement, place)) = dropped.zip(places.next()) {
                *place = Some((replacement, ticket.clone()));
            }
            begun
        });
        for (replacement, ticket) in over.into_iter().flatten() {
            drop(replacement);
            ticket.tell(self);
        }
        if let Some(next) = next {
            self.launch(&next, launch);
        }
    }

    pub(crate) fn platform(&self) -> &dyn Platform {
        &*self.platform
    }

    /// The entry of an index that a valid COID has.
    pub(crate) fn entry(&self, index: usize) -> &Entry {
        self.table.get(index).unwrap_or_else(|| unreachable!("entry {index} of a COID that was given out"))
    }

    pub(crate) fn table(&self) -> &GlobalTable {
        &self.table
    }

    pub(crate) fn inbox(&self, processor: ProcessorId) -> &Inbox {
        &self.inboxes[processor.index()]
    }

    fn attached(&self) -> ProcessorSet {
        let mut set = ProcessorSet::EMPTY;
        for (number, inbox) in self.inboxes.iter().enumerate() {
            if let Some(processor) = ProcessorId::new(number).filter(|_| inbox.is_attached()) {
                set.insert(processor);
            }
        }
        set
    }

    /// Makes a processor run its workers.
    pub(crate) fn notify(&self, processor: ProcessorId) {
        self.inbox(processor).signal();
        self.platform.wake(processor);
    }

    pub(crate) fn notify_all(&self, processors: ProcessorSet) {
        processors.iter().for_each(|processor| self.notify(processor));
    }
}
