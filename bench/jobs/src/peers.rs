//! Ways to exchange an implementation under its callers: this project's, and those that Rust programs use. Here are those
//! that need no operating system; a process brings more ([`Peer`]).

mod crossbeam;
mod hazard;
mod lock;
mod ours;
mod plain;
mod yardstick;

pub use ours::OURS;
pub use plain::PLAIN;
pub use yardstick::{DIRECT, LOCKED};

use crate::{Lane, Step, adder::Adder, lane::changed, opaque};
use alloc::{boxed::Box, vec, vec::Vec};

/// What can be exchanged, as the peers hold it.
pub type Held = Box<dyn Adder + Send + Sync>;

/// An object to hold.
pub fn held() -> Held {
    Box::new(Step::new())
}

/// A way to exchange an implementation, with one object.
pub trait Peer: Send + Sync {
    /// What it is called in results.
    fn name(&self) -> &'static str;
    /// What calls the object on the lane's processor.
    fn caller<'a>(&'a self, lane: &'a Lane<'a>) -> Box<dyn Turn + 'a>;
    /// What exchanges the object; nothing, if it cannot be exchanged.
    fn writer<'a>(&'a self, lane: &'a Lane<'a>) -> Option<Box<dyn Writer + 'a>>;
}

/// The event loop of one processor.
pub trait Turn {
    /// One turn at `now` with so many calls, each with the result of the one before, the first with `seed`.
    fn chain(&mut self, now: u64, calls: u64, seed: u64) -> u64;
    /// One turn at `now` with so many calls that do nothing and need nothing of each other.
    fn null(&mut self, now: u64, calls: u64);
}

/// What exchanges an object.
pub trait Writer {
    /// Exchanges it for a new one of the same kind, or begins to. False if it could not yet.
    fn replace(&mut self) -> bool;

    /// Whether nothing that was begun is left to do.
    fn settled(&mut self) -> bool {
        true
    }
}

impl<F: FnMut()> Writer for F {
    fn replace(&mut self) -> bool {
        self();
        true
    }
}

/// What a client does for one call.
pub trait Caller {
    /// What it finds.
    type Found: Adder + ?Sized;
    /// Enters, calls, leaves. To be inlined.
    fn with<R>(&mut self, call: impl FnOnce(&Self::Found) -> R) -> R;
}

/// A caller in an event loop that has nothing else to do.
pub struct Bare<C>(pub C);

impl<C: Caller> Turn for Bare<C> {
    fn chain(&mut self, _now: u64, calls: u64, seed: u64) -> u64 {
        chain(&mut self.0, calls, seed)
    }

    fn null(&mut self, _now: u64, calls: u64) {
        null(&mut self.0, calls);
    }
}

/// So many calls, one after the other.
///
/// Each call's argument is the result of the one before, so none can be left out, and they cannot overlap entirely. Between
/// two calls memory may have changed ([`opaque`]), and the compiler does not know where `caller` points: what the reference
/// leads to has to be loaded again for each call, for each peer alike. The reference itself may stay in registers, which
/// favours `&dyn`: in the compiled loop its call loads the function, and nothing else; this project's loads the local entry,
/// then the function.
#[inline(never)]
pub(crate) fn chain<C: Caller>(caller: &mut C, calls: u64, seed: u64) -> u64 {
    let caller = core::hint::black_box(caller);
    (0..calls).fold(seed, |value, _| opaque(caller.with(|object| object.add(opaque(value)))))
}

/// So many calls that need nothing of each other: the processor may begin the next before the last has ended, as far as
/// what is on the way lets it. Otherwise as [`chain`].
#[inline(never)]
pub(crate) fn null<C: Caller>(caller: &mut C, calls: u64) {
    let caller = core::hint::black_box(caller);
    for _ in 0..calls {
        changed();
        caller.with(Adder::nothing);
    }
}

/// Those of here, with new objects: the plain call first, then ours.
pub(crate) fn all() -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(plain::Plain::new()),
        Box::new(ours::Ours::new()),
        Box::new(lock::Lock::new()),
        Box::new(crossbeam::Epoch::new()),
        Box::new(hazard::Hazard::new()),
        Box::new(yardstick::Direct),
        Box::new(yardstick::Locked),
    ]
}

#[cfg(test)]
mod tests;
