//! Samples that were taken by `cargo xtask`, because that takes virtual machines and network namespaces; here they become a report.

use super::Setting;
use crate::series::{Place, Series};
use bench_jobs::Within;
use serde::Deserialize;
use std::{collections::BTreeMap, error::Error, fs};

/// One series as it was taken.
#[derive(Deserialize)]
struct Taken {
    name: String,
    peer: String,
    unit: String,
    note: String,
    samples: Vec<f64>,
}

/// The series of a suite.
#[derive(Deserialize)]
struct Suite {
    commit: String,
    date: String,
    series: Vec<Taken>,
}

/// Reads the samples of the job `name`: when each suite was measured, a line for each, and all series.
pub fn read(setting: &Setting, name: &str) -> Result<(Vec<String>, Vec<Series>), Box<dyn Error>> {
    let file = setting.samples.as_ref();
    let file = file.ok_or_else(|| format!("this job's samples are taken by `cargo xtask bench {name}`"))?;
    let text = fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let suites: BTreeMap<String, Suite> = serde_json::from_str(&text)?;
    let when = suites.iter().map(|(name, suite)| format!("{name}: {}, commit {}", suite.date, suite.commit)).collect();
    Ok((when, suites.into_values().flat_map(|suite| suite.series).map(series).collect()))
}

fn series(taken: Taken) -> Series {
    let samples = taken.samples.into_iter().map(|sample| vec![sample]).collect();
    Series::new((Place::Guest, &taken.name, &taken.peer), &taken.unit, Within::Median, samples, taken.note)
}
