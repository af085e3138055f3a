//! `crossbeam-epoch`: callers pin the epoch.
#![allow(unsafe_code)]

use super::{Bare, Caller, Held, Peer, Turn, Writer};
use crate::jobs::swapper::adder::Step;
use crossbeam_epoch::{Atomic, Collector, LocalHandle, Owned};
use std::sync::atomic::Ordering;

/// A pointer whose old targets are freed when no epoch needs them.
pub struct Epoch {
    collector: Collector,
    object: Atomic<Held>,
}

impl Epoch {
    pub fn new() -> Self {
        Self { collector: Collector::new(), object: Atomic::new(Box::new(Step::new())) }
    }
}

/// With a handle of its own: pinning through the default collector would look up a thread-local each time.
struct Client<'a> {
    handle: LocalHandle,
    object: &'a Atomic<Held>,
}

impl Caller for Client<'_> {
    #[inline(always)]
    fn call(&mut self, value: u64) -> u64 {
        let guard = self.handle.pin();
        let object = self.object.load(Ordering::Acquire, &guard);
        // SAFETY: never null, and what is replaced is freed only when every guard that can have seen it is gone.
        unsafe { object.deref() }.add(value)
    }
}

impl Peer for Epoch {
    fn name(&self) -> &'static str {
        "crossbeam-epoch"
    }

    fn caller(&self, _: usize) -> Box<dyn Turn + '_> {
        Box::new(Bare(Client { handle: self.collector.register(), object: &self.object }))
    }

    fn writer(&self) -> Box<dyn Writer + '_> {
        let handle = self.collector.register();
        Box::new(move || {
            let guard = handle.pin();
            let old = self.object.swap(Owned::new(Box::new(Step::new()) as Held), Ordering::AcqRel, &guard);
            // SAFETY: nobody can reach it any more but those who are pinned.
            unsafe { guard.defer_destroy(old) };
        })
    }
}

impl Drop for Epoch {
    fn drop(&mut self) {
        let object = std::mem::take(&mut self.object);
        // SAFETY: nobody else has access, and it is not null.
        drop(unsafe { object.into_owned() });
    }
}
