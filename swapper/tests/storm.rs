//! Two pinned threads call an object without a pause while it is swapped thousands of times, with failures and short
//! deadlines among the swaps. Every call is accounted for on the processor that made it, and everything is freed.

#![allow(missing_docs)]

mod common;

use common::storm::{self, SetOnDrop, THREADS, Tally};
use common::{Alive, Bank, Branch, COPY, MOVE};
use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};
use swapper::{Coid, Distributed, Host, Outcome, Swap, SwapOptions, System};

/// One thread: calls without a pause, runs workers between activities, and lets `between` do something as well, until
/// told to stop; returns how many calls it made.
fn serve(
    system: &System,
    number: usize,
    coid: Coid,
    stop: &AtomicBool,
    ready: &Barrier,
    mut between: impl FnMut(),
) -> u64 {
    Host::pin(number);
    // SAFETY: workers are run between activities.
    let processor = unsafe { system.attach(number) }.unwrap();
    let bank = processor.bind::<dyn Bank>(coid).unwrap();
    let mut calls = 0;
    ready.wait();
    let _stop = SetOnDrop(stop);
    while !stop.load(Ordering::Acquire) {
        processor.activity(|| {
            for _ in 0..20 {
                calls += 1;
                if calls % 7 == 0 {
                    // A call inside a call.
                    bank.visit(&mut || assert_eq!(bank.deposit(1), calls, "lost or doubled"));
                } else {
                    assert_eq!(bank.deposit(1), calls, "lost or doubled");
                }
            }
        });
        processor.run_workers(system.now());
        between();
    }
    // The swap that was under way when the order to stop came.
    processor.run_workers(system.now());
    assert_eq!(bank.balance(), calls);
    calls
}

#[test]
fn swaps_under_load_lose_nothing() {
    let swaps: u64 = if cfg!(miri) { 20 } else { 10_000 };
    let system = System::new(THREADS, Host::new(THREADS)).unwrap();
    let (roots, reps) = (Alive::default(), Alive::default());
    let (stop, ready) = (AtomicBool::new(false), Barrier::new(THREADS));
    // SAFETY: workers are run between activities.
    let processor = unsafe { system.attach(0) }.unwrap();
    let coid = processor.create(Distributed::new(Branch::new(0, &[COPY, MOVE], &roots, &reps))).unwrap();
    drop(processor);

    let order = |order: u64| {
        let mut next = storm::branch(order, &roots, &reps);
        next.bad_export = (u64::from(order % 13 == 5) << (order % 2)).into();
        storm::order(&system, coid, order, next)
    };
    let mut tally = Tally::default();
    let calls: u64 = thread::scope(|scope| {
        let other = scope.spawn(|| serve(&system, 1, coid, &stop, &ready, || ()));
        let mut number = 0;
        let mut swap = None;
        let calls = serve(&system, 0, coid, &stop, &ready, || {
            let report = match &swap {
                None => None,
                Some(swap) => match Swap::poll(swap) {
                    Some(report) => Some(report),
                    None => return,
                },
            };
            if let Some(report) = report {
                assert_eq!(roots.count(), 1, "the winner alone is left: {report:?}");
                tally.add(number, &report);
            }
            if number == swaps {
                stop.store(true, Ordering::Release);
                return;
            }
            number += 1;
            swap = Some(order(number));
        });
        calls + other.join().unwrap()
    });
    println!("{calls} calls, {tally:?}");
    assert_eq!(tally.committed + tally.undone, swaps);
    assert!(tally.committed > swaps / 2 && tally.undone > swaps / 10, "{tally:?}");
    system.destroy(coid).unwrap();
    assert_eq!((roots.count(), reps.count()), (0, 0));
}

