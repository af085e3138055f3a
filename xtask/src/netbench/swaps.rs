//! What swaps cost: a load during which there are swaps every 100 ms, and none, turn by turn.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::bulk::retransmits;
use super::cores::Apart;
use super::pair::{Parts, Running, Setup, Who};
use super::quiet::sample;
use super::record::Records;
use super::suites::Amount;
use super::turns;
use crate::control::ControlClient;
use crate::machine::Transport;

/// Between two swaps.
const PERIOD: Duration = Duration::from_millis(100);
/// Periods of a phase, in which there are swaps or none: few, so that the machine is the same for both phases of a pair.
const PERIODS: u32 = 3;
/// Pairs of phases in a connection, for each second of the amount; an even number, so that each kind comes first as often.
const PAIRS: usize = 50;
/// How long a connection runs before the first phase, and at least after the last.
const MARGIN: Duration = Duration::from_secs(1);
/// How long a reply may take.
const REPLY: Duration = Duration::from_secs(5);
/// What is swapped in, in turn.
const CONTROLLERS: [&str; 2] = ["reno", "cubic"];
/// The two kinds of phases, in names of figures.
const KINDS: [&str; 2] = ["without swaps", "a swap every 100 ms"];

/// The guest sends, its processor has a core of the host, and all else shares the rest: rates are steadier so, and swaps cost what they cost. A connection
/// with swaps is followed by one without any, which shows whether segments are sent again for other reasons.
pub fn under_load(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    let apart = Apart::new()?;
    let guest = parts.place(Who::Midflight)?.boot(&Setup::default())?;
    apart.give(&guest.vm)?;
    let all = [&guest.vm];
    let pairs = PAIRS * amount.seconds as usize;
    for _ in 0..amount.rounds {
        let taken = sample(&guest.vm, &all, || while_swapping(&guest, pairs))?;
        let (report, phases) = &taken.value;
        for (at, kind) in KINDS.iter().enumerate() {
            let of_kind = phases.iter().enumerate().filter(|&(number, _)| turns::kind(number, 2) == at);
            let values: Vec<f64> = of_kind.map(|(_, phase)| phase.rate).collect();
            records.add_all(&format!("TCP out, 1 stream, {kind}"), Who::Midflight, "Mbit/s", &taken, &values);
        }
        let swaps: u32 = phases.iter().map(|phase| phase.swaps).sum();
        let seconds: f64 = phases.iter().filter(|phase| phase.swaps > 0).map(|phase| phase.seconds).sum();
        let per_second = f64::from(swaps) / seconds;
        records.add(&format!("swaps, {}", KINDS[1]), Who::Midflight, "/s", &taken.with(per_second));
        let mut again = |kind: &str, sample| {
            records.add(&format!("segments sent again, {kind}"), Who::Midflight, "", &sample);
        };
        again(KINDS[1], taken.with(retransmits(report)?));
        let line = format!("-t {} -R", 4 * amount.seconds);
        let taken = sample(&guest.vm, &all, || guest.place.iperf(&line))?;
        again(KINDS[0], taken.with(retransmits(&taken.value)?));
    }
    Ok(())
}

/// What was seen of a phase.
#[derive(Debug, PartialEq)]
struct Phase {
    /// What the guest sent, Mbit/s.
    rate: f64,
    seconds: f64,
    swaps: u32,
}

/// What phases are made of, so that time can be made up for a test.
trait World {
    /// Octets that the guest has sent so far, and when.
    fn sent(&mut self) -> Result<(u64, Duration)>;
    /// Orders the next swap and waits for its end.
    fn swap(&mut self) -> Result<()>;
    /// Waits until then.
    fn wait(&mut self, until: Duration) -> Result<()>;
}

/// Phases of both kinds, turn by turn. One ends where the next begins, so that what a swap costs later counts too, but for what comes after the last period.
fn phases(world: &mut impl World, pairs: usize) -> Result<Vec<Phase>> {
    let mut before = world.sent()?;
    let phase = |number| {
        let (octets, began) = before;
        let mut swaps = 0;
        for period in 1..=PERIODS {
            if turns::kind(number, 2) == 1 {
                world.swap()?;
                swaps += 1;
            }
            world.wait(began + period * PERIOD)?;
        }
        let (sent, now) = world.sent()?;
        before = (sent, now);
        let seconds = (now - began).as_secs_f64();
        Ok(Phase { rate: (sent - octets) as f64 * 8e-6 / seconds, seconds, swaps })
    };
    (0..2 * pairs).map(phase).collect()
}

