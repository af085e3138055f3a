//! Numbers with units as tc(8) writes them. Ours, because the crates for sizes know neither `mbit` nor `100p`, and go by floating point.

use super::Probability;
use crate::time::Duration;

/// The longest time, in microseconds: 60 s.
const LONGEST: u64 = 60_000_000;
/// The most bytes of a queue.
const BYTES: u64 = 1 << 30;
/// The most packets of a queue, and of a gap.
const PACKETS: u64 = 65_536;

/// `50mbit`, in bytes per second; at least one.
pub fn rate(text: &str) -> Option<u64> {
    let bits = scaled(text, &[("gbit", 1_000_000_000), ("mbit", 1_000_000), ("kbit", 1_000), ("bit", 1)])?;
    (bits >= 8).then_some(bits / 8)
}

/// `20ms`, up to 60 s.
pub(super) fn time(text: &str) -> Option<Duration> {
    let micros = scaled(text, &[("us", 1), ("ms", 1_000), ("s", 1_000_000)])?;
    (micros <= LONGEST).then(|| Duration::from_micros(micros))
}

/// `0.5%`.
pub(super) fn percent(text: &str) -> Option<Probability> {
    let millionths = scaled(text, &[("%", 10_000)])?;
    (millionths <= 1_000_000).then(|| Probability::from_millionths(millionths as u32))
}

/// `5`, from 1.
pub(super) fn count(text: &str) -> Option<u32> {
    let count = scaled(text, &[("", 1)])?;
    (1..=PACKETS).contains(&count).then_some(count as u32)
}

/// `64k` or `100p`: the most bytes and the most packets.
pub(super) fn bytes_or_packets(text: &str) -> Option<(usize, usize)> {
    if let Some(packets) = scaled(text, &[("p", 1)]) {
        return (packets <= PACKETS).then_some((usize::MAX, packets as usize));
    }
    let bytes = scaled(text, &[("b", 1), ("k", 1 << 10), ("m", 1 << 20)])?;
    (bytes <= BYTES).then_some((bytes as usize, usize::MAX))
}

/// A decimal number with one of these units, times the unit's factor, rounded down; what would be rounded down to nothing is none.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| unit.eq_ignore_ascii_case(name))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    // Eighteen digits of both parts together stay below 2^128 whatever the factor.
    if whole.is_empty() || fraction.is_empty() || whole.len() + fraction.len() > 18 {
        return None;
    }
    let digits = whole.bytes().chain(fraction.bytes());
    let mut number = digits.map(|digit| digit.checked_sub(b'0').filter(|digit| *digit < 10));
    let number = number.try_fold(0u128, |sum, digit| Some(sum * 10 + u128::from(digit?)))?;
    let value = u64::try_from(number * u128::from(*factor) / 10u128.pow(fraction.len() as u32)).ok()?;
    (value > 0 || number == 0).then_some(value)
}
