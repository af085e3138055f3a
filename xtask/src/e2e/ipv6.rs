//! Everything over IPv6: the guest on a TAP, the control port included.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::tap::namespace;
use super::{Guest, Lab, iperf, payload, traffic};
use crate::machine::{Network, TAP_GUEST6, Transport};
use crate::test::Outcome;
use crate::{command, provision, rules};

/// The link-local address of QEMU's first card, 52:54:00:12:34:56.
const LINK_LOCAL: &str = "fe80::5054:ff:fe12:3456%tap0";

/// Ping, `nc`, the data of the echo service and iperf3 under swaps, and rules with answers.
pub fn everything(lab: &Lab) -> Result<Outcome> {
    let namespace = namespace()?;
    if !namespace.has_ipv6() {
        return Ok(Outcome::Skipped("this machine's kernel has no IPv6".into()));
    }
    provision::need(&[provision::PING, provision::NETCAT])?;
    let guest: Guest = lab.boot(|machine| machine.network = Network::Tap6(namespace.name().to_owned()))?;
    guest.tested(|guest| {
        namespace.inside(|| {
            for address in [TAP_GUEST6, LINK_LOCAL] {
                command::output(command::tethered("ping").args(["-6", "-q", "-c", "3", "-W", "10", address]))
                    .with_context(|| format!("{address} does not answer"))?;
            }
            ensure!(netcat("status")?.starts_with("ok"), "`status` by nc -6 got no answer");
            payload::exchange(guest)?;
            iperf::under_swaps(guest, "-t 12 -R", true)?;
            iperf::under_swaps(guest, "-t 12", false)?;
            iperf::datagrams_sent(guest)?;
            rejections(guest)?;
            default_drop(guest)
        })
    })
}

/// What a real `nc` gets for a request.
fn netcat(request: &str) -> Result<String> {
    let mut nc = command::tethered("nc");
    nc.args(["-6", "-u", "-w", "2", TAP_GUEST6, "7070"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = nc.spawn().context("cannot start nc")?;
    let mut input = process.stdin.take().context("nc has no input")?;
    writeln!(input, "{request}")?;
    drop(input);
    let output = process.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn rejections(guest: &Guest) -> Result<()> {
    let control = guest.control()?;
    let address = guest.address(Transport::Tcp, 7)?;
    let connect = || TcpStream::connect_timeout(&address, Duration::from_secs(2)).map_err(|error| error.kind());
    for (how, expected) in [
        ("reject with tcp reset", ErrorKind::ConnectionRefused),
        ("reject", ErrorKind::ConnectionRefused),
        // Linux calls it EACCES.
        ("reject with icmpx admin-prohibited", ErrorKind::PermissionDenied),
        ("drop", ErrorKind::TimedOut),
    ] {
        control.order(&format!("rule add 10 ip6 saddr fd00:77::/64 tcp dport 7 {how}"))?;
        let found = connect().err();
        ensure!(found == Some(expected), "`{how}` was seen as {found:?}, not {expected:?}");
        control.order("rules flush")?;
    }
    ensure!(connect().is_ok(), "without rules the port is closed");
    control.order("rule add 10 ip6 daddr fd00:77::2 udp dport 9 reject")?;
    super::classifier::datagram_is_refused(guest, "::")?;
    control.order("rules flush")?;
    Ok(())
}

/// Connections are tracked, and Neighbor Discovery needs no rule.
fn default_drop(guest: &Guest) -> Result<()> {
    let control = guest.control()?;
    let policy = "10 ct state established,related accept\n20 udp dport 7070 accept\n\
                 40 tcp dport 5201 tcp flags syn / syn,ack accept\n90 drop\n";
    let reply = rules::upload(&control, policy)?;
    ensure!(reply.starts_with("ok"), "the rules were refused: `{}`", reply.trim());
    // The host has to ask anew who has the address.
    command::run(command::tethered("ip").args(["-6", "neighbour", "flush", "dev", "tap0"]))?;
    traffic::received(&traffic::iperf(guest, "-t 2")?, 100_000)?;
    traffic::received(&traffic::iperf(guest, "-t 2 -R")?, 100_000)?;
    Ok(())
}
