//! Small exchanges: request and response, connections, datagrams.

use anyhow::{Context, Result};
use serde_json::Value;

use super::pair::{Parts, Setup};
use super::quiet::{Sample, sample};
use super::record::Records;
use super::suites::Amount;
use crate::machine::TAP_GUEST;

/// One after the other: what counts is the time of a round trip.
pub fn requests(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    let to = format!("{TAP_GUEST}:7");
    measure(
        parts,
        amount,
        records,
        &[
            ("TCP request and response, 1 octet", format!("requests {to} --size 1")),
            ("UDP request and response, 64 octets", format!("datagrams {to} --size 64 --window 1")),
            ("TCP connections opened and closed", format!("connections {to}")),
        ],
    )
}

/// Many under way: what counts is the rate.
pub fn datagrams(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    let to = format!("{TAP_GUEST}:7");
    measure(
        parts,
        amount,
        records,
        &[
            ("UDP echo, 64 octets, 32 under way", format!("datagrams {to} --size 64 --window 32")),
            ("UDP echo, 1400 octets, 32 under way", format!("datagrams {to} --size 1400 --window 32")),
        ],
    )
}

fn measure(parts: &Parts, amount: Amount, records: &mut Records, tests: &[(&str, String)]) -> Result<()> {
    let guests = parts.boot(&Setup::default())?;
    for guest in &guests {
        // Ports of connections that the host has closed are usable again at once, or it would run out of them.
        guest.place.namespace().sysctl("net/ipv4/tcp_tw_reuse", "1")?;
        guest.place.namespace().sysctl("net/ipv4/ip_local_port_range", "10000 65000")?;
    }
    let all = [&guests[0].vm, &guests[1].vm];
    for (name, words) in tests {
        for _ in 0..amount.rounds {
            for guest in &guests {
                let line = format!("{words} --seconds {}", amount.seconds);
                let taken = sample(&guest.vm, &all, || guest.place.traffic(&line))?;
                for (what, key, unit) in [("", "per_s", "/s"), (", p99", "p99_us", "µs"), (", failed", "failed", "")] {
                    records.add(&format!("{name}{what}"), guest.place.who, unit, &number(&taken, key)?);
                }
            }
        }
    }
    Ok(())
}

/// One number of a sample.
fn number(sample: &Sample<Value>, key: &str) -> Result<Sample<f64>> {
    let value = sample.value[key].as_f64().with_context(|| format!("the traffic did not say {key}"))?;
    Ok(sample.with(value))
}
