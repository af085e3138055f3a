//! Imperfect links, by the emulator: what the guest's sender gets through, and what it sends in vain.

use anyhow::{Context, Result, ensure};

use super::bulk::{goodput, retransmits};
use super::pair::{Parts, Running, Setup};
use super::record::Records;
use super::suites::Amount;

/// Octets of payload of a segment with timestamps.
const SEGMENT: f64 = 1448.0;
/// Seconds of a sample: some hundred round trips.
const SECONDS: u64 = 10;

/// Independent losses.
pub fn loss(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    measure(parts, amount, records, "1 % loss", "rate=50mbit,delay=20ms,queue=250k,up.loss=1%")
}

/// As many, four in a row on average.
pub fn bursts(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    let spec = "rate=50mbit,delay=20ms,queue=250k,up.loss=gemodel:0.25%:25%";
    measure(parts, amount, records, "1 % loss in bursts of 4", spec)
}

/// No loss; what is sent again is sent in vain, but for what the queue drops.
pub fn reordering(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    let spec = "rate=50mbit,delay=20ms,queue=1000p,up.reorder=5%,up.reorder-by=5ms";
    measure(parts, amount, records, "5 % reordered by 5 ms", spec)
}

/// Both guests at the same time, each behind a link of its own: the link is the bottleneck, not the host. In each round both links have the same
/// fate for the same packet, so that luck divides out of a round's ratio.
fn measure(parts: &Parts, amount: Amount, records: &mut Records, what: &str, spec: &'static str) -> Result<()> {
    let guests = parts.boot(&Setup { link: Some(spec), ..Setup::default() })?;
    for round in 0..amount.rounds {
        for guest in &guests {
            guest.link.as_ref().context("the guest has no link")?.reseed(round as u64)?;
        }
        let results = std::thread::scope(|scope| {
            let runs: Vec<_> = guests.iter().map(|guest| scope.spawn(|| one(guest, amount))).collect();
            runs.into_iter()
                .map(|run| run.join().map_err(|_| anyhow::anyhow!("a run panicked"))?)
                .collect::<Result<Vec<_>>>()
        })?;
        for (guest, result) in guests.iter().zip(results) {
            let mut add = |name: &str, unit, value| {
                records.add_exact(&format!("{what}, 40 ms, 50 Mbit/s: {name}"), guest.place.who, unit, value);
            };
            add("goodput", "Mbit/s", result.goodput);
            add("segments sent again", "%", result.again);
            add("segments sent in vain", "%", result.in_vain);
        }
    }
    Ok(())
}

struct Outcome {
    goodput: f64,
    again: f64,
    in_vain: f64,
}

fn one(guest: &Running<'_>, amount: Amount) -> Result<Outcome> {
    let link = guest.link.as_ref().context("the guest has no link")?;
    let counter = |counters: &serde_json::Value, name: &str| counters["up"][name].as_f64().unwrap_or_default();
    let before = link.counters()?;
    let report = guest.place.iperf(&format!("-t {} -R", SECONDS.min(amount.seconds * 5)))?;
    let after = link.counters()?;
    let controller = report["end"]["sender_tcp_congestion"].as_str().unwrap_or("unknown");
    ensure!(
        controller == "cubic",
        "{} sends with {controller}: like is compared with like only",
        guest.place.who.name()
    );
    let gone = ["lost", "overflowed"].iter().map(|name| counter(&after, name) - counter(&before, name)).sum::<f64>();
    let octets = report["end"]["sum_sent"]["bytes"].as_f64().context("the report has no sum")?;
    let segments = (octets / SEGMENT).max(1.0);
    let again = retransmits(&report)?;
    Ok(Outcome {
        goodput: goodput(&report)?,
        again: 100.0 * again / segments,
        // Whatever the link dropped had to be sent again.
        in_vain: 100.0 * (again - gone).max(0.0) / segments,
    })
}
