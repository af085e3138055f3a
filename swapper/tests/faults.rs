//! Every step of a swap goes wrong, on every processor: each time the swap ends undone, or is refused, with the old object
//! serving as if nothing had been, and the next swap succeeds.

#![allow(missing_docs)]

mod common;

use common::{Bank, COPY, MOVE, World, scarce::Scarce};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use swapper::{
    Component, Distributed, Failure, HeldUp, Missing, Outcome, ProcessorId, Protocol, Reason, SwapError, SwapStep,
    Transfer,
};

/// What a step that goes wrong on a processor has to lead to.
enum Ends {
    Refused(SwapError),
    Late(Missing),
    NoMemory,
    Export,
    Import,
}

const STEPS: [(SwapStep, Ends); 9] = [
    (SwapStep::Order, Ends::Refused(SwapError::NoMemory)),
    (SwapStep::Post, Ends::NoMemory),
    (SwapStep::Interpose, Ends::Late(Missing::Worker)),
    (SwapStep::Forward, Ends::Late(Missing::Activity)),
    (SwapStep::Block, Ends::Late(Missing::Call)),
    (SwapStep::Transfer, Ends::Late(Missing::Transfer)),
    (SwapStep::Rep, Ends::Import),
    (SwapStep::Export, Ends::Export),
    (SwapStep::Import, Ends::Import),
];

/// The reason that a step which goes wrong on this processor has to have.
fn is_right(ends: &Ends, processor: ProcessorId, reason: &Reason) -> bool {
    match (ends, reason) {
        (Ends::Late(missing), Reason::Deadline(HeldUp { processor: on, by, .. })) => *on == processor && by == missing,
        (Ends::NoMemory, Reason::NoMemory(on)) => *on == processor,
        (Ends::Export, Reason::Export { processor: on, failure })
        | (Ends::Import, Reason::Import { processor: on, failure }) => {
            *on == processor && *failure == Failure::NoMemory
        }
        _ => false,
    }
}

#[test]
fn whatever_goes_wrong_the_old_object_serves() {
    const PROCESSORS: usize = 3;
    for (step, ends) in &STEPS {
        for number in 0..PROCESSORS {
            for protocol in [&[COPY] as &'static [Protocol], &[MOVE]] {
                // Processors in this order or in the other one.
                for reverse in [false, true] {
                    let world = World::new(PROCESSORS);
                    let processor = world.processors[number].id();
                    let (coid, banks) = world.bank(1, protocol);
                    (1..).zip(&banks).for_each(|(amount, bank)| assert_eq!(bank.deposit(amount), amount));
                    // Something is under way on each processor, so that every phase takes more than one look.
                    let mut activities: Vec<_> = world.processors.iter().map(swapper::Processor::begin).collect();
                    world.clock.inject(Some((number, *step)));
                    let ordered = world.swap(coid, Distributed::new(world.branch(2, protocol)));
                    match (ends, ordered) {
                        (Ends::Refused(expected), Err(error)) => assert_eq!(error, *expected),
                        (Ends::Refused(_), Ok(swap)) => {
                            // The order is nobody's step but the first processor's.
                            assert_ne!(number, 0);
                            activities.clear();
                            assert!(world.finish(&swap).is_committed());
                            drop((banks, swap));
                            world.end();
                            continue;
                        }
                        (_, Err(error)) => panic!("{error}"),
                        (_, Ok(swap)) => {
                            let order = |turn: usize| if reverse { PROCESSORS - 1 - turn } else { turn };
                            (0..PROCESSORS).for_each(|turn| {
                                world.run(order(turn));
                            });
                            activities.clear();
                            for _ in 0..4 {
                                (0..PROCESSORS).for_each(|turn| {
                                    world.run(order(turn));
                                });
                            }
                            let report = world.finish(&swap);
                            match &report.outcome {
                                Outcome::Undone(reason) => {
                                    assert!(is_right(ends, processor, reason), "{step:?} on {number}: {reason}");
                                }
                                Outcome::Committed => panic!("{step:?} on {number}: committed"),
                            }
                            assert_eq!(report.involved().bits(), 0b111);
                        }
                    }
                    assert!(world.clock.inject(None) > 0, "{step:?} is never met on {number}");
                    activities.clear();
                    assert_eq!((world.roots.count(), world.reps.count()), (1, 3), "what was new is gone");
                    for (amount, bank) in (1..).zip(&banks) {
                        assert_eq!((bank.label(), bank.balance()), (1, amount), "{step:?} on {number}");
                        assert_eq!(bank.deposit(10), amount + 10);
                    }
                    let next = world.swap(coid, Distributed::new(world.branch(3, protocol))).unwrap();
                    assert!(world.finish(&next).is_committed(), "nothing is left in the way");
                    (1..).zip(&banks).for_each(|(amount, bank)| {
                        assert_eq!((bank.label(), bank.balance()), (3, amount + 10));
                    });
                    drop((banks, next));
                    world.end();
                }
            }
        }
    }
}

