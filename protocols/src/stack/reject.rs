//! What the sender of a rejected packet hears: a RST, or an ICMP error.
//!
//! Both go back to where the frame came from. Nobody hears of an ICMP error, of a packet that was not for us alone, or of a RST (RFC 1122 section
//! 3.2.2; RFC 4443 section 2.4(e)); and all together hear no more often than [`ANSWERS`] a second, so that rejecting never amplifies a flood.

use alloc::vec;
use alloc::vec::Vec;

use smoltcp::wire::Ipv4Address;

use crate::classification::Reject;
use crate::frame::checksum::Sum;
use crate::frame::{ETHERNET_HEADER, MacAddress};
use crate::tcp::{Flags, Header};

/// Answers to rejected packets in a second.
pub(super) const ANSWERS: u32 = 200;

const IPV4_HEADER: usize = 20;
const ICMP: u8 = 1;
const TCP: u8 = 6;
const TTL: u8 = 64;
/// Octets of an ICMP error at most, from its IP header (RFC 1812 section 4.3.2.3).
const LONGEST_ERROR: usize = 576;
const DESTINATION_UNREACHABLE: u8 = 3;
const PORT_UNREACHABLE: u8 = 3;
/// Communication administratively prohibited (RFC 1812 section 5.2.7.1).
const PROHIBITED: u8 = 13;

/// The frame that answers `frame`, an IPv4 packet that was found sound and is to be rejected; `mac` and `own` are our addresses. `None` if
/// its sender must not hear of it.
pub(super) fn answer(frame: &[u8], how: Reject, mac: MacAddress, own: Ipv4Address) -> Option<Vec<u8>> {
    let (link, packet) = frame.split_at_checked(ETHERNET_HEADER)?;
    let header = packet.first_chunk::<IPV4_HEADER>()?;
    let length = usize::from(header[0] & 15) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let payload = packet.get(length..total)?;
    let address = |at: usize| Ipv4Address::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
    let (source, destination) = (address(12), address(16));
    if link[..6] != mac || destination != own || header[0] >> 4 != 4 {
        return None;
    }
    let (protocol, message) = match (header[9], how) {
        (TCP, Reject::Reset) => (TCP, reset(payload, source, destination)?),
        (ICMP, _) if payload.first().is_none_or(|kind| *kind != 8) => return None,
        (TCP, _) if Header::parse(payload).is_ok_and(|(header, _)| header.flags.contains(Flags::RST)) => return None,
        (_, Reject::Prohibited) => (ICMP, error(packet.get(..total)?, PROHIBITED)),
        _ => (ICMP, error(packet.get(..total)?, PORT_UNREACHABLE)),
    };
    let mut answer = Vec::with_capacity(ETHERNET_HEADER + IPV4_HEADER + message.len());
    answer.extend_from_slice(&link[6..12]);
    answer.extend_from_slice(&mac);
    answer.extend_from_slice(&link[12..14]);
    answer.extend_from_slice(&ipv4(destination, source, protocol, message.len()));
    answer.extend_from_slice(&message);
    Some(answer)
}

fn ipv4(source: Ipv4Address, destination: Ipv4Address, protocol: u8, payload: usize) -> [u8; IPV4_HEADER] {
    let mut header = [0; IPV4_HEADER];
    header[0] = 0x45;
    header[2..4].copy_from_slice(&((IPV4_HEADER + payload) as u16).to_be_bytes());
    header[6] = 0x40;
    header[8] = TTL;
    header[9] = protocol;
    header[12..16].copy_from_slice(&source.octets());
    header[16..].copy_from_slice(&destination.octets());
    let checksum = Sum::new().with(&header).checksum();
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    header
}

/// A RST as for a connection that does not exist (RFC 9293 section 3.10.7.1); none for a RST.
fn reset(segment: &[u8], source: Ipv4Address, destination: Ipv4Address) -> Option<Vec<u8>> {
    let (header, payload) = Header::parse(segment).ok()?;
    if header.flags.contains(Flags::RST) {
        return None;
    }
    let acknowledges = header.flags.contains(Flags::ACK);
    let reset = Header {
        source_port: header.destination_port,
        destination_port: header.source_port,
        sequence: if acknowledges { header.acknowledgement } else { 0 },
        acknowledgement: match acknowledges {
            true => 0,
            false => header.sequence.wrapping_add(header.sequence_len(payload.len())),
        },
        flags: if acknowledges { Flags::RST } else { Flags::RST.with(Flags::ACK) },
        ..Header::default()
    };
    let mut octets = vec![0; reset.len()];
    reset.write(&mut octets);
    let sum = Sum::pseudo_header(&destination.into(), &source.into(), TCP, octets.len()).with(&octets).checksum();
    octets[16..18].copy_from_slice(&sum.to_be_bytes());
    Some(octets)
}

/// Destination unreachable (RFC 792), with as much of the packet as fits (RFC 1812 section 4.3.2.3).
fn error(packet: &[u8], code: u8) -> Vec<u8> {
    let quoted = &packet[..packet.len().min(LONGEST_ERROR - IPV4_HEADER - 8)];
    let mut message = vec![0; 8];
    message[..2].copy_from_slice(&[DESTINATION_UNREACHABLE, code]);
    message.extend_from_slice(quoted);
    let sum = Sum::new().with(&message).checksum();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}
