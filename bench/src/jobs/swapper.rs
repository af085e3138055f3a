//! The swapper: calls, null swaps, transfer of state.

mod adder;
mod calls;
mod checks;
mod exchanges;
mod peers;
mod swaps;
mod transfer;

use super::Setting;
use crate::{environment::Environment, plot, report::Report};
use std::{error::Error, thread};

/// The job's name.
pub const NAME: &str = "swapper";

/// Measures all of it.
pub fn run(setting: &Setting) -> Result<Report, Box<dyn Error>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    if cores < 2 {
        return Err("this job needs 2 cores: what it measures on 2 processors would be the scheduler".into());
    }
    let mut series = calls::measure(setting);
    series.extend(swaps::measure(setting));
    series.extend(exchanges::measure(setting));
    series.extend(transfer::measure(setting));
    let mut report = Report {
        job: NAME,
        method: [calls::METHOD, swaps::METHOD, exchanges::METHOD, transfer::METHOD]
            .concat()
            .iter()
            .map(ToString::to_string)
            .collect(),
        environment: Environment::default(),
        checks: Vec::new(),
        published: checks::published(),
        series,
    };
    report.checks = checks::checks(&report);
    Ok(report)
}

/// The plots of the README.
pub fn plots(report: &Report) -> Vec<(&'static str, String)> {
    vec![
        ("calls", plot::dots("A call, in nanoseconds (less is better)", &calls::panels(report))),
        ("swaps", plot::lines(&swaps::chart(report))),
        ("transfer", plot::lines(&transfer::chart(report))),
    ]
}

#[cfg(test)]
mod tests;
