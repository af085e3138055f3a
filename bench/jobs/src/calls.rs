//! What a call costs: at rest, and while the object is exchanged again and again.

use crate::{
    Lane, Plan, Series, Within,
    lane::Gathered,
    peers::{Peer, Turn, Writer},
};
use alloc::{boxed::Box, format, string::String, vec, vec::Vec};

/// For the result.
pub(crate) const METHOD: &[&str] = &[
    "call: every peer calls the same methods through the same two loops, and enters and leaves once for each call. In a null call the method \
     does nothing, and no call needs anything of another, so that the processor may overlap them as far as what is on the way lets it: \
     this is what a call costs. In a chained call the object adds 3 to its argument, which is the result of the call before: this is how \
     long one call waits for another. The reference may stay in registers from one call to the next, what it leads to is loaded for each. \
     Peers take turns within a round, in a rotating order; a round has several batches for each; the figure of a round is its fastest \
     batch at rest and its middle one in a storm; the figure of a series is the median of its rounds. On 2 processors both call the same \
     object at once, and a sample is the mean of the two.",
    "call in a storm: the object is exchanged up to 10,000 times a second by processor 1 (which with 1 processor does nothing else, and \
     with 2 does so between bursts of 1,024 calls). All of a processor's time counts as time of its calls: the exchanges \
     themselves, suspended calls, workers, and reading the clock once a burst.",
    "yardsticks: `direct call` calls a function that the linker knows, so no call of anything can cost less; `lock xadd` is one locked \
     instruction on a word of the processor's own and no call at all, so a reader that announces itself and takes it back pays two of these and a call.",
];

/// Nanoseconds between exchanges in a storm.
const PERIOD: u64 = 100_000;
/// Calls of a turn of the event loop in a storm.
const BURST: u64 = 1_024;

/// What kind of calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// They do nothing and need nothing of each other.
    Null,
    /// Each needs the result of the one before.
    Chained,
}

/// A condition under which calls are measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Case {
    /// What kind of calls.
    pub kind: Kind,
    /// How many processors call.
    pub processors: usize,
    /// Whether the object is exchanged meanwhile.
    pub storm: bool,
}

impl Case {
    /// Those of a kind.
    pub const fn all(kind: Kind) -> [Self; 4] {
        [
            Self { kind, processors: 1, storm: false },
            Self { kind, processors: 2, storm: false },
            Self { kind, processors: 1, storm: true },
            Self { kind, processors: 2, storm: true },
        ]
    }

    /// The name of its series.
    pub fn name(self) -> String {
        let kind = if self.kind == Kind::Null { "null call" } else { "chained call" };
        let processors = if self.processors == 1 { "1 processor" } else { "2 processors" };
        format!("{kind}, {processors}, {}", if self.storm { "in a storm" } else { "at rest" })
    }

    const fn number(self) -> usize {
        self.kind as usize * 2 + self.storm as usize
    }
}

/// What one processor measured of one peer in one case: picoseconds of a call, by round and batch.
type Rounds = Vec<Vec<u64>>;

/// What one processor measured.
struct Samples {
    /// By case, then peer.
    rounds: [Vec<Rounds>; 4],
    /// Exchanges, by peer, and nanoseconds in which they were made.
    exchanges: Vec<(u64, u64)>,
}

/// Calls by so many processors.
pub(crate) struct Calls {
    processors: usize,
    plan: Plan,
    peers: Vec<Box<dyn Peer>>,
    found: Gathered<Samples>,
}

impl Calls {
    pub(crate) fn new(processors: usize, plan: Plan, peers: Vec<Box<dyn Peer>>) -> Self {
        Self { processors, plan, peers, found: Gathered::new() }
    }

    /// Measures; on processor 0 the series of all.
    pub(crate) fn run(&self, lane: &Lane<'_>) -> Vec<Series> {
        let calls = lane.number() < self.processors;
        let mut measuring = Measuring {
            lane,
            plan: self.plan,
            callers: self.peers.iter().map(|peer| calls.then(|| peer.caller(lane))).collect(),
            writers: self.peers.iter().map(|peer| if lane.leads() { None } else { peer.writer(lane) }).collect(),
        };
        let samples = measuring.run(self.processors);
        drop(measuring);
        self.series(&self.found.gather(lane, samples))
    }

