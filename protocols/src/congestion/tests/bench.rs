//! A system of processors on one thread, with a controller that can be swapped.

use alloc::vec::Vec;

use swapper::{Coid, Processor, Report, Swap, SwapOptions, System};

use crate::congestion::*;
use crate::ticks::Ticks;

/// Processors that share one controller object.
pub struct Bench {
    system: System,
    processors: Vec<Processor>,
    coid: Coid,
    references: Vec<CongestionRef>,
}

impl Bench {
    pub fn new(controller: &str, processors: usize) -> Self {
        let system = System::new(processors, Ticks::default()).unwrap();
        #[allow(unsafe_code)]
        let attach = |processor| {
            // SAFETY: workers run in `turn` only, which is called between activities.
            unsafe { system.attach(processor) }.unwrap()
        };
        let processors: Vec<_> = (0..processors).map(attach).collect();
        let coid = processors[0].create((lookup(controller).unwrap().create)()).unwrap();
        let references = processors.iter().map(|p| p.bind::<dyn Congestion>(coid).unwrap()).collect();
        Self { system, processors, coid, references }
    }

    /// Runs `f` as an activity of a processor.
    pub fn on<R>(&self, processor: usize, f: impl FnOnce(&dyn Congestion) -> R) -> R {
        self.processors[processor].activity(|| f(&self.references[processor]))
    }

    /// A reference for the engine of a processor; to be called inside `on` only.
    pub fn reference(&self, processor: usize) -> CongestionRef {
        self.references[processor].clone()
    }

    /// Orders a swap.
    pub fn order(&self, controller: &str) -> Swap {
        self.system.swap(self.coid, (lookup(controller).unwrap().create)(), SwapOptions::default()).unwrap()
    }

    /// Lets the workers of every processor run once.
    pub fn turn(&self) {
        for processor in &self.processors {
            processor.activity(|| ());
            processor.run_workers(0);
        }
    }

    /// Swaps, and waits for the outcome.
    pub fn swap(&self, controller: &str) -> Report {
        let swap = self.order(controller);
        for _ in 0..1_000 {
            self.turn();
            if let Some(report) = swap.poll() {
                return report;
            }
        }
        panic!("the swap to {controller} does not end");
    }
}

/// An ACK for a sender that the window holds back.
pub fn ack(now: u64, acked: u32) -> Ack {
    Ack { now, acked, delivered: acked, flags: AckFlags::CWND_LIMITED, ..Ack::default() }
}
