//! What swaps cost: the same load with a swap every 100 ms and without.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result};

use super::bulk::{goodput, retransmits};
use super::pair::{Parts, Running, Setup, Who};
use super::quiet::sample;
use super::record::Records;
use super::suites::Amount;
use crate::control::ControlClient;
use crate::machine::Transport;

/// Between two swaps.
const PERIOD: Duration = Duration::from_millis(100);
/// How long a reply may take.
const REPLY: Duration = Duration::from_secs(5);
/// What is swapped in, in turn.
const CONTROLLERS: [&str; 2] = ["reno", "cubic"];

/// The guest sends by four streams and by one, with and without swaps, turn by turn.
pub fn under_load(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    let guest = parts.place(Who::Midflight)?.boot(&Setup::default())?;
    let all = [&guest.vm];
    let seconds = amount.seconds.max(3);
    for _ in 0..amount.rounds {
        for (what, swapping) in [("without swaps", false), ("a swap every 100 ms", true)] {
            let line = format!("-t {seconds} -R");
            let run = || if swapping { while_swapping(&guest, &line) } else { Ok((guest.place.iperf(&line)?, 0)) };
            let taken = sample(&guest.vm, &all, run)?;
            let (report, count) = &taken.value;
            let mut add = |name: &str, unit, value| {
                records.add(&format!("{name}, {what}"), Who::Midflight, unit, &taken.with(value))
            };
            add("TCP out, 1 stream", "Mbit/s", goodput(report)?);
            add("segments sent again", "", retransmits(report)?);
            if swapping {
                add("swaps", "/s", *count as f64 / seconds as f64);
            }
        }
    }
    Ok(())
}

/// Runs iperf3 with a swap every [`PERIOD`]; its report, and how many swaps there were.
fn while_swapping(guest: &Running<'_>, line: &str) -> Result<(serde_json::Value, u64)> {
    let address = guest.vm.machine.network.address(Transport::Udp, 7070).context("the guest has no control port")?;
    let (ended, end) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let swaps = scope.spawn(move || {
            guest.place.namespace().inside(move || {
                let control = ControlClient::new(address, REPLY)?;
                let mut count = 0u64;
                while end.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                    control.order(&format!("swap congestion {}", CONTROLLERS[(count % 2) as usize]))?;
                    count += 1;
                }
                Ok(count)
            })
        });
        let report = guest.place.iperf(line);
        drop(ended);
        let count = swaps.join().map_err(|_| anyhow::anyhow!("the swaps panicked"))??;
        Ok((report?, count))
    })
}
