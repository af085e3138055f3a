use super::{NAME, Setting, checks, markdown, plots, run};
use crate::{environment::Environment, report::Report};

/// A report of these samples.
fn report(name: &str, text: &str) -> Report {
    let file = std::env::temp_dir().join(format!("{}-{name}", std::process::id()));
    std::fs::write(&file, text).expect("the directory for build products can be written");
    let found =
        run(&Setting { quick: true, samples: Some(file), ..Setting::default() }).expect("the samples are well-formed");
    let mut report = Report {
        job: NAME.into(),
        method: found.method,
        environment: Environment::default(),
        checks: Vec::new(),
        published: found.published,
        series: found.series,
    };
    report.checks = checks(&report);
    report
}

#[test]
fn a_ratio_is_checked_against_its_target() {
    let series = |peer: &str, samples: &str| {
        format!(
            r#"{{"name":"TCP in, 1 stream, offloads","peer":"{peer}","unit":"Mbit/s","note":"","samples":{samples}}}"#
        )
    };
    let text = format!(
        r#"{{"bulk":{{"commit":"abc","date":"today","series":[{},{}]}}}}"#,
        series("midflight", "[30, 41, 20]"),
        series("linux", "[10, 10, 10]")
    );
    let report = report("network-ratio.json", &text);
    let [check] = &report.checks[..] else { panic!("{:?}", report.checks) };
    assert_eq!((check.value, check.holds, check.peer.as_str()), (3.0, true, "linux"));
    let line = "| TCP in, 1 stream, offloads | 30 Mbit/s | 10 Mbit/s | 3.00 | at least 2 | yes |";
    assert!(markdown(&report).contains(line), "{}", markdown(&report));
    assert!(report.method.contains(&"bulk: today, commit abc".into()));
    let (name, svg) = &plots(&report)[0];
    assert!(*name == "ratios" && svg.contains("TCP in, 1 stream, offloads"));
}

#[test]
fn a_bound_of_nothing_holds_only_if_no_sample_breaks_it() {
    let text = r#"{"swaps":{"commit":"","date":"","series":[{"name":"segments sent again, a swap every 100 ms","peer":"midflight","unit":"","note":"","samples":[0,0,7]}]}}"#;
    let report = report("network-nothing.json", text);
    assert_eq!((report.checks[0].value, report.checks[0].holds), (7.0, false));
}

