//! What the transfer of state costs: the congestion controllers' private state of many connections.

use crate::{Lane, Plan, Series, Within, lane::Gathered, peers::OURS};
use alloc::{format, string::String, vec, vec::Vec};
use protocols::congestion::{Ack, AckFlags, Cause, Congestion, CongestionEvent, Flow, Open, Window, lookup};
use swapper::{Coid, Object, Report, SwapOptions};

/// For the result.
pub(crate) const METHOD: &[&str] = &[
    "transfer: the project's own congestion controllers, with private state from ACKs and a loss on each connection, so many connections \
     on each of the processors, which have nothing else to do and move theirs at the same time. Converted: reno to cubic, by the \
     protocol common-window-2. By reference: cubic to cubic-nofc, by the protocol cubic-table. The time is that of the whole swap, the \
     fixed costs and the freeing of what was old included. Sizes take turns within a round.",
];

/// How many connections on a processor.
pub const CONNECTIONS: [u32; 3] = [1, 1_000, 100_000];

/// A way for state to go over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Connection by connection, into another form.
    Converted,
    /// All at once.
    ByReference,
}

impl Way {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Converted, Self::ByReference];

    /// The name of its series.
    pub fn name(self, processors: usize, connections: u32) -> String {
        let how = if self == Self::Converted { "converted" } else { "by reference" };
        let on = if processors == 1 { "1 processor" } else { "each of 2 processors" };
        format!("swap, {connections} connections {how} on {on}")
    }

    /// From which controller to which, and by which protocol.
    const fn controllers(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Converted => ("reno", "cubic", "common-window-2"),
            Self::ByReference => ("cubic", "cubic-nofc", "cubic-table"),
        }
    }
}

/// Transfers on so many processors at once.
pub(crate) struct Transfers {
    processors: usize,
    plan: Plan,
    /// The objects, by way and size.
    objects: Vec<(Way, u32, spin::Once<Coid>)>,
    found: Gathered<Vec<Vec<Vec<u64>>>>,
}

impl Transfers {
    pub(crate) fn new(processors: usize, plan: Plan) -> Self {
        let objects = Way::ALL.into_iter().flat_map(|way| CONNECTIONS.map(|connections| (way, connections)));
        let objects = objects.map(|(way, connections)| (way, connections, spin::Once::new())).collect();
        Self { processors, plan, objects, found: Gathered::new() }
    }

    /// Measures; on processor 0 the series of all.
    pub(crate) fn run(&self, lane: &Lane<'_>) -> Vec<Series> {
        if lane.number() < self.processors {
            self.objects.iter().for_each(|(way, connections, coid)| open(lane, *way, *connections, coid));
        }
        lane.gate.pass();
        let (rounds, swaps) = self.plan.transfers;
        let mut samples = vec![Vec::new(); self.objects.len()];
        if lane.leads() {
            for round in 0..rounds {
                for ((way, connections, coid), samples) in self.objects.iter().zip(&mut samples) {
                    let Some(&coid) = coid.get() else { continue };
                    let swap = |_| self.there_and_back(lane, *way, *connections, coid);
                    samples.push((0..swaps).map(swap).collect());
                }
                lane.report("transfer of state", round + 1, rounds);
            }
            lane.gate.pass();
        } else {
            lane.gate.pass_while(|| {
                lane.processor.run_workers(lane.now());
            });
        }
        let found = self.found.gather(lane, samples);
        let Some(found) = found.first() else { return Vec::new() };
        // Many megabytes, which the next step may need.
        for coid in self.objects.iter().filter_map(|(.., coid)| coid.get()) {
            lane.system.destroy(*coid).expect("nobody refers to it any more");
        }
        let all = self.objects.iter().zip(found);
        let series = all.map(|((way, connections, _), rounds)| Series {
            name: way.name(self.processors, *connections),
            peer: OURS.into(),
            within: Within::Median,
            note: String::new(),
            rounds: rounds.clone(),
        });
        series.collect()
    }

    /// Picoseconds of a swap; the way back is not measured.
    fn there_and_back(&self, lane: &Lane<'_>, way: Way, connections: u32, coid: Coid) -> u64 {
        let (old, new, protocol) = way.controllers();
        let report = swap(lane, coid, new);
        let expected = u64::from(connections) * self.processors as u64;
        assert_eq!((report.items(), report.protocol.name()), (expected, protocol));
        swap(lane, coid, old);
        report.total() * 1_000
    }
}

/// Opens so many connections on this processor, all of which have a past.
fn open(lane: &Lane<'_>, way: Way, connections: u32, coid: &spin::Once<Coid>) {
    let create = || lane.processor.create(controller(way.controllers().0)).expect("there is room for an object");
    let congestion = lane.processor.bind::<dyn Congestion>(*coid.call_once(create)).expect("the object exists");
    lane.processor.activity(|| {
        for flow in (0..connections).map(Flow) {
            let mut window = Window { srtt: 40_000, min_rtt: 30_000, ..Window::new(1_460) };
            congestion.open(flow, &mut window, &Open { now: 0, syn_lost: false });
            let ack =
                Ack { acked: 2_920, delivered: 2_920, rtt: 40_000, flags: AckFlags::CWND_LIMITED, ..Ack::default() };
            (1..=4).for_each(|turn| congestion.acknowledged(flow, &mut window, &Ack { now: turn * 10_000, ..ack }));
            let flight = window.cwnd;
            congestion.congestion(flow, &mut window, &CongestionEvent { now: 50_000, flight, cause: Cause::Loss });
        }
    });
}

fn swap(lane: &Lane<'_>, coid: Coid, name: &str) -> Report {
    let options = SwapOptions { time_limit: 20 * SwapOptions::DEFAULT_TIME_LIMIT, ..SwapOptions::default() };
    let swap = lane.system.swap(coid, controller(name), options).expect("the former swap is over");
    loop {
        lane.processor.run_workers(lane.now());
        if let Some(report) = swap.poll() {
            assert!(report.is_committed(), "a swap was undone: {:?}", report.outcome);
            return report;
        }
    }
}

fn controller(name: &str) -> Object {
    (lookup(name).expect("a controller of this project").create)()
}
