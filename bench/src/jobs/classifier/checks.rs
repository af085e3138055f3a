//! What is promised of packet classification.

use super::{
    cases::{CACHED, Case, ENGINES, KINDS, SIZES},
    oracle::{self, HEADERS},
    rates::{self, RATE},
    updates,
};
use crate::{
    report::{Bound, Check, Published, Report},
    series::{Place, Series},
};

/// The greatest series of those with this name.
pub fn best<'a>(report: &'a Report, name: &str, is: impl Fn(&str) -> bool) -> Option<&'a Series> {
    let series = report.series.iter().filter(|series| series.name == name && is(&series.peer));
    series.max_by(|a, b| a.value.total_cmp(&b.value))
}

fn at_least(name: String, value: f64, unit: &str, target: f64) -> Check {
    Check::new(Place::Host, name, (value, unit), "", Bound::AtLeast, target)
}

/// Every promise, beside what `report` says.
pub fn checks(report: &Report) -> Vec<Check> {
    let mut checks = vec![mismatches(report)];
    // Of the sets that were measured.
    let measured = |case: &Case| report.series.iter().any(|series| series.name == oracle::name(*case));
    for (kind, targets) in KINDS {
        let cases = SIZES.map(|rules| Case { kind, rules }).into_iter().zip(targets);
        checks
            .extend(cases.filter(|(case, _)| measured(case)).flat_map(|(case, target)| lookups(report, case, target)));
    }
    for case in KINDS.map(|(kind, _)| Case { kind, rules: updates::RULES }).into_iter().filter(measured) {
        // Of the engine that is fastest at lookups: fast changes of a slow engine are no use.
        let engine = fastest(report, case);
        let value = report.series(Place::Host, &updates::name(case), &engine).map_or(f64::NAN, |series| series.value);
        checks.push(at_least(format!("{} ({engine})", updates::name(case)), value, RATE, 0.5));
    }
    checks
}

/// The engine with the greatest rate without a cache.
pub fn fastest(report: &Report, case: Case) -> String {
    let series = best(report, &rates::name(case, "uniform"), |peer| ENGINES.contains(&peer));
    series.map_or_else(String::new, |series| series.peer.clone())
}

fn mismatches(report: &Report) -> Check {
    let all: Vec<&Series> = report.series.iter().filter(|series| series.unit == HEADERS).collect();
    let sum = if all.is_empty() { f64::NAN } else { all.iter().map(|series| series.value).sum() };
    let name = format!("mismatches, all of {} runs over {} sets", all.len(), sets(report));
    Check::new(Place::Host, name, (sum, HEADERS), "", Bound::AtMost, 0.0)
}

fn sets(report: &Report) -> usize {
    Case::all().iter().filter(|case| report.series.iter().any(|series| series.name == oracle::name(**case))).count()
}

fn lookups(report: &Report, case: Case, target: f64) -> Vec<Check> {
    let uniform = rates::name(case, "uniform");
    let zipf = rates::name(case, "Zipf");
    let engine = fastest(report, case);
    let cached = format!("{engine}{CACHED}");
    let get = |name: &str, peer: &str| report.series(Place::Host, name, peer);
    let value = |name: &str, peer: &str| get(name, peer).map_or(f64::NAN, |series| series.value);
    let ratio = |name: &str| get(name, &cached).zip(get(name, &engine)).map_or(f64::NAN, |(a, b)| a.ratio(b));
    vec![
        at_least(format!("{uniform} ({engine})"), value(&uniform, &engine), RATE, target),
        at_least(format!("{zipf} ({cached})"), value(&zipf, &cached), RATE, 2.0 * target),
        at_least(format!("{uniform}: with / without a cache ({engine})"), ratio(&uniform), "×", 0.9),
    ]
}

/// What others reached.
pub fn published() -> Vec<Published> {
    let figures = [("acl", [15.7, 4.7, 4.0]), ("fw", [10.9, 6.7, 1.75]), ("ipc", [8.2, 3.4, 1.8])];
    let one = |kind: &str, rules: usize, value: f64| Published {
        peer: "TupleMerge".into(),
        name: format!("{kind} {}k, lookups", rules / 1000),
        value,
        unit: RATE.into(),
        source: "its authors' program, online, on a machine of this kind, ClassBench's own sets".into(),
        caution: "measured by the project earlier, elsewhere; headers one by one, other sets".into(),
    };
    figures
        .iter()
        .flat_map(|(kind, rates)| SIZES.iter().zip(rates).map(|(rules, rate)| one(kind, *rules, *rate)))
        .collect()
}
