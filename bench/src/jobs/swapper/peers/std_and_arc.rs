//! `RwLock` of the standard library, and `arc-swap`.

use super::{Bare, Caller, Held, Lane, Peer, Turn, Writer, held};
use arc_swap::{ArcSwap, cache::Cache};
use bench_jobs::Adder;
use std::sync::{Arc, PoisonError, RwLock};

/// The name of `arc-swap` with a cache in results.
pub const CACHE: &str = "arc-swap, Cache";

/// A lock that callers take for reading.
pub struct Lock(RwLock<Held>);

impl Lock {
    pub fn new() -> Self {
        Self(RwLock::new(held()))
    }
}

impl Caller for &Lock {
    type Found = dyn Adder + Send + Sync;

    #[inline(always)]
    fn with<R>(&mut self, call: impl FnOnce(&Self::Found) -> R) -> R {
        call(&**self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Peer for Lock {
    fn name(&self) -> &'static str {
        "RwLock"
    }

    fn caller<'a>(&'a self, _: &'a Lane<'a>) -> Box<dyn Turn + 'a> {
        Box::new(Bare(self))
    }

    fn writer<'a>(&'a self, _: &'a Lane<'a>) -> Option<Box<dyn Writer + 'a>> {
        Some(Box::new(|| *self.0.write().unwrap_or_else(PoisonError::into_inner) = held()))
    }
}

/// A pointer to an `Arc` that callers load. A fat pointer cannot be exchanged at once, hence the box inside.
pub struct Swap(ArcSwap<Held>);

impl Swap {
    pub fn new() -> Self {
        Self(ArcSwap::from_pointee(held()))
    }
}

impl Caller for &Swap {
    type Found = dyn Adder + Send + Sync;

    #[inline(always)]
    fn with<R>(&mut self, call: impl FnOnce(&Self::Found) -> R) -> R {
        call(&***self.0.load())
    }
}

impl Peer for Swap {
    fn name(&self) -> &'static str {
        "arc-swap"
    }

    fn caller<'a>(&'a self, _: &'a Lane<'a>) -> Box<dyn Turn + 'a> {
        Box::new(Bare(self))
    }

    fn writer<'a>(&'a self, _: &'a Lane<'a>) -> Option<Box<dyn Writer + 'a>> {
        Some(Box::new(|| self.0.store(Arc::new(held()))))
    }
}

/// The same, each caller with a cache: it looks whether the pointer has changed, and takes no part in anything else. So the
/// writer never learns when a caller is out of the old object, which stays until every caller has called again.
pub struct Cached(ArcSwap<Held>);

impl Cached {
    pub fn new() -> Self {
        Self(ArcSwap::from_pointee(held()))
    }
}

struct Looking<'a>(Cache<&'a ArcSwap<Held>, Arc<Held>>);

impl Caller for Looking<'_> {
    type Found = dyn Adder + Send + Sync;

    #[inline(always)]
    fn with<R>(&mut self, call: impl FnOnce(&Self::Found) -> R) -> R {
        call(&***self.0.load())
    }
}

impl Peer for Cached {
    fn name(&self) -> &'static str {
        CACHE
    }

    fn caller<'a>(&'a self, _: &'a Lane<'a>) -> Box<dyn Turn + 'a> {
        Box::new(Bare(Looking(Cache::new(&self.0))))
    }

    fn writer<'a>(&'a self, _: &'a Lane<'a>) -> Option<Box<dyn Writer + 'a>> {
        Some(Box::new(|| self.0.store(Arc::new(held()))))
    }
}
