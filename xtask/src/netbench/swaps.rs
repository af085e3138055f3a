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
use super::turns;
use crate::control::ControlClient;
use crate::machine::Transport;

/// Between two swaps.
const PERIOD: Duration = Duration::from_millis(100);
/// Seconds of a phase, in which there are swaps or none: short, so that the machine is the same for both of a pair.
const PHASE: u64 = 1;
/// Pairs of phases in a connection, for each second of the amount; an even number, so that each kind comes first as often.
const PAIRS: u64 = 6;
/// Seconds between two of iperf3's figures. In the first and the last ones of a phase it may still be the other's turn: they do not count.
const INTERVAL: f64 = 0.125;
/// How long a reply may take.
const REPLY: Duration = Duration::from_secs(5);
/// What is swapped in, in turn.
const CONTROLLERS: [&str; 2] = ["reno", "cubic"];
/// The two kinds of phases, in names of figures.
const KINDS: [&str; 2] = ["without swaps", "a swap every 100 ms"];

/// The guest sends. A connection in which there are swaps every other phase is followed by one of half its length without any, which shows
/// whether segments are sent again for other reasons.
pub fn under_load(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    let guest = parts.place(Who::Midflight)?.boot(&Setup::default())?;
    let all = [&guest.vm];
    let pairs = PAIRS * amount.seconds;
    let seconds = 2 * PHASE * pairs;
    for _ in 0..amount.rounds {
        let line = format!("-t {seconds} -i {INTERVAL} -R");
        let taken = sample(&guest.vm, &all, || while_swapping(&guest, &line))?;
        let (report, count) = &taken.value;
        let goodput = goodput(report, pairs as usize)?;
        for (at, kind) in KINDS.iter().enumerate() {
            let values: Vec<f64> = goodput.iter().map(|pair| pair[at]).collect();
            records.add_all(&format!("TCP out, 1 stream, {kind}"), Who::Midflight, "Mbit/s", &taken, &values);
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

/// What arrived in the phases of each pair, by kind, Mbit/s.
fn goodput(report: &Value, pairs: usize) -> Result<Vec<[f64; 2]>> {
    let mut sums = vec![[(0.0, 0.0); 2]; pairs];
    for interval in report["intervals"].as_array().context("the report has no intervals")? {
        let number = |name: &str| interval["sum"][name].as_f64().with_context(|| format!("an interval has no {name}"));
        let (start, end) = (number("start")?, number("end")?);
        let phase = ((start + end) / 2.0) as u64 / PHASE;
        let [from, to] = [phase, phase + 1].map(|phase| (phase * PHASE) as f64);
        if start > from + INTERVAL / 2.0
            && end < to - INTERVAL / 2.0
            && let Some(pair) = sums.get_mut(phase as usize / 2)
        {
            let (octets, seconds) = &mut pair[turns::kind(phase as usize, 2)];
            *octets += number("bytes")?;
            *seconds += end - start;
        }
    }
    let is_whole = |pair: &[(f64, f64); 2]| pair.iter().all(|&(_, seconds)| seconds > 0.0);
    ensure!(sums.iter().all(is_whole), "the test ended before both kinds of phases had all their turns");
    Ok(sums.into_iter().map(|pair| pair.map(|(octets, seconds)| octets * 8e-6 / seconds)).collect())
}

/// Runs iperf3 with a swap every [`PERIOD`] in phases of that kind; its report, and how many swaps there were. The others have one controller as
/// often as the other, as those do.
fn while_swapping(guest: &Running<'_>, line: &str) -> Result<(Value, usize)> {
    let address = guest.vm.machine.network.address(Transport::Udp, 7070).context("the guest has no control port")?;
    let (ended, end) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let swaps = scope.spawn(move || {
            guest.place.namespace().inside(move || {
                let control = ControlClient::new(address, REPLY)?;
                let began = Instant::now();
                let (mut count, mut current, mut quiet) = (0, None, None);
                while end.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                    let phase = (began.elapsed().as_secs() / PHASE) as usize;
                    let swaps = turns::kind(phase, 2) == 1;
                    if !swaps && quiet == Some(phase) {
                        continue;
                    }
                    // A quiet phase has its controller from the beginning on, where nothing counts yet.
                    let next = if swaps { current.map_or(0, |current: usize| 1 - current) } else { phase / 2 % 2 };
                    control.order(&format!("swap congestion {}", CONTROLLERS[next]))?;
                    (current, quiet) = (Some(next), (!swaps).then_some(phase));
                    count += usize::from(swaps);
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
    fn only_the_middle_of_a_phase_counts_and_each_for_its_own_kind() {
        let interval = |number: u64| {
            let start = number as f64 / 8.0;
            let phase = number / 8;
            // Two megabits in quiet phases, one in the others, and what the machine adds from phase to phase; nonsense where they meet.
            let bytes = match (number % 8, phase % 4) {
                (0 | 7, _) => 9,
                (_, 0 | 3) => 31_250 + phase * 15_625,
                _ => 15_625 + phase * 15_625,
            };
            json!({"sum": {"start": start, "end": start + 0.125, "bytes": bytes}})
        };
        let report = json!({"intervals": (0..32).map(interval).collect::<Vec<_>>()});
        assert_eq!(goodput(&report, 2).expect("both kinds are there"), [[2.0, 2.0], [5.0, 3.0]]);
        assert!(goodput(&report, 3).is_err(), "a pair is missing");
        assert!(goodput(&json!({"intervals": []}), 1).is_err());
    }
}
