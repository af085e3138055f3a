//! Samples as they are taken, and the file that keeps them until the report is made of them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::pair::Who;
use super::quiet::Sample;
use crate::{command, paths, ui};

/// The samples of one suite.
#[derive(Default)]
pub struct Records {
    /// By what is measured and by whom: unit, samples, of which clean.
    series: BTreeMap<(String, &'static str), Series>,
}

#[derive(Default)]
struct Series {
    unit: &'static str,
    samples: Vec<f64>,
    clean: usize,
    guest: Vec<f64>,
}

impl Records {
    /// One more sample of `name` by `who`.
    pub fn add(&mut self, name: &str, who: Who, unit: &'static str, sample: &Sample<f64>) {
        let series = self.series.entry((name.to_owned(), who.name())).or_default();
        series.unit = unit;
        series.samples.push(sample.value);
        series.clean += usize::from(sample.is_clean());
        series.guest.push(sample.guest);
        let noise =
            if sample.is_clean() { String::new() } else { format!(" (others used {:.2} cores)", sample.others) };
        ui::note(&format!("{name}, {}: {:.5} {unit}{noise}", who.name(), sample.value));
    }

    /// One more sample that no load of the host changes.
    pub fn add_exact(&mut self, name: &str, who: Who, unit: &'static str, value: f64) {
        self.add(name, who, unit, &Sample { value, others: 0.0, guest: 0.0 });
    }

    /// As JSON: one object a series.
    pub fn json(&self) -> Value {
        let series = self.series.iter().map(|((name, peer), series)| {
            let note = format!(
                "{} of {} clean, {:.2} cores used by the guest's process",
                series.clean,
                series.samples.len(),
                series.guest.iter().sum::<f64>() / series.guest.len().max(1) as f64
            );
            json!({ "name": name, "peer": peer, "unit": series.unit, "note": note, "samples": series.samples })
        });
        Value::Array(series.collect())
    }
}

/// Puts the suite's samples into `file` in place of those that an earlier run took.
pub fn keep(file: &Path, suite: &str, records: &Records) -> Result<()> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut all: Value = serde_json::from_str(&text).unwrap_or_else(|_| json!({}));
    let mut git = command::tethered("git");
    git.current_dir(paths::root()).args(["describe", "--always", "--dirty"]);
    // In an archive without Git there is no commit to name.
    let commit = command::output(&mut git).unwrap_or_default();
    let date = command::output(command::tethered("date").args(["-u", "+%Y-%m-%dT%H:%MZ"]))?;
    all[suite] = json!({ "commit": commit.trim(), "date": date.trim(), "series": records.json() });
    if let Some(dir) = file.parent() {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    std::fs::write(file, serde_json::to_string_pretty(&all)?)
        .with_context(|| format!("cannot write {}", file.display()))
}
