//! Rules that accept what is established and reject the rest, loaded while connections are in full use.

use std::time::{Duration, Instant};

use ::tap::{Form, Tap};
use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, poll};

use super::frames::Station;
use super::swaps::connections;
use super::traffic::{Iperf, received};
use super::{Guest, Lab, tap};
use crate::control::ControlClient;
use crate::netns::{Namespace, ROUTER};
use crate::rules::{self, number};
use crate::test::Outcome;
use crate::ui;

/// The first rule is what is tried, the last one counts what it does not accept. A host reports its multicast groups by ICMPv6.
const POLICY: &str = "10 ct state established,related accept\n20 udp dport 7070 accept\n\
                      30 meta l4proto ipv6-icmp accept\n90 reject with icmpx admin-prohibited\n";
/// Streams, so that some live on the processor whose frames meet the rules on another.
const STREAMS: usize = 4;
/// Of each stream: what leaves processors idle. At full speed acknowledgements are late now and then, and hosts probe, whatever the rules are.
const RATE: &str = "20M";
/// A busy machine may be late all the same; not each time, and nothing of it meets the last rule.
const ATTEMPTS: usize = 6;
/// Somebody behind a router, whose segments belong to no connection.
const FORGER: Station = Station { mac: [2, 0, 0, 0, 0x79, 2], address: [10, 79, 0, 2] };
/// Flags of TCP: what a connection in use sends, what answers a SYN, what ends one.
const FLAGS: [u8; 4] = [0x10, 0x18, 0x12, 0x11];
/// How long the guest has to answer one.
const ANSWER: Duration = Duration::from_secs(15);

/// Both ways, and then segments of no connection.
pub fn under_traffic(lab: &Lab) -> Result<Outcome> {
    let (namespace, guest) = tap::handing_over(lab)?;
    namespace.add_far_tap(FORGER.mac, FORGER.address.into())?;
    guest.tested(|guest| {
        namespace.inside(|| {
            for direction in ["-R", ""] {
                undisturbed(guest, direction)?;
            }
            forged(guest, &namespace)
        })
    })
}

/// Until nothing is sent again. That no segment is rejected is demanded of each attempt.
fn undisturbed(guest: &Guest, direction: &str) -> Result<()> {
    for _ in 0..ATTEMPTS {
        if loaded(guest, direction)? == 0 {
            return Ok(());
        }
    }
    bail!("with `{direction}` segments were sent again in each of {ATTEMPTS} attempts")
}

/// Loads the rules in the middle of a run of iperf3, which must not notice; how many segments were sent again.
fn loaded(guest: &Guest, direction: &str) -> Result<u64> {
    let control = guest.control()?;
    control.order("rules flush")?;
    let mut run = Iperf::start(guest, &format!("-t 4 -P {STREAMS} -b {RATE} {direction}"), Duration::from_secs(60))?;
    // With the one that iperf3 speaks of the test.
    while connections(&control)?.len() <= STREAMS {
        ensure!(run.runs_for(Duration::from_millis(50)), "iperf3 ended before its streams were seen");
    }
    rules::load(&control, POLICY)?;
    ensure!(run.runs_for(Duration::from_millis(500)), "iperf3 ended before the rules were loaded");
    let report = run.report()?;
    received(&report, 1_000_000)?;
    let (accepted, rejected) = counted(&control)?;
    let again = report["end"]["sum_sent"]["retransmits"].as_u64().context("the report has no retransmits")?;
    ui::note(&format!("{accepted} segments accepted as established, {rejected} rejected, {again} sent again"));
    ensure!(rejected == 0, "{rejected} segments of connections older than the rules were rejected");
    ensure!(accepted > 100, "only {accepted} segments were accepted as established: the rules came too late");
    Ok(again)
}

/// With the rules in place each segment of no connection is rejected, and the forger is told.
fn forged(guest: &Guest, namespace: &Namespace) -> Result<()> {
    let control = guest.control()?;
    let tap = namespace.inside(|| Ok(Tap::open("far0", Form::Plain)?))?;
    let (_, before) = counted(&control)?;
    for (port, flags) in (4000..).zip(FLAGS) {
        let segment = FORGER.tcp(port, 0x1234_5678, flags, &[], |_| ());
        ensure!(tap.send(&FORGER.ipv4(ROUTER, 6, &segment, |_| (), false))?, "the TAP has no room");
        admin_prohibited(&tap).with_context(|| format!("a forged segment with the flags {flags:#x}"))?;
    }
    let rejected = counted(&control)?.1 - before;
    ui::note(&format!("{rejected} of {} forged segments rejected", FLAGS.len()));
    ensure!(rejected == FLAGS.len() as u64, "of {} forged segments {rejected} were rejected", FLAGS.len());
    Ok(())
}

/// Waits for ICMP's error of that name (RFC 1812 section 5.2.7.1).
fn admin_prohibited(tap: &Tap) -> Result<()> {
    let end = Instant::now() + ANSWER;
    let mut frame = vec![0; 65_536];
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        match tap.receive(&mut frame)? {
            Some(length) if frame[..length].get(12..14) == Some(&[8, 0]) && frame[23] == 1 => {
                ensure!(frame[34..36] == [3, 13], "was answered by ICMP type {} code {}", frame[34], frame[35]);
                return Ok(());
            }
            Some(_) => {}
            None => {
                let _ = poll(&mut [PollFd::new(tap, PollFlags::IN)], Some(&left.try_into()?));
            }
        }
    }
    bail!("was not answered within {} s", ANSWER.as_secs())
}

/// Packets that met the first rule, and the last one.
fn counted(control: &ControlClient) -> Result<(u64, u64)> {
    let rules = control.all("rules")?;
    let (first, last) = rules.first().zip(rules.last()).context("there are no rules")?;
    Ok((number(first, "packets")?, number(last, "packets")?))
}
