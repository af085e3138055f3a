//! Packet classification: whether the engines are right, how fast they are, what a change of a rule costs.

mod cases;
mod checks;
mod markdown;
mod oracle;
mod prefixes;
mod rates;
mod updates;

use super::{Findings, Setting};
use crate::{
    plot::{self, Bars},
    report::Report,
};
use std::error::Error;

pub use checks::checks;
pub use markdown::markdown;

/// The job's name.
pub const NAME: &str = "classifier";

const METHOD: &[&str] = &[
    "Rule sets come from protocols::classification::generate: acl, fw and ipc after ClassBench's parameter files acl1, fw1 and ipc1, IPv4, four rules in a row of the same priority; and a set of overlapping port ranges, which ClassBench has not.",
    "One core, one thread. Headers are looked up 32 at a time, as a driver hands frames over, unless a series says one by one. A sample is the mean over a pass of the traffic; engines take turns within a round.",
    "Uniform: flows drawn evenly from 200,000. Zipf: drawn from the same by Zipf's law, exponent 1. A flow is a header that an evenly drawn rule matches, the rest of it random; one of 16 is random altogether. The cache has 1 MiB for IPv4, which is 49,152 flows.",
    "Updates: a rule of the set, drawn evenly, is removed and inserted again behind those of its priority; each counts as one change.",
    "Mismatches: all engines, with and without a cache, against an oracle that asks for each rule in order which headers it is the first to match, by the same definition of a match as the linear engine; that oracle is held to the linear engine itself on every header of the sets of 1,000 rules, and on a sample of 2,000 of the others. Then again after a batch of changes, and with engines exchanged between batches of headers while the cache stays.",
    "Prefixes: longest-prefix match of IPv4 destinations alone; for ours the prefixes are rules and the longer ones come first.",
];

/// Measures all of it.
pub fn run(setting: &Setting) -> Result<Findings, Box<dyn Error>> {
    cases::known(&setting.only)?;
    let mut series = oracle::measure(setting);
    series.extend(rates::measure(setting));
    series.extend(updates::measure(setting));
    series.extend(prefixes::measure(setting));
    let method = METHOD.iter().map(ToString::to_string).collect();
    Ok(Findings { method, published: checks::published(), series })
}

/// The plot of the README: each rate beside the promised one.
pub fn plots(report: &Report) -> Vec<(&'static str, String)> {
    let bars = report.checks.iter().filter(|check| check.unit == rates::RATE).map(|check| Bars {
        label: check.name.clone(),
        value: check.value,
        target: check.target,
        holds: check.holds,
    });
    let title = "Millions a second on one core; the mark is what is promised";
    vec![("rates", plot::bars(title, &bars.collect::<Vec<_>>()))]
}

#[cfg(test)]
mod tests;
