//! Order statistics.

/// The value below which a fraction `rank` (0 to 1) of the values lie, the nearest one that occurs; NaN if there are none.
pub fn quantile(values: &[f64], rank: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get((rank.clamp(0.0, 1.0) * last as f64).round() as usize).copied().unwrap_or(f64::NAN)
}

/// The middle value; of an even number, what lies half-way between the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (half, odd) = (sorted.len() / 2, sorted.len() % 2);
    match sorted.get(half.saturating_sub(1 - odd)..=half) {
        Some(middle) => middle.iter().sum::<f64>() / middle.len() as f64,
        None => f64::NAN,
    }
}

/// How sure [`median_interval`] is at least.
pub const CONFIDENCE: f64 = 0.95;

/// Between which two of the values the median of what they were drawn from lies, with a probability of at least [`CONFIDENCE`], whatever its
/// distribution: the *k*th smallest and the *k*th greatest, with the greatest *k* for which that holds (H. A. David and H. N. Nagaraja, "Order
/// Statistics", 3rd edition, section 7.1). `None` for fewer than six values, which cannot say that.
pub fn median_interval(values: &[f64]) -> Option<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len();
    // How many values lie below the median is binomial, with one half; both tails are equally likely.
    let (mut logarithm, mut tail, mut k) = (-(count as f64) * std::f64::consts::LN_2, 0.0, 0);
    while k < count / 2 {
        tail += logarithm.exp();
        if 1.0 - 2.0 * tail < CONFIDENCE {
            break;
        }
        logarithm += ((count - k) as f64 / (k + 1) as f64).ln();
        k += 1;
    }
    (k > 0).then(|| (sorted[k - 1], sorted[count - k]))
}

#[cfg(test)]
mod tests;
