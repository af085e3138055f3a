//! Every order, up to a bound, of what event loops do: the real code on two processors and two objects that call each other,
//! with two swaps, a call that suspends, a deadline and a cancellation.
//!
//! A depth-first search without memory: each order is played from the beginning. Processors live on one thread, so what is
//! explored is the order of whole steps (`Step`); what happens inside of a step between processors is the model's part.

#![cfg(not(any(loom, miri)))]
#![allow(missing_docs)]

mod common;

use common::{Bank, BankRef, MOVE, Task, World};
use std::{cell::Cell, rc::Rc};
use swapper::{Activity, Distributed, Outcome, Reason, Swap};

const PROCESSORS: usize = 2;
const OBJECTS: usize = 2;

/// What can happen next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// The event loop runs its workers.
    Run(usize),
    /// An activity that lasts begins or ends.
    Activity(usize),
    /// In an activity: a call on one object, from inside of it one on the other.
    Nested(usize, usize),
    /// In an activity: a call that suspends is begun, or polled and ended.
    Later(usize),
    /// The swap of an object is ordered.
    Order(usize),
    /// It is cancelled.
    Cancel(usize),
    /// The clock passes every deadline.
    Late,
}

/// The steps in the order in which they are tried.
fn steps() -> Vec<Step> {
    let mut steps = Vec::new();
    for processor in 0..PROCESSORS {
        steps.extend([Step::Run(processor), Step::Activity(processor), Step::Nested(processor, processor)]);
    }
    steps.extend([Step::Later(0), Step::Order(0), Step::Order(1), Step::Cancel(0), Step::Late]);
    steps
}

/// One play.
struct Play {
    world: Rc<World>,
    banks: Vec<Vec<BankRef>>,
    /// What each object has on each processor, and which implementation serves.
    sums: [[u64; PROCESSORS]; OBJECTS],
    labels: [u64; OBJECTS],
    activities: [Option<Activity>; PROCESSORS],
    later: Option<(Rc<Cell<bool>>, Task<'static, u64>)>,
    swaps: [Option<Swap>; OBJECTS],
    /// Whether a swap may have come to its deadline: the clock passed it, or a call waited for something that only the test's
    /// own thread could have ended, on whose stack it waited.
    late: bool,
}

impl Play {
    fn new() -> Self {
        let world = World::new(PROCESSORS);
        let banks: Vec<_> = (0..OBJECTS).map(|object| world.bank(object as u64 * 10, &[MOVE]).1).collect();
        banks.iter().flatten().for_each(|bank| assert_eq!(bank.deposit(1), 1));
        Self {
            world,
            banks,
            sums: [[1; PROCESSORS]; OBJECTS],
            labels: [0, 10],
            activities: [None, None],
            later: None,
            swaps: [None, None],
            late: false,
        }
    }

    /// Does a step; false if it is not possible now, or would only repeat what another order does.
    fn take(&mut self, step: Step) -> bool {
        match step {
            Step::Run(processor) => return self.world.run(processor),
            Step::Activity(processor) => {
                let place = &mut self.activities[processor];
                *place = if place.is_some() { None } else { Some(self.world.processors[processor].begin()) };
            }
            Step::Nested(processor, outer) => {
                let inner = 1 - outer;
                let open = self.activities.iter().any(Option::is_some);
                self.late |= open || (self.later.is_some() && processor != 0);
                let expected = self.sums[inner][processor] + 1;
                self.world.processors[processor].activity(|| {
                    self.banks[outer][processor].visit(&mut || {
                        assert_eq!(self.banks[inner][processor].deposit(1), expected, "lost or doubled");
                    });
                });
                self.sums[inner][processor] = expected;
            }
            Step::Later(processor) => {
                let (gate, mut task) = self.later.take().unwrap_or_else(|| {
                    let (bank, gate) = (self.banks[0][processor].clone(), Rc::new(Cell::new(false)));
                    let open = Rc::clone(&gate);
                    (gate, Task::new(async move { bank.deposit_when(1, &mut || open.replace(true)).await }))
                });
                match self.world.processors[processor].activity(|| task.poll()) {
                    Some(sum) => {
                        self.sums[0][processor] += 1;
                        assert_eq!(sum, self.sums[0][processor], "lost or doubled");
                    }
                    None => self.later = Some((gate, task)),
                }
            }
            Step::Order(object) => {
                if self.swaps[object].is_some() {
                    return false;
                }
                let new = self.world.branch(object as u64 * 10 + 1, &[MOVE]);
                let coid = self.banks[object][0].coid();
                self.swaps[object] = Some(self.world.swap(coid, Distributed::new(new)).unwrap());
            }
            Step::Cancel(object) => return self.swaps[object].as_ref().is_some_and(Swap::cancel),
            Step::Late => {
                if self.swaps.iter().flatten().all(|swap| swap.outcome().is_some()) {
                    return false;
                }
                self.late = true;
                let now = self.world.system.now();
                self.world.clock.advance_to(now + 1_000_000);
            }
        }
        true
    }

