//! Frames that lie, and floods. They come over a wire of the guest's Ethernet segment, so that nothing repairs them; a TAP on the same
//! segment shows that the guest still serves. (QEMU's user-mode network will not do there: such frames crash it.)

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::frames::{GUEST, Station, checksum};
use super::tap::namespace;
use super::traffic::{iperf, received};
use super::wire::{Socket, Wire};
use super::{Guest, Lab};
use crate::control::ControlClient;
use crate::machine::Network;
use crate::netns::Namespace;
use crate::test::Outcome;
use crate::ui;

const STRANGER: Station = Station { mac: [0x02, 0, 0, 0, 0x77, 0x77], address: [10, 77, 0, 77] };
/// SYNs of the flood: several times what any table of half-open connections holds.
const FLOOD: u32 = 20_000;
/// Frames of arbitrary octets.
const NOISE: u32 = 5_000;

/// Lies, noise and a flood; the guest counts drops, stays up, and serves iperf3 afterwards.
pub fn frames(lab: &Lab) -> Result<Outcome> {
    let namespace = namespace()?;
    // The build may need the network, which the namespace does not have.
    lab.machine()?;
    namespace.inside(|| inside(lab, &namespace))
}

fn inside(lab: &Lab, namespace: &Namespace) -> Result<Outcome> {
    let socket = Socket::new()?;
    let address = socket.address()?;
    let guest = lab.boot(|machine| machine.network = Network::Wire(namespace.name().to_owned(), address))?;
    let mut wire = socket.accept()?;
    guest.tested(|guest| {
        let control = guest.control()?;
        let mac = resolve(&mut wire)?;
        // The wire answers nothing by itself: what the guest sends there is read so that QEMU never blocks.
        wire.drain()?;
        let before = drops(&control)?;
        let lies = lies(mac);
        for frame in &lies {
            wire.send(frame)?;
        }
        let after = settled(&control, before + lies.len() as u64)?;
        ui::note(&format!("{} of {} lying frames counted as drops", after - before, lies.len()));
        ensure!(
            after - before >= lies.len() as u64,
            "{} lying frames raised the drop counters by {} only",
            lies.len(),
            after - before
        );
        noise(&mut wire, mac)?;
        alive(guest, &control, "noise")?;
        for number in 0..FLOOD {
            wire.send(&syn(mac, number))?;
        }
        alive(guest, &control, "a flood of SYNs")?;
        received(&iperf(guest, "-t 2 -R")?, 100_000).context("after the flood")?;
        received(&iperf(guest, "-t 2")?, 100_000).context("after the flood")?;
        Ok(())
    })
}

fn alive(guest: &Guest, control: &ControlClient, what: &str) -> Result<()> {
    control.order("status").with_context(|| format!("after {what}"))?;
    guest.check().with_context(|| format!("after {what}"))
}

/// The sum of all counters of dropped frames in `status`.
fn drops(control: &ControlClient) -> Result<u64> {
    let records = control.all("status")?;
    let counters = records.iter().flatten().filter(|(key, _)| key.starts_with("stack.drop_"));
    Ok(counters.filter_map(|(_, value)| value.parse::<u64>().ok()).sum())
}

/// The counters once they have reached `wanted`, or after enough requests (each a round trip) if they never do.
fn settled(control: &ControlClient, wanted: u64) -> Result<u64> {
    let mut now = 0;
    for _ in 0..200 {
        now = drops(control)?;
        if now >= wanted {
            break;
        }
    }
    Ok(now)
}

/// The guest's MAC, by an ARP request from the wire.
fn resolve(wire: &mut Wire) -> Result<[u8; 6]> {
    let mut request = STRANGER.ethernet([0xff; 6], 0x0806);
    request.extend([0, 1, 8, 0, 6, 4, 0, 1]);
    request.extend(STRANGER.mac);
    request.extend(STRANGER.address);
    request.extend([0; 6]);
    request.extend(GUEST);
    wire.send(&request)?;
    let is_reply = |frame: &[u8]| {
        frame.get(12..14) == Some(&[8, 6]) && frame.get(20..22) == Some(&[0, 2]) && frame.get(28..32) == Some(&GUEST)
    };
    let reply = wire.receive(Duration::from_secs(15), is_reply).context("the guest does not answer ARP")?;
    reply.get(22..28).and_then(|mac| mac.try_into().ok()).context("a short ARP reply")
}

