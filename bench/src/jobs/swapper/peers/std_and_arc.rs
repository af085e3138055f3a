//! `RwLock` of the standard library, and `arc-swap`.

use super::{Bare, Caller, Held, Peer, Turn, Writer};
use crate::jobs::swapper::adder::Step;
use arc_swap::ArcSwap;
use std::sync::{Arc, PoisonError, RwLock};

/// A lock that callers take for reading.
pub struct Lock(RwLock<Held>);

impl Lock {
    pub fn new() -> Self {
        Self(RwLock::new(Box::new(Step::new())))
    }
}

impl Caller for &RwLock<Held> {
    #[inline(always)]
    fn call(&mut self, value: u64) -> u64 {
        self.read().unwrap_or_else(PoisonError::into_inner).add(value)
    }
}

impl Peer for Lock {
    fn name(&self) -> &'static str {
        "RwLock"
    }

    fn caller(&self, _: usize) -> Box<dyn Turn + '_> {
        Box::new(Bare(&self.0))
    }

    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(|| *self.0.write().unwrap_or_else(PoisonError::into_inner) = Box::new(Step::new()))
    }
}

/// A pointer to an `Arc` that callers load. A fat pointer cannot be exchanged at once, hence the box inside.
pub struct Swap(ArcSwap<Held>);

impl Swap {
    pub fn new() -> Self {
        Self(ArcSwap::from_pointee(Box::new(Step::new()) as Held))
    }
}

impl Caller for &ArcSwap<Held> {
    #[inline(always)]
    fn call(&mut self, value: u64) -> u64 {
        self.load().add(value)
    }
}

impl Peer for Swap {
    fn name(&self) -> &'static str {
        "arc-swap"
    }

    fn caller(&self, _: usize) -> Box<dyn Turn + '_> {
        Box::new(Bare(&self.0))
    }

    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(|| self.0.store(Arc::new(Box::new(Step::new()))))
    }
}