    /// From here some continuation ends both swaps, before any deadline unless it has passed, and everything is where it belongs.
    fn end(mut self) {
        self.activities = [None, None];
        if let Some((gate, mut task)) = self.later.take() {
            gate.set(true);
            for _ in 0..10 {
                self.world.run_all();
                if let Some(sum) = task.poll() {
                    self.sums[0][0] += 1;
                    assert_eq!(sum, self.sums[0][0], "lost or doubled");
                    break;
                }
            }
        }
        for _ in 0..10 {
            self.world.run_all();
        }
        for (object, swap) in self.swaps.iter().enumerate() {
            let Some(swap) = swap else { continue };
            let report = swap.poll().expect("both swaps end without any clock");
            match report.outcome {
                Outcome::Committed => self.labels[object] += 1,
                Outcome::Undone(Reason::Cancelled) => {}
                Outcome::Undone(Reason::Deadline(_)) if self.late => {}
                Outcome::Undone(reason) => panic!("{reason}"),
            }
        }
        for (object, banks) in self.banks.iter().enumerate() {
            for (processor, bank) in banks.iter().enumerate() {
                assert_eq!((bank.label(), bank.balance()), (self.labels[object], self.sums[object][processor]));
            }
        }
        assert_eq!((self.world.roots.count(), self.world.reps.count()), (2, 4), "who lost is gone");
        let Self { world, banks, swaps, .. } = self;
        drop((banks, swaps));
        world.end();
    }
}

/// Plays all orders of at most `depth` steps that begin with `prefix`; how many there are.
fn explore(prefix: &mut Vec<Step>, depth: usize) -> u64 {
    let mut play = Play::new();
    let possible = prefix.iter().all(|step| play.take(*step));
    if !possible {
        play.end();
        return 0;
    }
    play.end();
    let mut orders = 1;
    if depth > 0 {
        for step in steps() {
            // Twice in a row these do nothing that once does not, or cancel out.
            if prefix.last() == Some(&step) && matches!(step, Step::Run(_) | Step::Activity(_)) {
                continue;
            }
            prefix.push(step);
            orders += explore(prefix, depth - 1);
            prefix.pop();
        }
    }
    orders
}

#[test]
fn every_order_of_a_few_steps_ends_well() {
    let mut orders = 0;
    // Both swaps under way; in Forward on processor 0; in Block there; with a call inside that suspended before, or was
    // forwarded.
    let begun = [Step::Order(0), Step::Order(1)];
    let starts: [&[Step]; 6] = [
        &[],
        &begun,
        &[Step::Order(0), Step::Order(1), Step::Run(0)],
        &[Step::Activity(0), Step::Order(0), Step::Order(1), Step::Run(0)],
        &[Step::Later(0), Step::Order(0), Step::Order(1), Step::Run(0)],
        &[
            Step::Activity(0),
            Step::Order(0),
            Step::Run(0),
            Step::Later(0),
            Step::Activity(0),
            Step::Run(0),
            Step::Order(1),
        ],
    ];
    for start in starts {
        orders += explore(&mut start.to_vec(), 5);
    }
    println!("{orders} orders");
    assert!(orders > 20_000, "{orders}");
}
