//! The same machine with one processor and with two: the second must not make it slower.
//!
//! The client, QEMU's own thread and the guest's processors want a core each. On a host of two cores they share, and the Linux guest shows what
//! that costs, as do the cores that were idle, which are kept beside each figure. Two things show the rest: a load of a given rate, which leaves the cores time,
//! and [`slow_cores`], a host that has a core for each of them.
//!
//! A machine whose second processor has no queue pair of its own shows what is not the second processor's doing: each pair in use takes the host longer, by
//! one more queue of the TAP to choose from and more descriptors that QEMU's own thread polls.

use anyhow::{Context, Result};

use super::bulk::goodput;
use super::pair::{Parts, Running, Setup, Who};
use super::quiet::{once, sample, with_idle};
use super::record::Records;
use super::slow::Slow;
use super::suites::Amount;
use super::turns;
use crate::machine::TAP_GUEST;
use crate::ui;

/// A machine that is compared with others.
struct Kind {
    /// How the names of its figures end.
    name: &'static str,
    processors: u32,
    /// Queue pairs of its card.
    queues: u32,
    /// What the image is told.
    option: Option<&'static str>,
}

const KINDS: [Kind; 3] = [
    Kind { name: "1 processor", processors: 1, queues: 1, option: None },
    Kind { name: "2 processors", processors: 2, queues: 2, option: None },
    Kind { name: "2 processors of 1 pair", processors: 2, queues: 2, option: Some("nic=no-mq") },
];

/// Turns for each round, which boots the machines anew, since two boots of one machine may differ by more than its turns do. They are many and short, to
/// tell machines apart that are nearly as fast. The Linux guest only shows what the host costs, by the first two.
const TURNS: usize = 6;
const LINUX_TURNS: usize = 3;
/// Seconds of each turn.
const TURN: u64 = 1;

/// Bulk transfers, by iperf3's options.
const BULK: [(&str, &str); 4] = [
    ("TCP in, 1 stream", "-P 1 -C cubic"),
    ("TCP in, 4 streams", "-P 4 -C cubic"),
    ("TCP out, 1 stream", "-P 1 -R"),
    ("TCP out, 4 streams", "-P 4 -R"),
];
/// One that leaves the host's cores time; slow ones do not reach its rate.
const PACED: (&str, &str) = ("TCP in, 4 streams of 2 Gbit/s", "-P 4 -b 2G -C cubic");

/// Bulk transfer both ways by one and four streams, and requests: of both guests, turn by turn on each machine.
pub fn one_and_two(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    for who in Who::BOTH {
        let (kinds, turns) = match who {
            Who::Midflight => (&KINDS[..], TURNS),
            Who::Linux => (&KINDS[..2], LINUX_TURNS),
        };
        for _ in 0..amount.rounds {
            let guests = boot(parts, who, kinds)?;
            Turns { guests: &guests, kinds, count: turns, seconds: TURN, slow: false }.take(records)?;
        }
    }
    Ok(())
}

/// The same of the image where each thread has a core of its own: one that gives it so small a part of its time that all of them fit on this host's.
/// Left out on a host that cannot make such cores.
pub fn slow_cores(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    if let Err(error) = Slow::new() {
        ui::note(&format!("left out: {error:#}"));
        return Ok(());
    }
    for _ in 0..amount.rounds {
        let guests = boot(parts, Who::Midflight, &KINDS)?;
        let mut slow = Slow::new()?;
        for guest in &guests {
            slow.each_thread(&guest.vm)?;
        }
        slow.client()?;
        let turns = Turns { guests: &guests, kinds: &KINDS, count: TURNS, seconds: amount.seconds, slow: true };
        turns.take(records)?;
    }
    Ok(())
}

fn boot<'a>(parts: &'a Parts, who: Who, kinds: &[Kind]) -> Result<Vec<Running<'a>>> {
    let start = |(number, kind): (usize, &Kind)| {
        let option = kind.option.filter(|_| who == Who::Midflight);
        let setup = Setup { processors: kind.processors, queues: kind.queues, option, ..Setup::default() };
        parts.place_named(who, &format!("-{number}"))?.boot(&setup)
    };
    kinds.iter().enumerate().map(start).collect()
}

/// Turns of machines.
struct Turns<'a> {
    guests: &'a [Running<'a>],
    kinds: &'a [Kind],
    /// Of each machine, by each load.
    count: usize,
    seconds: u64,
    /// On slow cores. There the host counts what others use wrongly: where a group's time begins and ends, its own clock ticks.
    slow: bool,
}

impl Turns<'_> {
    /// By each load.
    fn take(&self, records: &mut Records) -> Result<()> {
        for (name, words) in BULK.iter().chain((!self.slow).then_some(&PACED)) {
            let line = format!("-t {} {words}", self.seconds);
            self.load(name, "Mbit/s", records, |guest| goodput(&guest.place.iperf(&line)?))?;
        }
        let line = format!("requests {TAP_GUEST}:7 --size 1 --seconds {}", self.seconds);
        self.load("TCP requests", "/s", records, |guest| {
            let said = guest.place.traffic(&line)?;
            said["per_s"].as_f64().context("the traffic did not say its rate")
        })
    }

    fn load(
        &self,
        name: &str,
        unit: &'static str,
        records: &mut Records,
        rate: impl Fn(&Running<'_>) -> Result<f64>,
    ) -> Result<()> {
        let how = if self.slow { ", slow cores" } else { "" };
        let all: Vec<_> = self.guests.iter().map(|guest| &guest.vm).collect();
        for number in 0..self.count * self.guests.len() {
            let turn = turns::kind(number, self.guests.len());
            let guest = &self.guests[turn];
            let measure = || with_idle(|| rate(guest));
            let taken = if self.slow { once(&guest.vm, &all, measure)? } else { sample(&guest.vm, &all, measure)? };
            let (value, idle) = taken.value;
            let mut add = |what: &str, unit, value| {
                let name = format!("{name}{how}, {}{what}", self.kinds[turn].name);
                records.add(&name, guest.place.who, unit, &taken.with(value));
            };
            add("", unit, value);
            add(", idle meanwhile", "of the host's cores", idle);
        }
        Ok(())
    }
}
