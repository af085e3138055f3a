use super::{NAME, checks, markdown, plots, run};
use crate::{environment::Environment, jobs::Setting, report::Report};

/// Whether the promises hold is for a machine at rest to say; here, that each is measured, and shown.
#[test]
fn a_quick_run_measures_every_promise() {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        // The job says so and refuses.
        assert!(run(&Setting { quick: true, ..Setting::default() }).is_err());
        return;
    }
    let found = run(&Setting { quick: true, ..Setting::default() }).unwrap();
    let (job, method, environment) = (NAME.into(), found.method, Environment::default());
    let mut report =
        Report { job, method, environment, checks: Vec::new(), published: found.published, series: found.series };
    report.checks = checks(&report);
    // Four conditions with six peers that exchange; two kinds of calls beside `&dyn` on 1 and 2 processors; three of swaps; of
    // transfers on 1 and on 2 processors two converted and one by reference.
    assert_eq!(report.checks.len(), 4 * 6 + 2 * 2 + 3 + 2 * 3);
    for check in &report.checks {
        assert!(check.value.is_finite() && check.value > 0.0, "{check:?}");
    }
    for (name, text) in plots(&report) {
        assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"), "{name}");
        assert!(!text.contains("NaN"), "{name}");
    }
    assert!(!markdown(&report).contains("NaN"));
}
