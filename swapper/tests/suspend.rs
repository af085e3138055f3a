//! Methods that suspend, step by step: each stage at which a swap can meet a call that lives over several activities.

#![allow(missing_docs)]

mod common;

use common::{Bank, BankRef, MOVE, Task, World};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
};
use swapper::{Coid, Distributed, HeldUp, Missing, Outcome, Reason, Report, Swap};

const NAME: &str = "Bank::deposit_when";

/// Who held a swap up, and by what.
fn held_up(report: &Report) -> (usize, Missing, Option<&'static str>) {
    match &report.outcome {
        Outcome::Undone(Reason::Deadline(HeldUp { processor, by, activity, .. })) => {
            (processor.index(), *by, *activity)
        }
        other => panic!("{other:?}"),
    }
}

/// An object with this label, called on both processors.
fn called(world: &World, label: u64) -> (Coid, Vec<BankRef>) {
    let (coid, banks) = world.bank(label, &[MOVE]);
    banks.iter().for_each(|bank| assert_eq!(bank.deposit(1), 1));
    (coid, banks)
}

fn order(world: &World, coid: Coid, label: u64) -> Swap {
    world.swap(coid, Distributed::new(world.branch(label, &[MOVE]))).unwrap()
}

/// A call on processor 0 that is polled once, in an activity, and suspends.
fn begun<'f>(world: &World, future: impl Future<Output = u64> + 'f) -> Task<'f, u64> {
    let mut task = Task::new(future);
    assert_eq!(world.processors[0].activity(|| task.poll()), None);
    task
}

/// What a swap meets: how far the call is when the swap is in Block on processor 0, or waits to get there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// It is inside the old object since before the swap.
    Before,
    /// It was forwarded.
    Forwarded,
    /// It waits for the decision.
    Held,
}

const STAGES: [Stage; 3] = [Stage::Before, Stage::Forwarded, Stage::Held];

/// Brings a call and a swap to this stage. Processor 1 has not run its worker.
fn at<'f>(world: &World, stage: Stage, coid: Coid, future: impl Future<Output = u64> + 'f) -> (Task<'f, u64>, Swap) {
    match stage {
        Stage::Before => {
            let task = begun(world, future);
            let swap = order(world, coid, 2);
            world.run(0);
            (task, swap)
        }
        Stage::Forwarded => {
            let before = world.processors[0].begin();
            let swap = order(world, coid, 2);
            world.run(0);
            let task = begun(world, future);
            drop(before);
            world.run(0);
            (task, swap)
        }
        Stage::Held => {
            let swap = order(world, coid, 2);
            world.run(0);
            (begun(world, future), swap)
        }
    }
}

#[test]
fn a_swap_waits_for_a_call_that_suspended() {
    for stage in STAGES {
        let world = World::new(2);
        let (coid, banks) = called(&world, 1);
        let open = Cell::new(false);
        let mut ready = || open.get();
        let (mut task, swap) = at(&world, stage, coid, banks[0].deposit_when(10, &mut ready));
        world.run_all();
        world.run_all();
        if stage == Stage::Held {
            // It holds nothing up, and goes to the new object.
            assert!(world.finish(&swap).is_committed());
            assert!(task.is_woken());
            assert_eq!(world.processors[0].activity(|| task.poll()), None);
        } else {
            assert_eq!(swap.outcome(), None);
            // Many activities may begin and end meanwhile.
            (0..5).for_each(|_| assert_eq!(world.processors[0].activity(|| task.poll()), None));
            world.run_all();
            assert_eq!(swap.outcome(), None);
            world.clock.woken();
        }
        open.set(true);
        assert_eq!(world.processors[0].activity(|| task.poll()), Some(11));
        if stage != Stage::Held {
            assert_eq!(world.clock.woken(), 0b01, "the call has ended: its processor can go on");
        }
        let report = world.finish(&swap);
        assert!(report.is_committed(), "{stage:?}: {report:?}");
        assert_eq!(
            (report.suspended(), report.longest_suspension() > 0),
            if stage == Stage::Held { (1, true) } else { (0, false) }
        );
        assert_eq!(report.forwarded(), u64::from(stage == Stage::Forwarded), "{stage:?}");
        assert_eq!((banks[0].label(), banks[0].balance(), banks[1].balance()), (2, 11, 1));
        drop(task);
        drop((banks, swap));
        world.end();
    }
}

