//! What an exchange costs the one who makes it, with each peer: beside a null swap, though none of them moves state.

use super::peers::{self, OURS, PLAIN};
use crate::{
    jobs::Setting,
    lane::{self, Clock, Gate},
    progress,
    series::{Series, Within},
};
use std::sync::atomic::{AtomicBool, Ordering};

/// For the result.
pub const METHOD: &[&str] = &[
    "exchange: the time that processor 0 spends on exchanging the object, while both call it in bursts of 32. left-right waits until \
     nobody is in the old copy; with the others calls may still be inside the old object when it returns, and it is freed later. \
     None of them moves state: a null swap, which ends when no call is in the old object anywhere, is the nearest to it.",
];

/// The name of its series.
pub const EXCHANGE: &str = "exchange by peers, 2 processors";

/// Calls between exchanges.
const BURST: u64 = 32;

/// Measures every peer; the swapper's own swaps are measured as swaps.
pub fn measure(setting: &Setting) -> Vec<Series> {
    let (rounds, exchanges) = if setting.quick { (3, 50) } else { (25, 200) };
    let clock = Clock::start();
    let (peers, gate) = (peers::all(2, clock), Gate::new(2));
    let others: Vec<_> = peers.iter().filter(|peer| ![OURS, PLAIN].contains(&peer.name())).collect();
    let over: Vec<AtomicBool> = (0..rounds * others.len()).map(|_| AtomicBool::new(false)).collect();
    let bar = progress::bar("exchanges by peers", rounds as u64);
    let mut samples = lane::run(2, |thread| {
        let mut callers: Vec<_> = others.iter().map(|peer| peer.caller(thread)).collect();
        let mut samples = vec![Vec::new(); others.len()];
        for (turn, over) in over.iter().enumerate() {
            let number = turn % others.len();
            let caller = &mut callers[number];
            gate.pass();
            if thread > 0 {
                while !over.load(Ordering::Acquire) {
                    caller.turn(0, BURST, 0);
                }
                continue;
            }
            let mut writer = others[number].writer();
            let times = (0..exchanges).map(|_| {
                caller.turn(0, BURST, 0);
                let begin = clock.now();
                writer.replace();
                (clock.now() - begin) as f64
            });
            samples[number].push(times.collect::<Vec<f64>>());
            over.store(true, Ordering::Release);
            if number == 0 {
                bar.inc(1);
            }
        }
        samples
    });
    bar.finish_and_clear();
    let samples = others.iter().zip(samples.swap_remove(0));
    samples.map(|(peer, samples)| Series::new(EXCHANGE, peer.name(), "ns", Within::Median, samples)).collect()
}
