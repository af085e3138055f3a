//! What the project's README says: every figure in it comes from the report.

use super::{checks::ASIDE, figures::peers};
use crate::{
    report::{Bound, Check, Report},
    series::{Place, Series},
};
use bench_jobs::{
    Case, EXCHANGE, Kind, SUSPENSION, SWAP,
    peers::{DIRECT, LOCKED, OURS, PLAIN},
};
use std::fmt::Write;

const NULL: [Case; 4] = Case::all(Kind::Null);
const CHAINED: [Case; 4] = Case::all(Kind::Chained);

/// The section.
pub fn markdown(report: &Report) -> String {
    [machine(report), calls(report), verdict(report), promises(report), rest(report)].concat()
}

fn machine(report: &Report) -> String {
    let environment = &report.environment;
    let load = environment.load_before.split(' ').next().unwrap_or_default();
    let virtualised = if environment.virtualised { ", itself a virtual machine" } else { "" };
    let mut text = format!(
        "Host: {}, {} cores{virtualised}, {}, {}, load {load} before the run.\n",
        environment.cpu, environment.cores, environment.kernel, environment.rustc
    );
    if let Some(guest) = &environment.guest {
        let how =
            if guest.is_translated() { "TCG, QEMU's translator: its ratios count, its times do not" } else { "by KVM" };
        let _ = writeln!(
            text,
            "Guest: the image itself, booted with `bench=swapper` on the same machine, {}, {} processors, {how}.",
            guest.qemu, guest.processors
        );
    }
    let rounds = |place, name: &str| report.series(place, name, OURS).map_or(0, |series| series.samples.len());
    let rounds = |place| [&NULL[0].name(), SWAP[0]].map(|name| rounds(place, name).to_string()).join(" and ");
    let _ = writeln!(
        text,
        "Medians of {} rounds (calls, swaps), in the guest of {}; in brackets the quartiles.\n",
        rounds(Place::Host),
        rounds(Place::Guest)
    );
    text
}

/// The table of calls and its plot.
fn calls(report: &Report) -> String {
    let mut text = String::from(
        "A call, in nanoseconds. A *null call* does nothing, and no call needs anything of another, so it costs what the way to the method takes \
         of a processor: the promises are about this. *Chained* calls each need the result of the one before. *In a storm* the \
         object is exchanged up to 10,000 times a second, and all of the processor's time counts:\n\n\
         | | 1 processor | 2 processors | 1, in a storm | 2, in a storm | chained, 1 | guest, 1 | guest, 2 | guest, 2, in a storm |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    let columns = NULL.map(|case| (Place::Host, case)).into_iter().chain([
        (Place::Host, CHAINED[0]),
        (Place::Guest, NULL[0]),
        (Place::Guest, NULL[1]),
        (Place::Guest, NULL[3]),
    ]);
    let columns: Vec<_> = columns.collect();
    for peer in peers(report) {
        let cells = columns.iter().map(|(place, case)| {
            let series = report.series(*place, &case.name(), peer);
            series.map_or("–".into(), |series| match place {
                Place::Host => format!("{:.2} ({:.2}–{:.2})", series.value, series.low, series.high),
                Place::Guest => format!("{:.1}", series.value),
            })
        });
        let cells: Vec<String> = cells.collect();
        let name = if peer == OURS { format!("**{peer}**") } else { format!("`{peer}`") };
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    text + "\n![null calls](bench/results/swapper-calls.svg)\n\n"
}

/// What the calls come to.
fn verdict(report: &Report) -> String {
    let beside_plain = |place: Place, case: Case| {
        let series = |peer| report.series(place, &case.name(), peer);
        series(OURS).zip(series(PLAIN)).map_or(f64::NAN, |(ours, plain)| ours.ratio(plain))
    };
    let mut text = format!(
        "A call costs {:.2} times a `&dyn` call on 1 processor and {:.2} times on 2 (chained {:.2} and {:.2}; promised: at most 1.10)",
        beside_plain(Place::Host, NULL[0]),
        beside_plain(Place::Host, NULL[1]),
        beside_plain(Place::Host, CHAINED[0]),
        beside_plain(Place::Host, CHAINED[1]),
    );
    if report.environment.guest.is_some() {
        let [one, two] = [0, 1].map(|case: usize| beside_plain(Place::Guest, NULL[case]));
        let _ = write!(text, ", in the guest {one:.2} and {two:.2}");
    }
    let Some(plain) = report.series(Place::Host, &NULL[0].name(), PLAIN) else { return text };
    let (least, most) = extremes(compared(report).map(|series| (series.difference(plain), series.peer.as_str())));
    let ours = report.series(Place::Host, &NULL[0].name(), OURS).map_or(f64::NAN, |ours| ours.difference(plain));
    let _ = writeln!(
        text,
        ".\nTo a `&dyn` call on 1 processor at rest the swapper adds {ours:.2} ns, the peers {:.2} (`{}`) to {:.2} (`{}`).",
        least.0, least.1, most.0, most.1
    );
    let checks = five_times(report, Place::Host);
    let (least, most) =
        extremes(checks.iter().map(|check| check.value).zip(checks.iter().map(|check| check.peer.as_str())));
    let _ = writeln!(
        text,
        "A null call of the peers takes {:.1} (`{}`) to {:.1} (`{}`) times as long. *At least 5 times each* was the aim: it holds in {} of {} comparisons.",
        least.0,
        least.1,
        most.0,
        most.1,
        checks.iter().filter(|check| check.holds).count(),
        checks.len()
    );
    let value = |place, peer| report.series(place, &NULL[0].name(), peer).map_or(f64::NAN, |series| series.value);
    let (direct, locked) = (value(Place::Host, DIRECT), value(Place::Host, LOCKED));
    let bound = |count: f64| (direct + count * locked) / direct;
    let _ = writeln!(
        text,
        "The processor sets the limit: in the same run a direct call of an empty function took {direct:.2} ns and one uncontended locked instruction \
         {locked:.2} ns, so a call of any kind is at most {:.1} times faster than a reader with one locked instruction and {:.1} times than one \
         with two; most of the peers execute one or two.",
        bound(1.0),
        bound(2.0)
    );
    if report.environment.guest.is_some() {
        let checks = five_times(report, Place::Guest);
        let _ = writeln!(
            text,
            "In the guest, where a direct call took {:.1} ns and a locked instruction {:.1} ns, it holds in {} of {}.",
            value(Place::Guest, DIRECT),
            value(Place::Guest, LOCKED),
            checks.iter().filter(|check| check.holds).count(),
            checks.len()
        );
    }
    text + "`arc-swap`'s `Cache` needs none, but its writer never learns when callers have left the old object. In the guest `spin::RwLock` stands \
            for `RwLock`; `left-right` needs the standard library, `arc-swap` and `seize` its thread-locals.\n\n"
}

