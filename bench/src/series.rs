//! What was measured: all of it, and the figure it comes to.

use crate::statistics::{median, quantile};
use bench_jobs::Within;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// Where code ran.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In a process of the machine's own operating system.
    Host,
    /// In the image, in a virtual machine.
    Guest,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Host { "host" } else { "guest" })
    }
}

/// Samples of one under one condition. A round is one turn of it among its peers; it has one or more samples.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Series {
    /// What is measured.
    pub name: String,
    /// Of whom.
    pub peer: String,
    /// Where.
    #[serde(rename = "where")]
    pub place: Place,
    /// The samples' unit.
    pub unit: String,
    /// How a round's figure follows from its samples.
    pub within: Within,
    /// The median of the rounds' figures: the figure of the series.
    #[serde(deserialize_with = "number")]
    pub value: f64,
    /// The first quartile of the rounds' figures.
    #[serde(deserialize_with = "number")]
    pub low: f64,
    /// The third quartile of the rounds' figures.
    #[serde(deserialize_with = "number")]
    pub high: f64,
    /// The greatest of all samples.
    #[serde(deserialize_with = "number")]
    pub maximum: f64,
    /// What a reader has to know beside it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Every sample, by round. Nothing is left out.
    pub samples: Vec<Vec<f64>>,
}

impl Series {
    /// Works the samples out. Rounds without samples do not count.
    pub fn new(
        (place, name, peer): (Place, &str, &str),
        unit: &str,
        within: Within,
        samples: Vec<Vec<f64>>,
        note: String,
    ) -> Self {
        let short = |round: Vec<f64>| round.into_iter().map(|sample| significant(sample, 4)).collect();
        let samples: Vec<Vec<f64>> = samples.into_iter().map(short).collect();
        let figures = figures(within, &samples);
        Self {
            name: name.into(),
            peer: peer.into(),
            place,
            unit: unit.into(),
            within,
            value: median(&figures),
            low: quantile(&figures, 0.25),
            high: quantile(&figures, 0.75),
            maximum: quantile(&samples.concat(), 1.0),
            note,
            samples,
        }
    }

    /// The same of what the swapper's jobs give, in nanoseconds.
    pub fn nanoseconds(place: Place, raw: bench_jobs::Series) -> Self {
        let rounds = raw.rounds.into_iter().map(|round| round.into_iter().map(|sample| sample as f64 / 1e3).collect());
        Self::new((place, &raw.name, &raw.peer), "ns", raw.within, rounds.collect(), raw.note)
    }

    /// The figure of each round.
    pub fn figures(&self) -> Vec<f64> {
        figures(self.within, &self.samples)
    }

    /// The median over the rounds of this series' figure divided by the other's of the same round: what the machine did
    /// to both at the time cancels out.
    pub fn ratio(&self, other: &Self) -> f64 {
        self.against(other, |ours, theirs| ours / theirs)
    }

    /// The median over the rounds of this series' figure less the other's of the same round.
    pub fn difference(&self, other: &Self) -> f64 {
        self.against(other, |ours, theirs| ours - theirs)
    }

    /// The ratio of every round.
    pub fn ratios(&self, other: &Self) -> Vec<f64> {
        self.each_against(other, |ours, theirs| ours / theirs)
    }

    fn against(&self, other: &Self, how: impl Fn(f64, f64) -> f64) -> f64 {
        median(&self.each_against(other, how))
    }

    fn each_against(&self, other: &Self, how: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        self.figures().into_iter().zip(other.figures()).map(|(ours, theirs)| how(ours, theirs)).collect()
    }
}

/// A number; NaN, which JSON does not have, from null, as which it was written.
pub fn number<'a, D: Deserializer<'a>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
}

fn figures(within: Within, samples: &[Vec<f64>]) -> Vec<f64> {
    let figure = |round: &Vec<f64>| match within {
        Within::Minimum => quantile(round, 0.0),
        Within::Median => median(round),
        Within::Percentile99 => quantile(round, 0.99),
    };
    samples.iter().filter(|round| !round.is_empty()).map(figure).collect()
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
