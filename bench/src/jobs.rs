//! The jobs.

mod swapper;

use crate::report::Report;
use std::error::Error;

/// How to run a job.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// A few samples only.
    pub quick: bool,
}

/// What measures.
pub struct Job {
    /// Its name.
    pub name: &'static str,
    /// What it measures, in one line.
    pub summary: &'static str,
    /// Does it. The environment is filled in by the caller.
    pub run: fn(&Setting) -> Result<Report, Box<dyn Error>>,
    /// The plots of its report: names and SVG documents.
    plots: fn(&Report) -> Vec<(&'static str, String)>,
}

/// Every job.
pub const JOBS: &[Job] = &[Job {
    name: swapper::NAME,
    summary: "what a call of a swappable object costs, a swap, and the transfer of state",
    run: swapper::run,
    plots: swapper::plots,
}];

/// The plots of a report.
pub fn plots(report: &Report) -> Vec<(&'static str, String)> {
    JOBS.iter().find(|job| job.name == report.job).map(|job| (job.plots)(report)).unwrap_or_default()
}
