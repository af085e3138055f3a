//! What swaps cost: a load during which there are swaps every 100 ms, and none, turn by turn.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::bulk::retransmits;
use super::pair::{Parts, Running, Setup, Who};
use super::quiet::sample;
use super::record::Records;
use super::suites::Amount;
use crate::control::ControlClient;
use crate::machine::Transport;

/// Between two swaps.
const PERIOD: Duration = Duration::from_millis(100);
/// Swaps and none take turns after so many seconds, in the same connection: what else the machine does to it is the same for both.
const PHASE: u64 = 2;
/// Seconds between two of iperf3's figures. In the first and the last ones of a phase it may still be the other's turn: they do not count.
const INTERVAL: f64 = 0.5;
/// How long a reply may take.
const REPLY: Duration = Duration::from_secs(5);
/// What is swapped in, in turn.
const CONTROLLERS: [&str; 2] = ["reno", "cubic"];
/// The two kinds of phases, in names of figures; the second is that of the odd ones.
const KINDS: [&str; 2] = ["without swaps", "a swap every 100 ms"];

/// The guest sends. A connection in which there are swaps every other phase is followed by one of half its length without any, which shows
/// whether segments are sent again for other reasons.
pub fn under_load(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    let guest = parts.place(Who::Midflight)?.boot(&Setup::default())?;
    let all = [&guest.vm];
    let seconds = 4 * PHASE * amount.seconds;
    for _ in 0..amount.rounds {
        let line = format!("-t {seconds} -i {INTERVAL} -R");
        let taken = sample(&guest.vm, &all, || while_swapping(&guest, &line))?;
        let (report, count) = &taken.value;
        let goodput = goodput(report)?;
        for (kind, goodput) in KINDS.iter().zip(goodput) {
            records.add(&format!("TCP out, 1 stream, {kind}"), Who::Midflight, "Mbit/s", &taken.with(goodput));
        }
        let per_second = 2.0 * *count as f64 / seconds as f64;
        records.add(&format!("swaps, {}", KINDS[1]), Who::Midflight, "/s", &taken.with(per_second));
        let mut again = |kind: &str, sample| {
            records.add(&format!("segments sent again, {kind}"), Who::Midflight, "", &sample);
        };
        again(KINDS[1], taken.with(retransmits(report)?));
        let line = format!("-t {} -R", seconds / 2);
        let taken = sample(&guest.vm, &all, || guest.place.iperf(&line))?;
        again(KINDS[0], taken.with(retransmits(&taken.value)?));
    }
    Ok(())
}

/// What arrived in phases of either kind, Mbit/s.
fn goodput(report: &Value) -> Result<[f64; 2]> {
    let mut sums = [(0.0, 0.0); 2];
    for interval in report["intervals"].as_array().context("the report has no intervals")? {
        let number = |name: &str| interval["sum"][name].as_f64().with_context(|| format!("an interval has no {name}"));
        let (start, end) = (number("start")?, number("end")?);
        let phase = ((start + end) / 2.0) as u64 / PHASE;
        let [from, to] = [phase, phase + 1].map(|phase| (phase * PHASE) as f64);
        if start > from + INTERVAL / 2.0 && end < to - INTERVAL / 2.0 {
            let (octets, seconds) = &mut sums[usize::from(phase % 2 == 1)];
            *octets += number("bytes")?;
            *seconds += end - start;
        }
    }
    ensure!(
        sums.iter().all(|&(_, seconds)| seconds > 0.0),
        "the test ended before both kinds of phases had their turn"
    );
    Ok(sums.map(|(octets, seconds)| octets * 8e-6 / seconds))
}

/// Runs iperf3 with a swap every [`PERIOD`] in odd phases; its report, and how many swaps there were.
fn while_swapping(guest: &Running<'_>, line: &str) -> Result<(Value, u64)> {
    let address = guest.vm.machine.network.address(Transport::Udp, 7070).context("the guest has no control port")?;
    let (ended, end) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let swaps = scope.spawn(move || {
            guest.place.namespace().inside(move || {
                let control = ControlClient::new(address, REPLY)?;
                let began = Instant::now();
                let mut count = 0u64;
                while end.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                    if began.elapsed().as_secs() / PHASE % 2 == 1 {
                        control.order(&format!("swap congestion {}", CONTROLLERS[(count % 2) as usize]))?;
                        count += 1;
                    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::goodput;

    #[test]
    fn only_the_middle_of_a_phase_counts() {
        let interval = |number: u64| {
            let start = number as f64 / 2.0;
            // Two megabits in quiet phases, one in the others; nonsense where they meet.
            let bytes = match number % 8 {
                1 | 2 => 125_000,
                5 | 6 => 62_500,
                _ => 9,
            };
            json!({"sum": {"start": start, "end": start + 0.5, "bytes": bytes}})
        };
        let report = json!({"intervals": (0..16).map(interval).collect::<Vec<_>>()});
        assert_eq!(goodput(&report).expect("both kinds are there"), [2.0, 1.0]);
        assert!(goodput(&json!({"intervals": []})).is_err());
    }
}
