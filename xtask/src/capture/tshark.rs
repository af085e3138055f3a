//! tshark's opinion of a capture.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::{command, paths};

/// What it is asked of each frame, of what is nested the outermost.
const FIELDS: [&str; 30] = [
    "frame.number",
    "eth.src",
    "ip.src",
    "ip.dst",
    "ip.proto",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.nxt",
    "tcp.checksum",
    "tcp.hdr_len",
    "tcp.len",
    "udp.checksum",
    "udp.length",
    STATUSES[0],
    STATUSES[1],
    STATUSES[2],
    STATUSES[3],
    STATUSES[4],
    FLAWS[0],
    FLAWS[1],
    FLAWS[2],
    FLAWS[3],
    FLAWS[4],
    FLAWS[5],
    FLAWS[6],
    FLAWS[7],
    FLAWS[8],
    FLAWS[9],
    FLAWS[10],
    "_ws.col.Info",
];
/// Those of TCP and UDP come first.
const STATUSES: [&str; 5] = [
    "tcp.checksum.status",
    "udp.checksum.status",
    "ip.checksum.status",
    "icmp.checksum.status",
    "icmpv6.checksum.status",
];
/// What is there only if it is a flaw.
const FLAWS: [&str; 11] = [
    "_ws.malformed",
    "ip.bogus_ip_length",
    "ip.bogus_header_length",
    "ip.bogus_ip_version",
    "udp.length.bad",
    "udp.length.bad_zero",
    "tcp.option.len.invalid",
    "tcp.suboption_malformed",
    "tcp.options.wscale.shift.invalid",
    "tcp.bogus_header_length",
    "ipv6.plen_exceeds_framing",
];
/// The status of a checksum: 0 if it is wrong, 1 if right, 2 if it could not be verified.
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
    /// Frames with the sum of the pseudo-header in the place of TCP's or UDP's checksum, where the guest may leave that to the card.
    pub partial: u64,
    /// Frames that are malformed or have a wrong checksum.
    pub blamed: u64,
    /// The first of them.
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

/// A card's address as it is written.
pub fn address(card: [u8; 6]) -> String {
    card.map(|octet| format!("{octet:02x}")).join(":")
}

/// Looks at the frames that the guest sent. Unless checksums are `whole`, those of TCP and UDP may be left to the card.
pub fn judge(file: &Path, sender: Sender, whole: bool) -> Result<Found> {
    let (field, guest) = match sender {
        Sender::Card(card) => ("eth.src", address(card)),
        Sender::Address(address) => ("ip.src", address.to_string()),
    };
    let mut tshark = command::tethered("tshark");
    // Nothing of the user's own settings, and no names looked up.
    tshark.env("HOME", paths::target()).args(["-n", "-r"]).arg(file);
    for protocol in ["ip", "tcp", "udp"] {
        tshark.args(["-o", &format!("{protocol}.check_checksum:TRUE")]);
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
        let line = Line(line.split('\t').collect());
        ensure!(line.0.len() == FIELDS.len(), "tshark said {line:?}");
        if line.get(field) == guest {
            found.add(&line, whole);
        }
    }
    Ok(found)
}

impl Found {
    fn add(&mut self, line: &Line<'_>, whole: bool) {
        self.sent += 1;
        // Those of TCP and UDP in an ICMP error are of the packet that it quotes: who sent that may have left them to its card.
        let quotes = line.transport().1 == 0;
        let statuses = STATUSES.map(|status| line.get(status));
        let partial = !statuses[..2].contains(&GOOD) && line.is_partial();
        let left = partial && !whole;
        let own = &statuses[if quotes || left { 2 } else { 0 }..];
        self.right += own.iter().filter(|status| **status == GOOD).count() as u64;
        self.partial += u64::from(left);
        let wrong = own.contains(&BAD) || partial && whole;
        if wrong || FLAWS.iter().any(|flaw| !line.get(flaw).is_empty()) {
            self.blamed += 1;
            if self.bad.len() < NAMED {
                self.bad.push(line.to_string());
            }
        }
    }
}

/// The fields of a frame.
#[derive(Debug)]
struct Line<'a>(Vec<&'a str>);

impl Line<'_> {
    /// The field `name` as tshark writes it, empty if the frame has none.
    fn get(&self, name: &str) -> &str {
        FIELDS.iter().zip(&self.0).find(|(field, _)| **field == name).map_or("", |(_, value)| value)
    }

    /// Whether what stands in the place of TCP's or UDP's checksum is the sum of the pseudo-header, not inverted (VIRTIO 1.2, 5.1.6.2): the card adds the rest.
    fn is_partial(&self) -> bool {
        let (checksum, Some(sum)) = (self.transport().0, self.pseudo_header()) else { return false };
        checksum.strip_prefix("0x").and_then(|digits| u16::from_str_radix(digits, 16).ok()) == Some(sum)
    }

    /// What stands in the checksum's place, the protocol's number, and the length of header and payload; 0 as the protocol of other packets.
    fn transport(&self) -> (&str, u32, Option<u32>) {
        let number = |name: &str| self.get(name).parse::<u32>().ok();
        match (self.get("ip.proto"), self.get("ipv6.nxt")) {
            ("6", _) | ("", "6") => {
                (self.get("tcp.checksum"), 6, number("tcp.hdr_len").zip(number("tcp.len")).map(|(one, two)| one + two))
            }
            ("17", _) | ("", "17") => (self.get("udp.checksum"), 17, number("udp.length")),
            _ => ("", 0, None),
        }
    }

    /// The sum of the pseudo-header of TCP and UDP (RFC 9293, 3.1; RFC 768; RFC 8200, 8.1).
    fn pseudo_header(&self) -> Option<u16> {
        let (_, protocol, length) = self.transport();
        let mut sum = protocol + (length? >> 16) + (length? & 0xffff);
        let version = if self.get("ip.proto").is_empty() { "ipv6" } else { "ip" };
        for end in ["src", "dst"] {
            let octets = match self.get(&format!("{version}.{end}")).parse().ok()? {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            sum += octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum::<u32>();
        }
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        u16::try_from(sum).ok()
    }
}

impl std::fmt::Display for Line<'_> {
    /// Only what is there.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let there = FIELDS.iter().zip(&self.0).filter(|(_, value)| !value.is_empty());
        let words: Vec<_> = there.map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&words.join(" "))
    }
}