/// The comparisons with peers there.
fn five_times(report: &Report, place: Place) -> Vec<&Check> {
    report.checks.iter().filter(|check| check.place == place && check.bound == Bound::AtLeast).collect()
}

/// Series that are compared with ours on 1 processor at rest.
fn compared(report: &Report) -> impl Iterator<Item = &Series> {
    let name = NULL[0].name();
    let apart = [OURS, PLAIN, "spin::RwLock"];
    let of_case = report.series.iter().filter(move |series| series.place == Place::Host && series.name == name);
    of_case.filter(move |series| !apart.contains(&series.peer.as_str()) && !ASIDE.contains(&series.peer.as_str()))
}

/// The least and the greatest, and whose they are.
fn extremes<'a>(values: impl Iterator<Item = (f64, &'a str)>) -> ((f64, &'a str), (f64, &'a str)) {
    let by = |a: &(f64, &str), b: &(f64, &str)| a.0.total_cmp(&b.0);
    let none = (f64::NAN, "");
    let values: Vec<(f64, &str)> = values.collect();
    let (least, most) = (values.iter().copied().min_by(by), values.iter().copied().max_by(by));
    (least.unwrap_or(none), most.unwrap_or(none))
}

/// The table of the other promises, and their plots.
fn promises(report: &Report) -> String {
    let mut text = String::from("| | host | guest | promised |\n|---|---|---|---|\n");
    for check in report.checks.iter().filter(|check| check.place == Place::Host && check.peer.is_empty()) {
        let guest = report.checks.iter().find(|other| other.place == Place::Guest && other.name == check.name);
        let figure = |check: &Check| format!("{:.2} {}", check.value, check.unit);
        let bound = if check.bound == Bound::AtMost { "at most" } else { "at least" };
        let mark = if check.holds { "" } else { " (**not reached**)" };
        let (here, there) = (figure(check), guest.map_or("–".into(), figure));
        let _ = writeln!(text, "| {} | {here}{mark} | {there} | {bound} {} {} |", check.name, check.target, check.unit);
    }
    text + "\n![swaps](bench/results/swapper-swaps.svg)\n\n![transfer](bench/results/swapper-transfer.svg)\n\n"
}

/// What has to be said beside it.
fn rest(report: &Report) -> String {
    let series = |name: &str| report.series(Place::Host, name, OURS);
    let worst = |name: &str| series(name).map_or(f64::NAN, |series| series.maximum / 1e3);
    let (rounds, swaps) =
        series(SWAP[1]).map_or((0, 0), |series| (series.samples.len(), series.samples.concat().len()));
    let mut text = format!(
        "The worst of {swaps} swaps on 2 processors took {:.1} µs, the worst suspended call waited {:.1} µs: nobody keeps the operating system \
         or the hypervisor from taking a processor away meanwhile. The 99th percentile is the median over {rounds} rounds of {} swaps.",
        worst(SWAP[1]),
        worst(SUSPENSION),
        swaps.checked_div(rounds).unwrap_or_default()
    );
    for published in &report.published {
        let _ = write!(
            text,
            " For scale: {}'s {} is remembered as about {} {} ({}; {}).",
            published.peer, published.name, published.value, published.unit, published.source, published.caution
        );
    }
    let exchanges = report.series.iter().filter(|series| series.place == Place::Host && series.name == EXCHANGE);
    let exchanges = exchanges.map(|series| format!("`{}` {:.0} ns", series.peer, series.value));
    let exchanges: Vec<String> = exchanges.collect();
    let _ = writeln!(
        text,
        "\nAn exchange by the peers under the same calls, which moves no state and mostly does not wait for old calls to end: {}.",
        exchanges.join(", ")
    );
    text
}
