//! `seize`: callers enter a collector, and protect what they load.
#![allow(unsafe_code)]

use super::{Bare, Caller, Held, Lane, Peer, Turn, Writer, held};
use ::seize::{Collector, Guard, reclaim};
use bench_jobs::Adder;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A pointer whose old targets are reclaimed in batches.
pub struct Seize {
    collector: Collector,
    object: AtomicPtr<Held>,
}

fn new() -> *mut Held {
    Box::into_raw(Box::new(held()))
}

impl Seize {
    pub fn new() -> Self {
        Self { collector: Collector::new(), object: AtomicPtr::new(new()) }
    }
}

impl Caller for &Seize {
    type Found = dyn Adder + Send + Sync;

    #[inline(always)]
    fn with<R>(&mut self, call: impl FnOnce(&Self::Found) -> R) -> R {
        let guard = self.collector.enter();
        let object = guard.protect(&self.object, Ordering::Acquire);
        // SAFETY: never null, and what is retired stays while a guard that protected it lives.
        call(&**unsafe { &*object })
    }
}

impl Peer for Seize {
    fn name(&self) -> &'static str {
        "seize"
    }

    fn caller<'a>(&'a self, _: &'a Lane<'a>) -> Box<dyn Turn + 'a> {
        Box::new(Bare(self))
    }

    fn writer<'a>(&'a self, _: &'a Lane<'a>) -> Option<Box<dyn Writer + 'a>> {
        Some(Box::new(|| {
            let old = self.object.swap(new(), Ordering::AcqRel);
            // SAFETY: it came from `Box::into_raw`, and nobody can reach it any more but those who have entered.
            unsafe { self.collector.retire(old, reclaim::boxed) };
        }))
    }
}

impl Drop for Seize {
    fn drop(&mut self) {
        // SAFETY: nobody else has access, and it came from `Box::into_raw`.
        drop(unsafe { Box::from_raw(*self.object.get_mut()) });
    }
}
