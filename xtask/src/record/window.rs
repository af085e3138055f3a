//! The window of a connection while the controller under it is swapped, from a real run behind an emulated link.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::command::{self, Guarded};
use crate::control::{ControlClient, Record};
use crate::e2e::{Guest, Lab};
use crate::link::{self, Link};
use crate::machine::{Network, Transport};
use crate::netns::Namespace;
use crate::{commit, provision, ui};

/// The bottleneck: a round trip of 40 ms holds 250 kB, and the queue half as much again, so that what fills it loses a segment now and then.
pub const LINK: &str = "rate=50mbit,delay=20ms,queue=128k";
/// How long iperf3 runs, in seconds.
pub const LENGTH: u64 = 54;
/// The controller at the start.
const FIRST: &str = "reno";
/// What is ordered, and after how many seconds.
const ORDERS: &[(u64, &str)] = &[(18, "cubic"), (36, "reno")];
/// From one look at the connection to the next.
const LOOK: Duration = Duration::from_millis(50);

/// What the control port said of the connection.
pub struct Look {
    /// Seconds since iperf3 was started: the middle between the request and its answer.
    pub at: f64,
    pub controller: String,
    /// Octets.
    pub cwnd: f64,
    pub srtt_us: f64,
    /// Octets that the service has given to the connection.
    pub octets: f64,
    /// Segments that were sent again.
    pub retransmits: f64,
}

/// A swap that was ordered.
pub struct Swap {
    /// Seconds since iperf3 was started.
    pub at: f64,
    pub to: String,
    pub protocol: String,
    /// From the order to the commit, in the guest.
    pub total_ns: f64,
    /// The window right before and right after, in octets.
    pub cwnd: (f64, f64),
}

/// A recorded run.
#[derive(Default)]
pub struct Run {
    pub looks: Vec<Look>,
    pub swaps: Vec<Swap>,
}

/// Boots the image behind the link, lets it send to iperf3, and swaps meanwhile. Needs root.
pub fn run(lab: &Lab) -> Result<Run> {
    provision::need(&[provision::IPERF3])?;
    let namespace = Namespace::new()?;
    let emulator = Link::start(&link::build()?, &namespace, LINK, false)?;
    let guest = lab.boot(|machine| {
        machine.network = Network::Link(namespace.name().to_owned(), emulator.dir().to_owned());
        machine.options = vec![format!("congestion={FIRST}")];
    })?;
    ui::step(&format!("Recording the window: iperf3 for {LENGTH} s through {LINK}, {} swaps", ORDERS.len()));
    let run = namespace.inside(|| record(&guest))?;
    guest.finish()?;
    Ok(run)
}

fn record(guest: &Guest) -> Result<Run> {
    let server = guest.address(Transport::Tcp, 5201)?;
    let control = guest.control()?;
    let mut iperf = command::tethered("iperf3");
    iperf.args(["-c", &server.ip().to_string(), "-R", "--forceflush", "-t", &LENGTH.to_string()]);
    let start = Instant::now();
    let process = Guarded::spawn(iperf.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let pipe = process.with(|child| child.stdout.take()).context("iperf3 has no output")?;
    let (send, said) = mpsc::channel();
    std::thread::spawn(move || BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    let (mut run, mut orders, mut next) = (Run::default(), ORDERS.iter().peekable(), start + LOOK);
    loop {
        match said.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(line) => println!("{line}"),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                next += LOOK;
                let look = look(&control, start)?;
                if let Some((_, to)) = orders.next_if(|(second, _)| start.elapsed().as_secs() >= *second) {
                    run.swaps.push(swap(&control, start, to, look.as_ref())?);
                }
                run.looks.extend(look);
            }
        }
    }
    let status = process.wait()?;
    if !status.success() || run.swaps.len() != ORDERS.len() {
        bail!("iperf3 ended with {status} after {} swaps of {}", run.swaps.len(), ORDERS.len());
    }
    Ok(run)
}

/// The connection that sends, if one does.
fn look(control: &ControlClient, start: Instant) -> Result<Option<Look>> {
    let before = start.elapsed();
    let all = control.all("connections")?;
    let at = (before + start.elapsed()).as_secs_f64() / 2.0;
    let busiest = all.iter().max_by(|one, other| number(one, "bytes_out").total_cmp(&number(other, "bytes_out")));
    let look = |record: &Record| Look {
        at,
        controller: record.get("congestion").cloned().unwrap_or_default(),
        cwnd: number(record, "cwnd"),
        srtt_us: number(record, "srtt_us"),
        octets: number(record, "bytes_out"),
        retransmits: number(record, "retransmits"),
    };
    // That of iperf3's own control has sent next to nothing.
    Ok(busiest.map(look).filter(|look| look.octets > 10_000.0))
}

fn swap(control: &ControlClient, start: Instant, to: &str, before: Option<&Look>) -> Result<Swap> {
    let at = start.elapsed().as_secs_f64();
    let reply = control.order(&format!("swap congestion {to}"))?;
    let record = reply.records().into_iter().next().context("the reply has no record")?;
    if record.get("outcome").map(String::as_str) != Some("committed") {
        bail!("the swap was not committed: {}", reply.text.trim());
    }
    let after = look(control, start)?.context("the connection is gone")?;
    Ok(Swap {
        at,
        to: to.to_owned(),
        protocol: record.get("protocol").cloned().unwrap_or_default(),
        total_ns: number(&record, "total_ns"),
        cwnd: (before.context("no connection was there before the swap")?.cwnd, after.cwnd),
    })
}

fn number(record: &Record, key: &str) -> f64 {
    record.get(key).and_then(|text| text.parse().ok()).unwrap_or_default()
}

impl Run {
    /// All of it, with what it was recorded of.
    pub fn json(&self) -> Result<Value> {
        let date = command::output(command::tethered("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]))?;
        let looks = self
            .looks
            .iter()
            .map(|look| json!([look.at, look.controller, look.cwnd, look.srtt_us, look.octets, look.retransmits]));
        let swaps = self.swaps.iter().map(|swap| {
            let (before, after) = swap.cwnd;
            json!({ "at": swap.at, "to": swap.to, "protocol": swap.protocol, "total_ns": swap.total_ns, "cwnd_before": before, "cwnd_after": after })
        });
        Ok(json!({
            "date": date.trim(),
            "commit": commit::name(),
            "link": LINK,
            "swaps": swaps.collect::<Vec<_>>(),
            "columns": ["seconds", "controller", "cwnd, octets", "srtt, µs", "octets sent", "segments sent again"],
            "looks": looks.collect::<Vec<_>>(),
        }))
    }
}
