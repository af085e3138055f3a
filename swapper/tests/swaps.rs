//! Swaps step by step, on processors that all live on one thread: every order of events is the test's choice.

#![allow(missing_docs)]

mod common;

use common::{Bank, BankRef, COPY, MOVE, World};
use std::{cell::Cell, rc::Rc};
use swapper::{Distributed, Failure, HeldUp, Missing, Outcome, ProcessorId, Protocol, Reason, SwapError};

fn id(number: usize) -> ProcessorId {
    ProcessorId::new(number).unwrap()
}

fn held_up(outcome: &Outcome) -> (usize, Missing) {
    match outcome {
        Outcome::Undone(Reason::Deadline(HeldUp { processor, by, .. })) => (processor.index(), *by),
        other => panic!("{other:?}"),
    }
}

#[test]
fn state_goes_over_by_the_best_common_protocol() {
    for (old, new, wins) in [
        (&[COPY, MOVE] as &'static [Protocol], &[COPY, MOVE] as &'static [Protocol], MOVE),
        (&[COPY, MOVE], &[COPY], COPY),
        (&[COPY], &[MOVE, COPY], COPY),
    ] {
        let world = World::new(3);
        let (coid, banks) = world.bank(1, old);
        assert_eq!((banks[0].deposit(10), banks[2].deposit(30)), (10, 30));
        let swap = world.swap(coid, Distributed::new(world.branch(2, new))).unwrap();
        let report = world.finish(&swap);
        assert_eq!(report.outcome, Outcome::Committed);
        assert_eq!((report.protocol, report.items()), (wins, 2));
        assert_eq!(report.involved().bits(), 0b101, "only those that had called");
        assert_eq!((world.roots.count(), world.reps.count()), (1, 2), "the old object is gone");
        assert_eq!((banks[0].label(), banks[0].balance(), banks[2].balance()), (2, 10, 30));
        assert_eq!((banks[1].label(), banks[1].balance()), (2, 0), "first call ever");
        drop((banks, swap));
        world.end();
    }
}

#[test]
fn a_misfit_is_refused_before_anything_is_touched() {
    let world = World::new(1);
    let (coid, banks) = world.bank(1, &[COPY]);
    banks[0].deposit(1);
    let error = world.swap(coid, Distributed::new(world.branch(2, &[MOVE]))).unwrap_err();
    assert_eq!(error, SwapError::NoCommonProtocol { old: 0b10, new: 0b100 });
    let first = world.swap(coid, Distributed::new(world.branch(2, &[COPY]))).unwrap();
    let error = world.swap(coid, Distributed::new(world.branch(3, &[COPY]))).unwrap_err();
    assert_eq!(error, SwapError::InSwap(coid));
    assert!(world.finish(&first).is_committed());
    assert_eq!(world.roots.count(), 1);
    assert!(!first.cancel(), "too late");
    drop((banks, first));
    world.system.destroy(coid).unwrap();
    assert_eq!(world.swap(coid, Distributed::new(world.branch(2, &[COPY]))).unwrap_err(), SwapError::Stale(coid));
    world.end();
}

#[test]
fn an_object_that_nobody_called_is_swapped() {
    let world = World::new(2);
    let (coid, banks) = world.bank(1, &[COPY]);
    let swap = world.swap(coid, Distributed::new(world.branch(2, &[COPY]))).unwrap();
    assert!(world.finish(&swap).is_committed());
    assert_eq!(banks[1].label(), 2);
    drop((banks, swap));
    world.end();
}

/// 0059-0061: calls from before are waited for, calls from then on are counted and forwarded.
#[test]
fn forward_waits_for_activities_from_before_only() {
    let world = World::new(1);
    let (coid, banks) = world.bank(1, &[COPY]);
    banks[0].deposit(1);
    let before = world.processors[0].begin();
    let swap = world.swap(coid, Distributed::new(world.branch(2, &[COPY]))).unwrap();
    world.run(0);
    let after = world.processors[0].begin();
    assert_eq!((banks[0].label(), banks[0].deposit(1)), (1, 2), "still the old object");
    world.run(0);
    assert!(swap.poll().is_none());
    drop(before);
    let report = world.finish(&swap);
    assert!(report.is_committed());
    assert_eq!(report.forwarded(), 2);
    assert_eq!((banks[0].label(), banks[0].balance()), (2, 2));
    drop((after, banks, swap));
    world.end();
}

