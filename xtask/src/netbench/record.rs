//! Samples as they are taken, and the file that keeps them until the report is made of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::pair::Who;
use super::quiet::Sample;
use crate::{command, commit, ui};

/// The samples of one suite, which are in the file as soon as a figure has all of its own.
pub struct Records {
    file: PathBuf,
    suite: &'static str,
    rounds: usize,
    /// When, and of which commit.
    taken: (String, String),
    /// By what is measured and by whom.
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
    /// None yet; a figure has all samples when it has `rounds`.
    pub fn new(file: &Path, suite: &'static str, rounds: usize) -> Result<Self> {
        let date = command::output(command::tethered("date").args(["-u", "+%Y-%m-%dT%H:%MZ"]))?.trim().to_owned();
        Ok(Self { file: file.to_owned(), suite, rounds, taken: (date, commit::name()), series: BTreeMap::new() })
    }

    /// One more sample of `name` by `who`.
    pub fn add(&mut self, name: &str, who: Who, unit: &'static str, sample: &Sample<f64>) {
        self.add_of(name, who.name(), unit, sample);
    }

    /// One more sample of `name` by somebody else.
    pub fn add_of(&mut self, name: &str, peer: &'static str, unit: &'static str, sample: &Sample<f64>) {
        let series = self.series.entry((name.to_owned(), peer)).or_default();
        series.unit = unit;
        series.samples.push(sample.value);
        series.clean += usize::from(sample.is_clean());
        series.guest.push(sample.guest);
        let whole = series.samples.len() == self.rounds;
        let noise =
            if sample.is_clean() { String::new() } else { format!(" (others used {:.2} cores)", sample.others) };
        ui::note(&format!("{name}, {peer}: {:.5} {unit}{noise}", sample.value));
        if whole && let Err(error) = self.keep(false) {
            ui::note(&format!("the samples so far could not be kept: {error:#}"));
        }
    }

    /// Several more samples of `name` by `who`, all taken within `taken`; said as one line.
    pub fn add_all<T>(&mut self, name: &str, who: Who, unit: &'static str, taken: &Sample<T>, values: &[f64]) {
        let series = self.series.entry((name.to_owned(), who.name())).or_default();
        series.unit = unit;
        series.samples.extend_from_slice(values);
        series.clean += if taken.is_clean() { values.len() } else { 0 };
        series.guest.push(taken.guest);
        let [low, high] = [f64::min, f64::max].map(|pick| values.iter().copied().reduce(pick).unwrap_or(f64::NAN));
        ui::note(&format!("{name}, {}: {low:.5} to {high:.5} {unit} in {} samples", who.name(), values.len()));
    }

    /// One more sample that no load of the host changes.
    pub fn add_exact(&mut self, name: &str, who: Who, unit: &'static str, value: f64) {
        self.add(name, who, unit, &Sample { value, others: 0.0, guest: 0.0 });
    }

    /// Puts the samples into the file: in place of all that an earlier run of the suite took, if it is `complete`, else in place of those of the same
    /// figures.
    pub fn keep(&self, complete: bool) -> Result<()> {
        if self.series.is_empty() {
            return Ok(());
        }
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let mut all: Value = serde_json::from_str(&text).unwrap_or_else(|_| json!({}));
        let (date, commit) = &self.taken;
        let earlier = if complete { Value::Null } else { all[self.suite]["series"].take() };
        all[self.suite] = json!({ "commit": commit, "date": date, "series": self.merged(earlier) });
        if let Some(dir) = self.file.parent() {
            std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        }
        // Whole or not at all: this may be interrupted.
        let new = self.file.with_extension("new");
        std::fs::write(&new, serde_json::to_string_pretty(&all)?)
            .and_then(|()| std::fs::rename(&new, &self.file))
            .with_context(|| format!("cannot write {}", self.file.display()))
    }

    /// These series as JSON, one object each, and of the earlier ones those of other figures.
    fn merged(&self, earlier: Value) -> Value {
        let (date, commit) = &self.taken;
        let own = self.series.iter().map(|((name, peer), series)| {
            let note = format!(
                "{} of {} clean, {:.2} cores used by the guest's process; {date}, commit {commit}",
                series.clean,
                series.samples.len(),
                series.guest.iter().sum::<f64>() / series.guest.len().max(1) as f64
            );
            json!({ "name": name, "peer": peer, "unit": series.unit, "note": note, "samples": series.samples })
        });
        let is_new = |old: &Value| {
            let key = |key: &str| old[key].as_str().unwrap_or_default();
            self.series.keys().any(|(name, peer)| name == key("name") && *peer == key("peer"))
        };
        let earlier = earlier.as_array().cloned().unwrap_or_default().into_iter().filter(|old| !is_new(old));
        Value::Array(own.chain(earlier).collect())
    }
}

#[cfg(test)]
mod tests;
