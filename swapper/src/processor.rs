//! A processor's handle on its system.

use crate::{
    Coid, Interface, Object, ObjectError, ProcessorId, Progress, REGION_ENTRIES, generation::Generation, local::Local,
    names::Named,
};
use alloc::rc::Rc;
use core::fmt;

/// A thread or core as a processor of a system, obtained by [`System::attach`](crate::System::attach). Stays on its thread.
///
/// The processor is detached when this handle and every reference that it gave are gone.
pub struct Processor(Rc<Local>);

impl Processor {
    pub(crate) fn new(local: Rc<Local>) -> Self {
        Self(local)
    }

    pub(crate) fn local(&self) -> &Local {
        &self.0
    }

    /// Its number.
    pub fn id(&self) -> ProcessorId {
        self.0.id()
    }

    /// Publishes an object (0025): gives it an entry of this processor's region, without a word to any other processor,
    /// and the COID by which it is called from everywhere.
    ///
    /// The object stays until it is [destroyed](crate::System::destroy). A processor creates as many as its
    /// region holds: 512, or what [`System::with_regions`](crate::System::with_regions) said.
    ///
    /// # Errors
    /// [`ObjectError::Full`] or [`ObjectError::NoMemory`].
    pub fn create(&self, object: impl Into<Object>) -> Result<Coid, ObjectError> {
        let Object(root) = object.into();
        let local = &self.0;
        let mut free = local.free.borrow_mut();
        if free.is_empty() {
            *free = local.system().inbox(local.id()).freed();
        }
        if free.is_empty() {
            free.try_reserve(REGION_ENTRIES).map_err(|_| ObjectError::NoMemory(local.id()))?;
            let block = local.system().table().grow(local.id()).map_err(|_| ObjectError::NoMemory(local.id()))?;
            free.extend(block.into_iter().flatten().rev());
        }
        let entry = free.pop().ok_or(ObjectError::Full(local.id()))?;
        let index = entry as usize;
        let generation = local.system().entry(index).install(root);
        Ok(Coid::new(index, generation))
    }

    /// A reference through which this processor calls the object; `I` is the interface as `dyn Trait`.
    ///
    /// # Errors
    /// [`ObjectError::Stale`], [`ObjectError::Interface`] (or another version of it) or [`ObjectError::NoMemory`].
    pub fn bind<I: Interface + ?Sized>(&self, coid: Coid) -> Result<I::Ref, ObjectError> {
        let local = &self.0;
        let entry = local.system().table().get(coid.index()).ok_or(ObjectError::Stale(coid))?;
        let inner = entry.bind(coid, (I::SCHEMA, I::NAME), local.id(), |root| {
            local.refer(coid, |default| root.default_object(default))
        })?;
        let inner = inner.map_err(|_| {
            if !local.refers(coid) {
                entry.unbind(local.id());
            }
            ObjectError::NoMemory(local.id())
        })?;
        Ok(I::reference(inner))
    }

    /// Runs one bounded piece of work of the event loop as an activity.
    ///
    /// Everything that calls objects belongs in one: the swapper takes the end of every activity that was alive when a
    /// swap began as the proof that no call from before is inside the old object (0059). Activities may nest and overlap.
    pub fn activity<R>(&self, run: impl FnOnce() -> R) -> R {
        let _activity = self.begin();
        run()
    }

    /// Begins an activity that ends when the guard is dropped; one that is never dropped makes every swap on this
    /// processor end undone.
    pub fn begin(&self) -> Activity {
        Activity { generation: self.0.generations.begin(), local: Rc::clone(&self.0), named: None }
    }

    /// As [`activity`](Self::activity), with a name that a swap's report gives if this is what held it up
    /// ([`HeldUp::activity`](crate::HeldUp::activity)). Costs a lock that nobody else wants, at each end.
    pub fn activity_named<R>(&self, name: &'static str, run: impl FnOnce() -> R) -> R {
        let _activity = self.begin_named(name);
        run()
    }

    /// As [`begin`](Self::begin), with a name. The names of at most 64 activities that overlap are remembered, calls that
    /// suspended included; further ones are activities without a name.
    pub fn begin_named(&self, name: &'static str) -> Activity {
        let named = Some(self.0.enter(name));
        Activity { generation: self.0.generations.begin(), local: Rc::clone(&self.0), named }
    }

    /// Runs this processor's part of the swaps that are under way. To be called by the event loop between activities, at
    /// each turn and after each [wake](crate::Platform::wake); `now` is the platform's clock. Costs one load when nothing
    /// is under way.
    pub fn run_workers(&self, now: u64) -> Progress {
        self.0.run_from_loop(now)
    }
}

impl fmt::Debug for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Processor({})", self.id())
    }
}

/// An activity under way.
pub struct Activity {
    generation: Generation,
    named: Option<Named>,
    local: Rc<Local>,
}

impl Drop for Activity {
    fn drop(&mut self) {
        if let Some(named) = self.named {
            self.local.leave(named);
        }
        self.local.end_activity(self.generation);
    }
}

impl fmt::Debug for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Activity(processor {})", self.local.id())
    }
}
