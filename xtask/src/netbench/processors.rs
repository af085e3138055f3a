//! The same machine with one processor and with two: the second must not make it slower.
//!
//! On a host of two cores the client needs one of them, so two processors and it share what there is: the Linux guest shows what that costs.

use anyhow::Result;

use super::bulk::goodput;
use super::pair::{Parts, Running, Setup, Who};
use super::quiet::sample;
use super::record::Records;
use super::suites::Amount;
use crate::machine::TAP_GUEST;

/// Bulk transfer both ways by one and four streams, and requests: of both guests, turn by turn with one processor and two.
pub fn one_and_two(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    for who in Who::BOTH {
        let boot =
            |processors, suffix: &str| parts.place_named(who, suffix)?.boot(&Setup { processors, ..Setup::default() });
        let guests: [Running<'_>; 2] = [boot(1, "")?, boot(2, "-two")?];
        let all = [&guests[0].vm, &guests[1].vm];
        for (name, streams, words) in [
            ("TCP in, 1 stream", 1, "-C cubic"),
            ("TCP in, 4 streams", 4, "-C cubic"),
            ("TCP out, 1 stream", 1, "-R"),
            ("TCP out, 4 streams", 4, "-R"),
        ] {
            let line = format!("-t {} -P {streams} {words}", amount.seconds);
            for _ in 0..amount.rounds {
                for (guest, processors) in guests.iter().zip(["1 processor", "2 processors"]) {
                    let taken = sample(&guest.vm, &all, || goodput(&guest.place.iperf(&line)?))?;
                    records.add(&format!("{name}, {processors}"), who, "Mbit/s", &taken);
                }
            }
        }
        let line = format!("requests {TAP_GUEST}:7 --size 1 --seconds {}", amount.seconds);
        for _ in 0..amount.rounds {
            for (guest, processors) in guests.iter().zip(["1 processor", "2 processors"]) {
                let taken = sample(&guest.vm, &all, || {
                    let said = guest.place.traffic(&line)?;
                    said["per_s"].as_f64().ok_or_else(|| anyhow::anyhow!("the traffic did not say its rate"))
                })?;
                records.add(&format!("TCP requests, {processors}"), who, "/s", &taken);
            }
        }
    }
    Ok(())
}
