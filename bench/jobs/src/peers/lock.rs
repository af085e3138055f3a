//! The readers-writer lock of `spin`: what stands for `std::sync::RwLock` where there is no operating system.

use super::{Bare, Caller, Held, Peer, Turn, Writer, held};
use crate::{Lane, adder::Adder};
use alloc::boxed::Box;
use spin::RwLock;

/// A lock that callers take for reading.
pub(super) struct Lock(RwLock<Held>);

impl Lock {
    pub(super) fn new() -> Self {
        Self(RwLock::new(held()))
    }
}

impl Caller for &RwLock<Held> {
    type Found = dyn Adder + Send + Sync;

    #[inline(always)]
    fn with<R>(&mut self, call: impl FnOnce(&Self::Found) -> R) -> R {
        call(&**self.read())
    }
}

impl Peer for Lock {
    fn name(&self) -> &'static str {
        "spin::RwLock"
    }

    fn caller<'a>(&'a self, _: &'a Lane<'a>) -> Box<dyn Turn + 'a> {
        Box::new(Bare(&self.0))
    }

    fn writer<'a>(&'a self, _: &'a Lane<'a>) -> Option<Box<dyn Writer + 'a>> {
        Some(Box::new(|| *self.0.write() = held()))
    }
}
