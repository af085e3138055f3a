//! A job's result: one JSON object, from which the table and the plots are made too.

use crate::{
    environment::Environment,
    series::{Place, Series, number},
};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// A figure that the project promises, beside what was measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Check {
    /// What is promised.
    pub name: String,
    /// What was measured.
    #[serde(deserialize_with = "number")]
    pub value: f64,
    /// Unit of `value` and `target`.
    pub unit: String,
    /// Whom it is compared with; empty if with nobody.
    pub peer: String,
    /// Where it was measured.
    #[serde(rename = "where")]
    pub place: Place,
    /// The bound.
    pub target: f64,
    /// On which side of the bound the value is to be.
    pub bound: Bound,
    /// Whether it is there.
    pub holds: bool,
    /// Of a median of ratios: where it lies with a probability of 95 % ([`median_interval`](crate::statistics::median_interval)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
}

/// A bound's side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// The value is at most the target.
    AtMost,
    /// The value is at least the target.
    AtLeast,
}

impl Check {
    /// Compares. What could not be measured (NaN) does not hold.
    pub fn new(place: Place, name: String, (value, unit): (f64, &str), peer: &str, bound: Bound, target: f64) -> Self {
        let holds = match bound {
            Bound::AtMost => value <= target,
            Bound::AtLeast => value >= target,
        };
        Self { name, value, unit: unit.into(), peer: peer.into(), place, target, bound, holds, interval: None }
    }
}

/// A figure that somebody else published about something else, elsewhere: an order of magnitude beside ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Published {
    /// Whose.
    pub peer: String,
    /// Of what.
    pub name: String,
    /// The figure.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// Where it was published.
    pub source: String,
    /// How far it can be relied on.
    pub caution: String,
}

/// Everything that a job found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The job.
    pub job: String,
    /// How it measures.
    pub method: Vec<String>,
    /// Where it ran.
    pub environment: Environment,
    /// What is promised, and whether it holds.
    pub checks: Vec<Check>,
    /// Figures of others.
    pub published: Vec<Published>,
    /// What was measured.
    pub series: Vec<Series>,
}

impl Report {
    /// The JSON object, with a line for each part, check and series, so that two results can be compared line by line.
    pub fn json(&self) -> serde_json::Result<String> {
        let mut text = String::from("{\n");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\"job\": {},", serde_json::to_string(&self.job)?);
        let _ = writeln!(text, "\"environment\": {},", serde_json::to_string(&self.environment)?);
        let _ = writeln!(text, "\"method\": {},", lines(&self.method)?);
        let _ = writeln!(text, "\"checks\": {},", lines(&self.checks)?);
        let _ = writeln!(text, "\"published\": {},", lines(&self.published)?);
        let _ = writeln!(text, "\"series\": {}", lines(&self.series)?);
        text.push_str("}\n");
        Ok(text)
    }

    /// The series of this name and peer there.
    pub fn series(&self, place: Place, name: &str, peer: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.place == place && series.name == name && series.peer == peer)
    }
}

/// A JSON array with a line for each element.
fn lines<T: Serialize>(elements: &[T]) -> serde_json::Result<String> {
    let elements: Vec<String> = elements.iter().map(serde_json::to_string).collect::<serde_json::Result<_>>()?;
    Ok(format!("[\n{}\n]", elements.join(",\n")))
}

#[cfg(test)]
mod tests;