/// 0063: a call from inside a forwarded call is let through, on this object and on others.
#[test]
fn block_lets_calls_from_inside_forwarded_calls_pass() {
    let world = World::new(2);
    let (coid, a) = world.bank(1, &[MOVE]);
    let (other, b) = world.bank(10, &[MOVE]);
    a[0].deposit(1);
    b.iter().for_each(|bank| assert_eq!(bank.deposit(1), 1));
    // The other object is in Block on processor 0 and says so; processor 1 has not run its worker.
    let swap_other = world.swap(other, Distributed::new(world.branch(20, &[MOVE]))).unwrap();
    world.run(0);
    let mut before = Some(world.processors[0].begin());
    let swap = world.swap(coid, Distributed::new(world.branch(2, &[MOVE]))).unwrap();
    world.run(0);
    world.processors[0].activity(|| {
        a[0].visit(&mut || {
            // What began before the swap has ended: this object enters Block with this call inside.
            before.take();
            world.run(0);
            // Nothing may wait, as nothing else could go on meanwhile.
            world.when_waiting(|_, _| panic!("a call from inside a forwarded call was suspended"));
            assert_eq!((a[0].label(), a[0].deposit(1)), (1, 2), "the same object");
            assert_eq!((b[0].label(), b[0].deposit(1)), (10, 2), "another object");
            world.forget_hooks();
        });
    });
    let (report, report_other) = (world.finish(&swap), world.finish(&swap_other));
    assert!(report.is_committed() && report_other.is_committed());
    assert_eq!((report.forwarded(), report_other.forwarded()), (3, 2));
    assert_eq!((report.suspended(), report_other.suspended()), (0, 0));
    assert_eq!((a[0].label(), a[0].balance(), b[0].label(), b[0].balance()), (2, 2, 20, 2));
    drop((a, b, swap, swap_other));
    world.end();
}

#[test]
fn a_suspended_call_goes_to_the_new_object() {
    let world = World::new(2);
    let (coid, banks) = world.bank(1, &[MOVE]);
    banks[0].deposit(1);
    banks[1].deposit(2);
    let swap = world.swap(coid, Distributed::new(world.branch(2, &[MOVE]))).unwrap();
    // Processor 0 blocks; processor 1 has not run its worker.
    world.run(0);
    assert_eq!(world.processors[0].activity(|| (banks[0].deposit(10), banks[0].label())), (11, 2));
    let report = world.finish(&swap);
    assert!(report.is_committed());
    assert_eq!((report.suspended(), report.processors[0].suspended), (1, 1));
    assert!(report.longest_suspension() > 0);
    assert_eq!(banks[1].balance(), 2);
    drop((banks, swap));
    world.end();
}

#[test]
fn a_suspended_call_goes_to_the_old_object_if_the_swap_is_undone() {
    let world = World::new(2);
    let (coid, banks) = world.bank(1, &[MOVE]);
    banks[0].deposit(1);
    banks[1].deposit(2);
    let long = world.processors[1].begin();
    let swap = world.swap(coid, Distributed::new(world.branch(2, &[MOVE]))).unwrap();
    world.run(0);
    assert_eq!(world.processors[0].activity(|| (banks[0].deposit(10), banks[0].label())), (11, 1));
    let report = world.finish(&swap);
    assert_eq!(held_up(&report.outcome), (1, Missing::Activity));
    assert_eq!((world.roots.count(), world.reps.count()), (1, 2), "the new object is gone");
    drop(long);
    assert_eq!((banks[1].label(), banks[1].balance()), (1, 2));
    let again = world.swap(coid, Distributed::new(world.branch(3, &[MOVE]))).unwrap();
    assert!(world.finish(&again).is_committed(), "nothing stands in the way of the next swap");
    drop((banks, swap, again));
    world.end();
}

