//! What a swap without state costs, and what the calls that it suspends wait.

use super::{
    adder::{Adder, Step},
    peers::Polling,
};
use crate::{
    jobs::Setting,
    lane::{self, Clock, Gate},
    plot::{Chart, Curve},
    progress,
    report::Report,
    series::{Series, Within},
    statistics::quantile,
};
use std::sync::atomic::{AtomicBool, Ordering};
use swapper::{Distributed, Report as SwapReport, SwapOptions, System};

/// For the result.
pub const METHOD: &[&str] = &[
    "swap: processor 0 orders a swap of an object without state and goes on calling the old one, in activities of 32 calls with the \
     workers between them; with 2 processors the other does the same. The time is the swapper's own report: from the order until \
     every processor is back to ordinary calls. The threads spin where they have to wait, as an event loop that polls. \
     The longest suspension is taken over all swaps that suspended a call.",
];

/// Null swaps, by the number of processors.
pub const SWAP: [&str; 2] = ["null swap, 1 processor", "null swap, 2 processors"];
/// What the call that waited longest did wait, in swaps on 2 processors.
pub const SUSPENSION: &str = "longest suspended call, 2 processors";
/// The crate's name: there is no peer that does the same.
pub const PEER: &str = "swapper";

/// Calls of an activity.
const BURST: u64 = 32;

/// Measures on 1 and on 2 processors.
pub fn measure(setting: &Setting) -> Vec<Series> {
    let (rounds, swaps) = if setting.quick { (3, 100) } else { (25, 400) };
    let mut series = Vec::new();
    for (processors, name) in [(1, SWAP[0]), (2, SWAP[1])] {
        let reports = on(processors, rounds, swaps);
        let of = |what: &dyn Fn(&SwapReport) -> Option<u64>| -> Vec<Vec<f64>> {
            reports.iter().map(|round| round.iter().filter_map(what).map(|time| time as f64).collect()).collect()
        };
        let totals = of(&|report| Some(report.total()));
        series.push(Series::new(name, PEER, "ns", Within::Median, totals));
        if processors == 2 {
            let waits = of(&|report| Some(report.longest_suspension()).filter(|_| report.suspended() > 0));
            let (some, all) = (waits.iter().map(Vec::len).sum::<usize>(), rounds * swaps);
            let note = format!("{some} of {all} swaps suspended a call");
            series.push(Series::new(SUSPENSION, PEER, "ns", Within::Percentile99, waits).note(note));
        }
    }
    series
}

/// The reports of so many swaps in so many rounds, all committed.
fn on(processors: usize, rounds: usize, swaps: usize) -> Vec<Vec<SwapReport>> {
    let clock = Clock::start();
    let system = System::new(processors, Polling::new(processors, clock)).expect("a small number of processors");
    let (gate, over, coid) = (Gate::new(processors), AtomicBool::new(false), std::sync::OnceLock::new());
    let bar = progress::bar("null swaps", rounds as u64);
    let mut reports = lane::run(processors, |thread| {
        let processor = Polling::attach(&system, thread);
        let create = || processor.create(Distributed::new(Step::new())).expect("there is room for an object");
        let coid = *coid.get_or_init(create);
        let adder = processor.bind::<dyn Adder>(coid).expect("the object exists");
        let turn = || {
            processor.run_workers(clock.now());
            processor.activity(|| (0..BURST).fold(0, |sum, _| lane::opaque(adder.add(sum))));
        };
        turn();
        gate.pass();
        if thread > 0 {
            while !over.load(Ordering::Acquire) {
                turn();
            }
            return Vec::new();
        }
        let swap = || {
            let swap = system.swap(coid, Distributed::new(Step::new()), SwapOptions::default());
            let swap = swap.expect("the former swap is over");
            loop {
                if let Some(report) = swap.poll() {
                    assert!(report.is_committed(), "a null swap was undone: {:?}", report.outcome);
                    return report;
                }
                turn();
            }
        };
        let round = || {
            bar.inc(1);
            (0..swaps).map(|_| swap()).collect()
        };
        let reports = (0..rounds).map(|_| round()).collect();
        over.store(true, Ordering::Release);
        reports
    });
    bar.finish_and_clear();
    reports.swap_remove(0)
}

/// Which fraction of the swaps took how long.
pub fn chart(report: &Report) -> Chart {
    let curve = |(name, label): (&str, &str)| {
        let samples = report.series(name, PEER).map(|series| series.samples.concat()).unwrap_or_default();
        let points = (0..=200).map(|step| f64::from(step) / 200.0);
        let points = points.map(|rank| (quantile(&samples, rank) / 1e3, rank * 100.0)).collect();
        Curve { name: label.into(), points, marks: false }
    };
    Chart {
        title: "Null swaps under calls: how many took at most how long".into(),
        x: "microseconds".into(),
        y: "% of swaps".into(),
        logarithmic: (true, false),
        curves: [(SWAP[0], "1 processor"), (SWAP[1], "2 processors"), (SUSPENSION, "longest suspended call, on 2")]
            .map(curve)
            .into(),
    }
}
