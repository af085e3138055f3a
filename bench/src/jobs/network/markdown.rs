//! What the README says of the network.

use super::{OURS, PEER, checks};
use crate::{
    report::{Bound, Check, Report},
    series::Place,
};
use std::fmt::Write;

/// The README's part.
pub fn markdown(report: &Report) -> String {
    let environment = &report.environment;
    let holding = report.checks.iter().filter(|check| check.holds).count();
    let mut text = format!(
        "Beside a tuned Linux guest (Debian's cloud kernel, iperf3, an echo server with epoll) on the same QEMU, under its translator, with one \
         processor and a TAP each, turn by turn. Host: {}, {} cores, {}. Medians; every sample and how clean it was is in \
         [network.json](bench/results/network.json).\n\n\
         {holding} of {} targets hold:\n\n\
         | | Midflight | Linux | ratio | target | holds |\n|---|---|---|---|---|---|\n",
        environment.cpu,
        environment.cores,
        environment.kernel,
        report.checks.len()
    );
    for check in &report.checks {
        let bound = if check.bound == Bound::AtLeast { "at least" } else { "at most" };
        let target = amount(check.target, if check.unit == checks::TIMES { "" } else { &check.unit });
        let holds = if check.holds { "yes" } else { "**no**" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {bound} {target} | {holds} |", row(report, check));
    }
    for figure in checks::beside(report) {
        let _ = writeln!(text, "{} none |  |", row(report, &figure));
    }
    text + "\n![ratios](bench/results/network-ratios.svg)\n"
}

/// What was measured, up to the target.
fn row(report: &Report, check: &Check) -> String {
    let figure = |peer: &str| {
        let series = report.series(Place::Guest, &check.name, peer);
        series.map_or(String::new(), |series| amount(series.value, &series.unit))
    };
    let (ours, theirs, ratio) = if check.unit == checks::TIMES {
        // Close to the target two digits do not show on which side it is.
        let digits = if check.interval.is_some() || (check.value - check.target).abs() < 0.01 { 3 } else { 2 };
        let between = check.interval.map_or(String::new(), |(low, high)| format!(" ({low:.digits$}–{high:.digits$})"));
        // Two processors are compared with one of the same guest.
        let theirs = checks::linux_two_by_one(report, &check.name).map(|theirs| format!("{theirs:.2} ×"));
        let busy = checks::busy_with_one(report, &check.name)
            .map_or(String::new(), |busy| format!(", 1 was busy for {:.0} %", busy * 100.0));
        let ours = checks::idle_with_two(report, &check.name).map(|idle| format!("{idle:.2} cores idle{busy}"));
        let ours = ours.unwrap_or_else(|| figure(OURS));
        (ours, theirs.unwrap_or_else(|| figure(PEER)), format!("{:.digits$}{between}", check.value))
    } else {
        (amount(check.value, &check.unit), figure(PEER), String::new())
    };
    format!("| {} | {ours} | {theirs} | {ratio} |", check.name)
}

/// A figure as short as it is known.
fn amount(value: f64, unit: &str) -> String {
    let digits = if value.abs() >= 100.0 || value == value.trunc() { 0 } else { 2 };
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    format!("{value:.digits$}{unit}")
}
