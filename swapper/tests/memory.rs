//! Memory runs out: each allocation on the way of a swap fails in turn, alone or with all that follow, and the swap is
//! refused, undone, or does without; the old object serves, and the next swap succeeds. The same for `create` and `bind`.

#![cfg(not(loom))]
#![allow(missing_docs)]

mod common;

use common::{Task, World, scarce::Scarce};
use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use swapper::{
    Component, Distributed, Failure, Object, ObjectError, Outcome, ProcessorId, Protocol, Reason, Report, Shared,
    State, Swap, SwapError, SwapOptions, Transfer,
};

#[derive(Clone, Copy)]
struct Plan {
    /// Allocations that succeed before one fails.
    left: u64,
    /// Whether those that follow fail as well.
    all: bool,
    failed: u64,
}

thread_local! {
    static PLAN: Cell<Option<Plan>> = const { Cell::new(None) };
}

#[global_allocator]
static ALLOCATOR: Scarce = Scarce(|_| fails());

/// Whether the allocation that this thread is about to make fails.
fn fails() -> bool {
    let Ok(Some(mut plan)) = PLAN.try_with(Cell::get) else { return false };
    let fails = plan.left == 0 && (plan.all || plan.failed == 0);
    plan.left = plan.left.saturating_sub(1);
    plan.failed += u64::from(fails);
    PLAN.set(Some(plan));
    fails
}

/// From now on the allocation after so many fails.
fn fail_after(left: u64, all: bool) {
    PLAN.set(Some(Plan { left, all, failed: 0 }));
}

/// There is memory again; how many allocations failed.
fn relent() -> u64 {
    PLAN.take().map_or(0, |plan| plan.failed)
}

#[swapper::interface]
pub trait Sum {
    fn add(&self, amount: u64) -> u64;
    fn label(&self) -> u64;
    async fn add_later(&self, amount: u64) -> u64;
}

const SUM: Protocol = Protocol::new(1, "sum");

struct Root(u64);

/// A component that itself asks for memory only when it exports, and says so if there is none.
struct Rep {
    label: u64,
    sum: AtomicU64,
}

impl Component for Root {
    type Interface = dyn Sum;
    type Rep = Rep;
    fn rep(root: &Arc<Self>, _: ProcessorId) -> Rep {
        Rep { label: root.0, sum: AtomicU64::new(0) }
    }
    fn protocols(&self) -> &'static [Protocol] {
        &[SUM]
    }
}

impl Sum for Rep {
    fn add(&self, amount: u64) -> u64 {
        self.sum.fetch_add(amount, Ordering::Relaxed) + amount
    }
    fn label(&self) -> u64 {
        self.label
    }
    async fn add_later(&self, amount: u64) -> u64 {
        self.add(amount)
    }
}

impl Transfer for Rep {
    fn export(&self, _: Protocol) -> Result<State, Failure> {
        State::try_new(self.sum.load(Ordering::Relaxed), 1)
    }
    fn import(&self, _: Protocol, state: &State) -> Result<(), Failure> {
        self.sum.store(*state.get::<u64>()?, Ordering::Relaxed);
        Ok(())
    }
}

/// How an object is shared, and who calls it when.
#[derive(Clone, Copy, Debug)]
struct Case {
    processors: usize,
    shared: bool,
    /// The last processor calls for the first time after so many steps of the swap.
    late: Option<usize>,
    /// The swap waits for the turn of another.
    queued: bool,
}

impl Case {
    fn object(self, label: u64) -> Object {
        if self.shared { Shared::new(Root(label)).into() } else { Distributed::new(Root(label)).into() }
    }
}

/// What there is when the memory runs out.
struct Setting {
    case: Case,
    world: std::rc::Rc<World>,
    sums: Vec<SumRef>,
    /// What was added, by processor.
    added: Vec<Cell<u64>>,
}

impl Setting {
    fn new(case: Case) -> Self {
        let world = World::new(case.processors);
        let coid = world.processors[0].create(case.object(1)).unwrap();
        let sums: Vec<_> = world.processors.iter().map(|it| it.bind::<dyn Sum>(coid).unwrap()).collect();
        let setting = Self { case, added: sums.iter().map(|_| Cell::new(0)).collect(), world, sums };
        let early = case.processors - usize::from(case.late.is_some());
        (0..early).for_each(|processor| setting.call(processor));
        setting
    }

    /// A call in an activity, with the sum checked.
    fn call(&self, processor: usize) {
        let sum = self.world.processors[processor].activity(|| self.sums[processor].add(1));
        self.added[processor].set(self.added[processor].get() + 1);
        assert_eq!(sum, self.expected(processor));
    }

    fn expected(&self, processor: usize) -> u64 {
        if self.case.shared { self.added.iter().map(Cell::get).sum() } else { self.added[processor].get() }
    }

    fn order(&self, object: Object) -> Result<Swap, SwapError> {
        let options = SwapOptions { time_limit: 1_000_000, notify: None };
        self.world.system.swap(self.sums[0].coid(), object, options.in_turn())
    }

