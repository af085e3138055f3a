use super::{Bound, Check, Report};
use crate::{
    environment::Environment,
    series::{Place, Series},
};
use bench_jobs::Within;

fn check(bound: Bound, value: f64) -> bool {
    Check::new(Place::Host, "name".into(), (value, "ns"), "peer", bound, 10.0).holds
}

#[test]
fn a_check_holds_on_its_side_of_the_bound() {
    assert!(check(Bound::AtMost, 10.0) && !check(Bound::AtMost, 10.1));
    assert!(check(Bound::AtLeast, 10.0) && !check(Bound::AtLeast, 9.9));
}

#[test]
fn what_was_not_measured_does_not_hold() {
    assert!(!check(Bound::AtMost, f64::NAN) && !check(Bound::AtLeast, f64::NAN));
}

#[test]
fn the_json_object_carries_every_sample_and_comes_back_whole() {
    let series =
        |peer: &str, samples| Series::new((Place::Guest, "call", peer), "ns", Within::Minimum, samples, String::new());
    let report = Report {
        job: "job".into(),
        method: vec!["as it is".into()],
        environment: Environment::default(),
        checks: vec![Check::new(Place::Host, "fast".into(), (f64::NAN, "ns"), "", Bound::AtMost, 2.0)],
        published: Vec::new(),
        series: vec![series("a peer", vec![vec![1.0, 2.0], vec![3.0]]), series("nobody", vec![vec![]])],
    };
    let json = report.json().unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["series"][0]["samples"], serde_json::json!([[1.0, 2.0], [3.0]]));
    assert_eq!(value["series"][0]["where"], "guest");
    assert_eq!(value["checks"][0]["holds"], false);
    assert_eq!(value["checks"][0]["bound"], "at-most");
    assert!(value["environment"]["kernel"].is_string());
    let back: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(back.json().unwrap(), json);
    assert!(back.checks[0].value.is_nan() && back.series[1].value.is_nan());
}