/// Two objects that call each other, each swapped without a pause by a thread of its own: no order of events may deadlock.
#[test]
fn objects_that_call_each_other_are_swapped_at_once() {
    let swaps: u64 = if cfg!(miri) { 10 } else { 5_000 };
    let system = System::new(THREADS, Host::new(THREADS)).unwrap();
    let (roots, reps) = (Alive::default(), Alive::default());
    let (busy, ready) = (AtomicUsize::new(THREADS), Barrier::new(THREADS));
    // SAFETY: workers are run between activities.
    let processor = unsafe { system.attach(0) }.unwrap();
    let create = || processor.create(Distributed::new(Branch::new(0, &[MOVE], &roots, &reps))).unwrap();
    let coids = [create(), create()];
    drop(processor);
    let serve = &|number: usize| {
        Host::pin(number);
        // SAFETY: workers are run between activities.
        let processor = unsafe { system.attach(number) }.unwrap();
        let banks = coids.map(|coid| processor.bind::<dyn Bank>(coid).unwrap());
        // One thread calls from the first to the second, the other the other way round.
        let (outer, inner) = (&banks[number], &banks[1 - number]);
        let (mut calls, mut order) = (0, 0);
        let mut swap: Option<Swap> = None;
        ready.wait();
        while busy.load(Ordering::Acquire) > 0 {
            processor.activity(|| {
                outer.visit(&mut || {
                    calls += 1;
                    assert_eq!(inner.deposit(1), calls);
                });
                assert_eq!(outer.balance(), 0);
            });
            processor.run_workers(system.now());
            if order <= swaps && swap.as_ref().is_none_or(|swap| swap.poll().is_some()) {
                if let Some(report) = swap.take().and_then(|swap| swap.poll()) {
                    assert_eq!(report.outcome, Outcome::Committed);
                }
                order += 1;
                if order > swaps {
                    busy.fetch_sub(1, Ordering::AcqRel);
                    continue;
                }
                let new = Distributed::new(Branch::new(order, &[MOVE], &roots, &reps));
                let options = SwapOptions { time_limit: u64::MAX, notify: None };
                swap = Some(system.swap(coids[number], new, options).unwrap());
            }
        }
    };
    thread::scope(|scope| {
        for number in 0..THREADS {
            scope.spawn(move || serve(number));
        }
    });
    coids.iter().for_each(|coid| system.destroy(*coid).unwrap());
    assert_eq!((roots.count(), reps.count()), (0, 0));
}

/// Two threads order swaps of one object, several at a time; each waits its turn, is cancelled, or is too late.
#[test]
fn swaps_that_wait_their_turn_under_load_lose_nothing() {
    const AT_ONCE: usize = 3;
    let swaps: u64 = if cfg!(miri) { 10 } else { 3_000 };
    let system = System::new(THREADS, Host::new(THREADS)).unwrap();
    let (roots, reps) = (Alive::default(), Alive::default());
    let (busy, stop, ready) = (AtomicUsize::new(THREADS), AtomicBool::new(false), Barrier::new(THREADS));
    // SAFETY: workers are run between activities.
    let processor = unsafe { system.attach(0) }.unwrap();
    let coid = processor.create(Distributed::new(Branch::new(0, &[COPY, MOVE], &roots, &reps))).unwrap();
    drop(processor);
    let order = |number: u64| {
        let mut new = storm::branch(number, &roots, &reps);
        new.bad_import = 0;
        let time_limit = if number % 17 == 7 { 500 * (number % 5) } else { u64::MAX };
        system.swap(coid, Distributed::new(new), SwapOptions { time_limit, notify: None }.in_turn()).unwrap()
    };
    let run = |number: usize| {
        let mut under_way: Vec<Swap> = Vec::new();
        let (mut ordered, mut committed, mut undone) = (0, 0, 0);
        serve(&system, number, coid, &stop, &ready, || {
            under_way.retain(|swap| match swap.poll() {
                None => true,
                Some(report) => {
                    committed += u64::from(report.is_committed());
                    undone += u64::from(!report.is_committed());
                    assert!(!swap.is_waiting() && swap.outcome() == Some(report.outcome));
                    false
                }
            });
            if ordered < swaps && under_way.len() < AT_ONCE {
                ordered += 1;
                let swap = order(ordered);
                if ordered % 19 == 9 {
                    swap.cancel();
                }
                under_way.push(swap);
            } else if ordered == swaps && under_way.is_empty() {
                ordered += 1;
                if busy.fetch_sub(1, Ordering::AcqRel) == 1 {
                    stop.store(true, Ordering::Release);
                }
            }
        });
        assert_eq!(committed + undone, swaps, "each ended once");
        assert!(committed > swaps / 2 && undone > swaps / 30, "{committed} {undone}");
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| run(1));
        run(0);
        other.join().unwrap();
    });
    system.destroy(coid).unwrap();
    assert_eq!((roots.count(), reps.count()), (0, 0));
}
