//! Bulk transfer by iperf3: the guest receives, the guest sends, one stream and four.

use anyhow::{Context, Result};
use serde_json::Value;

use super::pair::{Parts, Setup};
use super::quiet::sample;
use super::record::Records;
use super::suites::Amount;

/// With every offload that QEMU's card offers.
pub fn offloads(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    measure(parts, amount, records, &Setup::default(), "offloads")
}

/// Without any.
pub fn plain(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    measure(parts, amount, records, &Setup { without_offloads: true, ..Setup::default() }, "no offloads")
}

fn measure(parts: &Parts, amount: Amount, records: &mut Records, setup: &Setup, how: &str) -> Result<()> {
    let guests = parts.boot(setup)?;
    let all = [&guests[0].vm, &guests[1].vm];
    let seconds = amount.seconds;
    for streams in [1, 4] {
        for (way, words) in [("in", ""), ("out", "-R")] {
            let name = format!("TCP {way}, {streams} stream{}, {how}", if streams == 1 { "" } else { "s" });
            for _ in 0..amount.rounds {
                for guest in &guests {
                    // The host's controller for what it sends; both guests send with their own CUBIC.
                    let line =
                        format!("-t {seconds} -P {streams} {words}{}", if way == "in" { "-C cubic" } else { "" });
                    let taken = sample(&guest.vm, &all, || guest.place.iperf(&line))?;
                    records.add(&name, guest.place.who, "Mbit/s", &taken.with(goodput(&taken.value)?));
                    let again = retransmits(&taken.value)?;
                    records.add(&format!("{name}, segments sent again"), guest.place.who, "", &taken.with(again));
                }
            }
        }
    }
    Ok(())
}

/// What arrived, in Mbit/s.
pub fn goodput(report: &Value) -> Result<f64> {
    let rate = report["end"]["sum_received"]["bits_per_second"].as_f64().context("the report has no sum")?;
    Ok(rate / 1e6)
}

/// Segments that the sender sent again.
pub fn retransmits(report: &Value) -> Result<f64> {
    report["end"]["sum_sent"]["retransmits"].as_f64().context("the report has no retransmits")
}
