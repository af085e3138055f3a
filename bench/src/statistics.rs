//! Order statistics.

/// The value below which a fraction `rank` (0 to 1) of the values lie, the nearest one that occurs; NaN if there are none.
pub fn quantile(values: &[f64], rank: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get((rank.clamp(0.0, 1.0) * last as f64).round() as usize).copied().unwrap_or(f64::NAN)
}

/// The middle value.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

#[cfg(test)]
mod tests;