#[test]
fn a_call_that_takes_too_long_undoes_the_swap_and_is_named() {
    for (stage, missing) in [(Stage::Before, Missing::Activity), (Stage::Forwarded, Missing::Call)] {
        let world = World::new(2);
        let (coid, banks) = called(&world, 1);
        let open = Cell::new(false);
        let mut ready = || open.get();
        let _named = world.processors[0].begin_named("began later, ends later");
        let (mut task, swap) = at(&world, stage, coid, banks[0].deposit_when(10, &mut ready));
        drop(_named);
        world.run_all();
        world.clock.advance_to(2_000_000);
        let report = world.finish(&swap);
        assert_eq!(held_up(&report), (0, missing, Some(NAME)));
        // It goes on in the old object, and the next swap waits for it as well.
        assert_eq!((banks[0].label(), world.processors[0].activity(|| task.poll())), (1, None));
        let next = order(&world, coid, 3);
        world.run_all();
        world.run_all();
        assert_eq!(next.outcome(), None, "a call that an undone swap forwarded is inside all the same");
        open.set(true);
        assert_eq!(task.poll(), Some(11));
        assert!(world.finish(&next).is_committed());
        assert_eq!((banks[0].label(), banks[0].balance()), (3, 11));
        drop(task);
        drop((banks, swap, next));
        world.end();
    }
}

#[test]
fn a_call_can_be_dropped_at_every_stage() {
    let world = World::new(2);
    let (_, banks) = called(&world, 1);
    drop(banks[0].deposit_when(10, &mut || true));
    drop(banks);
    world.end();
    for stage in STAGES {
        let world = World::new(2);
        let (coid, banks) = called(&world, 1);
        let mut ready = || false;
        let (task, swap) = at(&world, stage, coid, banks[0].deposit_when(10, &mut ready));
        world.run_all();
        world.clock.woken();
        drop(task);
        if stage != Stage::Held {
            assert_eq!(world.clock.woken(), 0b01, "its processor can go on");
        }
        let report = world.finish(&swap);
        assert!(report.is_committed(), "{stage:?}: {report:?}");
        assert_eq!(report.suspended(), u64::from(stage == Stage::Held));
        assert_eq!((banks[0].label(), banks[0].balance()), (2, 1));
        assert!(!world.processors[0].mark().is_forwarded());
        drop((banks, swap));
        world.end();
    }
}

#[test]
fn a_call_that_is_leaked_undoes_swaps_and_is_named() {
    for stage in STAGES {
        let world = World::new(2);
        let (coid, banks) = called(&world, 1);
        let (task, swap) = at(&world, stage, coid, async {
            let mut ready = || false;
            banks[0].deposit_when(10, &mut ready).await
        });
        task.leak();
        world.run_all();
        if stage != Stage::Held {
            world.clock.advance_to(2_000_000);
        }
        let report = world.finish(&swap);
        match stage {
            Stage::Before => assert_eq!(held_up(&report), (0, Missing::Activity, Some(NAME))),
            Stage::Forwarded => assert_eq!(held_up(&report), (0, Missing::Call, Some(NAME))),
            Stage::Held => assert!(report.is_committed(), "it is inside of nothing"),
        }
        let next = order(&world, coid, 3);
        let report = world.finish(&next);
        if stage == Stage::Held {
            assert!(report.is_committed());
        } else {
            assert_eq!(held_up(&report), (0, Missing::Activity, Some(NAME)), "this one too");
        }
        assert_eq!(banks[0].balance(), 1, "the object serves");
    }
}

#[test]
fn a_panic_inside_a_poll_ends_the_call() {
    for stage in [Stage::Before, Stage::Forwarded] {
        let world = World::new(2);
        let (coid, banks) = called(&world, 1);
        let polls = Cell::new(0);
        let mut ready = || {
            polls.set(polls.get() + 1);
            assert!(polls.get() < 2, "out of order");
            false
        };
        let (mut task, swap) = at(&world, stage, coid, banks[0].deposit_when(10, &mut ready));
        let activity = || world.processors[0].activity(|| task.poll());
        assert!(catch_unwind(AssertUnwindSafe(activity)).is_err());
        assert!(!world.processors[0].mark().is_forwarded(), "the mark went with the poll");
        assert_eq!(swap.outcome(), None);
        drop(task);
        assert!(world.finish(&swap).is_committed(), "{stage:?}");
        assert_eq!((banks[0].label(), banks[0].balance()), (2, 1));
        drop((banks, swap));
        world.end();
    }
}

