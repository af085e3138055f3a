use super::{NAME, cases, checks, markdown, oracle, plots, run};
use crate::{environment::Environment, jobs::Setting, report::Report};
use protocols::classification::{Engine, Header, Linear, generate::headers};

/// The oracle of the job is held to the linear engine for every header, not only a sample.
#[test]
fn the_oracle_is_what_the_linear_engine_is() {
    for case in cases::Case::all().into_iter().filter(|case| case.rules == 1000) {
        let rules = case.generate();
        let (table, _) = cases::table(&rules);
        let mut linear = Linear::new();
        table.iter().for_each(|(id, entry)| linear.insert(id, entry));
        let headers: Vec<Header> = headers(&rules, 3000, 5);
        let due: Vec<_> = headers.iter().map(|header| linear.lookup(header)).collect();
        assert!(oracle::first_matches(&table, &headers) == due, "{}", case.name());
    }
}

#[test]
fn a_quick_run_finds_no_mismatch_and_can_be_told() {
    let findings = run(&Setting { quick: true, ..Setting::default() }).expect("it measures");
    let mut report = Report {
        job: NAME.into(),
        method: findings.method,
        environment: Environment::default(),
        checks: Vec::new(),
        published: findings.published,
        series: findings.series,
    };
    report.checks = checks(&report);
    assert!(report.checks[0].holds, "{:?}", report.checks[0]);
    assert!(markdown(&report).contains("acl 1k"));
    assert_eq!(plots(&report).len(), 1);
}
