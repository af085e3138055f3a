//! What other processors send to one: swaps to take part in, and entries of its region that they freed.

use crate::{
    mediator::Mediator,
    memory::Handle,
    names::Names,
    sync::{AtomicBool, Mutex, Ordering},
};
use alloc::vec::Vec;

/// What other processors send to one.
pub(crate) struct Inbox {
    /// Something is there, or some meeting went on. Set before the processor is woken, cleared before it looks.
    signal: AtomicBool,
    mail: Mutex<Mail>,
    /// Its named activities.
    pub(crate) names: Names,
}

/// Why a processor cannot be told to take part in a swap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unreachable {
    Detached,
    NoMemory,
}

struct Mail {
    attached: bool,
    swaps: Vec<Handle<Mediator>>,
    /// Entries of this processor's region that were freed, here while nobody is attached.
    free: Vec<u32>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        let mail = Mutex::new(Mail { attached: false, swaps: Vec::new(), free: Vec::new() });
        Self { signal: AtomicBool::new(false), mail, names: Names::new() }
    }

    /// The free entries for a new processor, unless one is attached.
    pub(crate) fn attach(&self) -> Option<Vec<u32>> {
        self.mail.with(|mail| {
            if mail.attached {
                return None;
            }
            mail.attached = true;
            Some(core::mem::take(&mut mail.free))
        })
    }

    /// Orders a swap, or says why the processor cannot be told.
    pub(crate) fn post(&self, mediator: &Handle<Mediator>) -> Result<(), Unreachable> {
        self.mail.with(|mail| {
            if !mail.attached {
                return Err(Unreachable::Detached);
            }
            mail.swaps.try_reserve(1).map_err(|_| Unreachable::NoMemory)?;
            mail.swaps.push(mediator.clone());
            Ok(())
        })
    }

    /// Frees an entry of the region. One that there is no memory to remember is not used again.
    pub(crate) fn give_back(&self, entry: u32) {
        self.mail.with(|mail| {
            if mail.free.try_reserve(1).is_ok() {
                mail.free.push(entry);
            }
        });
    }

    /// Entries freed by other processors.
    pub(crate) fn freed(&self) -> Vec<u32> {
        self.mail.with(|mail| core::mem::take(&mut mail.free))
    }

    pub(crate) fn is_signalled(&self) -> bool {
        self.signal.load(Ordering::Acquire)
    }

    /// Takes everything out. One load if there was no signal.
    pub(crate) fn collect(&self, mut take: impl FnMut(Handle<Mediator>)) -> bool {
        if !self.is_signalled() {
            return false;
        }
        // Cleared before looking: what comes later signals again.
        self.signal.swap(false, Ordering::AcqRel);
        let swaps = self.mail.with(|mail| core::mem::take(&mut mail.swaps));
        swaps.into_iter().for_each(&mut take);
        true
    }

    /// A processor is gone; returns the swaps that it had not taken in.
    pub(crate) fn detach(&self, free: Vec<u32>) -> Vec<Handle<Mediator>> {
        self.mail.with(|mail| {
            mail.attached = false;
            let mut free = free;
            // The longer list takes in the shorter one, if it can.
            if mail.free.len() < free.len() {
                core::mem::swap(&mut mail.free, &mut free);
            }
            if mail.free.try_reserve(free.len()).is_ok() {
                mail.free.append(&mut free);
            }
            core::mem::take(&mut mail.swaps)
        })
    }

    pub(crate) fn is_attached(&self) -> bool {
        self.mail.with(|mail| mail.attached)
    }

    /// Makes `collect` look. Release pairs with its Acquire: who sees the signal sees what it is about. All of that is
    /// behind locks as well, so this only keeps the signal from coming too early.
    pub(crate) fn signal(&self) {
        self.signal.store(true, Ordering::Release);
    }
}
