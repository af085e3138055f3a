//! What the network is to reach.

use super::{OURS, PEER};
use crate::{
    report::{Bound, Check, Report},
    series::{Place, Series},
    statistics::{median, median_interval},
};

/// The unit of a ratio.
pub const TIMES: &str = "×";

/// Ours by the peer's: what is measured, and the bound.
const RATIOS: &[(&str, Bound, f64)] = &[
    ("TCP in, 1 stream, offloads", Bound::AtLeast, 2.0),
    ("TCP out, 1 stream, offloads", Bound::AtLeast, 2.0),
    ("TCP in, 4 streams, offloads", Bound::AtLeast, 2.0),
    ("TCP out, 4 streams, offloads", Bound::AtLeast, 2.0),
    ("TCP in, 1 stream, no offloads", Bound::AtLeast, 1.5),
    ("TCP out, 1 stream, no offloads", Bound::AtLeast, 1.5),
    ("TCP in, 4 streams, no offloads", Bound::AtLeast, 1.5),
    ("TCP out, 4 streams, no offloads", Bound::AtLeast, 1.5),
    ("TCP request and response, 1 octet", Bound::AtLeast, 1.5),
    ("TCP request and response, 1 octet, p99", Bound::AtMost, 1.0),
    ("UDP request and response, 64 octets", Bound::AtLeast, 1.5),
    ("UDP request and response, 64 octets, p99", Bound::AtMost, 1.0),
    ("TCP connections opened and closed", Bound::AtLeast, 2.0),
    ("TCP connections opened and closed, p99", Bound::AtMost, 1.0),
    ("UDP echo, 64 octets, 32 under way", Bound::AtLeast, 2.0),
    ("UDP echo, 1400 octets, 32 under way", Bound::AtLeast, 2.0),
    ("UDP in, 64 octets, without loss", Bound::AtLeast, 2.0),
    ("UDP in, 1400 octets, without loss", Bound::AtLeast, 2.0),
    ("UDP out, 64 octets, without loss", Bound::AtLeast, 2.0),
    ("UDP out, 1400 octets, without loss", Bound::AtLeast, 2.0),
    ("UDP in, 64 octets, as fast as it goes", Bound::AtLeast, 2.0),
    ("UDP in, 1400 octets, as fast as it goes", Bound::AtLeast, 2.0),
    ("UDP out, 64 octets, as fast as it goes", Bound::AtLeast, 2.0),
    ("UDP out, 1400 octets, as fast as it goes", Bound::AtLeast, 2.0),
    ("QEMU's start to the first answered ping", Bound::AtMost, 0.2),
    ("1 % loss, 40 ms, 50 Mbit/s: goodput", Bound::AtLeast, 1.0),
    ("1 % loss in bursts of 4, 40 ms, 50 Mbit/s: goodput", Bound::AtLeast, 1.0),
    ("5 % reordered by 5 ms, 40 ms, 50 Mbit/s: goodput", Bound::AtLeast, 1.0),
];

/// Figures of ours alone.
const FIGURES: &[(&str, &str, Bound, f64)] = &[
    ("UDP echo, 64 octets, 32 under way, failed", "", Bound::AtMost, 0.0),
    ("UDP echo, 1400 octets, 32 under way, failed", "", Bound::AtMost, 0.0),
    ("TCP connections opened and closed, failed", "", Bound::AtMost, 0.0),
    ("connections open and answered in 128 MiB", "", Bound::AtLeast, 10_000.0),
    ("image, what is loaded of the file", "MiB", Bound::AtMost, 4.0),
    ("5 % reordered by 5 ms, 40 ms, 50 Mbit/s: segments sent in vain", "%", Bound::AtMost, 0.5),
    ("segments sent again, a swap every 100 ms", "", Bound::AtMost, 0.0),
    ("pause of a packet, swaps with 100,000 rules, longest", "µs", Bound::AtMost, 1_000.0),
    ("turn's work on tables, swaps with 100,000 rules, at 4 Gbit/s, longest", "µs", Bound::AtMost, 1_000.0),
];

/// With and without swaps.
const SWAPS: [&str; 2] = ["TCP out, 1 stream, a swap every 100 ms", "TCP out, 1 stream, without swaps"];

/// What is measured with one processor and with two.
const PROCESSORS: [&str; 11] = [
    "TCP in, 1 stream",
    "TCP in, 4 streams",
    "TCP in, 4 streams of 2 Gbit/s",
    "TCP out, 1 stream",
    "TCP out, 4 streams",
    "TCP requests",
    "TCP in, 1 stream, slow cores",
    "TCP in, 4 streams, slow cores",
    "TCP out, 1 stream, slow cores",
    "TCP out, 4 streams, slow cores",
    "TCP requests, slow cores",
];
/// What [`PROCESSORS`] names is measured on this machine, and on those with two processors.
const ALONE: &str = "1 processor";
/// With one queue pair, as `cargo xtask run` makes it, and with one for each.
const TWO: [&str; 2] = ["2 processors", TWO_PAIRS];
const TWO_PAIRS: &str = "2 processors of 2 pairs";

/// Whether the host has a core for each thread under this load of [`PROCESSORS`].
fn has_cores(load: &str) -> bool {
    load.ends_with("slow cores") || load.ends_with("Gbit/s")
}

/// Whether it is promised that under this load the machine `two` is not slower than that of one processor: with a pair for each processor, where
/// the host has a core for each thread.
fn is_promised(load: &str, two: &str) -> bool {
    two != TWO_PAIRS || has_cores(load)
}

