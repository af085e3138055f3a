//! The same machine with one processor and with two: the second must not make it slower.
//!
//! On a host of two cores the client needs one of them, so two processors and it share what there is: the Linux guest shows what that costs.

use anyhow::{Context, Result};

use super::bulk::goodput;
use super::pair::{Parts, Running, Setup, Who};
use super::quiet::sample;
use super::record::Records;
use super::suites::Amount;
use super::turns;
use crate::machine::TAP_GUEST;

/// What is compared, in names of figures.
const COUNTS: [&str; 2] = ["1 processor", "2 processors"];
/// Pairs for each round of ours, many, since two that are nearly as fast are to be told apart. The Linux guest only shows what the host costs.
const PAIRS: usize = 4;
/// Bulk transfers, by iperf3's options.
const BULK: [(&str, &str); 4] = [
    ("TCP in, 1 stream", "-P 1 -C cubic"),
    ("TCP in, 4 streams", "-P 4 -C cubic"),
    ("TCP out, 1 stream", "-P 1 -R"),
    ("TCP out, 4 streams", "-P 4 -R"),
];

/// Bulk transfer both ways by one and four streams, and requests: of both guests, turn by turn with one processor and two.
pub fn one_and_two(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    for who in Who::BOTH {
        let boot =
            |processors, suffix: &str| parts.place_named(who, suffix)?.boot(&Setup { processors, ..Setup::default() });
        let guests: [Running<'_>; 2] = [boot(1, "")?, boot(2, "-two")?];
        let pairs = amount.rounds * if who == Who::Midflight { PAIRS } else { 1 };
        for (name, words) in BULK {
            let line = format!("-t {} {words}", amount.seconds);
            pairs_of(&guests, who, pairs, name, "Mbit/s", records, |guest| goodput(&guest.place.iperf(&line)?))?;
        }
        let line = format!("requests {TAP_GUEST}:7 --size 1 --seconds {}", amount.seconds);
        pairs_of(&guests, who, pairs, "TCP requests", "/s", records, |guest| {
            let said = guest.place.traffic(&line)?;
            said["per_s"].as_f64().context("the traffic did not say its rate")
        })?;
    }
    Ok(())
}

/// Takes so many pairs of samples of the two guests.
fn pairs_of(
    guests: &[Running<'_>; 2],
    who: Who,
    pairs: usize,
    name: &str,
    unit: &'static str,
    records: &mut Records,
    rate: impl Fn(&Running<'_>) -> Result<f64>,
) -> Result<()> {
    let all = [&guests[0].vm, &guests[1].vm];
    for number in 0..2 * pairs {
        let kind = turns::kind(number, 2);
        let guest = &guests[kind];
        let taken = sample(&guest.vm, &all, || rate(guest))?;
        records.add(&format!("{name}, {}", COUNTS[kind]), who, unit, &taken);
    }
    Ok(())
}
