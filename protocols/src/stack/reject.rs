//! What the sender of a rejected packet hears: a RST, or an ICMP error.
//!
//! Both go back to where the frame came from. Nobody hears of an ICMP error, of a packet that was not for us alone, or of a RST (RFC 1122 section
//! 3.2.2; RFC 4443 section 2.4(e)); and all together hear no more often than [`ANSWERS`] a second, so that rejecting never amplifies a flood.

use alloc::vec;
use alloc::vec::Vec;

use smoltcp::wire::IpAddress;

use super::ip::{Ends, IPV4_HEADER, IPV6_HEADER, flow_label};
use crate::classification::Reject;
use crate::frame::checksum::Sum;
use crate::frame::{self, ETHERNET_HEADER, Local};
use crate::tcp::{Flags, Header};

/// Answers to rejected packets in a second.
pub(super) const ANSWERS: u32 = 200;

const TCP: u8 = 6;

/// What ICMP is called and how it says things, over either version of IP.
struct Icmp {
    protocol: u8,
    echo_request: u8,
    unreachable: u8,
    port_unreachable: u8,
    prohibited: u8,
    /// Octets of an error at most, from its IP header.
    longest: usize,
}

/// RFC 792; RFC 1812 sections 5.2.7.1 and 4.3.2.3.
const ICMP: Icmp =
    Icmp { protocol: 1, echo_request: 8, unreachable: 3, port_unreachable: 3, prohibited: 13, longest: 576 };
/// RFC 4443 sections 3.1 and 2.4(c).
const ICMPV6: Icmp =
    Icmp { protocol: 58, echo_request: 128, unreachable: 1, port_unreachable: 4, prohibited: 1, longest: 1280 };

/// A packet that was found sound.
struct Packet<'a> {
    source: IpAddress,
    destination: IpAddress,
    protocol: u8,
    payload: &'a [u8],
    whole: &'a [u8],
    icmp: &'static Icmp,
}

/// The frame that answers `frame`, an IP packet that was found sound and is to be rejected. `None` if its sender must not hear of it.
pub(super) fn answer(frame: &[u8], how: Reject, local: &Local) -> Option<Vec<u8>> {
    let (link, octets) = frame.split_at_checked(ETHERNET_HEADER)?;
    let packet = ipv4(octets, local).or_else(|| ipv6(octets, local)).filter(|_| link[..6] == local.mac)?;
    let icmp = packet.icmp;
    let is_reset = |segment| Header::parse(segment).is_ok_and(|(header, _)| header.flags.contains(Flags::RST));
    let (protocol, message) = match (packet.protocol, how) {
        (TCP, Reject::Reset) => (TCP, reset(&packet)?),
        (protocol, _) if protocol == icmp.protocol && packet.payload.first() != Some(&icmp.echo_request) => {
            return None;
        }
        (TCP, _) if is_reset(packet.payload) => return None,
        (_, Reject::Prohibited) => (icmp.protocol, error(&packet, icmp.prohibited)),
        _ => (icmp.protocol, error(&packet, icmp.port_unreachable)),
    };
    let ends = Ends::new(&packet.destination, &packet.source)?;
    let at = ETHERNET_HEADER + ends.header_len();
    let mut answer = vec![0; at + message.len()];
    answer[..6].copy_from_slice(&link[6..12]);
    answer[6..12].copy_from_slice(&local.mac);
    answer[12..ETHERNET_HEADER].copy_from_slice(&ends.ether_type());
    let label = || if let Ends::V6(source, destination) = &ends { flow_label(source, destination, (0, 0)) } else { 0 };
    ends.write(&mut answer[ETHERNET_HEADER..at], protocol, message.len(), false, label);
    answer[at..].copy_from_slice(&message);
    Some(answer)
}

/// An IPv4 packet to our address.
fn ipv4<'a>(octets: &'a [u8], local: &Local) -> Option<Packet<'a>> {
    let header = octets.first_chunk::<IPV4_HEADER>().filter(|header| header[0] >> 4 == 4)?;
    let length = usize::from(header[0] & 15) * 4;
    let whole = octets.get(..usize::from(u16::from_be_bytes([header[2], header[3]])))?;
    let address = |at: usize| IpAddress::v4(header[at], header[at + 1], header[at + 2], header[at + 3]);
    let (source, destination) = (address(12), address(16));
    let own = IpAddress::Ipv4(local.address?.address());
    let (protocol, payload) = (header[9], whole.get(length..)?);
    (destination == own).then_some(Packet { source, destination, protocol, payload, whole, icmp: &ICMP })
}

/// An IPv6 packet to an address of ours.
fn ipv6<'a>(octets: &'a [u8], local: &Local) -> Option<Packet<'a>> {
    let (source, destination) = frame::ends6(octets)?;
    let whole = octets.get(..IPV6_HEADER + usize::from(u16::from_be_bytes([octets[4], octets[5]])))?;
    let (protocol, start) = frame::transport6(whole)?;
    let is_ours = octets[0] >> 4 == 6 && local.address6.contains(&destination) && !source.is_unspecified();
    let (source, destination) = (source.into(), destination.into());
    let payload = &whole[start..];
    is_ours.then_some(Packet { source, destination, protocol, payload, whole, icmp: &ICMPV6 })
}

/// A RST as for a connection that does not exist (RFC 9293 section 3.10.7.1); none for a RST.
fn reset(packet: &Packet<'_>) -> Option<Vec<u8>> {
    let (header, payload) = Header::parse(packet.payload).ok()?;
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
    let pseudo = Sum::pseudo_header(&packet.destination, &packet.source, TCP, octets.len());
    let checksum = pseudo.with(&octets).checksum();
    octets[16..18].copy_from_slice(&checksum.to_be_bytes());
    Some(octets)
}

/// Destination unreachable (RFC 792, RFC 4443 section 3.1), with as much of the packet as fits.
fn error(packet: &Packet<'_>, code: u8) -> Vec<u8> {
    let Packet { source, destination, whole, icmp, .. } = packet;
    let (header, start) = match destination {
        IpAddress::Ipv4(_) => (IPV4_HEADER, None),
        IpAddress::Ipv6(_) => (IPV6_HEADER, Some(icmp.protocol)),
    };
    let quoted = &whole[..whole.len().min(icmp.longest - header - 8)];
    let mut message = vec![0; 8];
    message[..2].copy_from_slice(&[icmp.unreachable, code]);
    message.extend_from_slice(quoted);
    // ICMPv6 has a pseudo-header, ICMP has none.
    let start = start.map_or(Sum::new(), |protocol| Sum::pseudo_header(destination, source, protocol, message.len()));
    let sum = start.with(&message).checksum();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}
