//! What a call costs: at rest, and while the object is exchanged again and again.

use super::peers::{self, PLAIN, Turn, Writer};
use crate::{
    jobs::Setting,
    lane::{self, Clock, Gate},
    plot::Panel,
    progress,
    report::Report,
    series::{Series, Within},
    statistics::median,
};

/// For the result.
pub const METHOD: &[&str] = &[
    "call: the object adds 3 to its argument; each call's argument is the result of the one before; the reference may \
     stay in registers from one call to the next, what it leads to is loaded for each. Peers take turns within a round, in a rotating order; a round \
     has several batches for each; the figure of a round is its fastest batch at rest and its middle one in a storm; the figure \
     of a series is the median of its rounds. On 2 processors both call the same object at once, and a sample is the mean \
     of the two.",
    "call in a storm: the object is exchanged 10,000 times a second by processor 1 (which with 1 processor does nothing else, and \
     with 2 does so between bursts of 256 calls). All of a processor's time counts as time of its calls: the exchanges \
     themselves, suspended calls, workers, and reading the clock once a burst.",
];

/// Nanoseconds between exchanges in a storm.
const PERIOD: u64 = 100_000;
/// Calls of a turn of the event loop in a storm.
const BURST: u64 = 256;

/// A condition under which calls are measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Case {
    /// How many processors call.
    pub processors: usize,
    /// Whether the object is exchanged meanwhile.
    pub storm: bool,
}

impl Case {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self { processors: 1, storm: false },
        Self { processors: 2, storm: false },
        Self { processors: 1, storm: true },
        Self { processors: 2, storm: true },
    ];

    /// The name of its series.
    pub const fn name(self) -> &'static str {
        match (self.processors, self.storm) {
            (1, false) => "call, 1 processor, at rest",
            (1, true) => "call, 1 processor, in a storm",
            (_, false) => "call, 2 processors, at rest",
            (_, true) => "call, 2 processors, in a storm",
        }
    }
}

/// How much to measure.
#[derive(Clone, Copy)]
struct Plan {
    rounds: usize,
    batches: usize,
    /// Calls of a batch at rest.
    calls: u64,
    /// Nanoseconds of a batch in a storm.
    storm: u64,
}

impl Plan {
    const fn new(quick: bool) -> Self {
        if quick {
            Self { rounds: 3, batches: 2, calls: 20_000, storm: 1_000_000 }
        } else {
            Self { rounds: 41, batches: 5, calls: 50_000, storm: 4_000_000 }
        }
    }
}

/// What one thread measured: by case (at rest, storm), peer, round.
struct Samples {
    /// Nanoseconds of a call, for each batch.
    times: [Vec<Vec<Vec<f64>>>; 2],
    /// Exchanges, by peer, and nanoseconds in which they were made.
    exchanges: Vec<(u64, u64)>,
}

/// Measures all cases.
pub fn measure(setting: &Setting) -> Vec<Series> {
    [1, 2].into_iter().flat_map(|processors| on(processors, Plan::new(setting.quick))).collect()
}

fn on(processors: usize, plan: Plan) -> Vec<Series> {
    let clock = Clock::start();
    let (peers, gate) = (peers::all(2, clock), Gate::new(2));
    let label = if processors == 1 { "calls on 1 processor" } else { "calls on 2 processors" };
    let bar = progress::bar(label, plan.rounds as u64);
    let threads = lane::run(2, |thread| {
        let mut lane = Lane {
            clock,
            gate: &gate,
            plan,
            callers: peers.iter().map(|peer| (thread < processors).then(|| peer.caller(thread))).collect(),
            writers: peers.iter().map(|peer| (thread == 1).then(|| peer.writer())).collect(),
        };
        lane.run(&|| {
            if thread == 0 {
                bar.inc(1);
            }
        })
    });
    bar.finish_and_clear();
    let mut series = Vec::new();
    for (case, within) in [(0, Within::Minimum), (1, Within::Median)] {
        let name = Case { processors, storm: case == 1 }.name();
        let of_case = peers.iter().enumerate().map(|(number, peer)| {
            let of = |thread: usize| &threads[thread].times[case][number];
            let samples = if processors == 1 { of(0).clone() } else { means(of(0), of(1)) };
            Series::new(name, peer.name(), "ns", within, samples)
        });
        let of_case: Vec<Series> = of_case.collect();
        let plain = of_case.iter().find(|series| series.peer == PLAIN).map(Series::figures).unwrap_or_default();
        series.extend(of_case.into_iter().enumerate().map(|(number, series)| {
            let added: Vec<f64> = series.figures().iter().zip(&plain).map(|(all, plain)| all - plain).collect();
            let added = format!("adds {:.2} ns to {PLAIN}", median(&added));
            let (exchanges, time) = threads[1].exchanges[number];
            let rate = exchanges as f64 / (time as f64 / 1e9);
            series.note(if case == 0 { added } else { format!("{added}, exchanged {rate:.0} times a second") })
        }));
    }
    series
}

