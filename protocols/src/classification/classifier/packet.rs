//! From the octets of a packet to what rules and connection tracking look at.

use crate::classification::tracker::{Flow, Tuple};
use crate::classification::{Family, Header, Tracking};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;
const UDPLITE: u8 = 136;
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
/// IPv6 extension headers that are passed over, at most.
const EXTENSIONS: usize = 8;

/// An IP packet, as the classifier is shown it.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The packet from its IP header on; for what goes out, its headers suffice.
    pub octets: &'a [u8],
    /// Its whole length in octets.
    pub length: usize,
    /// The interface that it came in by or goes out by.
    pub interface: u8,
}

/// What was read of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// What rules look at; `tracking` is still [`Tracking::New`].
    pub header: Header,
    /// What it belongs to.
    pub flow: Flow,
}

impl Read {
    /// Whether it is a segment that asks for a new connection (RFC 9293 section 3.5): a flood of these must cost no search for an old one.
    pub fn is_first(&self) -> bool {
        self.header.flags & (SYN | ACK) == SYN
    }

    /// Whether it is a segment that only an end sends which has the connection: neither its beginning, nor a reset, which may answer
    /// what belongs to none.
    pub fn is_within(&self) -> bool {
        self.header.flags & (SYN | RST | ACK) == ACK
    }
}

/// The IP header, as far as it matters here.
struct Ip {
    family: Family,
    source: u128,
    destination: u128,
    protocol: u8,
    dscp: u8,
    /// Where the next header begins; `None` in a fragment that is not the first.
    payload: Option<usize>,
}

impl Packet<'_> {
    /// Reads the headers. `None` if they are not whole.
    pub fn read(&self) -> Option<Read> {
        let ip = ip(self.octets)?;
        let mut header = Header {
            source: ip.source,
            destination: ip.destination,
            source_port: 0,
            destination_port: 0,
            family: ip.family,
            protocol: ip.protocol,
            flags: 0,
            dscp: ip.dscp,
            interface: self.interface,
            tracking: Tracking::New,
        };
        let Some(at) = ip.payload else { return Some(Read { header, flow: Flow::Untracked }) };
        let payload = self.octets.get(at..)?;
        let flow = match ip.protocol {
            TCP | UDP | SCTP | UDPLITE => {
                (header.source_port, header.destination_port) = (be16(payload, 0)?, be16(payload, 2)?);
                let (mut begins, mut opens, mut ends) = (true, false, false);
                if ip.protocol == TCP {
                    header.flags = *payload.get(13)?;
                    begins = can_begin(header.flags);
                    opens = header.flags & (SYN | ACK) == SYN;
                    ends = header.flags & (FIN | RST) != 0;
                }
                let (source, destination) = (header.source_port, header.destination_port);
                let (tuple, upwards) =
                    Tuple::of(ip.protocol, (header.source, source), (header.destination, destination));
                Flow::Between { tuple, upwards, begins, opens, ends }
            }
            ICMP | ICMPV6 => icmp(&ip, payload)?,
            _ => {
                let (tuple, upwards) = Tuple::of(ip.protocol, (header.source, 0), (header.destination, 0));
                Flow::Between { tuple, upwards, begins: true, opens: false, ends: false }
            }
        };
        Some(Read { header, flow })
    }
}

/// Whether a segment with these flags may be the first that is seen of a connection. One from the middle may: a connection may be
/// older than the rules.
fn can_begin(flags: u8) -> bool {
    flags != 0 && flags & RST == 0 && flags & (SYN | FIN) != SYN | FIN
}

fn icmp(ip: &Ip, message: &[u8]) -> Option<Flow> {
    let kind = *message.first()?;
    let (request, reply, error) = match ip.family {
        // RFC 792; RFC 4443 section 2.1.
        Family::V4 => (8, 0, matches!(kind, 3 | 4 | 5 | 11 | 12)),
        Family::V6 => (128, 129, kind < 128),
    };
    if error {
        return Some(quoted(message.get(8..)?).map_or(Flow::Untracked, Flow::About));
    }
    if kind != request && kind != reply {
        return Some(Flow::Untracked);
    }
    // The identifier stands for a port, on both ends.
    let identifier = be16(message, 4)?;
    let (tuple, upwards) = Tuple::of(ip.protocol, (ip.source, identifier), (ip.destination, identifier));
    Some(Flow::Between { tuple, upwards, begins: kind == request, opens: false, ends: false })
}

/// The connection of the packet that an ICMP error quotes: its first 8 octets behind the IP header suffice.
fn quoted(octets: &[u8]) -> Option<Tuple> {
    let ip = ip(octets)?;
    let payload = octets.get(ip.payload?..)?;
    let ports = match ip.protocol {
        TCP | UDP | SCTP | UDPLITE => (be16(payload, 0)?, be16(payload, 2)?),
        ICMP | ICMPV6 => (be16(payload, 4)?, be16(payload, 4)?),
        _ => (0, 0),
    };
    Some(Tuple::of(ip.protocol, (ip.source, ports.0), (ip.destination, ports.1)).0)
}

fn ip(octets: &[u8]) -> Option<Ip> {
    match octets.first()? >> 4 {
        4 => {
            let header = octets.first_chunk::<20>()?;
            let length = usize::from(header[0] & 15) * 4;
            if length < 20 {
                return None;
            }
            let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x1fff;
            let address = |at: usize| {
                u128::from(u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])) << 96
            };
            Some(Ip {
                family: Family::V4,
                source: address(12),
                destination: address(16),
                protocol: header[9],
                dscp: header[1] >> 2,
                payload: (fragment == 0).then_some(length),
            })
        }
        6 => {
            let header = octets.first_chunk::<40>()?;
            let class = (header[0] << 4) | (header[1] >> 4);
            let address = |at: usize| octets.get(at..at + 16)?.try_into().ok().map(u128::from_be_bytes);
            let (protocol, payload) = skip_extensions(octets, header[6])?;
            Some(Ip {
                family: Family::V6,
                source: address(8)?,
                destination: address(24)?,
                protocol,
                dscp: class >> 2,
                payload,
            })
        }
        _ => None,
    }
}

/// The protocol behind the extension headers (RFC 8200 section 4), and where it begins.
fn skip_extensions(octets: &[u8], mut next: u8) -> Option<(u8, Option<usize>)> {
    let mut at = 40;
    for _ in 0..EXTENSIONS {
        let length = match next {
            // Hop-by-hop options, routing, destination options.
            0 | 43 | 60 => (usize::from(*octets.get(at + 1)?) + 1) * 8,
            // Fragment.
            44 if be16(octets, at + 2)? & 0xfff8 != 0 => return Some((*octets.get(at)?, None)),
            44 => 8,
            _ => return Some((next, Some(at))),
        };
        next = *octets.get(at)?;
        at += length;
    }
    None
}

fn be16(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(octets.get(at..at + 2)?.try_into().ok()?))
}
