//! The jobs.

mod boot;
mod classifier;
mod gate;
mod network;
mod swapper;
mod taken;

use crate::{
    report::{Check, Published, Report},
    series::Series,
};
use std::{error::Error, path::PathBuf};

/// How to run a job.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// A few samples only.
    pub quick: bool,
    /// Of the job `classifier`, these sets only; all, if none is named.
    pub only: Vec<String>,
    /// Samples that were taken elsewhere.
    pub samples: Option<PathBuf>,
}

/// What a job found.
pub struct Findings {
    /// How it measures.
    pub method: Vec<String>,
    /// Figures of others.
    pub published: Vec<Published>,
    /// What was measured.
    pub series: Vec<Series>,
}

/// What measures.
pub struct Job {
    /// Its name.
    pub name: &'static str,
    /// What it measures, in one line.
    pub summary: &'static str,
    /// Whether this program measures it; else it makes the report of samples that are given to it.
    pub measures: bool,
    /// Does it.
    pub run: fn(&Setting) -> Result<Findings, Box<dyn Error>>,
    /// Whether the image can do it too, in a virtual machine (`--guest`).
    pub in_guest: bool,
    /// What is promised, beside what a report says.
    pub checks: fn(&Report) -> Vec<Check>,
    /// The plots of its report: names and SVG documents.
    pub plots: fn(&Report) -> Vec<(&'static str, String)>,
    /// What the project's README says of its report, if it has a place for it.
    pub markdown: Option<fn(&Report) -> String>,
}

/// Every job.
pub const JOBS: &[Job] = &[
    Job {
        name: swapper::NAME,
        summary: "what a call of a swappable object costs, a swap, and the transfer of state",
        measures: true,
        run: swapper::run,
        in_guest: true,
        checks: swapper::checks,
        plots: swapper::plots,
        markdown: Some(swapper::markdown),
    },
    Job {
        name: gate::NAME,
        summary: "what the classifier costs a frame without rules",
        measures: true,
        run: gate::run,
        in_guest: false,
        checks: gate::checks,
        plots: |_| Vec::new(),
        markdown: None,
    },
    Job {
        name: network::NAME,
        summary: "the image beside a Linux guest: TCP, UDP, imperfect links, boot, swaps under load",
        measures: false,
        run: network::run,
        in_guest: false,
        checks: network::checks,
        plots: network::plots,
        markdown: Some(network::markdown),
    },
    Job {
        name: classifier::NAME,
        summary: "packet classification: mismatches, lookups, changes of rules",
        measures: true,
        run: classifier::run,
        in_guest: false,
        checks: classifier::checks,
        plots: classifier::plots,
        markdown: Some(classifier::markdown),
    },
    Job {
        name: boot::NAME,
        summary: "how soon the image answers a ping and what memory it takes, under QEMU and under uhyve",
        measures: false,
        run: boot::run,
        in_guest: false,
        checks: |_| Vec::new(),
        plots: |_| Vec::new(),
        markdown: None,
    },
];

/// The job of a name.
pub fn find(name: &str) -> Result<&'static Job, String> {
    let known = || JOBS.iter().map(|job| job.name).collect::<Vec<_>>().join(", ");
    let job = JOBS.iter().find(|job| job.name == name);
    job.ok_or_else(|| format!("there is no job {name:?}; the jobs are: {}", known()))
}
