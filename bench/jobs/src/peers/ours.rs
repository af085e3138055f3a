//! This project's: a reference into the local translation table.

use super::{Caller, Peer, Turn, Writer, chain, null};
use crate::{
    Lane, Step,
    adder::{Adder, AdderRef},
};
use alloc::boxed::Box;
use swapper::{Coid, Distributed, Processor, Swap, SwapOptions, System};

/// Its name in results.
pub const OURS: &str = "swapper";

/// One object, distributed: each processor has a Rep of its own.
pub(super) struct Ours(spin::Once<Coid>);

impl Ours {
    pub(super) const fn new() -> Self {
        Self(spin::Once::new())
    }
}

struct Client<'a> {
    reference: AdderRef,
    processor: &'a Processor,
}

impl Caller for AdderRef {
    type Found = Self;

    #[inline(always)]
    fn with<R>(&mut self, call: impl FnOnce(&Self) -> R) -> R {
        call(self)
    }
}

/// With what an event loop owes the swapper: its workers, and an activity around the calls.
impl Turn for Client<'_> {
    fn chain(&mut self, now: u64, calls: u64, seed: u64) -> u64 {
        self.processor.run_workers(now);
        self.processor.activity(|| chain(&mut self.reference, calls, seed))
    }

    fn null(&mut self, now: u64, calls: u64) {
        self.processor.run_workers(now);
        self.processor.activity(|| null(&mut self.reference, calls));
    }
}

impl Peer for Ours {
    fn name(&self) -> &'static str {
        OURS
    }

    fn caller<'a>(&'a self, lane: &'a Lane<'a>) -> Box<dyn Turn + 'a> {
        let processor = lane.processor;
        let create = || processor.create(Distributed::new(Step::new())).expect("there is room for an object");
        let reference = processor.bind::<dyn Adder>(*self.0.call_once(create)).expect("the object exists");
        Box::new(Client { reference, processor })
    }

    fn writer<'a>(&'a self, lane: &'a Lane<'a>) -> Option<Box<dyn Writer + 'a>> {
        Some(Box::new(Orders { system: lane.system, coid: &self.0, last: None }))
    }
}

/// Orders swaps, one at a time.
struct Orders<'a> {
    system: &'a System,
    coid: &'a spin::Once<Coid>,
    last: Option<Swap>,
}

impl Writer for Orders<'_> {
    fn replace(&mut self) -> bool {
        let Some(coid) = self.coid.get().filter(|_| self.settled()) else { return false };
        let swap = self.system.swap(*coid, Distributed::new(Step::new()), SwapOptions::default());
        self.last = Some(swap.expect("the former swap is over"));
        true
    }

    fn settled(&mut self) -> bool {
        let Some(report) = self.last.as_ref().map(Swap::poll) else { return true };
        let Some(report) = report else { return false };
        assert!(report.is_committed(), "a null swap was undone: {:?}", report.outcome);
        self.last = None;
        true
    }
}
