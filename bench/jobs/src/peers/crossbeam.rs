//! `crossbeam-epoch`: callers pin the epoch.

use super::{Bare, Caller, Held, Peer, Turn, Writer, held};
use crate::{Lane, adder::Adder};
use alloc::boxed::Box;
use core::sync::atomic::Ordering;
use crossbeam_epoch::{Atomic, Collector, LocalHandle, Owned};

/// A pointer whose old targets are freed when no epoch needs them.
pub(super) struct Epoch {
    collector: Collector,
    object: Atomic<Held>,
}

impl Epoch {
    pub(super) fn new() -> Self {
        Self { collector: Collector::new(), object: Atomic::new(held()) }
    }
}

/// With a handle of its own: pinning through the default collector would look up a thread-local each time.
struct Client<'a> {
    handle: LocalHandle,
    object: &'a Atomic<Held>,
}

impl Caller for Client<'_> {
    type Found = dyn Adder + Send + Sync;

    #[inline(always)]
    fn with<R>(&mut self, call: impl FnOnce(&Self::Found) -> R) -> R {
        let guard = self.handle.pin();
        let object = self.object.load(Ordering::Acquire, &guard);
        // SAFETY: never null, and what is replaced is freed only when every guard that can have seen it is gone.
        call(&**unsafe { object.deref() })
    }
}

impl Peer for Epoch {
    fn name(&self) -> &'static str {
        "crossbeam-epoch"
    }

    fn caller<'a>(&'a self, _: &'a Lane<'a>) -> Box<dyn Turn + 'a> {
        Box::new(Bare(Client { handle: self.collector.register(), object: &self.object }))
    }

    fn writer<'a>(&'a self, _: &'a Lane<'a>) -> Option<Box<dyn Writer + 'a>> {
        let handle = self.collector.register();
        Some(Box::new(move || {
            let guard = handle.pin();
            let old = self.object.swap(Owned::new(held()), Ordering::AcqRel, &guard);
            // SAFETY: nobody can reach it any more but those who are pinned.
            unsafe { guard.defer_destroy(old) };
        }))
    }
}

impl Drop for Epoch {
    fn drop(&mut self) {
        let object = core::mem::take(&mut self.object);
        // SAFETY: nobody else has access, and it is not null.
        drop(unsafe { object.into_owned() });
    }
}