#[test]
fn what_was_taken_in_pairs_is_judged_by_the_pairs_and_shows_how_sure_that_is() {
    // The machine gets slower all the time; within each pair there is one per cent between the two, or none.
    let base: Vec<f64> = (0..20).map(|pair| 20_000.0 - 700.0 * f64::from(pair)).collect();
    let with: Vec<f64> = base.iter().enumerate().map(|(at, value)| value * [0.99, 1.0][at % 2]).collect();
    let series = |name: &str, samples: &[f64]| {
        format!(r#"{{"name":"{name}","peer":"midflight","unit":"Mbit/s","note":"","samples":{samples:?}}}"#)
    };
    let text = format!(
        r#"{{"swaps":{{"commit":"","date":"","series":[{},{}]}}}}"#,
        series("TCP out, 1 stream, a swap every 100 ms", &with),
        series("TCP out, 1 stream, without swaps", &base)
    );
    let report = report("network-swaps.json", &text);
    let [check] = &report.checks[..] else { panic!("{:?}", report.checks) };
    assert_eq!((check.interval, check.holds), (Some((0.99, 1.0)), true));
    assert!((0.99..=1.0).contains(&check.value), "{check:?}");
    let line = markdown(&report);
    assert!(line.contains("(0.990–1.000) | at least 0.99 | yes |"), "{line}");
}

#[test]
fn two_processors_are_compared_with_one_of_the_same_guest() {
    let series = |peer: &str, count: &str, samples: &str| {
        format!(r#"{{"name":"TCP requests, {count}","peer":"{peer}","unit":"/s","note":"","samples":{samples}}}"#)
    };
    let judged = |two: &str| {
        let all = [
            series("midflight", "1 processor", "[10, 10, 10, 10, 10, 10]"),
            series("midflight", "2 processors", two),
            series("midflight", "1 processor, busiest processor", "[0.41, 0.42, 0.43]"),
            series("midflight", "2 processors of 2 pairs", "[8, 8, 8, 8, 8, 8]"),
            series("midflight", "2 processors, idle meanwhile", "[0.25, 0.25]"),
            series("linux", "1 processor", "[10, 10]"),
            series("linux", "2 processors", "[5, 5]"),
        ];
        let text = format!(r#"{{"processors":{{"commit":"","date":"","series":[{}]}}}}"#, all.join(","));
        let report = report("network-processors.json", &text);
        let [check] = &report.checks[..] else { panic!("{:?}", report.checks) };
        let text = markdown(&report);
        let pairs = "| TCP requests, 2 processors of 2 pairs by 1 |  |  | 0.800 (0.800–0.800) | none |  |";
        assert!(text.contains(pairs), "{text}");
        (check.holds, text)
    };
    // Mostly slower, and yet not surely.
    let (holds, text) = judged("[9.5, 9.5, 9.5, 9.5, 9.8, 10.1]");
    assert!(
        holds
            && text
                .contains("| TCP requests, 2 processors by 1 | 0.25 cores idle, 1 was busy for 42 % | 0.50 × | 0.950 (0.950–1.010) | at least 1 | yes |"),
        "{text}"
    );
    let (holds, text) = judged("[9.5, 9.5, 9.5, 9.5, 9.8, 9.9]");
    assert!(!holds && text.contains("| 0.950 (0.950–0.990) | at least 1 | **no** |"), "{text}");
}

#[test]
fn a_pair_for_each_processor_is_judged_where_the_host_has_the_cores() {
    let series = |load: &str, machine: &str, samples: &str| {
        format!(r#"{{"name":"{load}, {machine}","peer":"midflight","unit":"/s","note":"","samples":{samples}}}"#)
    };
    let loads = ["TCP requests", "TCP requests, slow cores", "TCP in, 4 streams of 2 Gbit/s"];
    let machines = [("1 processor", "[9, 9, 9, 9, 9, 9]"), ("2 processors of 2 pairs", "[8, 8, 8, 8, 8, 8]")];
    let all: Vec<_> =
        loads.iter().flat_map(|load| machines.map(|(machine, samples)| series(load, machine, samples))).collect();
    let text = format!(r#"{{"processors":{{"commit":"","date":"","series":[{}]}}}}"#, all.join(","));
    let report = report("network-pairs.json", &text);
    let judged: Vec<_> = report.checks.iter().map(|check| (check.name.as_str(), check.holds)).collect();
    let [paced, slow] = ["TCP in, 4 streams of 2 Gbit/s", "TCP requests, slow cores"]
        .map(|load| format!("{load}, 2 processors of 2 pairs by 1"));
    assert_eq!(judged, [(paced.as_str(), false), (slow.as_str(), false)]);
}

#[test]
fn lending_is_judged_by_what_costs_less_on_each_machine() {
    let series = |name: &str, samples: &str| {
        format!(r#"{{"name":"{name}","peer":"midflight","unit":"Mbit/s","note":"","samples":{samples}}}"#)
    };
    let all = [
        series("TCP out, 1 stream, offloads, read in place", "[12, 12, 12, 12, 12, 12]"),
        series("TCP out, 1 stream, offloads, copied", "[10, 10, 10, 10, 10, 10]"),
        series("TCP out, 4 streams, no offloads, read in place", "[9, 9, 9, 9, 9, 9]"),
        series("TCP out, 4 streams, no offloads, copied", "[8, 8, 8, 8, 8, 8]"),
    ];
    let text = format!(r#"{{"lending":{{"commit":"","date":"","series":[{}]}}}}"#, all.join(","));
    let report = report("network-lending.json", &text);
    let [large, single] = &report.checks[..] else { panic!("{:?}", report.checks) };
    assert_eq!((large.value, large.holds), (1.2, true));
    assert_eq!((single.value, single.holds), (0.889, false), "single segments are copied though that is slower");
}

#[test]
fn without_samples_there_is_no_report() {
    assert!(run(&Setting { quick: true, ..Setting::default() }).is_err());
}