/// What costs less on which machine: its name among the promises, and the two figures. A frame of up to 64 KiB is read where the service's octets lie, one of
/// a single segment is copied.
const LENDING: [(&str, [&str; 2]); 4] = [
    (
        "TCP out, 1 stream, offloads, read in place by copied",
        ["TCP out, 1 stream, offloads, read in place", "TCP out, 1 stream, offloads, copied"],
    ),
    (
        "TCP out, 4 streams, offloads, read in place by copied",
        ["TCP out, 4 streams, offloads, read in place", "TCP out, 4 streams, offloads, copied"],
    ),
    (
        "TCP out, 1 stream, no offloads, copied by read in place",
        ["TCP out, 1 stream, no offloads, copied", "TCP out, 1 stream, no offloads, read in place"],
    ),
    (
        "TCP out, 4 streams, no offloads, copied by read in place",
        ["TCP out, 4 streams, no offloads, copied", "TCP out, 4 streams, no offloads, read in place"],
    ),
];

/// Through rules and without.
const RULES: [(&str, &str); 2] = [
    ("TCP in, 1 stream, 10,000 rules", "TCP in, 1 stream, without rules"),
    ("TCP out, 1 stream, 10,000 rules", "TCP out, 1 stream, without rules"),
];

/// Each promise of which there are samples.
pub fn checks(report: &Report) -> Vec<Check> {
    let ratios = RATIOS.iter().filter_map(|&(name, bound, target)| {
        let (ours, peer) = (of(report, name, OURS)?, of(report, name, PEER)?);
        Some(Check::new(Place::Guest, name.into(), (rounded(ours.ratio(peer)), TIMES), PEER, bound, target))
    });
    let figures = FIGURES.iter().filter_map(|&(name, unit, bound, target)| {
        let ours = of(report, name, OURS)?;
        // A bound of nothing at all, or of the longest, is kept by every sample or not at all.
        let value = if target == 0.0 || name.ends_with("longest") { ours.maximum } else { ours.value };
        Some(Check::new(Place::Guest, name.into(), (value, unit), "", bound, target))
    });
    let swaps = paired(report, "goodput with a swap every 100 ms", SWAPS, "without swaps", 0.99);
    let rules = RULES.iter().filter_map(|&(with, without)| paired(report, with, [with, without], "without rules", 0.9));
    let processors = two_by_one(report, is_promised);
    let lending = LENDING.iter().filter_map(|&(name, [first, second])| {
        let peer = if second.ends_with("copied") { "copied" } else { "read in place" };
        paired(report, name, [first, second], peer, 1.0).map(not_surely_less)
    });
    ratios.chain(figures).chain(swaps).chain(rules).chain(processors).chain(lending).collect()
}

/// What the first of two figures of ours reaches of the second, which was taken turn by turn with it: the median of the pairs' ratios is to be
/// at least `target`.
fn paired(report: &Report, name: &str, [with, without]: [&str; 2], peer: &str, target: f64) -> Option<Check> {
    let ratios = of(report, with, OURS)?.ratios(of(report, without, OURS)?);
    let value = (rounded(median(&ratios)), TIMES);
    let mut check = Check::new(Place::Guest, name.into(), value, peer, Bound::AtLeast, target);
    check.interval = median_interval(&ratios).map(|(low, high)| (rounded(low), rounded(high)));
    Some(check)
}

/// A promise that one is not slower than the other: kept unless the interval of the pairs' median says that it is. The median of two that are just as
/// fast is below 1 in half of all runs.
fn not_surely_less(mut check: Check) -> Check {
    check.holds |= check.interval.is_some_and(|(_, high)| high >= check.target);
    check
}

/// What is measured beside the promises, in the same form.
pub fn beside(report: &Report) -> Vec<Check> {
    two_by_one(report, |load, two| !is_promised(load, two)).collect()
}

/// That the machines with two processors are not slower than that with one, under the loads that are `chosen`.
fn two_by_one(report: &Report, chosen: fn(&str, &str) -> bool) -> impl Iterator<Item = Check> {
    let all = TWO.into_iter().flat_map(|two| PROCESSORS.into_iter().map(move |load| (load, two)));
    all.filter(move |(load, two)| chosen(load, two)).filter_map(|(load, two)| {
        let series = [two, ALONE].map(|machine| format!("{load}, {machine}"));
        let name = format!("{load}, {two} by 1");
        paired(report, &name, [&series[0], &series[1]], ALONE, 1.0).map(not_surely_less)
    })
}

/// Of the promise with this name: what the Linux guest reaches with two processors by what it reaches with one.
pub fn linux_two_by_one(report: &Report, name: &str) -> Option<f64> {
    let (what, two) = with_two(name)?;
    let [two, one] = [two, ALONE].map(|machine| of(report, &format!("{what}, {machine}"), PEER));
    Some(rounded(two?.ratio(one?)))
}

/// Of the promise with this name: how many of the host's cores had nothing to do while the guest had two processors.
pub fn idle_with_two(report: &Report, name: &str) -> Option<f64> {
    let (what, two) = with_two(name)?;
    Some(of(report, &format!("{what}, {two}, idle meanwhile"), OURS)?.value)
}

/// Of the promise with this name: for which part of its time the guest's one processor had something to do.
pub fn busy_with_one(report: &Report, name: &str) -> Option<f64> {
    let (what, _) = with_two(name)?;
    Some(of(report, &format!("{what}, {ALONE}, busiest processor"), OURS)?.value)
}

/// The load and the machine with two processors of the promise with this name.
fn with_two(name: &str) -> Option<(&str, &'static str)> {
    let of = |two: &'static str| Some((name.strip_suffix(" by 1")?.strip_suffix(two)?.strip_suffix(", ")?, two));
    TWO.into_iter().find_map(of)
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The series of this name and peer, both of which are guests.
fn of<'a>(report: &'a Report, name: &str, peer: &str) -> Option<&'a Series> {
    report.series(Place::Guest, name, peer)
}
