//! A system: the Global Translation Table (0026), and what its processors share.

use crate::{
    Coid, MAX_PROCESSORS, Object, ObjectError, Outcome, Platform, Processor, ProcessorId, ProcessorSet, REGION_ENTRIES,
    Reason, Report, SwapError, SystemError,
    local::Local,
    local_table::LocalTable,
    mediator::{Mediator, Roots},
    meeting::{Meeting, Part},
    root::Root,
    sync::{AtomicBool, AtomicU64, Mutex, Ordering, RwLock},
    transfer,
};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{fmt, ptr::NonNull};

/// A system of processors with one Global Translation Table. Clones are the same system.
#[derive(Clone)]
pub struct System(Arc<Shared>);

/// What the processors of a system share.
pub(crate) struct Shared {
    platform: Box<dyn Platform>,
    processors: usize,
    entries: Box<[Entry]>,
    inboxes: Box<[Inbox]>,
}

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
    swap: Option<Arc<Mediator>>,
}

enum Occupant {
    Nobody,
    Object(Arc<dyn Root>),
    /// Interposed: misses go to the Mediator (0053).
    Mediator(Arc<Mediator>),
}

/// What a miss finds.
pub(crate) enum Found {
    Root(Arc<dyn Root>),
    Mediator(Arc<Mediator>, Part),
}

/// What other processors send to one.
pub(crate) struct Inbox {
    /// Something is there, or some meeting went on. Set before the processor is woken, cleared before it looks.
    signal: AtomicBool,
    mail: Mutex<Mail>,
}

struct Mail {
    attached: bool,
    swaps: Vec<Arc<Mediator>>,
    /// Entries of this processor's region that were freed, here while nobody is attached.
    free: Vec<u16>,
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
    /// ([`Processor::run_workers`]) only inside an [activity](Processor::activity) that began before that call and ends
    /// after it. A loop that does everything in activities, and runs workers between them, keeps it without a thought.
    /// (The swapper keeps it itself where a suspended call runs workers.)
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
        let mut failed = Vec::new();
        let (mediator, participants) = entry.place.write(|place| {
            let old = match &place.root {
                _ if place.generation != coid.generation() => return Err(SwapError::Stale(coid)),
                Occupant::Nobody => return Err(SwapError::Stale(coid)),
                _ if place.swap.is_some() => return Err(SwapError::InSwap(coid)),
                Occupant::Mediator(_) => return Err(SwapError::InSwap(coid)),
                Occupant::Object(old) => Arc::clone(old),
            };
            if old.schema() != new.schema() {
                return Err(SwapError::Interface { coid, has: old.name(), replacement: new.name() });
            }
            let (from, to) = (old.protocols(), new.protocols());
            let protocol = transfer::negotiate(from, to)
                .ok_or(SwapError::NoCommonProtocol { old: transfer::bits(from), new: transfer::bits(to) })?;
            // The lock is held for writing, so no miss is under way and the set is exact (0053, 0054).
            let attached = system.attached();
            let mut participants = old.missed().intersection(attached);
            if participants.is_empty() {
                // Nobody has called it yet: one processor carries the swap out alone.
                participants.insert(attached.first().ok_or(SwapError::NoProcessor)?);
            }
            let mediator = Arc::new(Mediator::new(
                coid,
                Roots { old, new },
                protocol,
                (ordered, ordered.saturating_add(options.time_limit)),
                options.notify.filter(|processor| processor.index() < system.processors),
                Meeting::new(participants),
            ));
            place.root = Occupant::Mediator(Arc::clone(&mediator));
            place.swap = Some(Arc::clone(&mediator));
            // Before the lock is released, so that a miss that meets the Mediator finds its worker ordered already.
            for processor in participants.iter() {
                if !system.inbox(processor).post(&mediator) {
                    failed.push(processor);
                }
            }
            Ok((mediator, participants))
        })?;
        for processor in failed {
            // Detached just now. It has no call and no entry left, so it can be spoken for.
            let now = system.platform.now();
            mediator.decide(system, Outcome::Undone(Reason::Detached(processor)), now);
            mediator.finish(system, crate::ProcessorReport::nothing(processor), now);
        }
        system.notify_all(participants);
        Ok(Swap { system: self.clone(), mediator })
    }

    /// Removes an object that nobody references and frees it.
    pub fn destroy(&self, coid: Coid) -> Result<(), ObjectError> {
        let stale = ObjectError::Stale(coid);
        let (entry, region) = self.0.entries.get(coid.index()).zip(coid.region()).ok_or(stale)?;
        let (root, again) = entry.place.write(|place| {
            if place.generation != coid.generation() || matches!(place.root, Occupant::Nobody) {
                return Err(stale);
            }
            if place.swap.is_some() {
                return Err(ObjectError::InSwap(coid));
            }
            // Bits are set under this lock; one that is cleared meanwhile only makes the answer stricter than needed.
            let by = ProcessorSet::from_bits(entry.bound.load(Ordering::Acquire));
            if !by.is_empty() {
                return Err(ObjectError::Referenced { coid, by });
            }
            let root = core::mem::replace(&mut place.root, Occupant::Nobody);
            // An entry whose generations are used up is never used again.
            let again = place.generation.checked_add(1);
            place.generation = again.unwrap_or(place.generation);
            Ok((root, again.is_some()))
        })?;
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
    system: System,
    mediator: Arc<Mediator>,
}