/// A guest whose card is watched from the host, from inside its namespace.
struct Watched {
    control: ControlClient,
    began: Instant,
    /// Says that iperf3 has ended.
    end: Receiver<()>,
    swaps: usize,
}

impl World for Watched {
    fn sent(&mut self) -> Result<(u64, Duration)> {
        // What the guest sends, its TAP receives.
        let file = "/proc/thread-self/net/dev";
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
        let received = text.lines().find_map(|line| line.trim().strip_prefix("tap0:")?.split_whitespace().next());
        let octets = received.and_then(|octets| octets.parse().ok());
        Ok((octets.with_context(|| format!("{file} does not say what tap0 received"))?, self.began.elapsed()))
    }

    fn swap(&mut self) -> Result<()> {
        self.swaps += 1;
        self.control.order(&format!("swap congestion {}", CONTROLLERS[self.swaps % 2])).map(drop)
    }

    fn wait(&mut self, until: Duration) -> Result<()> {
        match self.end.recv_timeout(until.saturating_sub(self.began.elapsed())) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            _ => bail!("iperf3 ended before all phases had their turn"),
        }
    }
}

/// Runs iperf3, and meanwhile so many pairs of phases with a swap every [`PERIOD`] and without; its report, and what was seen of the phases.
fn while_swapping(guest: &Running<'_>, pairs: usize) -> Result<(Value, Vec<Phase>)> {
    let address = guest.vm.machine.network.address(Transport::Udp, 7070).context("the guest has no control port")?;
    let (ended, end) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let seen = scope.spawn(move || {
            guest.place.namespace().inside(move || {
                let control = ControlClient::new(address, REPLY)?;
                let mut watched = Watched { control, began: Instant::now(), end, swaps: 0 };
                watched.wait(MARGIN)?;
                phases(&mut watched, pairs)
            })
        });
        let length = 2 * MARGIN + 2 * pairs as u32 * PERIODS * PERIOD;
        // What phases take longer than they should, by late replies and wake-ups.
        let seconds = (length.as_secs_f64() * 1.05).ceil();
        let report = guest.place.iperf(&format!("-t {seconds} -R"));
        drop(ended);
        let phases = seen.join().map_err(|_| anyhow::anyhow!("the swaps panicked"))?;
        // Without iperf3 there are no phases either: its own error says more.
        let report = report?;
        let phases = phases?;
        ensure!(phases.iter().all(|phase| phase.rate > 0.0), "nothing was sent in some phases");
        Ok((report, phases))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anyhow::Result;

    use super::{PERIODS, Phase, World, phases};

    /// Sends a megabit a millisecond, but nothing in the ten milliseconds that a swap takes.
    #[derive(Default)]
    struct Made {
        millis: u64,
        octets: u64,
    }

    impl World for Made {
        fn sent(&mut self) -> Result<(u64, Duration)> {
            Ok((self.octets, Duration::from_millis(self.millis)))
        }

        fn swap(&mut self) -> Result<()> {
            self.millis += 10;
            Ok(())
        }

        fn wait(&mut self, until: Duration) -> Result<()> {
            let until = until.as_millis() as u64;
            self.octets += (until - self.millis) * 125_000;
            self.millis = until;
            Ok(())
        }
    }

    #[test]
    fn a_phase_with_swaps_shows_what_they_cost_and_its_neighbours_do_not() {
        let seen = phases(&mut Made { millis: 777, octets: 42 }, 2).expect("this world makes no errors");
        let quiet = Phase { rate: 1000.0, seconds: 0.3, swaps: 0 };
        let busy = Phase { rate: 900.0, seconds: 0.3, swaps: PERIODS };
        for (seen, expected) in seen.iter().zip([&quiet, &busy, &busy, &quiet]) {
            assert!((seen.rate - expected.rate).abs() < 1e-6, "{seen:?} {expected:?}");
            assert_eq!((seen.seconds, seen.swaps), (expected.seconds, expected.swaps));
        }
        assert_eq!(seen.len(), 4);
    }
}
