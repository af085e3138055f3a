//! The network: the image beside a Linux guest. `cargo xtask bench network` boots both and takes the samples.

mod checks;
mod markdown;

pub use checks::checks;
pub use markdown::markdown;

use super::{Findings, Setting, taken};
use crate::{
    plot::{self, Bars},
    report::Report,
};
use std::error::Error;

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
    "With two processors the client, QEMU's own thread and they share the host's two cores: what the Linux guest loses by its second stands beside, and idle is what the cores had left meanwhile. A sample is the middle one of three turns of a machine, then all are booted anew, since two boots of one machine differ by more than its turns do. Two are slower only if the whole interval of the median says so: the median of two that are just as fast is below 1 half of the time. The machine has one queue pair, which QEMU serves by one thread however many there are; how busy the guest's one processor was says what a second one could take off it. Two processors of two pairs is the machine with a pair for each, between which connections are spread: a promise only where the host has a core for each thread.",
    "Slow cores are a host that has a core for each thread: each of QEMU's and the client may run for three tenths of every 4 ms (cgroup, CPU bandwidth control), which all together is less than this host has. The period of each is a little longer than that of the one before, or it would depend on when each began, for as long as they run, how well they work together.",
    "The environment's load is that of the moment when the report was made, not that of the samples.",
    "A figure is the median of its samples; a ratio is the median of the rounds' ratios. Where an interval stands behind it, the median lies there with a probability of 95 %, whatever the distribution (order statistics of the ratios).",
    "While swaps with 100,000 rules are timed, the guest sends as fast as it goes, and then at 4 Gbit/s: as fast as it goes, the client and the guest take time slices of some milliseconds from each other, which a turn's time contains.",
    "Swaps and none take turns within a connection, in phases of 0.3 s with three swaps or none, in the order A B B A, and each phase is compared with the one beside it. What a phase carried is counted by the TAP from its beginning to the beginning of the next. The guest's processor has one of the host's cores then, and QEMU's main loop, the client and what orders the swaps share the rest.",
];

/// Reads the samples.
pub fn run(setting: &Setting) -> Result<Findings, Box<dyn Error>> {
    let (when, series) = taken::read(setting, NAME)?;
    let method = METHOD.iter().map(ToString::to_string).chain(when).collect();
    Ok(Findings { method, published: Vec::new(), series })
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
