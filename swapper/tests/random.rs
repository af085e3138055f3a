//! Random orders of events on three processors, against the sequential oracle: a sum for each object and processor.

#![allow(missing_docs)]

mod common;

use common::{Bank, COPY, MOVE, Task, World};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};
use swapper::{Activity, Distributed, Outcome, ProcessorId, Reason, Swap, SwapError, SwapOptions};

const PROCESSORS: usize = 3;
const OBJECTS: usize = 2;

/// xorshift64*: enough for a test, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % limit
    }

    fn index(&mut self, limit: usize) -> usize {
        usize::try_from(self.below(limit as u64)).unwrap()
    }
}

/// Everything that an event may touch, also one that happens while a call waits.
struct Game {
    world: Rc<World>,
    random: RefCell<Random>,
    banks: Vec<Vec<common::BankRef>>,
    /// What each object has on each processor.
    sums: RefCell<BTreeMap<(usize, usize), u64>>,
    /// The implementation that serves, or the two of which one does.
    labels: RefCell<Vec<(u64, Option<u64>)>>,
    swaps: RefCell<Vec<Option<Swap>>>,
    held: RefCell<Vec<(usize, Activity)>>,
    calls: RefCell<Vec<Later>>,
    ended: Cell<u64>,
    outcomes: RefCell<(u64, u64, u64)>,
    next_label: RefCell<u64>,
}

/// A call that suspends.
struct Later {
    processor: usize,
    object: usize,
    amount: u64,
    /// Whether it may end.
    open: Rc<Cell<bool>>,
    task: Task<'static, u64>,
}

impl Game {
    fn random(&self, limit: usize) -> usize {
        self.random.borrow_mut().index(limit)
    }

    /// One of a processor's calls that suspend is begun, polled, or dropped.
    fn later(&self, processor: usize) {
        let found = self.calls.borrow().iter().position(|call| call.processor == processor);
        // Not in the list while it is polled.
        let mut call = match found {
            Some(index) if self.random(4) > 0 || self.calls.borrow().len() > 2 => {
                self.calls.borrow_mut().swap_remove(index)
            }
            _ => {
                let (object, amount) = (self.random(OBJECTS), self.random(100) as u64);
                let (bank, open) = (self.banks[processor][object].clone(), Rc::new(Cell::new(false)));
                let gate = Rc::clone(&open);
                let task = Task::new(async move { bank.deposit_when(amount, &mut || gate.get()).await });
                Later { processor, object, amount, open, task }
            }
        };
        match self.random(8) {
            0 => return,
            1..6 => call.open.set(true),
            _ => {}
        }
        match call.task.poll() {
            Some(sum) => {
                self.ended.set(self.ended.get() + 1);
                self.account(call.object, processor, call.amount, sum);
            }
            None => self.calls.borrow_mut().push(call),
        }
    }

    fn account(&self, object: usize, processor: usize, amount: u64, sum: u64) {
        let mut sums = self.sums.borrow_mut();
        let expected = sums.entry((object, processor)).or_insert(0);
        *expected += amount;
        assert_eq!(sum, *expected, "object {object}, processor {processor}");
    }

    /// A call, perhaps with another inside.
    fn call(&self, processor: usize, depth: usize) {
        if self.random(3) == 0 {
            return self.later(processor);
        }
        let object = self.random(OBJECTS);
        let bank = &self.banks[processor][object];
        if depth > 0 && self.random(3) == 0 {
            bank.visit(&mut || {
                if self.random(4) == 0 {
                    self.held.borrow_mut().retain(|(on, _)| *on != processor);
                    self.world.run(processor);
                }
                self.call(processor, depth - 1);
            });
        } else {
            let amount = self.random(100) as u64;
            // What waits meanwhile may end other activities and run other processors; it makes no calls here.
            let sum = bank.deposit(amount);
            self.account(object, processor, amount, sum);
        }
    }