    fn series(&self, found: &[Samples]) -> Vec<Series> {
        let [first, second] = found else { return Vec::new() };
        let mut series = Vec::new();
        for case in [Kind::Null, Kind::Chained].into_iter().flat_map(Case::all) {
            if case.processors != self.processors {
                continue;
            }
            for (number, peer) in self.peers.iter().enumerate() {
                let of = |samples: &Samples| samples.rounds[case.number()][number].clone();
                let rounds = if self.processors == 1 { of(first) } else { means(&of(first), &of(second)) };
                let (exchanges, time) = second.exchanges[number];
                let rate = (exchanges * 1_000_000).checked_div(time / 1_000).unwrap_or_default();
                let note = if case.storm { format!("exchanged {rate} times a second") } else { String::new() };
                let within = if case.storm { Within::Median } else { Within::Minimum };
                series.push(Series { name: case.name(), peer: peer.name().into(), within, note, rounds });
            }
        }
        series
    }
}

fn means(left: &Rounds, right: &Rounds) -> Rounds {
    let mean = |(left, right): (&Vec<u64>, &Vec<u64>)| left.iter().zip(right).map(|(l, r)| (l + r) / 2).collect();
    left.iter().zip(right).map(mean).collect()
}

/// One processor at it. All go through the same steps, and begin each together.
struct Measuring<'a> {
    lane: &'a Lane<'a>,
    plan: Plan,
    callers: Vec<Option<Box<dyn Turn + 'a>>>,
    writers: Vec<Option<Box<dyn Writer + 'a>>>,
}

impl Measuring<'_> {
    fn run(&mut self, processors: usize) -> Samples {
        let peers = self.callers.len();
        let empty = || vec![Vec::new(); peers];
        let mut samples = Samples { rounds: core::array::from_fn(|_| empty()), exchanges: vec![(0, 0); peers] };
        // Once for each without taking its time: what is slow at the first call is not what is measured.
        for peer in 0..peers {
            for kind in [Kind::Null, Kind::Chained] {
                self.lane.gate.pass();
                self.rest(peer, kind);
            }
        }
        let what = if processors == 1 { "calls on 1 processor" } else { "calls on 2 processors" };
        for round in 0..self.plan.rounds {
            for kind in [Kind::Null, Kind::Chained] {
                for storm in [false, true] {
                    let case = Case { kind, processors, storm };
                    for turn in 0..peers {
                        let peer = (turn + round) % peers;
                        let batches = if storm { self.plan.storms } else { self.plan.batches };
                        let batches = (0..batches).map(|_| {
                            self.lane.gate.pass();
                            let exchanges = &mut samples.exchanges[peer];
                            if storm { self.storm(peer, kind, exchanges) } else { self.rest(peer, kind) }
                        });
                        let batches = batches.collect();
                        samples.rounds[case.number()][peer].push(batches);
                    }
                }
            }
            self.lane.report(what, round + 1, self.plan.rounds);
        }
        samples
    }

    /// Picoseconds of a call at rest.
    fn rest(&mut self, peer: usize, kind: Kind) -> u64 {
        let Some(caller) = &mut self.callers[peer] else { return 0 };
        let begin = self.lane.now();
        turn(&mut **caller, kind, begin, self.plan.calls);
        (self.lane.now() - begin) * 1_000 / self.plan.calls
    }

    /// Picoseconds of a call while the object is exchanged.
    fn storm(&mut self, peer: usize, kind: Kind, exchanges: &mut (u64, u64)) -> u64 {
        let (mut caller, mut writer) = (self.callers[peer].as_mut(), self.writers[peer].as_mut());
        let begin = self.lane.now();
        let (mut calls, mut due, mut now) = (0, begin, begin);
        while now - begin < self.plan.storm {
            if let Some(writer) = writer.as_mut().filter(|_| now >= due)
                && writer.replace()
            {
                exchanges.0 += 1;
                due += PERIOD;
            }
            if let Some(caller) = &mut caller {
                turn(&mut ***caller, kind, now, BURST);
                calls += BURST;
            }
            now = self.lane.now();
        }
        exchanges.1 += now - begin;
        self.settle(peer);
        ((now - begin) * 1_000).checked_div(calls).unwrap_or_default()
    }

    /// Ends what the storm began: nobody leaves before the last exchange is over.
    fn settle(&mut self, peer: usize) {
        let (mut caller, mut writer) = (self.callers[peer].as_mut(), self.writers[peer].as_mut());
        let mut turn = || {
            if let Some(caller) = &mut caller {
                caller.chain(self.lane.now(), 1, 0);
            }
        };
        match &mut writer {
            Some(writer) => {
                while !writer.settled() {
                    turn();
                }
                self.lane.gate.pass();
            }
            None => self.lane.gate.pass_while(turn),
        }
    }
}

fn turn(caller: &mut dyn Turn, kind: Kind, now: u64, calls: u64) {
    match kind {
        Kind::Null => caller.null(now, calls),
        // Looked at each time: whatever is measured, it is calls of the object.
        Kind::Chained => assert_eq!(caller.chain(now, calls, now), now + 3 * calls, "a call was lost"),
    }
}
