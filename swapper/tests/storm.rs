//! Two pinned threads call an object without a pause while it is swapped thousands of times, with failures and short
//! deadlines among the swaps. Every call is accounted for on the processor that made it, and everything is freed.

#![allow(missing_docs)]

mod common;

use common::{Alive, Bank, Branch, COPY, MOVE};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};
use swapper::{Coid, Distributed, Host, Outcome, Processor, Reason, SwapError, SwapOptions, System};

const THREADS: usize = 2;

/// Calls until told to stop; returns how many calls it made.
fn serve(processor: &Processor, system: &System, coid: Coid, stop: &AtomicBool, each: impl Fn(u64)) -> u64 {
    let bank = processor.bind::<dyn Bank>(coid).unwrap();
    let start = std::time::Instant::now();
    let mut calls = 0;
    while !stop.load(Ordering::Acquire) {
        processor.activity(|| {
            for _ in 0..20 {
                calls += 1;
                if calls % 7 == 0 {
                    // A call inside a call.
                    bank.visit(&mut || assert_eq!(bank.deposit(1), calls));
                } else {
                    assert_eq!(bank.deposit(1), calls, "lost or doubled");
                }
            }
        });
        // The clock need not be the platform's own to the nanosecond, only not ahead of it.
        let progress = processor.run_workers(u64::try_from(start.elapsed().as_nanos()).unwrap());
        let _ = (progress, system);
        each(calls);
    }
    assert_eq!(bank.balance(), calls);
    calls
}

#[test]
fn swaps_under_load_lose_nothing() {
    let swaps: u64 = if cfg!(miri) { 5 } else { 5_000 };
    let system = System::new(THREADS, Host::new(THREADS)).unwrap();
    let (roots, reps) = (Alive::default(), Alive::default());
    let stop = AtomicBool::new(false);
    // SAFETY: workers are run between activities.
    let processor = unsafe { system.attach(0) }.unwrap();
    let coid = processor.create(Distributed::new(Branch::new(0, &[COPY, MOVE], &roots, &reps))).unwrap();
    drop(processor);

    let (mut committed, mut undone) = (0, 0);
    let suspended = AtomicU64::new(0);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (system, stop) = (system.clone(), &stop);
            scope.spawn(move || {
                Host::pin(number);
                // SAFETY: workers are run between activities.
                let processor = unsafe { system.attach(number) }.unwrap();
                serve(&processor, &system, coid, stop, |_| ());
            });
        }
        let _stop = SetOnDrop(&stop);
        let mut order = 0;
        while order < swaps {
            let mut next = Branch::new(order, if order % 2 == 0 { &[MOVE] } else { &[COPY, MOVE] }, &roots, &reps);
            next.bad_import = u64::from(order % 11 == 3) << (order % 2);
            next.bad_export = u64::from(order % 13 == 5) << (order % 2);
            let time_limit = if order % 17 == 7 { 1_000 * (order % 5) } else { 10_000_000_000 };
            let swap = match system.swap(coid, Distributed::new(next), SwapOptions { time_limit, notify: None }) {
                Ok(swap) => swap,
                // At the start, before a thread is attached.
                Err(SwapError::NoProcessor) => continue,
                Err(error) => panic!("{error}"),
            };
            if order % 19 == 9 {
                swap.cancel();
            }
            let report = loop {
                match swap.poll() {
                    Some(report) => break report,
                    None => thread::yield_now(),
                }
            };
            match &report.outcome {
                Outcome::Committed => committed += 1,
                Outcome::Undone(Reason::Deadline(_)) => {
                    assert!(time_limit < 10_000, "{report:?}");
                    undone += 1;
                }
                Outcome::Undone(_) => undone += 1,
            }
            suspended.fetch_add(report.suspended(), Ordering::Relaxed);
            drop(swap);
            // The winner alone is left, with at most a Rep for each processor.
            assert_eq!(roots.count(), 1, "{report:?}");
            order += 1;
        }
    });
    assert_eq!(committed + undone, swaps);
    assert!(committed > swaps / 2 && undone > swaps / 20, "{committed} {undone}");
    println!("{committed} committed, {undone} undone, {} calls suspended", suspended.load(Ordering::Relaxed));
    system.destroy(coid).unwrap();
    assert_eq!((roots.count(), reps.count()), (0, 0));
}

/// Two objects that call each other, swapped at the same time by two threads: no order of events may deadlock.
#[test]
fn objects_that_call_each_other_are_swapped_at_once() {
    let swaps: u64 = if cfg!(miri) { 3 } else { 1_000 };
    let system = System::new(THREADS, Host::new(THREADS)).unwrap();
    let (roots, reps) = (Alive::default(), Alive::default());
    let stop = AtomicBool::new(false);
    let ready = Arc::new(std::sync::Barrier::new(THREADS + 2));
    // SAFETY: workers are run between activities.
    let processor = unsafe { system.attach(0) }.unwrap();
    let create = || processor.create(Distributed::new(Branch::new(0, &[MOVE], &roots, &reps))).unwrap();
    let coids = [create(), create()];
    drop(processor);
    thread::scope(|scope| {
        let _stop = SetOnDrop(&stop);
        for number in 0..THREADS {
            let (system, stop, ready) = (system.clone(), &stop, Arc::clone(&ready));
            scope.spawn(move || {
                Host::pin(number);
                // SAFETY: workers are run between activities.
                let processor = unsafe { system.attach(number) }.unwrap();
                let banks = coids.map(|coid| processor.bind::<dyn Bank>(coid).unwrap());
                // One thread calls from the first to the second, the other the other way round.
                let (outer, inner) = (&banks[number], &banks[1 - number]);
                let mut calls = 0;
                inner.balance();
                ready.wait();
                while !stop.load(Ordering::Acquire) {
                    processor.activity(|| {
                        outer.visit(&mut || {
                            calls += 1;
                            assert_eq!(inner.deposit(1), calls);
                        });
                        assert_eq!(outer.balance(), 0);
                    });
                    processor.run_workers(0);
                }
            });
        }
        let swappers: Vec<_> = coids
            .map(|coid| {
                let (system, roots, reps, ready) = (system.clone(), &roots, &reps, Arc::clone(&ready));
                scope.spawn(move || {
                    ready.wait();
                    for order in 0..swaps {
                        let new = Distributed::new(Branch::new(order, &[MOVE], roots, reps));
                        let options = SwapOptions { time_limit: u64::MAX, notify: None };
                        let swap = system.swap(coid, new, options).unwrap();
                        let report = loop {
                            match swap.poll() {
                                Some(report) => break report,
                                None => thread::yield_now(),
                            }
                        };
                        assert_eq!(report.outcome, Outcome::Committed);
                    }
                })
            })
            .into();
        for swapper in swappers {
            swapper.join().unwrap();
        }
    });
    coids.map(|coid| system.destroy(coid).unwrap());
    assert_eq!((roots.count(), reps.count()), (0, 0));
}

/// Ends the loops also when the test fails.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
