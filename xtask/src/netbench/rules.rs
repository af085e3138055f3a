//! What rules cost: the same load through 10,000 rules, behind a flow cache and not, and without any; and what a swap of the classifier costs
//! with 100,000.

use std::time::Duration;

use anyhow::{Context, Result};

use super::bulk::goodput;
use super::pair::{Parts, Running, Setup, Who};
use super::quiet::sample;
use super::record::Records;
use super::suites::Amount;
use crate::rules;

/// How long a reply may take.
const REPLY: Duration = Duration::from_secs(90);
/// With what is looked up, by the words of the results.
const CASES: [(&str, usize, &str); 3] = [
    ("without rules", 0, "tuple-merge"),
    ("10,000 rules", 10_000, "tuple-merge"),
    ("10,000 rules, flow cache", 10_000, "tuple-merge-cached"),
];
/// Each round takes so many samples through rules and without, one beside the other, in an order that is turned round each time: a single pair scatters by
/// a tenth.
const PAIRS: usize = 3;
/// Seconds of load for each round of swaps.
const LOAD: usize = 20;
/// By the words of the results, and by iperf3's: as fast as it goes, where the client and the guest together want more than two cores and take each
/// other's time slices, of some milliseconds; and at a rate that leaves them time.
const LOADS: [(&str, &str); 2] = [("", ""), (", at 4 Gbit/s", "-b 4G")];
/// Swaps with 100,000 rules, again and again.
const SWAPS: [&str; 4] = ["tuple-space", "tuple-merge-cached", "tuple-space-cached", "tuple-merge"];

/// The guest receives and sends by one stream, turn by turn with and without rules.
pub fn through_rules(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    let guest = parts.place(Who::Midflight)?.boot(&Setup::default())?;
    let all = [&guest.vm];
    for pair in 0..amount.rounds * PAIRS {
        let mut cases = CASES;
        if pair % 2 == 1 {
            cases.reverse();
        }
        // The flow cache is for comparison: once a round is enough.
        for (what, count, classifier) in cases.into_iter().filter(|case| pair % PAIRS == 0 || *case != CASES[2]) {
            guest.on_control(REPLY, |control| {
                rules::load(control, &rules::some(count))?;
                control.order(&format!("swap classifier {classifier}")).map(|_| ())
            })?;
            for (way, words) in [("in", "-C cubic"), ("out", "-R")] {
                let line = format!("-t {} {words}", amount.seconds);
                let taken = sample(&guest.vm, &all, || goodput(&guest.place.iperf(&line)?))?;
                records.add(&format!("TCP {way}, 1 stream, {what}"), Who::Midflight, "Mbit/s", &taken);
            }
        }
    }
    drop(guest);
    swaps(parts, amount, records)
}

/// How long a packet waits for a swap of the classifier with 100,000 rules, under load: for the swap itself, and for a turn's work on the
/// tables that it needs.
fn swaps(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    let guest = parts.place(Who::Midflight)?.boot(&Setup::default())?;
    guest.on_control(REPLY, |control| rules::load(control, &rules::some(100_000)))?;
    for (load, words) in LOADS {
        let line = format!("-t {} -R {words}", LOAD * amount.rounds.max(1));
        let (pauses, turns) = swaps_during(&guest, &line)?;
        for (what, mut values) in [("pause of a packet", pauses), ("turn's work on tables", turns)] {
            values.sort_by(f64::total_cmp);
            let last = values.len().checked_sub(1).context("nothing was swapped while the load ran")?;
            for (name, part) in [("median", 0.5), ("99th percentile", 0.99), ("longest", 1.0)] {
                let value = values[(last as f64 * part).round() as usize];
                let name = format!("{what}, swaps with 100,000 rules{load}, {name}");
                records.add_exact(&name, Who::Midflight, "µs", value);
            }
        }
    }
    Ok(())
}

/// Swaps again and again while this load runs: how long each held packets back, and each one's longest turn, in µs.
fn swaps_during(guest: &Running<'_>, line: &str) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut pauses, mut turns) = (Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        let load = scope.spawn(|| guest.place.iperf(line));
        guest.on_control(REPLY, |control| {
            for name in SWAPS.iter().cycle() {
                let reply = control.order(&format!("swap classifier {name}"))?;
                if load.is_finished() {
                    break;
                }
                // What is in place already is not swapped.
                if let Some(swap) = reply.records().iter().find(|record| record.contains_key("swap")) {
                    pauses.push(rules::pause_ns(swap)? as f64 / 1e3);
                    turns.push(rules::number(swap, "prepare_turn_ns")? as f64 / 1e3);
                }
            }
            Ok(())
        })?;
        load.join().map_err(|_| anyhow::anyhow!("the load panicked"))??;
        anyhow::Ok(())
    })?;
    Ok((pauses, turns))
}
