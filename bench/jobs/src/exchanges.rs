//! What an exchange costs the one who makes it, with each peer: beside a null swap, though none of them moves state.

use crate::{
    Lane, Plan, Series, Within,
    lane::Gathered,
    peers::{OURS, Peer},
};
use alloc::{boxed::Box, string::String, vec, vec::Vec};
use core::sync::atomic::{AtomicUsize, Ordering};

/// For the result.
pub(crate) const METHOD: &[&str] = &[
    "exchange: the time that processor 0 spends on exchanging the object, while both call it in bursts of 32. left-right waits until \
     nobody is in the old copy; with the others calls may still be inside the old object when it returns, and it is freed later. \
     None of them moves state: a null swap, which ends when no call is in the old object anywhere, is the nearest to it.",
];

/// The name of its series.
pub const EXCHANGE: &str = "exchange by peers, 2 processors";

/// Calls between exchanges.
const BURST: u64 = 32;

/// Exchanges by every peer; the swapper's own swaps are measured as swaps.
pub(crate) struct Exchanges {
    plan: Plan,
    peers: Vec<Box<dyn Peer>>,
    /// How many turns of peers are over.
    over: AtomicUsize,
    found: Gathered<Vec<Vec<Vec<u64>>>>,
}

impl Exchanges {
    pub(crate) fn new(plan: Plan, peers: Vec<Box<dyn Peer>>) -> Self {
        Self { plan, peers, over: AtomicUsize::new(0), found: Gathered::new() }
    }

    /// Measures; on processor 0 the series of all.
    pub(crate) fn run(&self, lane: &Lane<'_>) -> Vec<Series> {
        let (rounds, exchanges) = self.plan.swaps;
        let others = self.peers.iter().filter(|peer| peer.name() != OURS);
        let mut others: Vec<_> =
            others.filter_map(|peer| Some((peer.name(), peer.writer(lane)?, peer.caller(lane)))).collect();
        let mut samples = vec![Vec::new(); others.len()];
        for turn in 0..rounds * others.len() {
            let number = turn % others.len();
            let (_, writer, caller) = &mut others[number];
            lane.gate.pass();
            if !lane.leads() {
                while self.over.load(Ordering::Acquire) <= turn {
                    caller.chain(0, BURST, 0);
                }
                continue;
            }
            let times = (0..exchanges).map(|_| {
                caller.chain(0, BURST, 0);
                let begin = lane.now();
                writer.replace();
                (lane.now() - begin) * 1_000
            });
            samples[number].push(times.collect::<Vec<u64>>());
            self.over.store(turn + 1, Ordering::Release);
            if number == 0 {
                lane.report("exchanges by peers", turn / others.len() + 1, rounds);
            }
        }
        let names: Vec<&str> = others.iter().map(|(name, ..)| *name).collect();
        drop(others);
        let found = self.found.gather(lane, samples);
        let series = |(peer, rounds): (&&str, &Vec<Vec<u64>>)| Series {
            name: EXCHANGE.into(),
            peer: (*peer).into(),
            within: Within::Median,
            note: String::new(),
            rounds: rounds.clone(),
        };
        found.first().map(|rounds| names.iter().zip(rounds).map(series).collect()).unwrap_or_default()
    }
}
