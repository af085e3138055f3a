//! Calls that go on on another processor, while both objects of a cycle are in Block.

#![allow(missing_docs)]

mod common;

use common::{Bank, MOVE, World};
use swapper::{Distributed, Mark};

/// A on processor 0 asks processor 1, which calls B there, which asks processor 0, which calls A: both objects in Block on
/// both processors, and nobody may wait, since each swap waits for the outermost call.
#[test]
fn a_cycle_across_processors_passes_two_objects_in_block() {
    let world = World::new(2);
    let (first, a) = world.bank(1, &[MOVE]);
    let (second, b) = world.bank(10, &[MOVE]);
    a.iter().chain(&b).for_each(|bank| assert_eq!(bank.deposit(1), 1));
    let [zero, one] = &world.processors[..] else { panic!("two processors") };
    let mut before = Some([zero.begin(), one.begin()]);
    let swaps = [(first, 2), (second, 20)]
        .map(|(coid, label)| world.swap(coid, Distributed::new(world.branch(label, &[MOVE]))).unwrap());
    world.run_all();
    assert!(!zero.mark().is_forwarded());
    let mut calls = 0;
    zero.activity(|| {
        a[0].visit(&mut || {
            // Everything from before has ended: both objects enter Block, with this call inside.
            before.take();
            world.run_all();
            world.when_waiting(|_, _| panic!("a call that the swap waits for was suspended"));
            let message: Mark = zero.mark();
            one.activity_for(message, || {
                b[1].visit(&mut || {
                    let message = one.mark();
                    assert!(message.is_forwarded());
                    zero.activity_for(message, || {
                        assert_eq!((a[0].label(), a[0].deposit(1)), (1, 2));
                        assert_eq!((b[0].label(), b[0].deposit(1)), (10, 2));
                        calls += 1;
                    });
                    assert_eq!((a[1].label(), a[1].deposit(1)), (1, 2));
                });
            });
            world.forget_hooks();
        });
    });
    assert_eq!(calls, 1);
    assert!(!one.mark().is_forwarded(), "the mark is gone with its activity");
    for swap in &swaps {
        let report = world.finish(swap);
        assert!(report.is_committed());
        assert_eq!(report.suspended(), 0);
    }
    assert_eq!(
        [&a[0], &a[1], &b[0], &b[1]].map(|bank| (bank.label(), bank.balance())),
        [(2, 2), (2, 2), (20, 2), (20, 1)]
    );
    drop((a, b, swaps));
    world.end();
}

/// What would happen without the mark: the other processor suspends what this one waits for.
#[test]
fn a_message_without_a_mark_is_suspended() {
    let world = World::new(2);
    let (coid, banks) = world.bank(1, &[MOVE]);
    banks.iter().for_each(|bank| assert_eq!(bank.deposit(1), 1));
    let mut before = Some(world.processors[0].begin());
    let swap = world.swap(coid, Distributed::new(world.branch(2, &[MOVE]))).unwrap();
    world.run_all();
    world.processors[0].activity(|| {
        banks[0].visit(&mut || {
            before.take();
            world.run_all();
            assert_eq!(world.processors[1].activity(|| banks[1].label()), 1, "after the swap is undone");
        });
    });
    let report = world.finish(&swap);
    assert!(!report.is_committed());
    assert_eq!(report.suspended(), 1);
    drop((banks, swap));
    world.end();
}
