//! What was measured: all of it, and the figure it comes to.

use crate::statistics::{median, quantile};
use serde::Serialize;

/// What a round's samples come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Within {
    /// The least. For code that does the same each time: whatever else the machine did can only have added to it.
    Minimum,
    /// The middle one. Where the disturbance belongs to what is measured.
    Median,
    /// That which 99 of 100 do not exceed.
    Percentile99,
}

impl Within {
    fn of(self, samples: &[f64]) -> f64 {
        match self {
            Self::Minimum => quantile(samples, 0.0),
            Self::Median => median(samples),
            Self::Percentile99 => quantile(samples, 0.99),
        }
    }
}

/// Samples of one thing under one condition. A round is one turn of it among its peers; it has one or more samples.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// What is measured.
    pub name: String,
    /// By whom.
    pub peer: String,
    /// The samples' unit.
    pub unit: &'static str,
    /// How a round's figure follows from its samples.
    pub within: Within,
    /// The median of the rounds' figures: the figure of the series.
    pub value: f64,
    /// The first quartile of the rounds' figures.
    pub low: f64,
    /// The third quartile of the rounds' figures.
    pub high: f64,
    /// The greatest of all samples.
    pub maximum: f64,
    /// What a reader has to know beside it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Every sample, by round. Nothing is left out.
    pub samples: Vec<Vec<f64>>,
}

impl Series {
    /// Works the samples out. Rounds without samples do not count.
    pub fn new(name: &str, peer: &str, unit: &'static str, within: Within, samples: Vec<Vec<f64>>) -> Self {
        let samples: Vec<Vec<f64>> =
            samples.into_iter().map(|round| round.into_iter().map(|sample| significant(sample, 4)).collect()).collect();
        let figures = figures(within, &samples);
        let all = samples.concat();
        Self {
            name: name.into(),
            peer: peer.into(),
            unit,
            within,
            value: median(&figures),
            low: quantile(&figures, 0.25),
            high: quantile(&figures, 0.75),
            maximum: quantile(&all, 1.0),
            note: String::new(),
            samples,
        }
    }

    /// With a note.
    pub fn note(self, note: String) -> Self {
        Self { note, ..self }
    }

    /// The figure of each round.
    pub fn figures(&self) -> Vec<f64> {
        figures(self.within, &self.samples)
    }

    /// The median over the rounds of this series' figure divided by the other's of the same round: what the machine did
    /// to both at the time cancels out.
    pub fn ratio(&self, other: &Self) -> f64 {
        let pairs = self.figures().into_iter().zip(other.figures());
        median(&pairs.map(|(ours, theirs)| ours / theirs).collect::<Vec<_>>())
    }
}

fn figures(within: Within, samples: &[Vec<f64>]) -> Vec<f64> {
    samples.iter().filter(|round| !round.is_empty()).map(|round| within.of(round)).collect()
}

/// `value` with so many significant digits: the clock gives no more, and a file of samples stays readable.
pub fn significant(value: f64, digits: i32) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let decimals = digits - 1 - value.abs().log10().floor() as i32;
    let scale = 10_f64.powi(decimals.abs());
    if decimals >= 0 { (value * scale).round() / scale } else { (value / scale).round() * scale }
}

#[cfg(test)]
mod tests;
