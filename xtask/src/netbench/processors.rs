//! The same machine with one processor and with two: the second must not make it slower.
//!
//! The client, QEMU's own thread and the guest's processors want a core each. On a host of two cores they share, and the Linux guest shows what
//! that costs, as do the cores that were idle, which are kept beside each figure. Two things show the rest: a load of a given rate, which leaves the cores time,
//! and [`slow_cores`], a host that has a core for each of them.
//!
//! QEMU serves all queue pairs of its card by one thread, so the machine has one, as `cargo xtask run` makes it. One with a pair for each processor shows what
//! a second one takes: one more queue of the TAP to choose from, more descriptors in each of that thread's polls, and two processors to wake for what one
//! could do.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::bulk::goodput;
use super::pair::{Parts, Running, Setup, Who};
use super::quiet::{Sample, once, sample, with_idle};
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
}

const KINDS: [Kind; 3] = [
    Kind { name: "1 processor", processors: 1, queues: 1 },
    Kind { name: "2 processors", processors: 2, queues: 1 },
    Kind { name: "2 processors of 2 pairs", processors: 2, queues: 2 },
];

/// A sample is the middle one of so many turns of a machine since its boot. Then the machines are booted anew, since two boots of one may differ by more than
/// its turns do; the image's, of which there have to be enough samples to tell machines apart that are nearly as fast, so many times each round.
const TURNS: usize = 3;
const BOOTS: usize = 2;
/// How long a reply of the image may take.
const REPLY: Duration = Duration::from_secs(5);
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
        // The Linux guest only shows what the host costs.
        let boots = if who == Who::Midflight { BOOTS } else { 1 };
        for _ in 0..boots * amount.rounds {
            let guests = boot(parts, who)?;
            Boot { guests: &guests, seconds: TURN, slow: false }.measure(records)?;
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
    for _ in 0..BOOTS * amount.rounds {
        let guests = boot(parts, Who::Midflight)?;
        let mut slow = Slow::new()?;
        for guest in &guests {
            slow.each_thread(&guest.vm)?;
        }
        slow.client()?;
        Boot { guests: &guests, seconds: amount.seconds, slow: true }.measure(records)?;
    }
    Ok(())
}

/// A machine of each kind.
fn boot(parts: &Parts, who: Who) -> Result<Vec<Running<'_>>> {
    let start = |(number, kind): (usize, &Kind)| {
        let setup = Setup { processors: kind.processors, queues: kind.queues, ..Setup::default() };
        parts.place_named(who, &format!("-{number}"))?.boot(&setup)
    };
    KINDS.iter().enumerate().map(start).collect()
}

/// Machines that were booted together, one of each kind.
struct Boot<'a> {
    guests: &'a [Running<'a>],
    seconds: u64,
    /// On slow cores. There the host counts what others use wrongly: where a group's time begins and ends, its own clock ticks.
    slow: bool,
}

/// What was seen in a turn.
#[derive(Clone, Copy)]
struct Turn {
    rate: f64,
    /// Cores of the host that had nothing to do meanwhile.
    idle: f64,
    /// For which part of the time the busiest processor of the guest had something to do, where that is known.
    busy: Option<f64>,
}

impl Boot<'_> {
    /// A sample of each load on each machine.
    fn measure(&self, records: &mut Records) -> Result<()> {
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
        load: &str,
        unit: &'static str,
        records: &mut Records,
        rate: impl Fn(&Running<'_>) -> Result<f64>,
    ) -> Result<()> {
        let mut all: Vec<Vec<Sample<Turn>>> = vec![Vec::new(); self.guests.len()];
        for number in 0..TURNS * self.guests.len() {
            let turn = turns::kind(number, self.guests.len());
            all[turn].push(self.turn(&self.guests[turn], &rate)?);
        }
        let how = if self.slow { ", slow cores" } else { "" };
        for ((mut turns, guest), kind) in all.into_iter().zip(self.guests).zip(KINDS) {
            turns.sort_by(|one, other| one.value.rate.total_cmp(&other.value.rate));
            let middle = &turns[turns.len() / 2];
            let mut add = |what: &str, unit, value| {
                let name = format!("{load}{how}, {}{what}", kind.name);
                records.add(&name, guest.place.who, unit, &middle.with(value));
            };
            let Turn { rate, idle, busy } = middle.value;
            add("", unit, rate);
            add(", idle meanwhile", "of the host's cores", idle);
            if let Some(busy) = busy {
                add(", busiest processor", "of its time", busy);
            }
        }
        Ok(())
    }

    fn turn(&self, guest: &Running<'_>, rate: &impl Fn(&Running<'_>) -> Result<f64>) -> Result<Sample<Turn>> {
        let all: Vec<_> = self.guests.iter().map(|guest| &guest.vm).collect();
        // Without a core when it wants one a processor is busy for longer than its work takes.
        let tells = guest.place.who == Who::Midflight && !self.slow;
        let measure = || {
            let ((rate, busy), idle) =
                with_idle(|| if tells { with_busy(guest, rate) } else { Ok((rate(guest)?, None)) })?;
            Ok(Turn { rate, idle, busy })
        };
        if self.slow { once(&guest.vm, &all, measure) } else { sample(&guest.vm, &all, measure) }
    }
}

/// What `rate` says, and for which part of the time meanwhile the busiest processor of the image had something to do.
fn with_busy(guest: &Running<'_>, rate: impl Fn(&Running<'_>) -> Result<f64>) -> Result<(f64, Option<f64>)> {
    let (began, before) = (Instant::now(), busy(guest)?);
    let value = rate(guest)?;
    let (after, time) = (busy(guest)?, began.elapsed());
    let spent = before.iter().zip(&after).map(|(before, after)| after.saturating_sub(*before)).max();
    Ok((value, spent.map(|micros| Duration::from_micros(micros).as_secs_f64() / time.as_secs_f64())))
}

/// For how long each processor of the image had something to do since it began, in microseconds.
fn busy(guest: &Running<'_>) -> Result<Vec<u64>> {
    let status = guest.on_control(REPLY, |control| control.order("status"))?;
    let told =
        status.records().into_iter().filter_map(|record| record.get("busy_us")?.parse().ok()).collect::<Vec<_>>();
    ensure!(!told.is_empty(), "the status tells no `busy_us`: {}", status.text);
    Ok(told)
}
