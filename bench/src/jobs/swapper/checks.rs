//! What is promised of the swapper.

use super::{
    calls::Case,
    peers::{OURS, PLAIN},
    swaps,
    transfer::{self, CONNECTIONS, Way},
};
use crate::report::{Bound, Check, Published, Report};

/// Every promise, beside what `report` says.
pub fn checks(report: &Report) -> Vec<Check> {
    let mut checks = calls(report);
    let mut at_most = |name: &str, value: f64, target: f64| {
        checks.push(Check::new(name.into(), (value / 1e3, "µs"), "", Bound::AtMost, target));
    };
    let value = |name: &str| report.series(name, swaps::PEER).map_or(f64::NAN, |series| series.value);
    at_most("null swap, 1 processor, median", value(swaps::SWAP[0]), 5.0);
    at_most("null swap, 2 processors serving calls, median", value(swaps::SWAP[1]), 20.0);
    at_most("longest suspended call, 2 processors, 99th percentile", value(swaps::SUSPENSION), 50.0);
    checks.extend(transfers(report));
    checks
}

fn calls(report: &Report) -> Vec<Check> {
    let mut checks = Vec::new();
    for case in Case::ALL {
        let Some(ours) = report.series(case.name(), OURS) else { continue };
        for series in report.series.iter().filter(|series| series.name == case.name() && series.peer != OURS) {
            if series.peer != PLAIN {
                let factor = series.ratio(ours);
                let name = format!("{}: peer / swapper", case.name());
                checks.push(Check::new(name, (factor, "×"), &series.peer, Bound::AtLeast, 5.0));
            } else if !case.storm {
                let name = format!("{}: swapper / peer", case.name());
                checks.push(Check::new(name, (ours.ratio(series), "×"), PLAIN, Bound::AtMost, 1.10));
            }
        }
    }
    checks
}

fn transfers(report: &Report) -> Vec<Check> {
    let value = |way: Way, connections: u32| {
        report.series(&way.name(connections), transfer::PEER).map_or(f64::NAN, |series| series.value)
    };
    let each = |connections: u32| {
        let name = format!("state converted, {connections} connections, for each");
        let time = value(Way::Converted, connections) / f64::from(connections);
        Check::new(name, (time, "ns"), "", Bound::AtMost, 100.0)
    };
    let [one, .., most] = CONNECTIONS;
    let growth = value(Way::ByReference, most) / value(Way::ByReference, one);
    // One connection pays for the whole swap: there is no share to speak of.
    let mut checks: Vec<Check> = CONNECTIONS.into_iter().filter(|&connections| connections > 1).map(each).collect();
    let name = format!("state by reference, time with {most} connections / with {one}");
    checks.push(Check::new(name, (growth, "×"), "", Bound::AtMost, 1.5));
    checks
}

/// What others published of systems that exchange code in this way.
pub fn published() -> Vec<Published> {
    vec![Published {
        peer: "K42",
        name: "null swap, idle",
        value: 28.0,
        unit: "µs",
        source: "Soules et al., System Support for Online Reconfiguration, USENIX ATC 2003",
        caution: "from memory of the paper, on its hardware of that time: an order of magnitude, not to be quoted as exact",
    }]
}