impl Swap {
    /// The report, when the swap is over on every processor. Undoes the swap if its time is up, in case none of its
    /// processors does.
    pub fn poll(&self) -> Option<Report> {
        let report = self.mediator.report();
        if report.is_none() {
            let shared = &self.system.0;
            self.mediator.expire(shared, shared.platform.now());
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
        self.mediator.decide(shared, Outcome::Undone(Reason::Cancelled), shared.platform.now())
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
            if let Some(processor) = ProcessorId::new(number).filter(|_| inbox.mail.with(|mail| mail.attached)) {
                set.insert(processor);
            }
        }
        set
    }

    /// Makes a processor run its workers.
    pub(crate) fn notify(&self, processor: ProcessorId) {
        // Release pairs with the Acquire in `collect`: who sees the signal sees what it is about. Everything it is about
        // is behind locks as well, so this only keeps the signal from coming too early.
        self.inbox(processor).signal.store(true, Ordering::Release);
        self.platform.wake(processor);
    }

    pub(crate) fn notify_all(&self, processors: ProcessorSet) {
        processors.iter().for_each(|processor| self.notify(processor));
    }

    /// A processor is gone; returns the swaps that it had not taken in.
    pub(crate) fn detach(&self, processor: ProcessorId, free: Vec<u16>) -> Vec<Arc<Mediator>> {
        self.inbox(processor).mail.with(|mail| {
            mail.attached = false;
            mail.free.extend(free);
            core::mem::take(&mut mail.swaps)
        })
    }
}

impl Entry {
    fn new() -> Self {
        let place = Place { generation: 1, root: Occupant::Nobody, swap: None };
        Self { place: RwLock::new(place), bound: AtomicU64::new(0) }
    }

    /// Installs a Root into this free entry (0027); returns the entry's generation.
    pub(crate) fn install(&self, root: Arc<dyn Root>) -> u32 {
        self.place.write(|place| {
            place.root = Occupant::Object(root);
            place.generation
        })
    }

    /// Answers a miss, holding the lock for reading (0053).
    pub(crate) fn find(&self, processor: ProcessorId) -> Found {
        self.place.read(|place| {
            // The entry swings at the decision, but a processor's state is where it belongs only when its worker has seen
            // to it. Until then its misses still go to the Mediator.
            if let Some(mediator) = &place.swap
                && let Some(part) = mediator.meeting.with(|meeting| meeting.join(processor))
            {
                return Found::Mediator(Arc::clone(mediator), part);
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
            if place.generation != coid.generation() {
                return Err(ObjectError::Stale(coid));
            }
            let root = match &place.root {
                Occupant::Object(root) => Arc::clone(root),
                // The interface is the same for both objects of a swap.
                Occupant::Mediator(mediator) => mediator.roots().ok_or(ObjectError::InSwap(coid))?.old,
                Occupant::Nobody => return Err(ObjectError::Stale(coid)),
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
    pub(crate) fn with_mediator<R>(&self, mediator: &Arc<Mediator>, change: impl FnOnce(&mut Place) -> R) -> Option<R> {
        self.place.write(|place| match &place.root {
            Occupant::Mediator(other) if Arc::ptr_eq(other, mediator) => Some(change(place)),
            _ => None,
        })
    }

    /// The swap is over on every processor.
    pub(crate) fn release(&self, mediator: &Arc<Mediator>) {
        self.place.write(|place| {
            if place.swap.as_ref().is_some_and(|other| Arc::ptr_eq(other, mediator)) {
                place.swap = None;
            }
        });
    }
}

impl Place {
    /// The entry swings to the object that won.
    pub(crate) fn uninterpose(&mut self, winner: Arc<dyn Root>) {
        self.root = Occupant::Object(winner);
    }
}

impl Inbox {
    fn new() -> Self {
        let free = (0..REGION_ENTRIES as u16).rev().collect();
        Self { signal: AtomicBool::new(false), mail: Mutex::new(Mail { attached: false, swaps: Vec::new(), free }) }
    }

    /// The free entries for a new processor, unless one is attached.
    fn attach(&self) -> Option<Vec<u16>> {
        self.mail.with(|mail| {
            if mail.attached {
                return None;
            }
            mail.attached = true;
            Some(core::mem::take(&mut mail.free))
        })
    }

    /// Orders a swap; false if the processor is detached.
    fn post(&self, mediator: &Arc<Mediator>) -> bool {
        self.mail.with(|mail| {
            if mail.attached {
                mail.swaps.push(Arc::clone(mediator));
            }
            mail.attached
        })
    }

    /// Frees an entry of the region.
    fn give_back(&self, entry: u16) {
        self.mail.with(|mail| mail.free.push(entry));
    }

    /// Entries freed by other processors.
    pub(crate) fn freed(&self) -> Vec<u16> {
        self.mail.with(|mail| core::mem::take(&mut mail.free))
    }

    pub(crate) fn is_signalled(&self) -> bool {
        self.signal.load(Ordering::Acquire)
    }

    /// Takes everything out. One load if there was no signal.
    pub(crate) fn collect(&self, mut take: impl FnMut(Arc<Mediator>)) -> bool {
        if !self.is_signalled() {
            return false;
        }
        // Cleared before looking: what comes later signals again.
        self.signal.swap(false, Ordering::AcqRel);
        let swaps = self.mail.with(|mail| core::mem::take(&mut mail.swaps));
        swaps.into_iter().for_each(&mut take);
        true
    }
}
