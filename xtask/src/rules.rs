//! Rules for tests and measurements, and how they get into a guest.

use anyhow::{Context, Result, bail};

use crate::control::{ControlClient, Record};

/// Octets of a piece of an upload, so that a request fits a datagram.
const PIECE: usize = 1300;

/// So many rules: drops from 198.18.0.0/15, which is for benchmarks (RFC 2544), in different tuples; the last one accepts.
pub fn some(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count.saturating_sub(1) {
        let (a, b, c) = (18 + (number >> 16 & 1), number >> 8 & 255, number & 255);
        // Different lengths of prefixes and ranges of ports.
        let rule = match number % 4 {
            0 => format!("ip saddr 198.{a}.{b}.{c} tcp dport {}", 1 + number % 60_000),
            1 => format!("ip saddr 198.{a}.{b}.{c} udp dport {}-65535", 1024 + number % 30_000),
            2 => format!("ip saddr 198.{a}.{b}.{}/30 tcp sport {}", c & !3, 1 + number % 60_000),
            _ => format!("ip saddr 198.{a}.{b}.0/24 ip daddr 10.0.{b}.{c} tcp dport {}", 1 + number % 60_000),
        };
        text += &format!("{} {rule} drop\n", 100 + number);
    }
    if count > 0 {
        text += "16000000 accept\n";
    }
    text
}

/// Replaces the guest's rules by these, or fails.
pub fn load(control: &ControlClient, rules: &str) -> Result<()> {
    let reply = upload(control, rules)?;
    if !reply.starts_with("ok") {
        bail!("the rules were refused: {}", reply.trim());
    }
    Ok(())
}

/// The same; returns the reply to the last request, or the first refusal.
pub fn upload(control: &ControlClient, rules: &str) -> Result<String> {
    let begun = control.order(&format!("rules begin length={} crc32={:08x}", rules.len(), crc32(rules.as_bytes())))?;
    let upload =
        begun.records().first().and_then(|record| record.get("upload").cloned()).context("no upload number")?;
    for (index, piece) in rules.as_bytes().chunks(PIECE).enumerate() {
        let piece = std::str::from_utf8(piece).context("rules are ASCII here")?;
        let reply = control.ask(&format!("rules part {upload} {}\n{piece}", index * PIECE))?;
        if !reply.is_ok() {
            control.order(&format!("rules abort {upload}"))?;
            return Ok(reply.text);
        }
    }
    Ok(control.ask(&format!("rules commit {upload}"))?.text)
}

/// How long a packet may have waited for a swap: for as long as calls were held back, or the state was moved and put in place, whichever was longer.
pub fn pause_ns(swap: &Record) -> Result<u64> {
    let number = |key| number(swap, key);
    let work = number("block_ns")? + number("transfer_ns")? + number("complete_ns")?;
    Ok(work.max(number("longest_suspension_ns")?))
}

/// A number of a record.
pub fn number(record: &Record, key: &str) -> Result<u64> {
    let text = record.get(key).with_context(|| format!("{record:?} has no {key}"))?;
    text.parse().with_context(|| format!("{key}={text} is no number"))
}

/// CRC-32 as zlib computes it, bit by bit.
fn crc32(octets: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !octets.iter().fold(u32::MAX, |crc, octet| (0..8).fold(crc ^ u32::from(*octet), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use super::{crc32, some};

    #[test]
    fn the_checksum_is_that_of_zlib() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn so_many_rules_are_written() {
        assert_eq!([0, 1, 10].map(|count| some(count).lines().count()), [0, 1, 10]);
    }
}
