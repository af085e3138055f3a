//! Models for loom: the real code of two processors, in every order of their steps that the bounds admit.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p swapper --lib model`
//!
//! Checked in each: no call is lost, doubled, or reaches an object whose state is elsewhere; the swap ends, on every
//! processor; who lost is freed. What is not covered is listed in the crate's documentation, under "How it is checked".

use crate::{
    Coid, Component, Distributed, Failure, Interface, Outcome, Platform, ProcessorCell, ProcessorId, Protocol, Reason,
    State, SwapOptions, System, Transfer,
};
use alloc::sync::Arc;
use loom::thread;
use std::sync::atomic::{AtomicI64, Ordering};

const MOVE: Protocol = Protocol::new(1, "move");

/// A sum.
#[crate::interface]
pub trait Sum {
    /// Adds, and returns the sum.
    fn add(&self, amount: u64) -> u64;
}

struct Root(Arc<AtomicI64>);

impl Root {
    fn new(alive: &Arc<AtomicI64>) -> Distributed<Self> {
        alive.fetch_add(1, Ordering::SeqCst);
        Distributed::new(Self(Arc::clone(alive)))
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Rep(ProcessorCell<Option<u64>>);

impl Component for Root {
    type Interface = dyn Sum;
    type Rep = Rep;
    fn rep(_: &Arc<Self>, _: ProcessorId) -> Rep {
        Rep(ProcessorCell::new(Some(0)))
    }
    fn protocols(&self) -> &'static [Protocol] {
        &[MOVE]
    }
}

impl Sum for Rep {
    fn add(&self, amount: u64) -> u64 {
        self.0.with(|sum| {
            let sum = sum.as_mut().expect("the state is elsewhere");
            *sum += amount;
            *sum
        })
    }
}

impl Transfer for Rep {
    fn export(&self, _: Protocol) -> Result<State, Failure> {
        Ok(State::new(self.0.take().expect("exported once"), 1))
    }
    fn import(&self, _: Protocol, state: &State) -> Result<(), Failure> {
        state.get::<u64>().map(|_| ())
    }
    fn adopt(&self, _: Protocol, state: State) {
        self.0.replace(state.take().ok());
    }
    fn restore(&self, _: Protocol, state: State) {
        self.0.replace(state.take().ok());
    }
}

/// Time stands still; waiting is giving way.
struct Still;

impl Platform for Still {
    fn now(&self) -> u64 {
        0
    }
    fn wake(&self, _: ProcessorId) {}
    fn wait(&self, _: ProcessorId, _: Option<u64>) {
        thread::yield_now();
    }
}

fn model(preemptions: usize, run: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(run);
}

/// A processor that calls, then runs workers until the swap is over, and calls again.
fn serve(system: &System, number: usize, coid: Coid, over: &loom::sync::atomic::AtomicBool) {
    // SAFETY: workers are run between activities.
    let processor = unsafe { system.attach(number) }.expect("attached");
    let sum = processor.bind::<dyn Sum>(coid).expect("bound");
    processor.activity(|| assert_eq!(sum.add(1), 1));
    processor.run_workers(0);
    processor.activity(|| assert_eq!(sum.add(1), 2));
    while !over.load(loom::sync::atomic::Ordering::Acquire) {
        processor.run_workers(0);
        thread::yield_now();
    }
    processor.activity(|| assert_eq!(sum.add(1), 3));
}

/// Two processors that call; the first orders a swap with this time limit, and a third thread may cancel it.
fn two_processors(limit: u64, cancel: bool, allowed: fn(&Outcome) -> bool) {
    let system = System::new(2, Still).expect("a system");
    let alive = Arc::new(AtomicI64::new(0));
    // SAFETY: workers are run between activities.
    let processor = unsafe { system.attach(0) }.expect("attached");
    let coid = processor.create(Root::new(&alive)).expect("created");
    let over = loom::sync::Arc::new(loom::sync::atomic::AtomicBool::new(false));
    let other = {
        let (system, over) = (system.clone(), loom::sync::Arc::clone(&over));
        thread::spawn(move || serve(&system, 1, coid, &over))
    };
    let sum = processor.bind::<dyn Sum>(coid).expect("bound");
    processor.activity(|| assert_eq!(sum.add(1), 1));
    let options = SwapOptions { time_limit: limit, notify: None };
    let swap = system.swap(coid, Root::new(&alive), options).expect("begun");
    let canceller = cancel.then(|| {
        let swap = swap.clone();
        thread::spawn(move || swap.cancel())
    });
    processor.run_workers(0);
    processor.activity(|| assert_eq!(sum.add(1), 2));
    let report = loop {
        processor.run_workers(0);
        if let Some(report) = swap.poll() {
            break report;
        }
        thread::yield_now();
    };
    assert!(allowed(&report.outcome), "{report:?}");
    if let Some(canceller) = canceller {
        let cancelled = canceller.join().expect("no panic");
        assert_eq!(cancelled, report.outcome == Outcome::Undone(Reason::Cancelled));
    }
    over.store(true, loom::sync::atomic::Ordering::Release);
    processor.activity(|| assert_eq!(sum.add(1), 3));
    other.join().expect("no panic");
    assert_eq!(alive.load(Ordering::SeqCst), 1, "the winner alone is left");
    drop((sum, processor));
    system.destroy(coid).expect("nobody refers to it");
    assert_eq!(alive.load(Ordering::SeqCst), 0);
    let _: &str = <dyn Sum as Interface>::NAME;
}

#[test]
fn a_swap_among_calls() {
    model(3, || two_processors(1, false, |outcome| *outcome == Outcome::Committed));
}

#[test]
fn a_swap_whose_time_is_up() {
    model(3, || two_processors(0, false, |outcome| *outcome != Outcome::Committed));
}

#[test]
fn a_swap_that_a_third_thread_cancels() {
    model(2, || two_processors(1, true, |_| true));
}