/// From how many octets on there is no memory.
static MISSING: AtomicUsize = AtomicUsize::new(usize::MAX);

#[global_allocator]
static ALLOCATOR: Scarce = Scarce(|layout| layout.size() >= MISSING.load(Ordering::Relaxed));

#[swapper::interface]
pub trait Size {
    fn octets(&self) -> usize;
}

/// A component whose Rep has this many octets.
struct Sized<const OCTETS: usize>;

struct Block<const OCTETS: usize>([u8; OCTETS]);

impl<const OCTETS: usize> Transfer for Block<OCTETS> {}

impl<const OCTETS: usize> Size for Block<OCTETS> {
    fn octets(&self) -> usize {
        self.0.len()
    }
}

impl<const OCTETS: usize> Component for Sized<OCTETS> {
    type Interface = dyn Size;
    type Rep = Block<OCTETS>;

    fn rep(_: &Arc<Self>, _: ProcessorId) -> Block<OCTETS> {
        Block([0; OCTETS])
    }

    fn try_rep(root: &Arc<Self>, processor: ProcessorId) -> Result<Block<OCTETS>, Failure> {
        if OCTETS == 13 { Err(Failure::Refused("unlucky".into())) } else { Ok(Self::rep(root, processor)) }
    }
}

/// The allocator itself says that there is no memory for the new Rep; and a component that will not make one.
#[test]
fn a_rep_that_does_not_fit_into_memory_undoes_the_swap() {
    const LARGE: usize = 200_000;
    let world = World::new(2);
    let coid = world.processors[0].create(Distributed::new(Sized::<1>)).unwrap();
    let sizes: Vec<_> = world.processors.iter().map(|it| it.bind::<dyn Size>(coid).unwrap()).collect();
    let octets = || [sizes[0].octets(), sizes[1].octets()];
    assert_eq!(octets(), [1, 1]);
    let failure = |object: swapper::Object| {
        let swap = world.swap(coid, object).unwrap();
        match world.finish(&swap).outcome {
            Outcome::Undone(Reason::Import { failure, .. }) => failure,
            other => panic!("{other:?}"),
        }
    };
    MISSING.store(LARGE, Ordering::Relaxed);
    assert_eq!(failure(Distributed::new(Sized::<LARGE>).into()), Failure::NoMemory);
    MISSING.store(usize::MAX, Ordering::Relaxed);
    assert_eq!(failure(Distributed::new(Sized::<13>).into()), Failure::Refused("unlucky".into()));
    assert_eq!(octets(), [1, 1]);
    let swap = world.swap(coid, Distributed::new(Sized::<LARGE>)).unwrap();
    assert!(world.finish(&swap).is_committed(), "there is memory again");
    assert_eq!(octets(), [LARGE, LARGE]);
    drop((sizes, swap));
    world.end();
}
