//! Swaps of objects whose Reps serve several processors.

#![allow(missing_docs)]

mod common;

use common::{MOVE, World};
use std::sync::{Arc, Mutex};
use swapper::{Clustered, Component, Distributed, Failure, ProcessorId, Protocol, Shared, State, Transfer};

#[swapper::interface]
pub trait Tally {
    fn add(&self, amount: u64) -> u64;
    fn label(&self) -> u64;
}

pub struct Book(pub u64);

pub struct Page {
    label: u64,
    sum: Mutex<Option<u64>>,
}

impl Component for Book {
    type Interface = dyn Tally;
    type Rep = Page;
    fn rep(root: &Arc<Self>, _: ProcessorId) -> Page {
        Page { label: root.0, sum: Mutex::new(Some(0)) }
    }
    fn protocols(&self) -> &'static [Protocol] {
        &[MOVE]
    }
}

impl Tally for Page {
    fn add(&self, amount: u64) -> u64 {
        let mut sum = self.sum.lock().unwrap();
        let sum = sum.as_mut().expect("called while the state was elsewhere");
        *sum += amount;
        *sum
    }
    fn label(&self) -> u64 {
        self.label
    }
}

impl Transfer for Page {
    fn export(&self, _: Protocol) -> Result<State, Failure> {
        Ok(State::new(self.sum.lock().unwrap().take().expect("exported once"), 1))
    }
    fn import(&self, _: Protocol, state: &State) -> Result<(), Failure> {
        *self.sum.lock().unwrap() = None;
        state.get::<u64>().map(|_| ())
    }
    fn adopt(&self, _: Protocol, state: State) {
        *self.sum.lock().unwrap() = state.take().ok();
    }
    fn restore(&self, _: Protocol, state: State) {
        *self.sum.lock().unwrap() = state.take().ok();
    }
}

/// A Rep that all processors share hands its state over once.
#[test]
fn a_shared_rep_is_transferred_once() {
    for cancel in [false, true] {
        let world = World::new(3);
        let coid = world.processors[0].create(Shared::new(Book(1))).unwrap();
        let tallies: Vec<_> = world.processors.iter().map(|it| it.bind::<dyn Tally>(coid).unwrap()).collect();
        assert_eq!([1, 2, 3].map(|amount| tallies[amount as usize - 1].add(amount)), [1, 3, 6]);
        let swap = world.swap(coid, Shared::new(Book(2))).unwrap();
        for processor in 0..3 {
            world.run(processor);
        }
        if cancel {
            // 2 completed the meeting and has transferred; 0 leads and now exports; 1 has not looked again.
            world.run(0);
            assert!(swap.cancel());
            // 1 must not go back to the old object before 0 has restored it: a call on 1 lets 0 run first.
        }
        assert_eq!(tallies[1].add(1), 7);
        let report = world.finish(&swap);
        assert_eq!(report.is_committed(), !cancel);
        assert_eq!(report.items(), 1);
        assert_eq!((tallies[2].label(), tallies[2].add(0)), (if cancel { 1 } else { 2 }, 7));
        drop((tallies, swap));
        world.end();
    }
}

/// Two processors to a Rep: the lower of each pair hands over, also if the other pair's members come in another order.
#[test]
fn a_rep_of_two_processors_is_transferred_by_one_of_them() {
    let world = World::new(4);
    let coid = world.processors[3].create(Clustered::<_, 2>::new(Book(1))).unwrap();
    let tallies: Vec<_> = world.processors.iter().map(|it| it.bind::<dyn Tally>(coid).unwrap()).collect();
    // Processor 0 never calls, so processor 1 is the lower one of its pair.
    assert_eq!((tallies[1].add(1), tallies[2].add(10), tallies[3].add(100)), (1, 10, 110));
    let swap = world.swap(coid, Clustered::<_, 2>::new(Book(2))).unwrap();
    for processor in [3, 1, 2, 3, 1, 2] {
        world.run(processor);
    }
    let report = world.finish(&swap);
    assert!(report.is_committed());
    let items: Vec<_> = report.processors.iter().map(|it| (it.processor.index(), it.items)).collect();
    assert_eq!(items, [(1, 1), (2, 1), (3, 0)]);
    let sums: Vec<_> = tallies.iter().map(|tally| (tally.label(), tally.add(0))).collect();
    assert_eq!(sums, [(2, 1), (2, 1), (2, 110), (2, 110)]);
    drop((tallies, swap));
    world.end();
}

/// The Root of the replacement may map processors to Reps otherwise than the old one.
#[test]
fn a_distributed_object_can_replace_a_shared_one() {
    let world = World::new(2);
    let coid = world.processors[0].create(Shared::new(Book(1))).unwrap();
    let tallies: Vec<_> = world.processors.iter().map(|it| it.bind::<dyn Tally>(coid).unwrap()).collect();
    assert_eq!((tallies[0].add(1), tallies[1].add(10)), (1, 11));
    let swap = world.swap(coid, Distributed::new(Book(2))).unwrap();
    assert!(world.finish(&swap).is_committed());
    // What was in one Rep is in one Rep, that of the processor that handed it over.
    assert_eq!((tallies[0].add(0), tallies[1].add(0)), (11, 0));
    drop((tallies, swap));
    world.end();
}
