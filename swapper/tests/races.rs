//! Something for ThreadSanitizer to find: a tool that finds nothing proves nothing. `cargo xtask test races` runs this and
//! expects the alarm, beside the tests with threads, from which it expects none.

#![cfg(not(any(loom, miri)))]
#![allow(missing_docs)]

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use swapper::{Component, Host, ProcessorId, Shared, System, Transfer};

#[swapper::interface]
pub trait Tally {
    fn count(&self);
}

struct Careless;

/// A Rep for all processors that says it may be shared, and has a cell.
struct Lie(Cell<u64>);

// SAFETY: none. This is the race; one test uses it, which nobody runs but to see the alarm.
unsafe impl Sync for Lie {}

impl Transfer for Lie {}

impl Tally for Lie {
    fn count(&self) {
        self.0.set(self.0.get() + 1);
    }
}

impl Component for Careless {
    type Interface = dyn Tally;
    type Rep = Lie;
    fn rep(_: &Arc<Self>, _: ProcessorId) -> Lie {
        Lie(Cell::new(0))
    }
}

#[test]
#[ignore = "has a data race"]
fn two_processors_write_what_they_share() {
    let system = System::new(2, Host::new(2)).unwrap();
    // SAFETY: makes no calls.
    let creator = unsafe { system.attach(0) }.unwrap();
    let coid = creator.create(Shared::new(Careless)).unwrap();
    drop(creator);
    let other_began = [AtomicBool::new(false), AtomicBool::new(false)];
    thread::scope(|scope| {
        for number in 0..2 {
            let (system, began) = (&system, &other_began);
            scope.spawn(move || {
                // SAFETY: workers are not run.
                let processor = unsafe { system.attach(number) }.unwrap();
                let tally = processor.bind::<dyn Tally>(coid).unwrap();
                tally.count();
                began[number].store(true, Ordering::Relaxed);
                while !began[1 - number].load(Ordering::Relaxed) {
                    tally.count();
                    thread::yield_now();
                }
                (0..1000).for_each(|_| tally.count());
            });
        }
    });
}