fn syn(mac: [u8; 6], number: u32) -> Vec<u8> {
    let segment =
        STRANGER.tcp(1024 + (number % 60_000) as u16, number.wrapping_mul(2_654_435_761), 2, &[2, 4, 5, 0xb4], |_| ());
    STRANGER.ipv4(mac, 6, &segment, |_| (), false)
}

/// Frames each of which is wrong in one way; all must be dropped and counted.
fn lies(mac: [u8; 6]) -> Vec<Vec<u8>> {
    let good = STRANGER.tcp(4000, 1, 2, &[], |_| ());
    let mut all = Vec::new();
    // IHL below and beyond the packet; the version; total length beyond the frame and below the header.
    for first in [0x40, 0x44, 0x4f, 0x65, 0x05] {
        all.push(STRANGER.ipv4(mac, 6, &good[..20], |header| header[0] = first, true));
    }
    for length in [0u16, 19, 1000, 0xffff] {
        all.push(STRANGER.ipv4(mac, 6, &good, |header| header[2..4].copy_from_slice(&length.to_be_bytes()), true));
    }
    all.push(STRANGER.ipv4(mac, 6, &good, |header| header[10] ^= 0x55, false));
    // Fragments: first, middle, last, and one that would end beyond 65535.
    for fragment in [0x2000u16, 0x2001, 0x0001, 0x3fff] {
        all.push(STRANGER.ipv4(mac, 6, &good, |header| header[6..8].copy_from_slice(&fragment.to_be_bytes()), true));
    }
    // Data offset below the header and beyond the segment; a wrong TCP checksum; a header cut short.
    for offset in [0u8, 0x10, 0x40, 0xf0] {
        all.push(STRANGER.ipv4(mac, 6, &STRANGER.tcp(4001, 1, 2, &[], |segment| segment[12] = offset), |_| (), false));
    }
    let mut wrong = good.clone();
    wrong[16] ^= 0x55;
    all.push(STRANGER.ipv4(mac, 6, &wrong, |_| (), false));
    all.push(STRANGER.ipv4(mac, 6, &good[..7], |_| (), false));
    // UDP whose length is below its header, or beyond the packet.
    for length in [0u16, 7, 500] {
        let mut datagram = [0, 9, 0x1b, 0x9e, 0, 0, 0, 0, b'h', b'i'];
        datagram[4..6].copy_from_slice(&length.to_be_bytes());
        all.push(STRANGER.ipv4(mac, 17, &datagram, |_| (), false));
    }
    // ARP with other address lengths, and cut short.
    let arp = [&STRANGER.ethernet(mac, 0x0806)[..], &[0, 1, 8, 0, 8, 4, 0, 1], &[0; 20]].concat();
    all.push(arp.clone());
    all.push(arp[..30].to_vec());
    all
}

/// Frames of arbitrary octets, some with a plausible beginning; the generator's seed is fixed.
fn noise(wire: &mut Wire, mac: [u8; 6]) -> Result<()> {
    let mut state = 0x5eed_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    };
    for _ in 0..NOISE {
        let length = 14 + next() % 1500;
        let mut frame: Vec<u8> = (0..length).map(|_| next() as u8).collect();
        frame[..6].copy_from_slice(&mac);
        if next() % 4 != 0 {
            frame[12..14].copy_from_slice(&[8, [0, 6][next() as usize % 2]]);
        }
        if next() % 2 == 0 && frame.len() > 34 {
            frame[14] = 0x45;
            frame[30..34].copy_from_slice(&GUEST);
            frame[24..26].fill(0);
            let sum = checksum(&frame[14..34]);
            frame[24..26].copy_from_slice(&sum);
        }
        wire.send(&frame)?;
    }
    Ok(())
}
