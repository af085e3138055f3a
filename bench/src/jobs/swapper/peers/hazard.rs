//! `haphazard`: callers protect what they load by a hazard pointer, which they keep for the next call.
#![allow(unsafe_code)]

use super::{Bare, Caller, Held, Peer, Turn, Writer};
use crate::jobs::swapper::adder::Step;
use haphazard::{AtomicPtr, HazardPointer};

/// A pointer whose old targets are freed when no hazard pointer names them.
pub struct Hazard(AtomicPtr<Held>);

impl Hazard {
    pub fn new() -> Self {
        Self(AtomicPtr::from(Box::new(Box::new(Step::new()) as Held)))
    }
}

struct Client<'a> {
    hazard: HazardPointer<'static>,
    object: &'a AtomicPtr<Held>,
}

impl Caller for Client<'_> {
    #[inline(always)]
    fn call(&mut self, value: u64) -> u64 {
        let result = self.object.safe_load(&mut self.hazard).expect("there is always an object").add(value);
        self.hazard.reset_protection();
        result
    }
}

impl Peer for Hazard {
    fn name(&self) -> &'static str {
        "haphazard"
    }

    fn caller(&self, _: usize) -> Box<dyn Turn + '_> {
        Box::new(Bare(Client { hazard: HazardPointer::new(), object: &self.0 }))
    }

    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(|| {
            if let Some(old) = self.0.swap(Box::new(Box::new(Step::new()) as Held)) {
                // SAFETY: nobody can reach it any more but by hazard pointers of the same domain, and it is retired once.
                unsafe { old.retire() };
            }
        })
    }
}
