//! What the project's README says.

use super::{
    cases::{CACHED, Case, ENGINES, KINDS, SIZES},
    checks::fastest,
    oracle::HEADERS,
    prefixes, rates, updates,
};
use crate::{
    report::{Check, Report},
    series::Place,
};
use std::fmt::Write;

/// The section.
pub fn markdown(report: &Report) -> String {
    [machine(report), lookups(report), rest(report), verdict(report)].concat()
}

fn value(report: &Report, name: &str, peer: &str) -> Option<f64> {
    report.series(Place::Host, name, peer).map(|series| series.value)
}

fn rate(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |value| if value < 1.0 { format!("{value:.2}") } else { format!("{value:.1}") })
}

fn machine(report: &Report) -> String {
    let environment = &report.environment;
    let load = environment.load_before.split(' ').next().unwrap_or_default();
    format!(
        "One core of: {}, {}, {}, load {load} before the run. Millions of headers a second, medians; sets by the project's own generator after \
         ClassBench's acl1, fw1 and ipc1.\n\n",
        environment.cpu, environment.kernel, environment.rustc
    )
}

fn lookups(report: &Report) -> String {
    let mut text = String::from(
        "| | promised | TupleMerge | bit vectors | tuple space | linear | one by one | Zipf | Zipf, cache | uniform, cache / without | B/rule |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for case in Case::all() {
        let target = KINDS.iter().find(|(kind, _)| *kind == case.kind).and_then(|(_, targets)| {
            SIZES.iter().zip(targets).find(|(rules, _)| **rules == case.rules).map(|(_, target)| *target)
        });
        let [uniform, zipf] = ["uniform", "Zipf"].map(|traffic| rates::name(case, traffic));
        let engine = fastest(report, case);
        let cached = format!("{engine}{CACHED}");
        let ratio = report.series(Place::Host, &uniform, &cached).zip(report.series(Place::Host, &uniform, &engine));
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {:.0} |",
            case.name(),
            rate(target),
            ENGINES.map(|engine| rate(value(report, &uniform, engine))).join(" | "),
            rate(value(report, &format!("{uniform}, one by one"), &engine)),
            rate(value(report, &zipf, &engine)),
            rate(value(report, &zipf, &cached)),
            ratio.map_or_else(|| "–".into(), |(with, without)| format!("{:.2}", with.ratio(without))),
            value(report, &rates::memory(case), &engine).unwrap_or(f64::NAN),
        );
    }
    text.push_str(
        "\nThe columns behind *linear* are of the fastest engine of the row. Headers come 32 at a time but in *one by one*.\n\n![rates](bench/results/classifier-rates.svg)\n\n",
    );
    text
}

fn rest(report: &Report) -> String {
    let changes = KINDS.map(|(kind, _)| {
        let case = Case { kind, rules: updates::RULES };
        format!("{} {}", case.name(), rate(value(report, &updates::name(case), ENGINES[0])))
    });
    let mut text = format!("Changes of a rule, TupleMerge, millions a second: {}.\n", changes.join(", "));
    let runs: Vec<_> = report.series.iter().filter(|series| series.unit == HEADERS).collect();
    let _ = writeln!(
        text,
        "Mismatches against the oracle in {} runs, each {}: {:.0}.",
        runs.len(),
        runs.first().map_or("", |series| &series.note),
        runs.iter().map(|series| series.value).sum::<f64>()
    );
    if let Some(nothing) = value(report, rates::NO_RULES, ENGINES[0]) {
        let _ = writeln!(text, "Without any rule a lookup, one by one, takes {:.1} ns.", 1e3 / nothing);
    }
    for size in prefixes::SIZES {
        let name = prefixes::name(size);
        let peers = [prefixes::OURS, "ip_network_table", "poptrie", "prefix-trie"];
        let figures = peers.map(|peer| format!("{peer} {}", rate(value(report, &name, peer))));
        let _ = writeln!(text, "{name}, M/s: {}.", figures.join(", "));
    }
    text
}

fn verdict(report: &Report) -> String {
    let holding = report.checks.iter().filter(|check| check.holds).count();
    let mut text = format!("\n{holding} of {} promises hold.", report.checks.len());
    let failing: Vec<&Check> = report.checks.iter().filter(|check| !check.holds).collect();
    if !failing.is_empty() {
        let list = failing
            .iter()
            .map(|check| format!("{} {:.2} {} (promised {})", check.name, check.value, check.unit, check.target));
        let _ = write!(text, " Those that do not: {}.", list.collect::<Vec<_>>().join("; "));
    }
    text.push('\n');
    text
}