#[test]
fn the_report_names_who_held_it_up() {
    let world = World::new(2);
    let (coid, banks) = world.bank(1, &[COPY]);
    banks.iter().for_each(|bank| assert_eq!(bank.deposit(1), 1));
    // A worker that does not run.
    let swap = world.swap(coid, Distributed::new(world.branch(2, &[COPY]))).unwrap();
    world.run(0);
    world.clock.advance_to(2_000_000);
    world.run(0);
    world.run(1);
    assert_eq!(held_up(&swap.poll().unwrap().outcome), (1, Missing::Worker));
    drop(swap);
    // A forwarded call that does not return.
    let before = world.processors[1].begin();
    let swap = world.swap(coid, Distributed::new(world.branch(2, &[COPY]))).unwrap();
    world.run_all();
    let mut before = Some(before);
    world.processors[1].activity(|| {
        banks[1].visit(&mut || {
            before.take();
            world.run(1);
            world.clock.advance_to(4_000_000);
            world.run(0);
            world.run(1);
        });
    });
    assert_eq!(held_up(&world.finish(&swap).outcome), (1, Missing::Call));
    assert_eq!((banks[0].balance(), banks[1].balance(), banks[1].label()), (1, 1, 1));
    drop((banks, swap, before));
    world.end();
}

#[test]
fn the_report_names_the_activity_that_held_it_up() {
    let activity = |outcome: Outcome| match outcome {
        Outcome::Undone(Reason::Deadline(held_up)) => (held_up.by, held_up.activity, held_up.to_string()),
        other => panic!("{other:?}"),
    };
    let world = World::new(2);
    let (coid, banks) = world.bank(1, &[COPY]);
    banks.iter().for_each(|bank| assert_eq!(bank.deposit(1), 1));
    let mut time = 0;
    let mut late = |world: &World| {
        time += 2_000_000;
        world.clock.advance_to(time);
        world.run(0);
    };
    let order = || world.swap(coid, Distributed::new(world.branch(2, &[COPY]))).unwrap();

    // The loop of processor 1 is stuck.
    let swap = order();
    world.run(0);
    world.processors[1].activity_named("stuck", || late(&world));
    let (by, name, text) = activity(swap.outcome().unwrap());
    assert_eq!((by, name), (Missing::Worker, Some("stuck")));
    assert_eq!(text, "processor 1 had not run its worker (activity \"stuck\")");
    world.finish(&swap);
    drop(swap);

    // Of several activities, the one from before the swap that has not ended.
    let short = world.processors[1].begin_named("short");
    let long = world.processors[1].begin_named("long");
    let swap = order();
    world.run_all();
    let _after = world.processors[1].begin_named("after");
    drop(short);
    late(&world);
    assert_eq!(activity(world.finish(&swap).outcome).1, Some("long"));
    drop((long, swap));

    // One that has no name is not confused with one that has but began later.
    let nameless = world.processors[1].begin();
    let _other = (drop(_after), world.processors[0].begin_named("elsewhere"));
    let swap = order();
    world.run(1);
    world.run(0);
    drop(_other);
    let _after = world.processors[1].begin_named("after");
    late(&world);
    let (by, name, text) = activity(world.finish(&swap).outcome);
    assert_eq!((by, name, text.contains("activity \"")), (Missing::Activity, None, false));
    drop((nameless, _after, swap));

    // A forwarded call: the activity that made it, though another one began since.
    let mut before = Some(world.processors[1].begin_named("before"));
    let swap = order();
    world.run_all();
    world.processors[1].activity_named("caller", || {
        banks[1].visit(&mut || {
            let _later = world.processors[1].begin_named("later");
            before.take();
            world.run(1);
            late(&world);
        });
    });
    assert_eq!(
        activity(world.finish(&swap).outcome),
        (
            Missing::Call,
            Some("caller"),
            "processor 1 had a forwarded call that did not return (activity \"caller\")".into()
        )
    );
    drop((banks, swap));
    world.end();
}

