//! `haphazard`: callers protect what they load by a hazard pointer, which they keep for the next call.

use super::{Bare, Caller, Held, Peer, Turn, Writer, held};
use crate::{Lane, adder::Adder};
use alloc::boxed::Box;
use haphazard::{AtomicPtr, HazardPointer};

/// A pointer whose old targets are freed when no hazard pointer names them.
pub(super) struct Hazard(AtomicPtr<Held>);

impl Hazard {
    pub(super) fn new() -> Self {
        Self(AtomicPtr::from(Box::new(held())))
    }
}

struct Client<'a> {
    hazard: HazardPointer<'static>,
    object: &'a AtomicPtr<Held>,
}

impl Caller for Client<'_> {
    type Found = dyn Adder + Send + Sync;

    #[inline(always)]
    fn with<R>(&mut self, call: impl FnOnce(&Self::Found) -> R) -> R {
        let result = call(&**self.object.safe_load(&mut self.hazard).expect("there is always an object"));
        self.hazard.reset_protection();
        result
    }
}

impl Peer for Hazard {
    fn name(&self) -> &'static str {
        "haphazard"
    }

    fn caller<'a>(&'a self, _: &'a Lane<'a>) -> Box<dyn Turn + 'a> {
        Box::new(Bare(Client { hazard: HazardPointer::new(), object: &self.0 }))
    }

    fn writer<'a>(&'a self, _: &'a Lane<'a>) -> Option<Box<dyn Writer + 'a>> {
        Some(Box::new(|| {
            if let Some(old) = self.0.swap(Box::new(held())) {
                // SAFETY: nobody can reach it any more but by hazard pointers of the same domain, and it is retired once.
                unsafe { old.retire() };
            }
        }))
    }
}
