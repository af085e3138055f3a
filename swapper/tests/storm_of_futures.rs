//! The storm with methods that suspend: two pinned threads keep calls under way over many activities, drop some of them
//! half-way, and account for each of the others, while the object is swapped again and again.

#![allow(missing_docs)]

mod common;

use common::storm::{self, SetOnDrop, THREADS, Tally};
use common::{Alive, Bank, Branch, COPY, MOVE, Task};
use std::{
    cell::Cell,
    rc::Rc,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use swapper::{Coid, Distributed, Host, Swap, System};

/// Calls that each thread keeps under way.
const UNDER_WAY: usize = 4;
/// Turns of a loop after which a call that waits to be woken must have been; a swap takes some dozen.
const PATIENCE: u64 = 100_000_000;

/// A call that is polled only when it was woken, or when it was asked whether it is ready and said no: that stands for what
/// a device would wake.
struct Call {
    asked: Rc<Cell<bool>>,
    task: Task<'static, u64>,
}

fn serve(
    system: &System,
    number: usize,
    coid: Coid,
    stop: &AtomicBool,
    ready: &Barrier,
    mut between: impl FnMut(),
) -> (u64, u64) {
    Host::pin(number);
    // SAFETY: workers are run between activities.
    let processor = unsafe { system.attach(number) }.unwrap();
    let bank = processor.bind::<dyn Bank>(coid).unwrap();
    let (mut begun, mut sum, mut dropped, mut idle) = (0_u64, 0, 0, 0);
    let mut calls: Vec<Option<Call>> = (0..UNDER_WAY).map(|_| None).collect();
    ready.wait();
    let _stop = SetOnDrop(stop);
    while !stop.load(Ordering::Acquire) || calls.iter().any(Option::is_some) {
        let stopping = stop.load(Ordering::Acquire);
        idle += 1;
        processor.activity(|| {
            for place in &mut calls {
                if place.is_none() && !stopping {
                    begun += 1;
                    let (bank, asked, polls) = (bank.clone(), Rc::new(Cell::new(true)), begun % 5);
                    let flag = Rc::clone(&asked);
                    let task = Task::new(async move {
                        let mut left = polls;
                        let mut ready = || {
                            flag.set(left > 0);
                            left = left.saturating_sub(1);
                            !flag.get()
                        };
                        bank.deposit_when(1, &mut ready).await
                    });
                    *place = Some(Call { asked, task });
                }
                let Some(call) = place else { continue };
                if !call.asked.take() && !call.task.is_woken() {
                    continue;
                }
                idle = 0;
                if let Some(now) = call.task.poll() {
                    sum += 1;
                    assert_eq!(now, sum, "lost or doubled");
                    *place = None;
                } else if begun % 7 == 0 {
                    dropped += 1;
                    *place = None;
                }
            }
            sum += 1;
            assert_eq!(bank.deposit(1), sum, "lost or doubled");
        });
        assert!(idle < PATIENCE, "a call that was held is not woken");
        processor.run_workers(system.now());
        between();
    }
    // The swap that was under way when the order to stop came.
    processor.run_workers(system.now());
    assert_eq!(bank.balance(), sum);
    (sum, dropped)
}

#[test]
fn swaps_among_futures_lose_nothing() {
    let swaps: u64 = if cfg!(miri) { 20 } else { 3_000 };
    let system = System::new(THREADS, Host::new(THREADS)).unwrap();
    let (roots, reps) = (Alive::default(), Alive::default());
    let (stop, ready) = (AtomicBool::new(false), Barrier::new(THREADS));
    // SAFETY: makes no calls.
    let processor = unsafe { system.attach(0) }.unwrap();
    let coid = processor.create(Distributed::new(Branch::new(0, &[COPY, MOVE], &roots, &reps))).unwrap();
    drop(processor);
    let mut tally = Tally::default();
    let (sum, dropped) = thread::scope(|scope| {
        let other = scope.spawn(|| serve(&system, 1, coid, &stop, &ready, || ()));
        let (mut number, mut swap) = (0, None);
        let own = serve(&system, 0, coid, &stop, &ready, || {
            if let Some(under_way) = &swap {
                let Some(report) = Swap::poll(under_way) else { return };
                swap = None;
                tally.add(number, &report);
            }
            if number == swaps {
                stop.store(true, Ordering::Release);
                return;
            }
            number += 1;
            swap = Some(storm::order(&system, coid, number, storm::branch(number, &roots, &reps)));
        });
        let other = other.join().unwrap();
        (own.0 + other.0, own.1 + other.1)
    });
    println!("{sum} calls and {dropped} dropped, {tally:?}");
    assert_eq!(tally.committed + tally.undone, swaps);
    assert!(tally.committed > swaps / 2 && tally.undone > swaps / 20 && dropped > 0, "{tally:?}");
    assert!(tally.suspended > 0 && tally.forwarded > 0, "{tally:?}");
    system.destroy(coid).unwrap();
    assert_eq!((roots.count(), reps.count()), (0, 0));
}
