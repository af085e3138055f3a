use super::{NAME, plots, run};
use crate::jobs::Setting;

/// Whether the promises hold is for a machine at rest to say; here, that each is measured, and shown.
#[test]
fn a_quick_run_measures_every_promise() {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        // The job says so and refuses.
        assert!(run(&Setting { quick: true, samples: None }).is_err());
        return;
    }
    let report = run(&Setting { quick: true, samples: None }).unwrap();
    assert_eq!(report.job, NAME);
    // Four conditions with six peers that exchange; `&dyn` at rest; three of swaps; two converted and one by reference.
    assert_eq!(report.checks.len(), 4 * 6 + 2 + 3 + 3);
    for check in &report.checks {
        assert!(check.value.is_finite() && check.value > 0.0, "{check:?}");
    }
    for (name, text) in plots(&report) {
        assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"), "{name}");
        assert!(!text.contains("NaN"), "{name}");
    }
}
