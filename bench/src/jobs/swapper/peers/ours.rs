//! This project's: a reference into the local translation table.
#![allow(unsafe_code)]

use super::{Caller, Peer, Turn, Writer, chain};
use crate::{
    jobs::swapper::adder::{Adder, AdderRef, Step},
    lane::{Clock, Padded},
};
use std::{
    hint,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};
use swapper::{Coid, Distributed, Platform, Processor, ProcessorId, Swap, SwapOptions, System};

/// Its name in results.
pub const OURS: &str = "swapper";

/// Pinned threads that never sleep: what waits, spins. So do event loops that poll; a sleeping thread would add the operating
/// system's time to wake it, which is not what these measurements are about.
pub struct Polling {
    clock: Clock,
    bells: Vec<Padded<AtomicBool>>,
}

impl Polling {
    /// For so many processors.
    pub fn new(processors: usize, clock: Clock) -> Self {
        Self { clock, bells: (0..processors).map(|_| Padded::default()).collect() }
    }

    /// Makes the calling thread a processor.
    pub fn attach(system: &System, processor: usize) -> Processor {
        // SAFETY: every event loop in this crate runs workers between activities, and makes its calls inside of them.
        unsafe { system.attach(processor) }.expect("each thread attaches once")
    }
}

impl Platform for Polling {
    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn wake(&self, processor: ProcessorId) {
        if let Some(bell) = self.bells.get(processor.index()) {
            bell.0.store(true, Ordering::Release);
        }
    }

    fn wait(&self, processor: ProcessorId, until: Option<u64>) {
        let Some(bell) = self.bells.get(processor.index()) else { return };
        while !bell.0.swap(false, Ordering::AcqRel) {
            if until.is_some_and(|until| self.clock.now() >= until) {
                return;
            }
            hint::spin_loop();
        }
    }
}

/// A system of processors with one object, distributed: each processor has a Rep of its own.
pub struct Ours {
    system: System,
    coid: OnceLock<Coid>,
}

impl Ours {
    pub fn new(processors: usize, clock: Clock) -> Self {
        let system = System::new(processors, Polling::new(processors, clock)).expect("a small number of processors");
        Self { system, coid: OnceLock::new() }
    }
}

struct Client {
    reference: AdderRef,
    processor: Processor,
}

impl Caller for AdderRef {
    #[inline(always)]
    fn call(&mut self, value: u64) -> u64 {
        self.add(value)
    }
}

impl Turn for Client {
    /// With what an event loop owes the swapper: its workers, and an activity around the calls.
    fn turn(&mut self, now: u64, calls: u64, seed: u64) -> u64 {
        self.processor.run_workers(now);
        self.processor.activity(|| chain(&mut self.reference, calls, seed))
    }
}

impl Peer for Ours {
    fn name(&self) -> &'static str {
        OURS
    }

    fn caller(&self, processor: usize) -> Box<dyn Turn + '_> {
        let processor = Polling::attach(&self.system, processor);
        let create = || processor.create(Distributed::new(Step::new())).expect("there is room for an object");
        let coid = *self.coid.get_or_init(create);
        let reference = processor.bind::<dyn Adder>(coid).expect("the object exists");
        Box::new(Client { reference, processor })
    }

    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(Orders { peer: self, last: None })
    }
}

/// Orders swaps, one at a time.
struct Orders<'a> {
    peer: &'a Ours,
    last: Option<Swap>,
}

impl Writer for Orders<'_> {
    fn replace(&mut self) -> bool {
        let Some(coid) = self.peer.coid.get().filter(|_| self.settled()) else { return false };
        let swap = self.peer.system.swap(*coid, Distributed::new(Step::new()), SwapOptions::default());
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
