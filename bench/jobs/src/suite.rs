//! All jobs, one after the other.

use crate::{
    Lane, Plan, Series,
    calls::{self, Calls},
    exchanges::{self, Exchanges},
    lane::Gate,
    peers::{self, Peer},
    swaps::{self, Swaps},
    transfer::{self, Transfers},
};
use alloc::{boxed::Box, vec::Vec};
use swapper::{Processor, System};

/// Processors that a suite takes.
pub const PROCESSORS: usize = 2;

/// How each job measures, for the result.
pub const METHOD: [&[&str]; 4] = [calls::METHOD, swaps::METHOD, exchanges::METHOD, transfer::METHOD];

/// All jobs, for [`PROCESSORS`] processors that go through them together.
pub struct Suite {
    gate: Gate,
    calls: [Calls; 2],
    swaps: [Swaps; 2],
    exchanges: Exchanges,
    transfers: [Transfers; 2],
}

impl Suite {
    /// With new objects. `more` makes the peers that this crate does not have.
    pub fn new(plan: Plan, more: impl Fn() -> Vec<Box<dyn Peer>>) -> Self {
        let peers = || {
            let mut peers = peers::all();
            peers.extend(more());
            peers
        };
        Self {
            gate: Gate::new(PROCESSORS),
            calls: [1, 2].map(|processors| Calls::new(processors, plan, peers())),
            swaps: [1, 2].map(|processors| Swaps::new(processors, plan)),
            exchanges: Exchanges::new(plan, peers()),
            transfers: [1, 2].map(|processors| Transfers::new(processors, plan)),
        }
    }

    /// Goes through all jobs on the calling processor, which is 0 or 1 of `system`, while the other does the same. What was
    /// measured, on processor 0; nothing on the other.
    ///
    /// `progress` is told on processor 0 how far a step is: what, so many of so many.
    pub fn run(
        &self,
        system: &System,
        processor: &Processor,
        progress: &dyn Fn(&'static str, usize, usize),
    ) -> Vec<Series> {
        let lane = Lane { system, processor, gate: &self.gate, progress };
        let mut series = Vec::new();
        // Swaps before the peers come: what they leave in the heap is not the image's, but makes its allocator search.
        self.swaps.iter().for_each(|swaps| series.extend(swaps.run(&lane)));
        self.transfers.iter().for_each(|transfers| series.extend(transfers.run(&lane)));
        self.calls.iter().for_each(|calls| series.extend(calls.run(&lane)));
        series.extend(self.exchanges.run(&lane));
        // Nobody leaves, and so detaches, while the other still swaps.
        self.gate.pass();
        series
    }
}