/// 0063: what a forwarded call does between its suspensions passes every Block.
#[test]
fn calls_from_inside_a_forwarded_future_pass_two_objects_in_block() {
    let world = World::new(2);
    let (first, a) = called(&world, 1);
    let (second, b) = called(&world, 10);
    let swap_b = order(&world, second, 20);
    world.run(0);
    let before = world.processors[0].begin();
    let swap_a = order(&world, first, 2);
    world.run(0);
    let mut polls = 0;
    let mut ready = || {
        polls += 1;
        assert_eq!((a[0].label(), b[0].label()), (1, 10));
        polls == 3
    };
    let mut task = begun(&world, a[0].deposit_when(0, &mut ready));
    drop(before);
    world.run(0);
    // Now both objects are in Block, and nothing may wait.
    world.when_waiting(|_, _| panic!("a call from inside a forwarded call was suspended"));
    assert_eq!(world.processors[0].activity(|| task.poll()), None);
    assert!(!world.processors[0].mark().is_forwarded(), "marked while it is polled only");
    assert_eq!(world.processors[0].activity(|| task.poll()), Some(1));
    world.forget_hooks();
    drop(task);
    let reports = [world.finish(&swap_a), world.finish(&swap_b)];
    assert!(reports.iter().all(|report| report.is_committed() && report.suspended() == 0));
    assert_eq!([&a[0], &b[0]].map(|bank| (bank.label(), bank.balance())), [(2, 1), (20, 1)]);
    drop((a, b, swap_a, swap_b));
    world.end();
}

/// A call that is held may be part of what another swap waits for: it is asked again when that swap begins.
#[test]
fn a_held_call_is_let_go_when_another_swap_waits_for_what_it_is_part_of() {
    let world = World::new(2);
    let (first, a) = called(&world, 1);
    let (second, b) = called(&world, 10);
    // A call on `b` suspends, and is inside of it from now on; in Block of `a` it calls there, and is held.
    let mut at_once = || true;
    let inner = Cell::new(Some(Task::new(a[0].deposit_when(1, &mut at_once))));
    let mut ready = || {
        let mut call: Task<'_, u64> = inner.take().expect("not yet ended");
        match call.poll() {
            Some(sum) => {
                assert_eq!(sum, 2);
                true
            }
            None => {
                inner.set(Some(call));
                false
            }
        }
    };
    let swap_a = order(&world, first, 2);
    world.run(0);
    let mut task = begun(&world, b[0].deposit_when(1, &mut ready));
    let held = inner.take().expect("held");
    assert!(!held.is_woken());
    let swap_b = order(&world, second, 20);
    world.run(0);
    assert!(held.is_woken(), "the swap of `b` waits for it");
    inner.set(Some(held));
    assert_eq!(world.processors[0].activity(|| task.poll()), Some(2));
    let reports = [world.finish(&swap_a), world.finish(&swap_b)];
    assert!(reports.iter().all(Report::is_committed));
    assert_eq!((reports[0].suspended(), reports[0].forwarded()), (1, 1));
    assert_eq!((a[0].balance(), b[0].balance()), (2, 2));
    drop(task);
    drop(inner);
    drop((a, b, swap_a, swap_b));
    world.end();
}

/// A call that held the stack of its processor would keep what the swap waits for from ending there.
#[test]
fn a_call_on_the_stack_passes_block_while_a_forwarded_future_is_inside() {
    let world = World::new(2);
    let (coid, banks) = called(&world, 1);
    let (other, others) = called(&world, 10);
    let swap_other = order(&world, other, 20);
    world.run(0);
    let open = Cell::new(false);
    let (mut ready, mut at_once) = (|| open.get(), || true);
    let (mut task, swap) = at(&world, Stage::Forwarded, coid, banks[0].deposit_when(10, &mut ready));
    // Both objects are in Block on processor 0, the first one with a call inside.
    world.when_waiting(|_, _| panic!("a call holds the stack on which another has to end"));
    assert_eq!((banks[0].deposit(1), others[0].label()), (2, 10));
    world.forget_hooks();
    // One that does not hold the stack waits, or there would be no end of them.
    let mut held = begun(&world, banks[0].deposit_when(100, &mut at_once));
    open.set(true);
    assert_eq!((task.poll(), held.poll()), (Some(12), None));
    assert!(world.finish(&swap).is_committed() && world.finish(&swap_other).is_committed());
    assert_eq!(held.poll(), Some(112));
    drop((task, held));
    drop((banks, others, swap, swap_other));
    world.end();
}

