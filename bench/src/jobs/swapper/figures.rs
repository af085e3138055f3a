//! What the plots show.

use crate::{
    plot::{Chart, Curve, Panel, Row},
    report::Report,
    series::Place,
    statistics::quantile,
};
use bench_jobs::{
    CONNECTIONS, Case, Kind, SUSPENSION, SWAP, Way,
    peers::{DIRECT, LOCKED, OURS},
};

/// Everyone whose calls are measured on the host, in the order of the report; who is only a measure, last.
pub fn peers(report: &Report) -> Vec<&str> {
    let name = Case::all(Kind::Null)[0].name();
    let of_case = report.series.iter().filter(|series| series.place == Place::Host && series.name == name);
    let mut peers: Vec<&str> = of_case.map(|series| series.peer.as_str()).collect();
    peers.sort_by_key(|peer| [DIRECT, LOCKED].contains(peer));
    peers
}

/// Null calls: a panel for each case, a row for each peer, host and guest in it.
pub fn panels(report: &Report) -> Vec<Panel> {
    let panel = |case: Case| {
        let name = case.name();
        let rows = peers(report).into_iter().map(|peer| {
            let of = |place| report.series(place, &name, peer).map(Into::into);
            Row { label: peer.into(), ours: peer == OURS, dots: [of(Place::Host), of(Place::Guest)] }
        });
        Panel { title: name.clone(), rows: rows.collect() }
    };
    Case::all(Kind::Null).into_iter().map(panel).collect()
}

/// Which fraction of the swaps took how long, on the host and in the guest.
pub fn swaps(report: &Report) -> Chart {
    let curve = |place: Place, (colour, name, label): (usize, &str, &str)| {
        let samples = report.series(place, name, OURS).map(|series| series.samples.concat())?;
        let points = (0..=200).map(|step| f64::from(step) / 200.0);
        let points = points.map(|rank| (quantile(&samples, rank) / 1e3, rank * 100.0)).collect();
        Some(Curve { name: format!("{place}: {label}"), points, marks: false, colour, dashed: place == Place::Guest })
    };
    let kinds =
        [(0, SWAP[0], "1 processor"), (1, SWAP[1], "2 processors"), (2, SUSPENSION, "longest suspended call, on 2")];
    let curves = [Place::Host, Place::Guest].into_iter().flat_map(|place| kinds.map(|kind| curve(place, kind)));
    Chart {
        title: "Null swaps under calls: how many took at most how long".into(),
        x: "microseconds".into(),
        y: "% of swaps".into(),
        logarithmic: (true, false),
        curves: curves.flatten().collect(),
    }
}

/// Time by the number of connections, on each of 2 processors at once.
pub fn transfers(report: &Report) -> Chart {
    let curve = |place: Place, (colour, way, name): (usize, Way, &str)| {
        let series = |connections| report.series(place, &way.name(2, connections), OURS);
        let point = |connections| Some((f64::from(connections), series(connections)?.value / 1e3));
        let points: Vec<_> = CONNECTIONS.into_iter().filter_map(point).collect();
        let name = format!("{place}: {name}");
        (!points.is_empty()).then(|| Curve { name, points, marks: true, colour, dashed: place == Place::Guest })
    };
    let ways = [(0, Way::Converted, "converted"), (1, Way::ByReference, "by reference")];
    let curves = [Place::Host, Place::Guest].into_iter().flat_map(|place| ways.map(|way| curve(place, way)));
    Chart {
        title: "A whole swap with state: reno to cubic, cubic to cubic-nofc".into(),
        x: "connections on each of 2 processors, moved at the same time".into(),
        y: "microseconds".into(),
        logarithmic: (true, true),
        curves: curves.flatten().collect(),
    }
}
