//! The network: the image beside a Linux guest. `cargo xtask bench network` boots both and takes the samples, because that takes
//! virtual machines and network namespaces; here they become a report.

mod checks;
mod markdown;

pub use checks::checks;
pub use markdown::markdown;

use super::{Findings, Setting};
use crate::{
    plot::{self, Bars},
    report::Report,
    series::{Place, Series},
};
use bench_jobs::Within;
use serde::Deserialize;
use std::{collections::BTreeMap, error::Error, fs};

/// The job's name.
pub const NAME: &str = "network";
/// Who is measured, and beside whom.
pub const OURS: &str = "midflight";
/// The peer.
pub const PEER: &str = "linux";

const METHOD: &[&str] = &[
    "Both guests run at the same time in QEMU machines of the same kind, one virtual processor each, with a TAP in a network namespace of its own, and are measured turn by turn.",
    "The Linux guest is Debian's cloud kernel, tuned: mitigations=off, and without ERMS, because QEMU's translator runs `rep movsb` octet by octet. It runs iperf3 and an echo server of one thread with epoll.",
    "A sample is clean if nothing but the guests and the traffic used more than 0.15 of a core of the host meanwhile (/proc/stat); one that is not is taken again, twice at most. The note of a series says how many are clean.",
    "Imperfect links are those of the project's own emulator, between QEMU and the TAP; there both guests run at the same time, and neither has offloads.",
    "Datagrams one way are iperf3's, the same client for both guests. Without loss is the highest rate that a search finds at which the receiver misses none in a second, twice tried; as fast as it goes is what arrives of a flood.",
    "With two processors the client shares the host's two cores with them: what the Linux guest loses by its second stands beside. The ratio is the third quartile of the rounds', so it is below 1 only if two are slower in most.",
    "The environment's load is that of the moment when the report was made, not that of the samples.",
    "A figure is the median of its samples; a ratio is the median of the rounds' ratios.",
];

/// One series as it was taken.
#[derive(Deserialize)]
struct Taken {
    name: String,
    peer: String,
    unit: String,
    note: String,
    samples: Vec<f64>,
}

/// The series of a suite.
#[derive(Deserialize)]
struct Suite {
    commit: String,
    date: String,
    series: Vec<Taken>,
}

/// Reads the samples.
pub fn run(setting: &Setting) -> Result<Findings, Box<dyn Error>> {
    let file = setting.samples.as_ref().ok_or("this job's samples are taken by `cargo xtask bench network`")?;
    let text = fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let suites: BTreeMap<String, Suite> = serde_json::from_str(&text)?;
    let mut method: Vec<String> = METHOD.iter().map(ToString::to_string).collect();
    method.extend(suites.iter().map(|(name, suite)| format!("{name}: {}, commit {}", suite.date, suite.commit)));
    let series = suites.into_values().flat_map(|suite| suite.series).map(series).collect();
    Ok(Findings { method, published: Vec::new(), series })
}

fn series(taken: Taken) -> Series {
    let samples = taken.samples.into_iter().map(|sample| vec![sample]).collect();
    Series::new((Place::Guest, &taken.name, &taken.peer), &taken.unit, Within::Median, samples, taken.note)
}

/// The plots of the README: each figure of ours as a multiple of the peer's.
pub fn plots(report: &Report) -> Vec<(&'static str, String)> {
    let bars = report.checks.iter().filter(|check| check.unit == checks::TIMES).map(|check| Bars {
        label: check.name.clone(),
        value: check.value,
        target: check.target,
        holds: check.holds,
    });
    let title = "Midflight's figure as a multiple of the Linux guest's; the mark is the target";
    vec![("ratios", plot::bars(title, &bars.collect::<Vec<_>>()))]
}

#[cfg(test)]
mod tests;
