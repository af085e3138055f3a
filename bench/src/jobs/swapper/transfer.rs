//! What the transfer of state costs: the congestion controllers' private state of many connections.

use super::peers::Polling;
use crate::{
    jobs::Setting,
    lane::{self, Clock},
    plot::{Chart, Curve},
    progress,
    report::Report,
    series::{Series, Within},
};
use protocols::congestion::{Ack, AckFlags, Cause, Congestion, CongestionEvent, Flow, Open, Window, lookup};
use swapper::{Coid, Object, Processor, Report as SwapReport, SwapOptions, System};

/// For the result.
pub const METHOD: &[&str] = &[
    "transfer: the project's own congestion controllers, with private state from ACKs and a loss on each connection, on one \
     processor that has nothing else to do. Converted: reno to cubic, by the protocol common-window. By reference: cubic to \
     cubic-nofc, by the protocol cubic-table. The time is that of the whole swap, the fixed costs and the freeing of what was \
     old included. Sizes take turns within a round.",
];

/// How many connections.
pub const CONNECTIONS: [u32; 3] = [1, 1_000, 100_000];
/// The crate's name: nobody else converts.
pub const PEER: &str = "swapper";

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
    pub fn name(self, connections: u32) -> String {
        match self {
            Self::Converted => format!("swap, {connections} connections converted"),
            Self::ByReference => format!("swap, {connections} connections by reference"),
        }
    }

    /// From which controller to which, and by which protocol.
    const fn controllers(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Converted => ("reno", "cubic", "common-window"),
            Self::ByReference => ("cubic", "cubic-nofc", "cubic-table"),
        }
    }
}

/// Measures both ways with each number of connections.
pub fn measure(setting: &Setting) -> Vec<Series> {
    let (rounds, swaps) = if setting.quick { (2, 2) } else { (15, 5) };
    let bar = progress::bar("transfer of state", rounds as u64);
    let series = lane::run(1, |_| {
        let clock = Clock::start();
        let system = System::new(1, Polling::new(1, clock)).expect("one processor");
        let bench = Bench { processor: Polling::attach(&system, 0), system };
        let cases: Vec<(Way, u32)> =
            Way::ALL.into_iter().flat_map(|way| CONNECTIONS.map(|connections| (way, connections))).collect();
        let objects: Vec<Coid> = cases.iter().map(|&(way, connections)| bench.open(way, connections)).collect();
        let mut samples = vec![Vec::new(); cases.len()];
        for _ in 0..rounds {
            for ((&(way, connections), &coid), samples) in cases.iter().zip(&objects).zip(&mut samples) {
                samples.push((0..swaps).map(|_| bench.there_and_back(way, connections, coid)).collect());
            }
            bar.inc(1);
        }
        let series = cases.iter().zip(samples);
        series
            .map(|(&(way, connections), samples)| {
                Series::new(&way.name(connections), PEER, "ns", Within::Median, samples)
            })
            .collect::<Vec<_>>()
    });
    bar.finish_and_clear();
    series.concat()
}

/// One processor and its objects.
struct Bench {
    system: System,
    processor: Processor,
}

impl Bench {
    /// An object with so many connections, all of which have a past.
    fn open(&self, way: Way, connections: u32) -> Coid {
        let coid = self.processor.create(controller(way.controllers().0)).expect("there is room for an object");
        let congestion = self.processor.bind::<dyn Congestion>(coid).expect("the object exists");
        self.processor.activity(|| {
            for flow in (0..connections).map(Flow) {
                let mut window = Window { srtt: 40_000, min_rtt: 30_000, ..Window::new(1_460) };
                congestion.open(flow, &mut window, &Open { now: 0, syn_lost: false });
                let ack = Ack {
                    acked: 2_920,
                    delivered: 2_920,
                    rtt: 40_000,
                    flags: AckFlags::CWND_LIMITED,
                    ..Ack::default()
                };
                (1..=4).for_each(|turn| congestion.acknowledged(flow, &mut window, &Ack { now: turn * 10_000, ..ack }));
                let flight = window.cwnd;
                congestion.congestion(flow, &mut window, &CongestionEvent { now: 50_000, flight, cause: Cause::Loss });
            }
        });
        coid
    }

    /// Nanoseconds of a swap; the way back is not measured.
    fn there_and_back(&self, way: Way, connections: u32, coid: Coid) -> f64 {
        let (old, new, protocol) = way.controllers();
        let report = self.swap(coid, new);
        assert_eq!((report.items(), report.protocol.name()), (u64::from(connections), protocol));
        self.swap(coid, old);
        report.total() as f64
    }

    fn swap(&self, coid: Coid, name: &str) -> SwapReport {
        let swap = self.system.swap(coid, controller(name), SwapOptions::default()).expect("the former swap is over");
        loop {
            self.processor.run_workers(self.system.now());
            if let Some(report) = swap.poll() {
                assert!(report.is_committed(), "a swap was undone: {:?}", report.outcome);
                return report;
            }
        }
    }
}

fn controller(name: &str) -> Object {
    (lookup(name).expect("a controller of this project").create)()
}

/// Time by the number of connections.
pub fn chart(report: &Report) -> Chart {
    let curve = |way: Way| {
        let value = |connections| report.series(&way.name(connections), PEER).map(|series| series.value);
        let point = |connections| Some((f64::from(connections), value(connections)? / 1e3));
        let name = match way {
            Way::Converted => "converted (reno to cubic)",
            Way::ByReference => "by reference (cubic to cubic-nofc)",
        };
        Curve { name: name.into(), points: CONNECTIONS.into_iter().filter_map(point).collect(), marks: true }
    };
    Chart {
        title: "A whole swap with the state of so many connections".into(),
        x: "connections on a processor".into(),
        y: "microseconds".into(),
        logarithmic: (true, true),
        curves: Way::ALL.map(curve).into(),
    }
}
