//! Swaps of an object that is being swapped: refused, or waiting their turn.

#![allow(missing_docs)]

mod common;

use common::{Bank, COPY, MOVE, World};
use std::rc::Rc;
use swapper::{Coid, Distributed, MAX_WAITING, Outcome, ProcessorId, Reason, Report, Swap, SwapError, SwapOptions};

const LIMIT: u64 = 1_000_000;

fn queue(world: &World, coid: Coid, label: u64, time_limit: u64) -> Result<Swap, SwapError> {
    let options = SwapOptions { time_limit, notify: ProcessorId::new(1) };
    world.system.swap(coid, Distributed::new(world.branch(label, &[COPY])), options.in_turn())
}

fn reason(report: &Report) -> &Reason {
    match &report.outcome {
        Outcome::Undone(reason) => reason,
        Outcome::Committed => panic!("{report:?}"),
    }
}

/// A world with an object that is being swapped, held up by the activity that is returned with it.
fn busy() -> (Rc<World>, Coid, Vec<common::BankRef>, swapper::Activity, Swap) {
    let world = World::new(2);
    let (coid, banks) = world.bank(1, &[COPY]);
    banks.iter().for_each(|bank| assert_eq!(bank.deposit(5), 5));
    let activity = world.processors[0].begin();
    let first = world.swap(coid, Distributed::new(world.branch(2, &[COPY]))).unwrap();
    world.run_all();
    (world, coid, banks, activity, first)
}

#[test]
fn each_waits_its_turn_and_the_last_one_serves() {
    let (world, coid, banks, activity, first) = busy();
    let waiting: Vec<_> = (3..6).map(|label| queue(&world, coid, label, LIMIT).unwrap()).collect();
    world.run_all();
    assert!(waiting.iter().all(|swap| swap.is_waiting() && swap.poll().is_none() && swap.outcome().is_none()));
    assert!(!first.is_waiting());
    let error = world.swap(coid, Distributed::new(world.branch(9, &[COPY]))).unwrap_err();
    assert_eq!(error, SwapError::InSwap(coid), "who does not ask to wait is refused");
    drop(activity);
    assert!(world.finish(&first).is_committed());
    for (label, swap) in (3..).zip(&waiting) {
        let report = world.finish(swap);
        assert!(report.is_committed(), "{report:?}");
        assert_eq!((report.coid, report.items()), (coid, 2), "from the one before");
        assert!(!swap.is_waiting() && !swap.cancel());
        if label == 5 {
            assert_eq!((banks[0].label(), banks[0].balance(), banks[1].balance()), (5, 5, 5));
        }
    }
    assert_eq!(world.roots.count(), 1, "the others are gone");
    drop((banks, first, waiting));
    world.system.destroy(coid).unwrap();
    world.end();
}

#[test]
fn who_is_free_begins_at_once() {
    let world = World::new(1);
    let (coid, banks) = world.bank(1, &[COPY]);
    let swap = queue(&world, coid, 2, LIMIT).unwrap();
    assert!(!swap.is_waiting());
    assert!(world.finish(&swap).is_committed());
    drop((banks, swap));
    world.end();
}

#[test]
fn the_queue_is_bounded_and_a_place_in_it_can_be_given_up() {
    let (world, coid, banks, activity, first) = busy();
    let waiting: Vec<_> =
        (0..MAX_WAITING as u64).map(|label| queue(&world, coid, 10 + label, LIMIT).unwrap()).collect();
    assert_eq!(queue(&world, coid, 99, LIMIT).unwrap_err(), SwapError::Queue(coid));
    assert_eq!(world.roots.count(), 2 + MAX_WAITING as i64);
    world.clock.woken();
    assert!(waiting[0].cancel() && !waiting[0].cancel());
    assert_eq!(world.clock.woken(), 0b10, "who asked to be told is told");
    assert_eq!(reason(&waiting[0].poll().unwrap()), &Reason::Cancelled);
    assert_eq!(world.roots.count(), 1 + MAX_WAITING as i64, "its replacement is gone at once");
    let last = queue(&world, coid, 50, LIMIT).unwrap();
    drop(activity);
    assert!(world.finish(&last).is_committed());
    assert_eq!((banks[0].label(), banks[1].label()), (50, 50));
    assert!(waiting[1..].iter().all(|swap| swap.poll().is_some_and(|report| report.is_committed())));
    drop((banks, first, waiting, last));
    world.end();
}

#[test]
fn time_counts_while_waiting() {
    let (world, coid, banks, activity, first) = busy();
    let [polled, late, patient] =
        [(3, 100), (4, 200), (5, LIMIT)].map(|(label, limit)| queue(&world, coid, label, limit).unwrap());
    let now = world.system.now();
    world.clock.advance_to(now + 100);
    let report = polled.poll().expect("its time is up");
    assert_eq!((reason(&report), report.processors.len()), (&Reason::Turn, 0));
    assert!(report.total() >= 100, "{report:?}");
    world.clock.advance_to(now + 200);
    // Nobody asks about this one; its turn comes too late.
    drop(activity);
    assert!(world.finish(&first).is_committed());
    let report = world.finish(&patient);
    assert!(report.is_committed() && report.phases.forward >= 200, "{report:?}");
    assert_eq!(reason(&late.poll().unwrap()), &Reason::Turn);
    assert_eq!((banks[0].label(), world.roots.count()), (5, 1));
    drop((banks, first, polled, late, patient));
    world.end();
}

#[test]
fn a_turn_comes_after_an_undone_swap_too() {
    let (world, coid, banks, activity, first) = busy();
    let second = queue(&world, coid, 3, LIMIT).unwrap();
    assert!(first.cancel());
    drop(activity);
    assert!(!world.finish(&first).is_committed());
    let report = world.finish(&second);
    assert!(report.is_committed());
    assert_eq!((banks[0].label(), banks[0].balance()), (3, 5));
    drop((banks, first, second));
    world.end();
}

#[test]
fn what_does_not_fit_any_more_is_undone() {
    let world = World::new(1);
    let (coid, banks) = world.bank(1, &[COPY, MOVE]);
    banks[0].deposit(5);
    let first = world.swap(coid, Distributed::new(world.branch(2, &[MOVE]))).unwrap();
    let second = queue(&world, coid, 3, LIMIT).unwrap();
    let third = world.system.swap(coid, Distributed::new(world.branch(4, &[MOVE])), SwapOptions::default().in_turn());
    let third = third.unwrap();
    assert!(world.finish(&first).is_committed());
    let report = world.finish(&second);
    assert_eq!(reason(&report), &Reason::NotBegun(SwapError::NoCommonProtocol { old: 0b100, new: 0b10 }));
    assert!(world.finish(&third).is_committed(), "the one behind it follows");
    assert_eq!((banks[0].label(), banks[0].balance(), world.roots.count()), (4, 5, 1));
    drop((banks, first, second, third));
    world.end();
}
