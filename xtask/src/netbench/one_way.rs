//! Datagrams one way, by iperf3: the highest rate at which none is lost, and what arrives when they come as fast as they go.

use anyhow::{Context, Result};
use serde_json::Value;

use super::pair::{Parts, Running, Setup};
use super::quiet::sample;
use super::record::Records;
use super::suites::Amount;
use crate::vm::Vm;

/// A search ends when the highest rate known to be possible is this close to the lowest known to be too high.
const CLOSE: f64 = 1.1;
/// Steps of a search at most.
const STEPS: usize = 8;
/// A rate is too high only if datagrams were lost in so many attempts: one may be the host's.
const ATTEMPTS: usize = 2;
/// What part of the datagrams the host loses by one of its pauses at most; where more were lost, the rate is too high, and one attempt says so.
const PAUSE: f64 = 0.02;
/// What a sender that is given a rate falls short of it at most; one that cannot send so fast has found its own limit.
const KEPT: f64 = 0.95;

/// Datagrams of 64 and of 1400 octets, to the guest and from it.
pub fn rates(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    let guests = parts.boot(&Setup::default())?;
    let all = [&guests[0].vm, &guests[1].vm];
    for size in [64, 1400] {
        for (way, words) in [("in", ""), ("out", "-R")] {
            let mut known = [None; 2];
            for _ in 0..amount.rounds {
                for (guest, known) in guests.iter().zip(&mut known) {
                    let who = guest.place.who;
                    let flood = run(guest, &all, size, words, 0.0, amount.seconds)?;
                    let name = format!("UDP {way}, {size} octets, as fast as it goes");
                    records.add(&name, who, "/s", &flood.1.with(flood.0.received));
                    // What arrives of a flood is nearer to what is possible than what a fast client sends, if anything does.
                    let start = known.unwrap_or(flood.0.received.max(flood.0.sent / 100.0));
                    let best = search(guest, &all, size, words, start, amount.seconds)?;
                    records.add(&format!("UDP {way}, {size} octets, without loss"), who, "/s", &best.1.with(best.0));
                    // A rate of 0 would be none at all.
                    *known = Some(best.0).filter(|&rate| rate > 0.0);
                }
            }
        }
    }
    Ok(())
}

/// What one step found, datagrams a second.
#[derive(Clone, Copy)]
struct Step {
    sent: f64,
    received: f64,
    lost: u64,
}

type Sample = super::quiet::Sample<()>;

/// The highest rate without loss, which is searched for from `start` on, downwards or upwards.
fn search(
    guest: &Running<'_>,
    all: &[&Vm],
    size: usize,
    words: &str,
    start: f64,
    seconds: u64,
) -> Result<(f64, Sample)> {
    let (mut good, mut bad) = (None::<(f64, Sample)>, f64::INFINITY);
    let mut next = start;
    for _ in 0..STEPS {
        let mut clean = None;
        for _ in 0..ATTEMPTS {
            let (step, taken) = run(guest, all, size, words, next, seconds.min(1))?;
            if step.lost == 0 {
                clean = Some((step, taken));
                break;
            }
            if step.lost as f64 > PAUSE * (step.lost as f64 + step.received * seconds.min(1) as f64) {
                break;
            }
        }
        match clean {
            Some((step, taken)) => {
                if good.as_ref().is_none_or(|(rate, _)| step.received > *rate) {
                    good = Some((step.received, taken));
                }
                // It cannot be offered more.
                if step.sent < next * KEPT {
                    break;
                }
            }
            None => bad = next,
        }
        let known = good.as_ref().map_or(0.0, |(rate, _)| *rate);
        if bad <= known * CLOSE {
            break;
        }
        next = match (known > 0.0, bad.is_finite()) {
            (true, true) => f64::midpoint(known, bad),
            (true, false) => known * 1.25,
            _ => bad / 1.5,
        };
    }
    // Nothing was found that is sure to be possible.
    Ok(good.unwrap_or((0.0, Sample { value: (), others: 0.0, guest: 0.0 })))
}

/// One run at this rate, or without one.
fn run(guest: &Running<'_>, all: &[&Vm], size: usize, words: &str, rate: f64, seconds: u64) -> Result<(Step, Sample)> {
    let line = format!("-u -l {size} -b {:.0} -t {seconds} {words}", rate * size as f64 * 8.0);
    let taken = sample(&guest.vm, all, || step(&guest.place.iperf(&line)?, size))?;
    Ok((taken.value, Sample { value: (), others: taken.others, guest: taken.guest }))
}

/// What the report says of both sides: the receiver's count, not only its gaps.
fn step(report: &Value, size: usize) -> Result<Step> {
    let end = &report["end"];
    let rate = |sum: &Value| {
        let bits = sum["bits_per_second"].as_f64().context("the report has no sum")?;
        anyhow::Ok(bits / (size as f64 * 8.0))
    };
    let lost = end["sum"]["lost_packets"].as_u64().context("the report does not say what was lost")?;
    Ok(Step { sent: rate(&end["sum_sent"])?, received: rate(&end["sum_received"])?, lost })
}
