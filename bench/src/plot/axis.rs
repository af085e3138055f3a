//! An axis: from values to pixels.

/// Values along one direction of a plot.
pub struct Axis {
    from: f64,
    to: f64,
    logarithmic: bool,
    pixels: (f64, f64),
}

impl Axis {
    /// From the least to the greatest of `values` on these pixels, rounded outward: to 1, 2 or 5 times a power of ten if it is
    /// logarithmic, else from 0. Values that such an axis cannot show do not count.
    pub fn over(values: impl Iterator<Item = f64>, logarithmic: bool, pixels: (f64, f64)) -> Self {
        let usable = values.filter(|value| value.is_finite() && (!logarithmic || *value > 0.0));
        let (low, high) = usable.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let (from, to) = match (low.is_finite(), logarithmic) {
            (false, _) => (1.0, 10.0),
            (true, false) => (0.0, if high > 0.0 { high } else { 1.0 }),
            (true, true) => {
                // Not quite at the end: a point there would hide the axis.
                let from = steps(low).rev().find(|step| *step <= low * 0.9).unwrap_or(low);
                let to = steps(high).find(|step| *step >= high).unwrap_or(high);
                (from, if to > from { to } else { from * 10.0 })
            }
        };
        Self { from, to, logarithmic, pixels }
    }

    /// Where a value lies; what is outside, at the nearer end.
    pub fn at(&self, value: f64) -> f64 {
        let part = if self.logarithmic {
            (value.max(self.from) / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        let (begin, end) = self.pixels;
        begin + part.clamp(0.0, 1.0) * (end - begin)
    }

    /// The values to write at it.
    pub fn marks(&self) -> Vec<f64> {
        if !self.logarithmic {
            return (0..=4).map(|quarter| self.from + f64::from(quarter) / 4.0 * (self.to - self.from)).collect();
        }
        let decades = (self.to / self.from).log10();
        let all: Vec<f64> = (-9..=12).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power))).collect();
        let within = |value: &&f64| **value >= self.from * 0.999 && **value <= self.to * 1.001;
        let marks = all.iter().filter(within).copied();
        if decades <= 3.5 { marks.collect() } else { marks.filter(|value| is_power(*value)).collect() }
    }
}

fn is_power(value: f64) -> bool {
    let exponent = value.log10();
    (exponent - exponent.round()).abs() < 1e-9
}

/// 1, 2 and 5 times the powers of ten around a value, ascending.
fn steps(value: f64) -> impl DoubleEndedIterator<Item = f64> {
    let decade = value.log10().floor() as i32;
    (decade - 1..=decade + 1).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power)))
}

/// A value as short as an axis needs it.
pub fn label(value: f64) -> String {
    let short = |value: f64, unit: &str| format!("{}{unit}", (value * 100.0).round() / 100.0);
    match value {
        value if value >= 1e6 => short(value / 1e6, "M"),
        value if value >= 1e4 => short(value / 1e3, "k"),
        value => short(value, ""),
    }
}
