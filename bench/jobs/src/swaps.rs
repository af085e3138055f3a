//! What a swap without state costs, and what the calls that it suspends wait.

use crate::{
    Lane, Plan, Series, Within,
    adder::{Adder, Step},
    lane::Gathered,
    opaque,
    peers::OURS,
};
use alloc::{format, vec, vec::Vec};
use core::sync::atomic::{AtomicBool, Ordering};
use swapper::{Coid, Distributed, SwapOptions};

/// For the result.
pub(crate) const METHOD: &[&str] = &[
    "swap: processor 0 orders a swap of an object without state and goes on calling the old one, in activities of 32 calls with the \
     workers between them; with 2 processors the other does the same. The time is the swapper's own report: from the order until \
     every processor is back to ordinary calls. The longest suspension is taken over all swaps that suspended a call. In the process a \
     suspended call spins, as in an event loop that polls; in the guest its processor waits as the image does. Swaps and transfers are \
     measured before the peers' jobs: a heap that those have fragmented makes the image's allocator, and so a swap, several times slower.",
];

/// Null swaps, by the number of processors.
pub const SWAP: [&str; 2] = ["null swap, 1 processor", "null swap, 2 processors"];
/// What the call that waited longest did wait, in swaps on 2 processors.
pub const SUSPENSION: &str = "longest suspended call, 2 processors";

/// Calls of an activity.
const BURST: u64 = 32;

/// What is kept of a swap's report. The report itself has memory of its own: thousands of them would be left lying between what
/// the next swaps allocate.
struct Taken {
    /// Nanoseconds from the order to the end.
    total: u64,
    /// Nanoseconds that the call waited which waited longest, if any did.
    wait: Option<u64>,
}

/// Null swaps on so many processors.
pub(crate) struct Swaps {
    processors: usize,
    plan: Plan,
    coid: spin::Once<Coid>,
    over: AtomicBool,
    found: Gathered<Vec<Vec<Taken>>>,
}

impl Swaps {
    pub(crate) const fn new(processors: usize, plan: Plan) -> Self {
        Self { processors, plan, coid: spin::Once::new(), over: AtomicBool::new(false), found: Gathered::new() }
    }

    /// Measures; on processor 0 the series of all.
    pub(crate) fn run(&self, lane: &Lane<'_>) -> Vec<Series> {
        let taken = if lane.number() < self.processors { self.swap(lane) } else { Vec::new() };
        let mut found = self.found.gather(lane, taken);
        if found.is_empty() { Vec::new() } else { self.series(&found.swap_remove(0)) }
    }

    /// All swaps by round, all committed; on processor 0.
    fn swap(&self, lane: &Lane<'_>) -> Vec<Vec<Taken>> {
        let processor = lane.processor;
        let create = || processor.create(Distributed::new(Step::new())).expect("there is room for an object");
        let coid = *self.coid.call_once(create);
        let adder = processor.bind::<dyn Adder>(coid).expect("the object exists");
        let turn = || {
            processor.run_workers(lane.now());
            processor.activity(|| (0..BURST).fold(0, |sum, _| opaque(adder.add(sum))));
        };
        // With 1 processor the other waits where samples are gathered, and has never called the object.
        turn();
        if self.processors > 1 {
            lane.gate.pass();
        }
        if !lane.leads() {
            while !self.over.load(Ordering::Acquire) {
                turn();
            }
            return Vec::new();
        }
        let swap = || {
            let swap = lane.system.swap(coid, Distributed::new(Step::new()), SwapOptions::default());
            let swap = swap.expect("the former swap is over");
            loop {
                if let Some(report) = swap.poll() {
                    assert!(report.is_committed(), "a null swap was undone: {:?}", report.outcome);
                    let wait = (report.suspended() > 0).then(|| report.longest_suspension());
                    return Taken { total: report.total(), wait };
                }
                turn();
            }
        };
        let (rounds, swaps) = self.plan.swaps;
        let round = |round| {
            let taken = (0..swaps).map(|_| swap()).collect();
            lane.report("null swaps", round + 1, rounds);
            taken
        };
        let taken = (0..rounds).map(round).collect();
        self.over.store(true, Ordering::Release);
        taken
    }

    fn series(&self, taken: &[Vec<Taken>]) -> Vec<Series> {
        let of = |what: fn(&Taken) -> Option<u64>| -> Vec<Vec<u64>> {
            let picoseconds = |one| what(one).map(|time| time * 1_000);
            taken.iter().map(|round| round.iter().filter_map(picoseconds).collect()).collect()
        };
        let series = |name: &str, within, rounds| Series {
            name: name.into(),
            peer: OURS.into(),
            within,
            note: Default::default(),
            rounds,
        };
        let totals = of(|one| Some(one.total));
        let mut all = vec![series(SWAP[self.processors - 1], Within::Median, totals)];
        if self.processors > 1 {
            let waits = of(|one| one.wait);
            let (some, of_all) = (waits.iter().map(Vec::len).sum::<usize>(), taken.iter().map(Vec::len).sum::<usize>());
            let note = format!("{some} of {of_all} swaps suspended a call");
            all.push(Series { note, ..series(SUSPENSION, Within::Percentile99, waits) });
        }
        all
    }
}