    /// Drives a swap for as long as it takes when nothing goes wrong, with calls in between.
    fn drive(&self, swap: &Swap) -> Option<Report> {
        let mut step = 0;
        for _ in 0..if self.case.queued { 12 } else { 6 } {
            for processor in 0..self.case.processors {
                let late = self.case.late.is_some() && processor == self.case.processors - 1;
                if !late || self.case.late.is_some_and(|first| step >= first) {
                    self.call(processor);
                }
                self.world.run(processor);
                step += 1;
            }
            if let Some(report) = swap.poll() {
                return Some(report);
            }
        }
        None
    }

    /// That this object serves everywhere with everything it had.
    fn check(&self, label: u64) {
        for processor in 0..self.case.processors {
            self.call(processor);
            assert_eq!(self.sums[processor].label(), label, "{:?}", self.case);
        }
    }
}

fn is_about_memory(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Undone(
            Reason::NoMemory(_)
                | Reason::NotBegun(SwapError::NoMemory)
                | Reason::Export { failure: Failure::NoMemory, .. }
                | Reason::Import { failure: Failure::NoMemory, .. }
        )
    )
}

/// The swap with its `left + 1`st allocation failing; whether one did, and whether it was refused, undone, or did without.
fn swap_once(case: Case, left: u64, all: bool, ends: &mut [u64; 3]) -> bool {
    let setting = Setting::new(case);
    let first = case.queued.then(|| setting.order(case.object(2)).unwrap());
    let new = case.object(3);
    fail_after(left, all);
    let swap = setting.order(new);
    let report = swap.as_ref().ok().and_then(|swap| setting.drive(swap));
    let failed = relent();
    let before = if first.is_some_and(|first| setting.world.finish(&first).is_committed()) { 2 } else { 1 };
    match swap {
        Err(error) => {
            assert!(failed > 0 && error == SwapError::NoMemory, "{error}");
            setting.check(before);
            ends[0] += 1;
        }
        Ok(swap) => {
            let report = report.unwrap_or_else(|| setting.world.finish(&swap));
            if report.is_committed() {
                setting.check(3);
                ends[2] += u64::from(failed > 0);
            } else {
                assert!(failed > 0 && is_about_memory(&report.outcome), "{case:?}, {left}: {report:?}");
                setting.check(before);
                ends[1] += 1;
            }
        }
    }
    let next = setting.order(case.object(4)).unwrap();
    assert!(setting.world.finish(&next).is_committed(), "nothing is left in the way");
    setting.check(4);
    failed > 0
}

#[test]
fn every_allocation_of_a_swap_may_fail() {
    let distributed = |processors| Case { processors, shared: false, late: None, queued: false };
    let mut cases = vec![distributed(1), distributed(2), Case { queued: true, ..distributed(2) }];
    // A Rep that exists already: the first call on a processor needs no memory but for the swap.
    cases.extend((0..9).map(|late| Case { processors: 3, shared: true, late: Some(late), queued: false }));
    let mut ends = [0; 3];
    for case in cases {
        for all in [false, true] {
            let needed = (0..200).find(|left| !swap_once(case, *left, all, &mut ends)).expect("a swap needs less");
            assert!(needed >= 8, "{needed} allocations of a swap were met: {case:?}");
        }
    }
    println!("{} refused, {} undone, {} did without", ends[0], ends[1], ends[2]);
    assert!(ends[0] > 50 && ends[1] > 100 && ends[2] > 10, "{ends:?}");
}

#[test]
fn creating_and_binding_may_fail() {
    for all in [false, true] {
        let mut failures = 0;
        for left in 0.. {
            let world = World::new(1);
            let processor = &world.processors[0];
            let object = Object::from(Distributed::new(Root(1)));
            fail_after(left, all);
            let bound = processor.create(object).and_then(|coid| processor.bind::<dyn Sum>(coid));
            let failed = relent();
            if failed == 0 {
                assert_eq!(bound.unwrap().add(1), 1);
                break;
            }
            assert_eq!(bound.unwrap_err(), ObjectError::NoMemory(processor.id()));
            failures += 1;
            let coid = processor.create(Distributed::new(Root(1))).unwrap();
            assert_eq!(processor.bind::<dyn Sum>(coid).unwrap().add(1), 1, "there is memory again");
        }
        assert!(failures >= 5, "{failures}");
    }
}

/// A call that is held and for whose waker there is no place asks again instead.
#[test]
fn a_call_that_cannot_be_remembered_asks_again() {
    let setting = Setting::new(Case { processors: 2, shared: false, late: None, queued: false });
    let swap = setting.order(Distributed::new(Root(2)).into()).unwrap();
    setting.world.run(0);
    let mut task = Task::new(setting.sums[0].add_later(1));
    // The call's own future is there; the place is not.
    fail_after(1, false);
    assert_eq!(task.poll(), None);
    assert_eq!(relent(), 1);
    assert!(task.is_woken());
    assert_eq!(task.poll(), None);
    assert!(!task.is_woken(), "now it has a place");
    let report = setting.world.finish(&swap);
    assert_eq!((report.is_committed(), report.suspended(), task.is_woken(), task.poll()), (true, 1, true, Some(2)));
}
