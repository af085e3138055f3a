//! The same machine with one processor and with two: the second must not make it slower.
//!
//! On a host of two cores the client needs one of them, so two processors and it share what there is: the Linux guest shows what that costs, and how
//! much of the cores was idle is kept beside each figure. One load has a rate that leaves them time.
//!
//! A machine with the card of two processors, and the other place for a processor empty, shows what is not the second processor's doing: a TAP with several
//! queues takes the host longer, and QEMU translates atomic operations in another way where there may be two.

use anyhow::{Context, Result};

use super::bulk::goodput;
use super::pair::{Parts, Running, Setup, Who};
use super::quiet::{sample, with_idle};
use super::record::Records;
use super::suites::Amount;
use super::turns;
use crate::machine::TAP_GUEST;

/// What is compared: its name in those of figures, processors, and queue pairs of the card.
const MACHINES: [(&str, u32, u32); 3] = [("1 processor", 1, 1), ("2 processors", 2, 2), ("1 of 2 processors", 1, 2)];
/// Turns for each round of ours, many, since machines that are nearly as fast are to be told apart. The Linux guest only shows what the host costs, by
/// the first two machines.
const TURNS: usize = 3;
/// Bulk transfers, by iperf3's options.
const BULK: [(&str, &str); 5] = [
    ("TCP in, 1 stream", "-P 1 -C cubic"),
    ("TCP in, 4 streams", "-P 4 -C cubic"),
    ("TCP in, 4 streams of 2 Gbit/s", "-P 4 -b 2G -C cubic"),
    ("TCP out, 1 stream", "-P 1 -R"),
    ("TCP out, 4 streams", "-P 4 -R"),
];

/// Bulk transfer both ways by one and four streams, and requests: of both guests, turn by turn on each machine.
pub fn one_and_two(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    for who in Who::BOTH {
        let (machines, rounds) = match who {
            Who::Midflight => (&MACHINES[..], TURNS * amount.rounds),
            Who::Linux => (&MACHINES[..2], amount.rounds),
        };
        let mut guests = Vec::new();
        for (number, &(_, processors, queues)) in machines.iter().enumerate() {
            let setup = Setup { processors, queues, ..Setup::default() };
            guests.push(parts.place_named(who, &format!("-{number}"))?.boot(&setup)?);
        }
        for (name, words) in BULK {
            let line = format!("-t {} {words}", amount.seconds);
            turn_by_turn(&guests, rounds, name, "Mbit/s", records, |guest| goodput(&guest.place.iperf(&line)?))?;
        }
        let line = format!("requests {TAP_GUEST}:7 --size 1 --seconds {}", amount.seconds);
        turn_by_turn(&guests, rounds, "TCP requests", "/s", records, |guest| {
            let said = guest.place.traffic(&line)?;
            said["per_s"].as_f64().context("the traffic did not say its rate")
        })?;
    }
    Ok(())
}

/// Takes so many samples of each guest.
fn turn_by_turn(
    guests: &[Running<'_>],
    rounds: usize,
    name: &str,
    unit: &'static str,
    records: &mut Records,
    rate: impl Fn(&Running<'_>) -> Result<f64>,
) -> Result<()> {
    let all: Vec<_> = guests.iter().map(|guest| &guest.vm).collect();
    for number in 0..rounds * guests.len() {
        let kind = turns::kind(number, guests.len());
        let guest = &guests[kind];
        let taken = sample(&guest.vm, &all, || with_idle(|| rate(guest)))?;
        let (value, idle) = taken.value;
        let mut add = |what: &str, unit, value| {
            records.add(&format!("{name}, {}{what}", MACHINES[kind].0), guest.place.who, unit, &taken.with(value));
        };
        add("", unit, value);
        add(", idle meanwhile", "of the host's cores", idle);
    }
    Ok(())
}