#[test]
fn a_failed_transfer_gives_everything_back() {
    for (bad_export, bad_import) in [(0b01, 0), (0b10, 0), (0, 0b01), (0, 0b10)] {
        for protocol in [&[COPY] as &'static [Protocol], &[MOVE]] {
            let world = World::new(2);
            let mut old = world.branch(1, protocol);
            old.bad_export = bad_export.into();
            let coid = world.processors[0].create(Distributed::new(old)).unwrap();
            let banks: Vec<BankRef> = world.processors.iter().map(|it| it.bind::<dyn Bank>(coid).unwrap()).collect();
            banks[0].deposit(1);
            banks[1].deposit(2);
            let mut new = world.branch(2, protocol);
            new.bad_import = bad_import;
            let swap = world.swap(coid, Distributed::new(new)).unwrap();
            // 0 blocks; 1 blocks and transfers; 0 transfers.
            let report = world.finish(&swap);
            match report.outcome {
                Outcome::Undone(Reason::Export { processor, failure }) => {
                    assert_eq!((1 << processor.index(), failure), (bad_export, Failure::Refused("export".into())));
                }
                Outcome::Undone(Reason::Import { processor, failure }) => {
                    assert_eq!((1 << processor.index(), failure), (bad_import, Failure::NoMemory));
                }
                other => panic!("{other:?}"),
            }
            assert_eq!((banks[0].balance(), banks[1].balance(), banks[0].label()), (1, 2, 1));
            assert_eq!((world.roots.count(), world.reps.count()), (1, 2));
            drop((banks, swap));
            world.end();
        }
    }
}

#[test]
fn a_swap_can_be_cancelled_at_every_step() {
    for steps in 0..12 {
        let world = World::new(3);
        let (coid, banks) = world.bank(1, &[MOVE]);
        banks.iter().for_each(|bank| assert_eq!(bank.deposit(7), 7));
        let swap = world.swap(coid, Distributed::new(world.branch(2, &[MOVE]))).unwrap();
        (0..steps).for_each(|step| {
            world.run(step % 3);
        });
        let cancelled = swap.cancel();
        let report = world.finish(&swap);
        assert_eq!(report.outcome == Outcome::Undone(Reason::Cancelled), cancelled);
        assert_eq!(report.is_committed(), !cancelled);
        let label = if cancelled { 1 } else { 2 };
        banks.iter().for_each(|bank| assert_eq!((bank.label(), bank.balance()), (label, 7)));
        assert_eq!((world.roots.count(), world.reps.count()), (1, 3));
        drop((banks, swap));
        world.end();
    }
}

/// A call held by one swap must not be what another swap waits for.
#[test]
fn a_held_call_is_let_go_when_another_swap_waits_for_its_activity() {
    let world = World::new(2);
    let (coid, a) = world.bank(1, &[MOVE]);
    let (other, b) = world.bank(10, &[MOVE]);
    a.iter().chain(&b).for_each(|bank| assert_eq!(bank.deposit(1), 1));
    let swap = world.swap(coid, Distributed::new(world.branch(2, &[MOVE]))).unwrap();
    world.run(0);
    // While the call on `a` is held, the other swap begins to wait for its activity.
    let second = Rc::new(Cell::new(None));
    let place = Rc::clone(&second);
    world.when_waiting(move |world, _| {
        place.set(Some(world.swap(other, Distributed::new(world.branch(20, &[MOVE]))).unwrap()));
    });
    assert_eq!(world.processors[0].activity(|| (a[0].label(), a[0].deposit(1))), (1, 2), "to the old object");
    assert!(world.is_played());
    assert!(swap.poll().is_none(), "processor 1 has not run");
    let report = world.finish(&swap);
    assert!(report.is_committed());
    assert_eq!((report.suspended(), report.forwarded()), (1, 2));
    let second = second.take().unwrap();
    assert!(world.finish(&second).is_committed());
    assert_eq!((a[0].label(), a[0].balance(), b[0].label(), b[0].balance()), (2, 2, 20, 1));
    drop((a, b, swap, second));
    world.end();
}

/// An event loop that sleeps after each activity must not sleep through what the activity's end made possible.
#[test]
fn whoever_can_go_on_is_woken() {
    let world = World::new(2);
    let (coid, banks) = world.bank(1, &[MOVE]);
    banks.iter().for_each(|bank| assert_eq!(bank.deposit(1), 1));
    let before = world.processors[1].begin();
    assert_eq!(world.clock.woken(), 0, "nothing is under way");
    let swap = world.swap(coid, Distributed::new(world.branch(2, &[MOVE]))).unwrap();
    assert_eq!(world.clock.woken(), 0b11, "the workers are ordered");
    world.run_all();
    assert_eq!(world.clock.woken(), 0, "processor 1 has an activity from before");
    let after = world.processors[1].begin();
    let mut before = Some(before);
    banks[1].visit(&mut || {
        before.take();
        assert_eq!(world.clock.woken(), 0b10, "the generation is empty");
        world.run(1);
        assert_eq!(world.clock.woken(), 0, "a call is inside");
    });
    assert_eq!(world.clock.woken(), 0b10, "the call has returned");
    world.run(1);
    assert_eq!(world.clock.woken(), 0b01, "they have met");
    world.run(0);
    assert_eq!(world.clock.woken() & 0b10, 0b10, "it is decided");
    world.run(1);
    assert!(swap.poll().is_some_and(|report| report.is_committed()));
    drop((banks, swap, after));
    world.end();
}

