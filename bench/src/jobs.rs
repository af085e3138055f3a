//! The jobs.

mod network;
mod swapper;

use crate::report::Report;
use std::{error::Error, path::PathBuf};

/// How to run a job.
#[derive(Clone, Debug)]
pub struct Setting {
    /// A few samples only.
    pub quick: bool,
    /// Samples that were taken elsewhere.
    pub samples: Option<PathBuf>,
}

/// What measures.
pub struct Job {
    /// Its name.
    pub name: &'static str,
    /// What it measures, in one line.
    pub summary: &'static str,
    /// Whether this program measures it; else it makes the report of samples that are given to it.
    pub measures: bool,
    /// Does it. The environment is filled in by the caller.
    pub run: fn(&Setting) -> Result<Report, Box<dyn Error>>,
    /// The plots of its report: names and SVG documents.
    plots: fn(&Report) -> Vec<(&'static str, String)>,
}

/// Every job.
pub const JOBS: &[Job] = &[
    Job {
        name: swapper::NAME,
        summary: "what a call of a swappable object costs, a swap, and the transfer of state",
        measures: true,
        run: swapper::run,
        plots: swapper::plots,
    },
    Job {
        name: network::NAME,
        summary: "the image beside a Linux guest: TCP, UDP, imperfect links, boot, swaps under load",
        measures: false,
        run: network::run,
        plots: network::plots,
    },
];

/// The plots of a report.
pub fn plots(report: &Report) -> Vec<(&'static str, String)> {
    JOBS.iter().find(|job| job.name == report.job).map(|job| (job.plots)(report)).unwrap_or_default()
}
