//! tshark's opinion of a capture.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::{command, paths};

/// What it is asked of each frame. The status of a checksum is 0 if it is wrong, 1 if right, 2 if it could not be verified.
const FIELDS: [&str; 14] = [
    "frame.number",
    "eth.src",
    "ip.src",
    "ip.checksum.status",
    "tcp.checksum.status",
    "udp.checksum.status",
    "icmp.checksum.status",
    "icmpv6.checksum.status",
    "_ws.malformed",
    "tcp.option.len.invalid",
    "tcp.suboption_malformed",
    "tcp.options.wscale.shift.invalid",
    "tcp.bogus_header_length",
    "_ws.col.Info",
];
const STATUSES: Range<usize> = 3..8;
/// What is there only if it is a flaw.
const FLAWS: Range<usize> = 8..13;
const BAD: &str = "0";
const GOOD: &str = "1";
/// Services whose payload is none of a protocol that tshark should look for.
const PORTS: [u16; 3] = [7, 5201, 7070];
/// Bad frames that are named.
const NAMED: usize = 10;

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Frames that the guest sent.
    pub sent: u64,
    /// Their right checksums.
    pub right: u64,
    /// Of the frames that are malformed or have a wrong checksum the first ones.
    pub bad: Vec<String>,
}

/// By what a frame of the guest is known.
#[derive(Clone, Copy, Debug)]
pub enum Sender {
    /// The card that sent it.
    Card([u8; 6]),
    /// The address that sent the packet, where a router has forwarded it.
    Address(Ipv4Addr),
}

/// Looks at the frames that the guest sent. The checksums of TCP and UDP are judged if they are `whole`.
pub fn judge(file: &Path, sender: Sender, whole: bool) -> Result<Found> {
    let (field, guest) = match sender {
        Sender::Card(card) => (1, card.map(|octet| format!("{octet:02x}")).join(":")),
        Sender::Address(address) => (2, address.to_string()),
    };
    let mut tshark = command::tethered("tshark");
    // Nothing of the user's own settings, and no names looked up.
    tshark.env("HOME", paths::target()).args(["-n", "-r"]).arg(file);
    for protocol in ["ip", "tcp", "udp"] {
        let check = whole || protocol == "ip";
        tshark.args(["-o", &format!("{protocol}.check_checksum:{}", if check { "TRUE" } else { "FALSE" })]);
    }
    for port in PORTS {
        tshark.args(["-d", &format!("tcp.port=={port},data"), "-d", &format!("udp.port=={port},data")]);
    }
    // Of an ICMP error the checksums of the message, not of what it quotes.
    tshark.args(["-T", "fields", "-E", "separator=/t", "-E", "occurrence=f"]);
    tshark.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let text = command::output(&mut tshark).context("tshark does not read the capture")?;
    let mut found = Found::default();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        ensure!(fields.len() == FIELDS.len(), "tshark said {line:?}");
        if fields[field] != guest {
            continue;
        }
        found.sent += 1;
        let statuses = &fields[STATUSES];
        found.right += statuses.iter().filter(|status| **status == GOOD).count() as u64;
        if (statuses.contains(&BAD) || fields[FLAWS].iter().any(|flaw| !flaw.is_empty())) && found.bad.len() < NAMED {
            let words: Vec<_> = FIELDS.iter().zip(&fields).filter(|(_, value)| !value.is_empty()).collect();
            found.bad.push(words.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "));
        }
    }
    Ok(found)
}

/// Proves that tshark finds what it is here to find: a wrong checksum of IPv4, UDP and TCP each, and a TCP option that is longer than the header.
pub fn notices() -> Result<()> {
    let file = paths::target().join(format!("captures/notices-{}.pcap", std::process::id()));
    std::fs::create_dir_all(paths::target().join("captures"))?;
    let frames = [
        ("a right segment", segment(6, &[]), 0),
        ("a wrong checksum of IPv4", changed(segment(6, &[]), 24), 1),
        ("a wrong checksum of TCP", changed(segment(6, &[]), 50), 1),
        ("a wrong checksum of UDP", changed(segment(17, &[]), 40), 1),
        ("an option beyond the header", segment(6, &[2, 40, 5, 0xb4]), 1),
    ];
    for (what, frame, expected) in frames {
        let mut octets = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0];
        octets.extend([0; 8]);
        octets.extend([frame.len() as u32, frame.len() as u32].iter().flat_map(|length| length.to_le_bytes()));
        octets.extend(&frame);
        std::fs::write(&file, octets).with_context(|| format!("cannot write {}", file.display()))?;
        let found = judge(&file, Sender::Card(super::GUEST), true)?;
        ensure!(found.sent == 1 && found.bad.len() == expected, "tshark says of {what}: {found:?}");
    }
    // It may be gone already.
    let _ = std::fs::remove_file(&file);
    Ok(())
}

fn changed(mut frame: Vec<u8>, at: usize) -> Vec<u8> {
    frame[at] ^= 1;
    frame
}

/// A segment or datagram of the guest's with right checksums.
fn segment(protocol: u8, options: &[u8]) -> Vec<u8> {
    let mut transport = match protocol {
        6 => {
            let words = ((20 + options.len()) / 4) as u8;
            [&[0x14, 0x51, 0x9c, 0x40, 0, 0, 0, 1, 0, 0, 0, 2, words << 4, 0x10, 4, 0, 0, 0, 0, 0], options].concat()
        }
        _ => vec![0x14, 0x51, 0x9c, 0x40, 0, 12, 0, 0, 1, 2, 3, 4],
    };
    let mut ip =
        vec![0x45, 0, 0, 20 + transport.len() as u8, 0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 77, 0, 2, 10, 77, 0, 1];
    let pseudo = [&ip[12..], &[0, protocol, 0, transport.len() as u8], &transport].concat();
    let at = if protocol == 6 { 16 } else { 6 };
    transport[at..at + 2].copy_from_slice(&sum(&pseudo));
    let header = sum(&ip);
    ip[10..12].copy_from_slice(&header);
    [&[0x02, 0, 0, 0, 0, 1], &super::GUEST[..], &[8, 0], &ip, &transport].concat()
}

/// The Internet checksum (RFC 1071) of an even number of octets.
fn sum(octets: &[u8]) -> [u8; 2] {
    let mut sum: u32 = octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}