/// The deadline holds even if no processor turns: whoever waits for the report sees to it.
#[test]
fn the_one_who_waits_can_undo() {
    let world = World::new(1);
    let (coid, banks) = world.bank(1, &[MOVE]);
    banks[0].deposit(1);
    let swap = world.swap(coid, Distributed::new(world.branch(2, &[MOVE]))).unwrap();
    assert_eq!((swap.poll(), swap.outcome()), (None, None));
    world.clock.advance_to(10_000_000);
    assert_eq!(swap.poll(), None, "the processor has not followed yet");
    assert_eq!(held_up(&swap.outcome().unwrap()), (0, Missing::Worker));
    assert_eq!((banks[0].label(), banks[0].deposit(1)), (1, 2));
    world.run(0);
    assert!(swap.poll().is_some());
    drop((banks, swap));
    world.end();
}

/// A call outside of any activity that is suspended inside another object's call: that one counts from then on.
#[test]
fn a_call_outside_of_activities_is_not_overlooked() {
    let world = World::new(4);
    let banks = [1, 10, 100].map(|label| world.bank(label, &[MOVE]));
    let [(coid, a), (other, b), (third, c)] = &banks;
    for bank in [&a[0], &b[0], &b[3], &c[1], &c[2]] {
        bank.deposit(1);
    }
    // The second object is in Block on processor 0; the third is being transferred by 1 and 2.
    let other = world.swap(*other, Distributed::new(world.branch(20, &[MOVE]))).unwrap();
    world.run(0);
    let third = world.swap(*third, Distributed::new(world.branch(200, &[MOVE]))).unwrap();
    world.run(1);
    world.run(2);
    let swap = Rc::new(Cell::new(None));
    a[0].visit(&mut || {
        let (place, coid) = (Rc::clone(&swap), *coid);
        world.when_waiting(move |world, _| {
            place.set(Some(world.swap(coid, Distributed::new(world.branch(2, &[MOVE]))).unwrap()));
        });
        assert_eq!(b[0].label(), 10, "suspended, then let go for the swap of the first");
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
    drop((banks, swap, other, third));
    world.end();
}

#[test]
fn a_processor_that_comes_late_takes_part() {
    let world = World::new(2);
    let (coid, banks) = world.bank(1, &[MOVE]);
    banks[0].deposit(1);
    let before = world.processors[0].begin();
    let swap = world.swap(coid, Distributed::new(world.branch(2, &[MOVE]))).unwrap();
    world.run(0);
    assert_eq!((banks[1].label(), banks[1].deposit(5)), (1, 5), "its first call, forwarded");
    drop(before);
    let report = world.finish(&swap);
    assert!(report.is_committed());
    assert_eq!((report.involved().bits(), report.items()), (0b11, 2));
    assert_eq!((banks[1].label(), banks[1].balance()), (2, 5));
    drop((banks, swap));
    world.end();
}

#[test]
fn a_detached_processor_undoes_what_it_took_part_in() {
    let world = World::new(2);
    let (coid, mut banks) = world.bank(1, &[MOVE]);
    banks.iter().for_each(|bank| assert_eq!(bank.deposit(1), 1));
    let swap = world.swap(coid, Distributed::new(world.branch(2, &[MOVE]))).unwrap();
    world.run(0);
    drop(banks.pop());
    let mut world = world;
    let last = World::detach_last(&mut world);
    drop(last);
    let report = world.finish(&swap);
    assert_eq!(report.outcome, Outcome::Undone(Reason::Detached(id(1))));
    assert_eq!((banks[0].label(), banks[0].balance()), (1, 1));
    let again = world.swap(coid, Distributed::new(world.branch(2, &[MOVE]))).unwrap();
    assert!(world.finish(&again).is_committed(), "without the processor that is gone");
    drop((banks, swap, again));
    world.end();
}