    fn order(&self, object: usize) {
        let label = {
            let mut next = self.next_label.borrow_mut();
            *next += 1;
            *next
        };
        let mut new = self.world.branch(label, if self.random(2) == 0 { &[COPY, MOVE] } else { &[COPY] });
        new.bad_import = if self.random(8) == 0 { 1 << self.random(PROCESSORS) } else { 0 };
        new.bad_export = if self.random(8) == 0 { 1 << self.random(PROCESSORS) } else { 0 }.into();
        let time_limit = [100, 1_000, 1_000_000][self.random(3)];
        let coid = self.banks[0][object].coid();
        match self.world.system.swap(coid, Distributed::new(new), SwapOptions { time_limit, notify: None }) {
            Ok(swap) => {
                self.labels.borrow_mut()[object].1 = Some(label);
                self.swaps.borrow_mut()[object] = Some(swap);
            }
            Err(SwapError::InSwap(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Looks whether a swap has ended.
    fn look(&self, object: usize) {
        let report = self.swaps.borrow()[object].as_ref().and_then(Swap::poll);
        let Some(report) = report else { return };
        self.swaps.borrow_mut()[object] = None;
        let label = &mut self.labels.borrow_mut()[object];
        let mut outcomes = self.outcomes.borrow_mut();
        match report.outcome {
            Outcome::Committed => {
                label.0 = label.1.expect("a swap was under way");
                outcomes.0 += 1;
            }
            Outcome::Undone(Reason::Deadline(_)) => outcomes.1 += 1,
            Outcome::Undone(_) => outcomes.2 += 1,
        }
        label.1 = None;
    }

    fn event(&self) {
        let processor = self.random(PROCESSORS);
        let object = self.random(OBJECTS);
        match self.random(10) {
            0..4 => self.world.processors[processor].activity(|| self.call(processor, 2)),
            4 if self.held.borrow().len() < 4 => {
                let activity = self.world.processors[processor].begin();
                self.held.borrow_mut().push((processor, activity));
            }
            5 => {
                let mut held = self.held.borrow_mut();
                if !held.is_empty() {
                    let index = self.random(held.len());
                    held.swap_remove(index);
                }
            }
            6 => self.order(object),
            7 if self.random(6) == 0 => {
                if let Some(swap) = &self.swaps.borrow()[object] {
                    swap.cancel();
                }
            }
            _ => {
                self.world.run(processor);
            }
        }
        (0..OBJECTS).for_each(|object| self.look(object));
    }

    /// While a call on `waiting` is suspended: the other processors go on.
    fn meanwhile(&self, waiting: ProcessorId) {
        let processor = self.random(PROCESSORS);
        if processor != waiting.index() {
            self.held.borrow_mut().retain(|(on, _)| *on != processor);
            self.world.run(processor);
        }
    }

    fn check(&self) {
        self.held.borrow_mut().clear();
        self.calls.borrow_mut().clear();
        for object in 0..OBJECTS {
            let swap = self.swaps.borrow()[object].clone();
            if let Some(swap) = swap {
                self.world.finish(&swap);
            }
            self.look(object);
            for processor in 0..PROCESSORS {
                let bank = &self.banks[processor][object];
                let expected = self.sums.borrow().get(&(object, processor)).copied().unwrap_or(0);
                assert_eq!(bank.balance(), expected);
                assert_eq!(bank.label(), self.labels.borrow()[object].0);
            }
        }
        assert_eq!(self.world.roots.count(), OBJECTS as i64, "the winners alone are left");
        assert_eq!(self.world.reps.count(), (OBJECTS * PROCESSORS) as i64);
    }
}

fn play(seed: u64, events: usize) -> (u64, u64, u64, u64) {
    let world = World::new(PROCESSORS);
    let objects: Vec<_> = (0..OBJECTS).map(|object| world.bank(object as u64, &[COPY, MOVE]).1).collect();
    let banks = (0..PROCESSORS).map(|processor| objects.iter().map(|refs| refs[processor].clone()).collect()).collect();
    drop(objects);
    let game = Rc::new(Game {
        world: Rc::clone(&world),
        random: RefCell::new(Random(seed)),
        banks,
        sums: RefCell::default(),
        labels: RefCell::new((0..OBJECTS as u64).map(|label| (label, None)).collect()),
        swaps: RefCell::new(vec![None; OBJECTS]),
        held: RefCell::default(),
        calls: RefCell::default(),
        ended: Cell::new(0),
        outcomes: RefCell::default(),
        next_label: RefCell::new(100),
    });
    for _ in 0..events {
        for _ in 0..3 {
            let game = Rc::downgrade(&game);
            world.when_waiting(move |_, waiting| {
                if let Some(game) = game.upgrade() {
                    game.meanwhile(waiting);
                }
            });
        }
        game.event();
        world.forget_hooks();
    }
    game.check();
    let (committed, late, failed) = *game.outcomes.borrow();
    let ended = game.ended.get();
    drop(game);
    world.end();
    (committed, late, failed, ended)
}

#[test]
fn agrees_with_the_oracle() {
    let mut all = (0, 0, 0, 0);
    for seed in 1..=60 {
        let (committed, late, failed, ended) = play(seed * 0x9E37_79B9, 1_500);
        all = (all.0 + committed, all.1 + late, all.2 + failed, all.3 + ended);
    }
    println!(
        "{} committed, {} late, {} failed or cancelled; {} calls ended that could suspend",
        all.0, all.1, all.2, all.3
    );
    assert!(all.0 > 500 && all.1 > 100 && all.2 > 100 && all.3 > 1000, "{all:?}");
}
