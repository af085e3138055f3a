//! What is promised of the swapper.

use super::peers::CACHE;
use crate::{
    report::{Bound, Check, Published, Report},
    series::Place,
};
use bench_jobs::{
    CONNECTIONS, Case, Kind, SUSPENSION, SWAP, Way,
    peers::{DIRECT, LOCKED, OURS, PLAIN},
};

/// Who is measured beside the others but not compared with in a promise.
pub const ASIDE: [&str; 3] = [DIRECT, LOCKED, CACHE];

/// Every promise, beside what `report` says: on the host, and in the guest if it was measured.
pub fn checks(report: &Report) -> Vec<Check> {
    let places = [Place::Host, Place::Guest].into_iter();
    places
        .filter(|place| report.series.iter().any(|series| series.place == *place))
        .flat_map(|p| at(report, p))
        .collect()
}

fn at(report: &Report, place: Place) -> Vec<Check> {
    let mut checks = calls(report, place);
    let mut at_most = |name: &str, value: f64, target: f64| {
        checks.push(Check::new(place, name.into(), (value / 1e3, "µs"), "", Bound::AtMost, target));
    };
    let value = |name: &str| report.series(place, name, OURS).map_or(f64::NAN, |series| series.value);
    at_most("null swap, 1 processor, median", value(SWAP[0]), 5.0);
    at_most("null swap, 2 processors serving calls, median", value(SWAP[1]), 20.0);
    at_most("longest suspended call, 2 processors, 99th percentile", value(SUSPENSION), 50.0);
    checks.extend(transfers(report, place));
    checks
}

/// Null calls beside each peer; beside `&dyn` at rest, chained ones too.
fn calls(report: &Report, place: Place) -> Vec<Check> {
    let mut checks = Vec::new();
    for case in [Kind::Null, Kind::Chained].into_iter().flat_map(Case::all) {
        let Some(ours) = report.series(place, &case.name(), OURS) else { continue };
        let of_case = report.series.iter().filter(|series| series.place == place && series.name == case.name());
        for series in of_case.filter(|series| series.peer != OURS && !ASIDE.contains(&series.peer.as_str())) {
            if series.peer == PLAIN {
                if !case.storm {
                    let name = format!("{}: swapper / peer", case.name());
                    checks.push(Check::new(place, name, (ours.ratio(series), "×"), PLAIN, Bound::AtMost, 1.10));
                }
            } else if case.kind == Kind::Null && (place == Place::Guest || series.peer != "spin::RwLock") {
                let name = format!("{}: peer / swapper", case.name());
                checks.push(Check::new(place, name, (series.ratio(ours), "×"), &series.peer, Bound::AtLeast, 5.0));
            }
        }
    }
    checks
}

fn transfers(report: &Report, place: Place) -> Vec<Check> {
    let mut checks = Vec::new();
    for processors in [1, 2] {
        let value = |way: Way, connections: u32| {
            report.series(place, &way.name(processors, connections), OURS).map_or(f64::NAN, |series| series.value)
        };
        let on = if processors == 1 { "1 processor" } else { "each of 2 processors" };
        let [one, .., most] = CONNECTIONS;
        // One connection pays for the whole swap: there is no share to speak of.
        for connections in CONNECTIONS.into_iter().filter(|&connections| connections > 1) {
            let name = format!("state converted, {connections} connections on {on}, for each");
            let time = value(Way::Converted, connections) / f64::from(connections);
            checks.push(Check::new(place, name, (time, "ns"), "", Bound::AtMost, 100.0));
        }
        let growth = value(Way::ByReference, most) / value(Way::ByReference, one);
        let name = format!("state by reference, time with {most} connections on {on} / with {one}");
        checks.push(Check::new(place, name, (growth, "×"), "", Bound::AtMost, 1.5));
    }
    checks
}

/// What others published of systems that exchange code in this way.
pub fn published() -> Vec<Published> {
    vec![Published {
        peer: "K42".into(),
        name: "null swap, idle".into(),
        value: 28.0,
        unit: "µs".into(),
        source: "Soules et al., System Support for Online Reconfiguration, USENIX ATC 2003".into(),
        caution:
            "from memory of the paper, on its hardware of that time: an order of magnitude, not to be quoted as exact"
                .into(),
    }]
}
