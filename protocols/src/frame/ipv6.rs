//! IPv6 headers (RFC 8200), and the extension headers behind them.
//!
//! Passed over are options that the receiver may skip, a routing header that has nothing left to visit, and the fragment header of a whole
//! packet (RFC 6946). Refused are real fragments, routes that go on (RFC 5095 and RFC 8200 section 4.4), options that forbid what does not
//! know them, and longer chains than anyone needs. No ICMPv6 error answers any of them.

use smoltcp::wire::{IpAddress, Ipv6Address};

use super::datagram::Datagram;
use super::own::is_host6;
use super::{DropReason, Local, be16, ethernet};

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMP: u8 = 58;

const HEADER: usize = 40;
/// Extension headers of one packet, at most.
const EXTENSIONS: usize = 8;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;

/// A datagram, and what of its header ICMPv6 asks for.
pub(super) struct Checked {
    pub datagram: Datagram,
    pub hop_limit: u8,
    /// Extension headers stand in front of the transport.
    pub extended: bool,
    /// One of them, the first, alerts routers (RFC 2711).
    pub alerts: bool,
}

pub(super) fn check(packet: &[u8], local: &Local, link: &ethernet::Header) -> Result<Checked, DropReason> {
    let header = packet.first_chunk::<HEADER>().ok_or(DropReason::Ip6Short)?;
    if header[0] >> 4 != 6 {
        return Err(DropReason::Ip6Version);
    }
    let end = HEADER + usize::from(u16::from_be_bytes([header[4], header[5]]));
    if end > packet.len() {
        return Err(DropReason::Ip6PayloadLength);
    }
    let (source, destination) = address(packet, 8).zip(address(packet, 24)).ok_or(DropReason::Ip6Short)?;
    // Nobody has the unspecified address, but who asks whether he may have another sends from it (RFC 4862 section 5.4.2).
    let asks = source.is_unspecified() && header[6] == ICMP;
    if !asks && !is_host6(&source, &local.address6) {
        return Err(DropReason::Ip6Source);
    }
    let unicast = if local.address6.contains(&destination) {
        !link.is_group
    } else if local.address6.is_in(&destination) {
        false
    } else {
        return Err(DropReason::Ip6NotOurs);
    };
    let (protocol, start) = transport(&packet[..end], header[6])?;
    let class = header[0] << 4 | header[1] >> 4;
    let datagram = Datagram {
        source: IpAddress::Ipv6(source),
        destination: IpAddress::Ipv6(destination),
        unicast,
        protocol,
        congested: class & 0b11 == 0b11,
        payload: start..end,
    };
    let alerts = header[6] == HOP_BY_HOP && alerts(&packet[HEADER..start]);
    Ok(Checked { datagram, hop_limit: header[7], extended: start != HEADER, alerts })
}

/// Reads an address; `None` beyond the end.
pub(super) fn address(octets: &[u8], at: usize) -> Option<Ipv6Address> {
    Some(Ipv6Address::from_octets(octets.get(at..at + 16)?.try_into().ok()?))
}

/// Passes over the extension headers: the transport's protocol, and where it begins.
pub(super) fn transport(packet: &[u8], mut next: u8) -> Result<(u8, usize), DropReason> {
    let mut at = HEADER;
    for count in 0..=EXTENSIONS {
        if !matches!(next, HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION_OPTIONS) {
            return Ok((next, at));
        }
        // Only the IPv6 header itself may name hop-by-hop options (RFC 8200 section 4.1).
        if next == HOP_BY_HOP && count > 0 {
            return Err(DropReason::Ip6Extension);
        }
        let &[following, units, third, left, ..] = packet.get(at..at + 8).ok_or(DropReason::Ip6Extension)? else {
            return Err(DropReason::Ip6Extension);
        };
        let length = if next == FRAGMENT { 8 } else { (usize::from(units) + 1) * 8 };
        let extension = packet.get(at..at + length).ok_or(DropReason::Ip6Extension)?;
        match next {
            // Offset and "more fragments".
            FRAGMENT if u16::from_be_bytes([third, left]) & 0xfff9 != 0 => return Err(DropReason::Ip6Fragment),
            ROUTING if left != 0 => return Err(DropReason::Ip6Routing),
            HOP_BY_HOP | DESTINATION_OPTIONS => options(&extension[2..])?,
            _ => {}
        }
        (next, at) = (following, at + length);
    }
    Err(DropReason::Ip6Extension)
}

/// Whether hop-by-hop options, which are sound and stand first in `headers`, have a Router Alert.
fn alerts(headers: &[u8]) -> bool {
    const ROUTER_ALERT: u8 = 5;
    let mut options = headers.get(2..(usize::from(headers[1]) + 1) * 8).unwrap_or_default();
    loop {
        options = match options {
            [0, rest @ ..] => rest,
            [ROUTER_ALERT, 2, ..] => return true,
            [_, length, rest @ ..] => rest.get(usize::from(*length)..).unwrap_or_default(),
            _ => return false,
        };
    }
}

/// Walks options (RFC 8200 section 4.2). None is known here beyond padding: the two highest bits say whether it may be skipped.
fn options(mut octets: &[u8]) -> Result<(), DropReason> {
    const PAD1: u8 = 0;
    loop {
        match octets {
            [] => return Ok(()),
            [PAD1, rest @ ..] => octets = rest,
            [kind, length, rest @ ..] => {
                octets = rest.get(usize::from(*length)..).ok_or(DropReason::Ip6Extension)?;
                if kind >> 6 != 0 {
                    return Err(DropReason::Ip6Option);
                }
            }
            [_] => return Err(DropReason::Ip6Extension),
        }
    }
}

/// Whether a packet that an ICMPv6 error quotes, possibly cut short, is a TCP segment of ours; its source, destination and the segment.
pub(super) fn quoted_tcp<'a>(packet: &'a [u8], local: &Local) -> Option<(Ipv6Address, Ipv6Address, &'a [u8])> {
    let (source, destination) = (address(packet, 8)?, address(packet, 24)?);
    // Ours have no extension headers.
    let ours = packet[0] >> 4 == 6 && packet[6] == TCP && local.address6.contains(&source);
    let segment = packet.get(HEADER..)?;
    be16(segment, 0)?;
    ours.then_some((source, destination, segment))
}