/// A call that is not polled when it is woken goes to whoever serves when it is.
#[test]
fn a_held_call_that_comes_late_goes_to_the_object_that_serves() {
    for undo in [false, true] {
        let world = World::new(2);
        let (coid, banks) = called(&world, 1);
        let mut ready = || true;
        let (mut task, swap) = at(&world, Stage::Held, coid, banks[0].deposit_when(10, &mut ready));
        assert!(!undo || swap.cancel());
        assert_eq!(world.finish(&swap).is_committed(), !undo);
        let next = order(&world, coid, 3);
        assert!(world.finish(&next).is_committed());
        assert_eq!(world.roots.count(), 1, "the object that won first is gone");
        assert_eq!(world.processors[0].activity(|| task.poll()), Some(11));
        assert_eq!((banks[0].label(), banks[0].balance()), (3, 11));
        drop(task);
        // And if it meets a Mediator then, it is held again.
        let mut ready = || true;
        let third = order(&world, coid, 4);
        world.run(0);
        let mut task = begun(&world, banks[0].deposit_when(10, &mut ready));
        assert!(world.finish(&third).is_committed());
        let fourth = order(&world, coid, 5);
        world.run(0);
        assert!(task.is_woken());
        assert_eq!(task.poll(), None);
        let report = world.finish(&fourth);
        assert_eq!((report.is_committed(), report.suspended(), task.poll()), (true, 1, Some(21)));
        drop(task);
        drop((banks, swap, next, third, fourth));
        world.end();
    }
}

#[test]
fn held_calls_are_woken_in_the_order_in_which_they_came() {
    let world = World::new(2);
    let (coid, banks) = called(&world, 1);
    let swap = order(&world, coid, 2);
    world.run(0);
    let woken = Arc::new(std::sync::Mutex::new(Vec::new()));
    struct Bell(usize, Arc<std::sync::Mutex<Vec<usize>>>);
    impl std::task::Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }
    let mut ready: Vec<_> = (0..5).map(|_| || true).collect();
    let mut calls: Vec<_> = ready.iter_mut().map(|ready| Some(Box::pin(banks[0].deposit_when(1, ready)))).collect();
    world.processors[0].activity(|| {
        for (number, call) in calls.iter_mut().enumerate() {
            let waker = Arc::new(Bell(number, Arc::clone(&woken))).into();
            let context = &mut std::task::Context::from_waker(&waker);
            let call = call.as_mut().unwrap();
            // Twice: it keeps its place.
            assert!(call.as_mut().poll(context).is_pending() && call.as_mut().poll(context).is_pending());
        }
    });
    calls[2] = None;
    let report = world.finish(&swap);
    assert_eq!((report.is_committed(), report.suspended()), (true, 5));
    assert_eq!(*woken.lock().unwrap(), [0, 1, 3, 4]);
    drop(calls);
    drop((ready, banks, swap));
    world.end();
}

/// While a call of a method that suspends is alive somewhere, a call outside of activities is not taken for part of it.
#[test]
fn a_call_outside_of_activities_is_not_overlooked_beside_one_that_suspended() {
    let world = World::new(4);
    let banks = [1, 10, 100, 1_000].map(|label| world.bank(label, &[MOVE]));
    let [(coid, a), (other, b), (third, c), (_, d)] = &banks;
    for bank in [&a[0], &b[0], &b[3], &c[1], &c[2], &d[0]] {
        bank.deposit(1);
    }
    let mut ready = || false;
    let task = Cell::new(Some(begun(&world, d[0].deposit_when(1, &mut ready))));
    let other = order(&world, *other, 20);
    // The suspended call is inside, and would be waited for: let the second object get to Block without it.
    drop(task.take());
    world.run(0);
    let mut ready = || false;
    task.set(Some(begun(&world, d[0].deposit_when(1, &mut ready))));
    let third = order(&world, *third, 200);
    world.run(1);
    world.run(2);
    let swap = Rc::new(Cell::new(None));
    a[0].visit(&mut || {
        let (place, coid) = (Rc::clone(&swap), *coid);
        world.when_waiting(move |world, _| place.set(Some(order(world, coid, 2))));
        assert_eq!(b[0].label(), 10, "suspended, then let go for the swap of the first");
        drop(task.take());
        // The second suspension runs workers once more; the first object must not be exported: this call is inside.
        world.when_waiting(|world, _| {
            world.run(1);
        });
        assert_eq!(c[0].label(), 200);
        assert!(world.is_played());
    });
    let swap = swap.take().unwrap();
    assert_eq!(swap.outcome(), None);
    assert!(world.finish(&swap).is_committed());
    world.finish(&other);
    world.finish(&third);
    drop(task);
    drop((banks, swap, other, third));
    world.end();
}