fn means(left: &[Vec<f64>], right: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mean = |(left, right): (&Vec<f64>, &Vec<f64>)| left.iter().zip(right).map(|(l, r)| (l + r) / 2.0).collect();
    left.iter().zip(right).map(mean).collect()
}

/// One thread. All go through the same steps, and begin each together.
struct Lane<'a> {
    clock: Clock,
    gate: &'a Gate,
    plan: Plan,
    callers: Vec<Option<Box<dyn Turn + 'a>>>,
    writers: Vec<Option<Box<dyn Writer + 'a>>>,
}

impl Lane<'_> {
    fn run(&mut self, round_done: &dyn Fn()) -> Samples {
        let peers = self.callers.len();
        let empty = || vec![Vec::new(); peers];
        let mut samples = Samples { times: [empty(), empty()], exchanges: vec![(0, 0); peers] };
        // Once for each peer without taking its time: what is slow at the first call is not what is measured.
        for peer in 0..peers {
            self.gate.pass();
            self.rest(peer);
        }
        for round in 0..self.plan.rounds {
            for storm in [false, true] {
                for turn in 0..peers {
                    let peer = (turn + round) % peers;
                    let batches = (0..self.plan.batches).map(|_| {
                        self.gate.pass();
                        if storm { self.storm(peer, &mut samples.exchanges[peer]) } else { self.rest(peer) }
                    });
                    let batches = batches.collect();
                    samples.times[usize::from(storm)][peer].push(batches);
                }
            }
            round_done();
        }
        samples
    }

    /// Nanoseconds of a call at rest.
    fn rest(&mut self, peer: usize) -> f64 {
        let Some(caller) = &mut self.callers[peer] else { return 0.0 };
        let begin = self.clock.now();
        caller.turn(begin, self.plan.calls, begin);
        (self.clock.now() - begin) as f64 / self.plan.calls as f64
    }

    /// Nanoseconds of a call while the object is exchanged.
    fn storm(&mut self, peer: usize, exchanges: &mut (u64, u64)) -> f64 {
        let (mut caller, mut writer) = (self.callers[peer].as_mut(), self.writers[peer].as_mut());
        let begin = self.clock.now();
        let (mut calls, mut due, mut now) = (0, begin, begin);
        while now - begin < self.plan.storm {
            if let Some(writer) = writer.as_mut().filter(|_| now >= due)
                && writer.replace()
            {
                exchanges.0 += 1;
                due += PERIOD;
            }
            if let Some(caller) = &mut caller {
                caller.turn(now, BURST, now);
                calls += BURST;
            }
            now = self.clock.now();
        }
        exchanges.1 += now - begin;
        self.settle(peer);
        (now - begin) as f64 / calls as f64
    }

    /// Ends what the storm began: nobody leaves before the last exchange is over.
    fn settle(&mut self, peer: usize) {
        let (mut caller, mut writer) = (self.callers[peer].as_mut(), self.writers[peer].as_mut());
        let mut turn = || {
            if let Some(caller) = &mut caller {
                caller.turn(self.clock.now(), 1, 0);
            }
        };
        match &mut writer {
            Some(writer) => {
                while !writer.settled() {
                    turn();
                }
                self.gate.pass();
            }
            None => self.gate.pass_while(turn),
        }
    }
}

/// The plot's panels: one for each case, a line for each peer.
pub fn panels(report: &Report) -> Vec<Panel> {
    let panel = |case: Case| Panel {
        title: case.name().into(),
        rows: report.series.iter().filter(|series| series.name == case.name()).map(Into::into).collect(),
    };
    Case::ALL.into_iter().map(panel).collect()
}
