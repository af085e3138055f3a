//! A system: the Global Translation Table (0026), and what its processors share.

use crate::{
    Coid, MAX_PROCESSORS, Object, ObjectError, Outcome, Platform, Processor, ProcessorId, ProcessorReport,
    ProcessorSet, REGION_ENTRIES, Reason, Swap, SwapError, SwapOptions, SystemError,
    entry::Entry,
    inbox::Inbox,
    local::Local,
    local_table::LocalTable,
    mediator::{Mediator, Roots},
    meeting::Meeting,
    transfer,
};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{fmt, ptr::NonNull};

/// A system of processors with one Global Translation Table. Clones are the same system.
#[derive(Clone)]
pub struct System(pub(crate) Arc<Shared>);

/// What the processors of a system share.
pub(crate) struct Shared {
    platform: Box<dyn Platform>,
    processors: usize,
    entries: Box<[Entry]>,
    inboxes: Box<[Inbox]>,
}

impl System {
    /// A system with this many processors, numbered from 0; at most [`MAX_PROCESSORS`].
    pub fn new(processors: usize, platform: impl Platform) -> Result<Self, SystemError> {
        if processors == 0 || processors > MAX_PROCESSORS {
            return Err(SystemError::Processors(processors));
        }
        let entries = (0..processors * REGION_ENTRIES).map(|_| Entry::new()).collect();
        let inboxes = (0..processors).map(|_| Inbox::new()).collect();
        Ok(Self(Arc::new(Shared { platform: Box::new(platform), processors, entries, inboxes })))
    }

    /// How many processors it has.
    pub fn processors(&self) -> usize {
        self.0.processors
    }

    /// The platform's clock, in nanoseconds.
    pub fn now(&self) -> u64 {
        self.0.platform.now()
    }

    /// Makes the calling thread a processor of this system, with a local translation table on the heap.
    ///
    /// # Safety
    /// The event loop's promise: while a call through a reference of this processor is running, workers are run
    /// ([`Processor::run_workers`]), and activities that make calls are begun, only inside an
    /// [activity](Processor::activity) that began before that call and ends after it. A loop that makes its calls in
    /// activities, and runs workers between them, keeps it without a thought.
    pub unsafe fn attach(&self, processor: usize) -> Result<Processor, SystemError> {
        self.attach_with(processor, LocalTable::on_heap)
    }

    /// Makes the calling core a processor of this system, with its local translation table at `base`: in a unikernel the
    /// same address on every core ([`VBASE`](crate::VBASE)), with other memory behind it (0026).
    ///
    /// # Safety
    /// As for [`attach`](Self::attach); and at `base`, aligned to a word,
    /// [`local_table_bytes`](crate::local_table_bytes) octets are mapped on this core for as long as the processor and
    /// its references exist, and used by nobody else.
    pub unsafe fn attach_at(&self, processor: usize, base: NonNull<u8>) -> Result<Processor, SystemError> {
        // SAFETY: passed on from the caller.
        self.attach_with(processor, |entries| unsafe { LocalTable::at(base, entries) })
    }

    fn attach_with(&self, processor: usize, table: impl FnOnce(usize) -> LocalTable) -> Result<Processor, SystemError> {
        let id = ProcessorId::new(processor).filter(|_| processor < self.0.processors);
        let id = id.ok_or(SystemError::NoSuchProcessor(processor))?;
        let free = self.0.inbox(id).attach().ok_or(SystemError::Attached(id))?;
        let table = table(self.0.entries.len());
        Ok(Processor::new(Local::new(Arc::clone(&self.0), id, table, free)))
    }

    /// Begins to swap the object `coid` for `replacement` (0052); from any processor, or from none.
    ///
    /// The processors that have called the object carry the swap out as they run their workers. It ends *committed* or
    /// *undone*, at the latest soon after its time limit, and the handle then has its report. Whether the replacement is
    /// of the same implementation is not looked at. On an error nothing was touched.
    pub fn swap(&self, coid: Coid, replacement: impl Into<Object>, options: SwapOptions) -> Result<Swap, SwapError> {
        let Object(new) = replacement.into();
        let system = &self.0;
        let ordered = system.platform.now();
        let entry = system.entries.get(coid.index()).ok_or(SwapError::Stale(coid))?;
        let mut participants = ProcessorSet::EMPTY;
        let mut failed = Vec::new();
        let mediator = entry.interpose(coid, |old| {
            if old.schema() != new.schema() {
                return Err(SwapError::Interface { coid, has: old.name(), replacement: new.name() });
            }
            let (from, to) = (old.protocols(), new.protocols());
            let protocol = transfer::negotiate(from, to)
                .ok_or(SwapError::NoCommonProtocol { old: transfer::bits(from), new: transfer::bits(to) })?;
            // The lock is held for writing, so no miss is under way and the set is exact (0053, 0054).
            let attached = system.attached();
            participants = old.missed().intersection(attached);
            if participants.is_empty() {
                // Nobody has called it yet: one processor carries the swap out alone.
                participants.insert(attached.first().ok_or(SwapError::NoProcessor)?);
            }
            let mediator = Arc::new(Mediator::new(
                coid,
                Roots { old: Arc::clone(old), new },
                protocol,
                (ordered, ordered.saturating_add(options.time_limit)),
                options.notify.filter(|processor| processor.index() < system.processors),
                Meeting::new(participants),
            ));
            // Before the lock is released, so that a miss that meets the Mediator finds its worker ordered already.
            failed.extend(participants.iter().filter(|&processor| !system.inbox(processor).post(&mediator)));
            Ok(mediator)
        })?;
        for processor in failed {
            // Detached just now. It has no call and no entry left, so it can be spoken for.
            let now = system.platform.now();
            mediator.decide(system, Outcome::Undone(Reason::Detached(processor)), now);
            mediator.finish(system, ProcessorReport::nothing(processor), now);
        }
        system.notify_all(participants);
        Ok(Swap { system: self.clone(), mediator })
    }

    /// Removes an object that nobody references and frees it.
    pub fn destroy(&self, coid: Coid) -> Result<(), ObjectError> {
        let stale = ObjectError::Stale(coid);
        let (entry, region) = self.0.entries.get(coid.index()).zip(coid.region()).ok_or(stale)?;
        let (root, again) = entry.vacate(coid)?;
        if again {
            self.0.inbox(region).give_back((coid.index() % REGION_ENTRIES) as u16);
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

impl Shared {
    pub(crate) fn platform(&self) -> &dyn Platform {
        &*self.platform
    }

    pub(crate) fn processors(&self) -> usize {
        self.processors
    }

    /// The entry of an index that a valid COID has.
    pub(crate) fn entry(&self, index: usize) -> &Entry {
        &self.entries[index]
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
