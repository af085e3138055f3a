//! The link emulator: delay, rate and loss are what was asked for, with real clients on both sides.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::traffic::{Iperf, iperf, received};
use super::{Guest, Lab, tap};
use crate::link::{self, Link};
use crate::machine::{Network, Transport};
use crate::test::Outcome;
use crate::ui;

/// Each way; a round trip is twice as long.
const DELAY: Duration = Duration::from_millis(20);
/// Of the download, in Mbit/s: with the round trip less than a send buffer holds.
const RATE: f64 = 8.0;
/// The word for both, and for the loss.
const SPEC: &str = "delay=20ms,rate=100mbit,up.rate=8mbit,up.queue=64k,down.loss=5%,seed=3";

/// An asymmetric link with loss on one way.
pub fn emulated(lab: &Lab) -> Result<Outcome> {
    let namespace = tap::namespace()?;
    let program = link::build()?;
    let emulator = Link::start(&program, &namespace, SPEC, false)?;
    let network = || Network::Link(namespace.name().to_owned(), emulator.dir().to_owned());
    let guest: Guest = lab.boot(|machine| machine.network = network())?;
    guest.tested(|guest| {
        namespace.inside(|| {
            round_trips(guest)?;
            rate(guest)?;
            let counters = emulator.counters()?;
            ui::note(&format!("{counters}"));
            accounts(&counters)?;
            upload(guest)
        })
    })
}

/// No answer comes before the link's round trip. The best one of many is not much later: that holds on a loaded machine, too, where the
/// others may be.
fn round_trips(guest: &Guest) -> Result<()> {
    let address = guest.address(Transport::Udp, 7070)?;
    let socket = UdpSocket::bind(("0.0.0.0", 0))?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(Duration::from_millis(500)))?;
    let (mut times, mut answer) = (Vec::new(), [0; 2048]);
    for number in 0..60 {
        let began = Instant::now();
        // Each with an identity of its own: an answer to an earlier one would look too fast.
        let id = format!("#{number} ");
        socket.send(format!("{id}list").as_bytes())?;
        // What is lost times out.
        while let Ok(length) = socket.recv(&mut answer) {
            if answer[..length].starts_with(id.as_bytes()) {
                times.push(began.elapsed());
                break;
            }
        }
        if times.len() >= 20 {
            break;
        }
    }
    times.sort();
    let (best, median) =
        times.first().zip(times.get(times.len() / 2)).context("no request was answered through the link")?;
    ui::note(&format!("{} round trips, best {best:?}, median {median:?}", times.len()));
    ensure!(*best >= 2 * DELAY, "an answer came after {best:?}: the link takes {:?}", 2 * DELAY);
    ensure!(*best < 2 * DELAY + Duration::from_millis(15), "the best of {} answers took {best:?}", times.len());
    Ok(())
}

/// A download fills the link and no more.
fn rate(guest: &Guest) -> Result<()> {
    let report = iperf(guest, "-t 8 -O 2 -R")?;
    let mbit = report["end"]["sum_received"]["bits_per_second"].as_f64().unwrap_or_default() / 1e6;
    ui::note(&format!("{mbit:.1} of {RATE} Mbit/s"));
    // TCP's payload is 1448 of 1514 octets of each frame. A machine that is busy with other things may not fill it.
    ensure!(mbit <= RATE, "{mbit:.1} Mbit/s went through a link of {RATE} Mbit/s");
    ensure!(mbit > RATE / 2.0, "only {mbit:.1} Mbit/s went through a link of {RATE} Mbit/s");
    Ok(())
}

/// What the emulator counts fits together, and the loss is what was asked for.
fn accounts(counters: &Value) -> Result<()> {
    for way in ["up", "down"] {
        let number = |name: &str| counters[way][name].as_u64().with_context(|| format!("{way} has no {name}"));
        let gone = number("overflowed")? + number("lost")? + number("delivered")?;
        // What is under way is in none of them.
        ensure!(
            gone <= number("offered")? + number("duplicated")?,
            "{way} delivers more than it was given: {counters}"
        );
        let (offered, lost) = (number("offered")? as f64, number("lost")? as f64);
        if way == "down" {
            // Six standard deviations of a binomial distribution.
            let spread = 6.0 * (offered * 0.05 * 0.95).sqrt();
            ensure!((lost - offered * 0.05).abs() < spread, "{lost} of {offered} packets were lost, asked for 5 %");
            ensure!(offered > 500.0, "only {offered} packets went down");
        } else {
            ensure!(lost == 0.0, "{lost} packets were lost on the way that loses none");
        }
    }
    Ok(())
}

/// The guest receives through loss, and goes on doing so.
fn upload(guest: &Guest) -> Result<()> {
    let report = Iperf::start(guest, "-t 4", Duration::from_secs(60))?.report()?;
    received(&report, 100_000)?;
    Ok(())
}
