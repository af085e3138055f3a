//! Every machine of these tests is captured (see [`capture`](crate::capture)). This proves that the judge finds what is wrong, and lets it look at what the
//! other tests do not make a guest send: recovery on an imperfect link that duplicates and reorders, congestion marks, closed windows, resets, datagrams.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::traffic::iperf;
use super::{Lab, iperf as swaps, tap};
use crate::capture::{Dumpcap, Sender, Until, blameless, notices, notices_on};
use crate::link::{self, Link};
use crate::machine::{Network, TAP_GUEST, Transport};
use crate::netns::Namespace;
use crate::test::Outcome;
use crate::{command, paths, provision};

/// Both ways.
const SPEC: &str = "rate=50mbit,delay=2ms,loss=0.5%,duplicate=0.5%,reorder=1%,reorder-by=3ms,seed=7";
/// Octets that fill all buffers between a client that does not read and an echo service.
const MOST: usize = 64 << 20;
/// No progress for this long, and they are full.
const FULL: Duration = Duration::from_millis(500);
/// No progress for this long is a failure.
const STALL: Duration = Duration::from_secs(30);

/// First the judge, then the traffic.
pub fn judged(lab: &Lab) -> Result<Outcome> {
    provision::need(&[provision::TSHARK])?;
    notices()?;
    let namespace = tap::namespace()?;
    notices_on(&namespace)?;
    // The host asks for congestion notification, too, so that it and the guest agree on it.
    namespace.sysctl("net/ipv4/tcp_ecn", "1")?;
    let emulator = Link::start(&link::build()?, &namespace, SPEC, false)?;
    let network = || Network::Link(namespace.name().to_owned(), emulator.dir().to_owned());
    let guest = lab.boot(|machine| {
        machine.network = network();
        machine.options.push("ecn=offer".into());
    })?;
    let outcome = guest.tested(|guest| {
        namespace.inside(|| {
            let echo = guest.address(Transport::Tcp, 7)?;
            closed_window(echo)?;
            reset(echo)?;
            for arguments in ["-t 2 -P 2", "-t 2 -u -b 5M -l 1400", "-t 2 -u -b 5M -l 64 -R"] {
                iperf(guest, arguments)?;
            }
            swaps::under_swaps_at_least(2, guest, "-t 5 -R", false)
        })
    })?;
    drop(emulator);
    drop(namespace);
    completed(lab)?;
    Ok(outcome)
}

/// With offloads the card completes what the guest sends, here the host's kernel in its place: behind a router of which nothing more is done by a card.
fn completed(lab: &Lab) -> Result<()> {
    let namespace = Namespace::new()?;
    let far = namespace.behind()?;
    let file = paths::target().join(format!("captures/{}-far.pcap", std::process::id()));
    let guest = lab.boot(|machine| machine.network = Network::Tap(namespace.name().to_owned()))?;
    guest.explained(|_| {
        let inside = |program: &str, words: &str| {
            let mut command = command::tethered("ip");
            command.args(["netns", "exec", far.name(), program]).args(words.split_whitespace());
            command
        };
        // What the router has sent, which no card completes.
        let dumpcap = Dumpcap::start(far.name(), "far0", "ip", &file, Until::Octets(16 << 20))?;
        for words in ["-t 2 -R", "-t 2", "-t 1 -u -b 5M -l 1400 -R"] {
            command::output(&mut inside("iperf3", &format!("-c {TAP_GUEST} {words}")))?;
        }
        dumpcap.end()?;
        let found = blameless(&file, Sender::Address(TAP_GUEST.parse()?), true)?;
        // Each of TCP or UDP has two checksums.
        ensure!(
            found.sent > 100 && found.right >= 2 * found.sent,
            "of {} packets {} checksums",
            found.sent,
            found.right
        );
        Ok(())
    })?;
    guest.finish().map(drop)
}

/// Sends until nothing is taken any more, because nothing that comes back is read; then reads it.
fn closed_window(echo: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(echo).context("the echo service does not answer")?;
    stream.set_write_timeout(Some(FULL))?;
    stream.set_read_timeout(Some(STALL))?;
    let piece = [0x5a; 4096];
    let mut sent = 0;
    loop {
        match stream.write(&piece) {
            Ok(length) => sent += length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            Err(error) => return Err(error).context("the echo service ended"),
        }
        ensure!(sent < MOST, "{sent} octets were taken and none read: nothing closes the window");
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut back = 0;
    let mut octets = vec![0; 64 << 10];
    loop {
        match stream.read(&mut octets).context("the echo service sends no more")? {
            0 => break,
            length => back += length,
        }
    }
    ensure!(back == sent, "{back} of {sent} octets came back after the window was closed");
    Ok(())
}

/// A connection with unread octets is closed, which resets it; and a port is asked for on which nobody listens.
fn reset(echo: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(echo)?;
    stream.set_read_timeout(Some(STALL))?;
    stream.write_all(&[1; 1000])?;
    stream.read_exact(&mut [0; 10])?;
    drop(stream);
    let closed = SocketAddr::new(echo.ip(), 9);
    ensure!(TcpStream::connect_timeout(&closed, STALL).is_err(), "somebody listens on port 9");
    Ok(())
}
