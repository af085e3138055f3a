//! Ways to exchange an implementation under its callers: this project's, and those that Rust programs use.

mod crossbeam;
mod hazard;
mod left_right;
mod ours;
mod plain;
mod seize;
mod std_and_arc;

pub use ours::{OURS, Polling};
pub use plain::PLAIN;

use super::adder::Adder;
use crate::lane::{Clock, opaque};

/// What can be exchanged, as the peers hold it.
pub type Held = Box<dyn Adder + Send + Sync>;

/// A way to exchange an implementation, with one object.
pub trait Peer: Sync {
    /// What it is called in results.
    fn name(&self) -> &'static str;
    /// What calls the object on the calling thread, which is that processor.
    fn caller(&self, processor: usize) -> Box<dyn Turn + '_>;
    /// What exchanges the object.
    fn writer(&self) -> Box<dyn Writer + '_>;
}

/// The event loop of one processor.
pub trait Turn {
    /// One turn at `now`: so many calls, each with the result of the one before; the first with `seed`.
    fn turn(&mut self, now: u64, calls: u64, seed: u64) -> u64;
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
    /// Enters, calls, leaves.
    fn call(&mut self, value: u64) -> u64;
}

/// A caller in an event loop that has nothing else to do.
pub struct Bare<C>(pub C);

impl<C: Caller> Turn for Bare<C> {
    fn turn(&mut self, _now: u64, calls: u64, seed: u64) -> u64 {
        chain(&mut self.0, calls, seed)
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
pub fn chain<C: Caller + ?Sized>(caller: &mut C, calls: u64, seed: u64) -> u64 {
    let caller = std::hint::black_box(caller);
    (0..calls).fold(seed, |value, _| opaque(caller.call(opaque(value))))
}

/// All of them, with new objects, for this many processors: the plain call first, then ours.
pub fn all(processors: usize, clock: Clock) -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(plain::Plain::new()),
        Box::new(ours::Ours::new(processors, clock)),
        Box::new(std_and_arc::Swap::new()),
        Box::new(std_and_arc::Lock::new()),
        Box::new(crossbeam::Epoch::new()),
        Box::new(left_right::LeftRight::new()),
        Box::new(seize::Seize::new()),
        Box::new(hazard::Hazard::new()),
    ]
}

#[cfg(test)]
mod tests;
