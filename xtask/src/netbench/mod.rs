//! `cargo xtask bench network`: the image beside a Linux guest on the same QEMU, host and kind of TAP, in the same run.
//!
//! What is taken here is kept as samples; the job `network` of `bench/` makes the report of them, as of every job.

mod bulk;
mod cores;
mod lending;
mod linux;
mod lossy;
mod machine;
mod one_way;
mod pair;
mod processors;
pub mod quiet;
pub mod record;
mod rules;
mod slow;
mod small;
mod suites;
mod swaps;
mod turns;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};

pub use linux::command as linux_command;
use pair::Parts;
use record::Records;
use suites::{Amount, ROUNDS, SECONDS, SUITES};

use crate::{Usage, cleanup, paths, ui};

/// The job's name.
pub const NAME: &str = "network";

/// Where samples are kept between runs.
pub fn samples() -> PathBuf {
    paths::target().join("netbench/samples.json")
}

/// Lists the suites.
pub fn list() {
    let amount = Amount { rounds: ROUNDS, seconds: SECONDS };
    for suite in SUITES {
        println!("    {:12} {} (about {:.1} min)", suite.name, suite.what, amount.minutes(suite));
    }
    let all: f64 = SUITES.iter().map(|suite| amount.minutes(suite)).sum();
    println!("    all of them take about {all:.0} min with --rounds {ROUNDS} on a quiet host");
}

/// Fails unless all of `only` name suites.
pub fn known(only: &[String]) -> Result<()> {
    let Some(unknown) = only.iter().find(|name| SUITES.iter().all(|suite| suite.name != name.as_str())) else {
        return Ok(());
    };
    let names: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
    Err(Usage(format!("network has no suite {unknown}; there are {}", names.join(", "))).into())
}

/// Measures the suites named in `only`, or all. What a suite has measured so far is kept if it fails or is ended early; figures that it did not
/// get to keep the samples of an earlier run.
pub fn measure(only: &[String], quick: bool, rounds: Option<usize>) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        bail!("the guests' TAPs and network namespaces need root: run this as root");
    }
    let amount = match quick {
        true => Amount { rounds: rounds.unwrap_or(1), seconds: 1 },
        false => Amount { rounds: rounds.unwrap_or(ROUNDS), seconds: SECONDS },
    };
    let parts = Parts::provide()?;
    let selected: Vec<_> =
        SUITES.iter().filter(|suite| only.is_empty() || only.iter().any(|name| name == suite.name)).collect();
    let mut failed = Vec::new();
    for (number, suite) in selected.iter().enumerate() {
        let left: f64 = selected[number..].iter().map(|suite| amount.minutes(suite)).sum();
        let own = amount.minutes(suite);
        let place = format!("[{}/{}]", number + 1, selected.len());
        ui::step(&format!("{place} {}: {} (about {own:.1} min; {left:.0} min to the end)", suite.name, suite.what));
        let began = Instant::now();
        let mut records = Records::new(&samples(), suite.name, amount.rounds)?;
        match (suite.run)(&parts, amount, &mut records) {
            Ok(()) => records.keep(true)?,
            Err(error) => {
                cleanup::park_if_interrupted();
                ui::note(&format!("{} failed: {error:#}", suite.name));
                failed.push(suite.name);
                records.keep(false)?;
            }
        }
        ui::note(&format!("{} took {}", suite.name, ui::seconds(began.elapsed())));
    }
    if !failed.is_empty() {
        return Err(anyhow::anyhow!("{} failed", failed.join(", "))).context("not everything could be measured");
    }
    Ok(())
}
