//! `seize`: callers enter a collector, and protect what they load.
#![allow(unsafe_code)]

use super::{Bare, Caller, Held, Peer, Turn, Writer};
use crate::jobs::swapper::adder::Step;
use ::seize::{Collector, Guard, reclaim};
use std::sync::atomic::{AtomicPtr, Ordering};

/// A pointer whose old targets are reclaimed in batches.
pub struct Seize {
    collector: Collector,
    object: AtomicPtr<Held>,
}

fn new() -> *mut Held {
    Box::into_raw(Box::new(Box::new(Step::new())))
}

impl Seize {
    pub fn new() -> Self {
        Self { collector: Collector::new(), object: AtomicPtr::new(new()) }
    }
}

impl Caller for &Seize {
    #[inline(always)]
    fn call(&mut self, value: u64) -> u64 {
        let guard = self.collector.enter();
        let object = guard.protect(&self.object, Ordering::Acquire);
        // SAFETY: never null, and what is retired stays while a guard that protected it lives.
        unsafe { &*object }.add(value)
    }
}

impl Peer for Seize {
    fn name(&self) -> &'static str {
        "seize"
    }

    fn caller(&self, _: usize) -> Box<dyn Turn + '_> {
        Box::new(Bare(self))
    }

    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(|| {
            let old = self.object.swap(new(), Ordering::AcqRel);
            // SAFETY: it came from `Box::into_raw`, and nobody can reach it any more but those who have entered.
            unsafe { self.collector.retire(old, reclaim::boxed) };
        })
    }
}

impl Drop for Seize {
    fn drop(&mut self) {
        // SAFETY: nobody else has access, and it came from `Box::into_raw`.
        drop(unsafe { Box::from_raw(*self.object.get_mut()) });
    }
}
