//! IPv4 headers (RFC 791, RFC 1122 section 3.2.1).

use smoltcp::wire::{IpAddress, Ipv4Address, Ipv4Cidr};

use super::checksum::Sum;
use super::datagram::Datagram;
use super::{DropReason, Local, address, be16, ethernet};

pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;

const MINIMUM_HEADER: usize = 20;
const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;
/// The port of a DHCP client: the one datagram that may come to an address that is not ours yet (RFC 2131 section 4.1).
const DHCP_CLIENT: u16 = 68;

pub(super) fn check(packet: &[u8], local: &Local, link: &ethernet::Header) -> Result<Datagram, DropReason> {
    if packet.len() < MINIMUM_HEADER {
        return Err(DropReason::IpShort);
    }
    if packet[0] >> 4 != 4 {
        return Err(DropReason::IpVersion);
    }
    let header = usize::from(packet[0] & 0x0f) * 4;
    if header < MINIMUM_HEADER || header > packet.len() {
        return Err(DropReason::IpHeaderLength);
    }
    let total = usize::from(be16(packet, 2).ok_or(DropReason::IpShort)?);
    if total < header || total > packet.len() {
        return Err(DropReason::IpTotalLength);
    }
    if !Sum::new().with(&packet[..header]).is_right() {
        return Err(DropReason::IpChecksum);
    }
    options(&packet[MINIMUM_HEADER..header])?;
    if be16(packet, 6).ok_or(DropReason::IpShort)? & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0 {
        return Err(DropReason::IpFragment);
    }
    let (source, destination) = address(packet, 12).zip(address(packet, 16)).ok_or(DropReason::IpShort)?;
    if !is_host(source, local.address) {
        return Err(DropReason::IpSource);
    }
    let protocol = packet[9];
    let payload = header..total;
    let unicast = match local.address {
        Some(own) if destination == own.address() => !link.broadcast,
        Some(own) if is_broadcast(destination, own) && link.broadcast => false,
        None if destination.is_broadcast() && link.broadcast => false,
        _ if protocol == UDP && be16(&packet[payload.clone()], 2) == Some(DHCP_CLIENT) => false,
        _ => return Err(DropReason::IpNotOurs),
    };
    let congested = packet[1] & 0b11 == 0b11;
    let (source, destination) = (IpAddress::Ipv4(source), IpAddress::Ipv4(destination));
    Ok(Datagram { source, destination, unicast, protocol, congested, payload })
}

/// Walks the options (RFC 791 section 3.1): they are skipped, but source routes are refused.
fn options(mut octets: &[u8]) -> Result<(), DropReason> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const LOOSE_SOURCE_ROUTE: u8 = 131;
    const STRICT_SOURCE_ROUTE: u8 = 137;
    loop {
        match octets {
            [] | [END, ..] => return Ok(()),
            [NO_OPERATION, rest @ ..] => octets = rest,
            [LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE, ..] => return Err(DropReason::IpSourceRoute),
            [_, length, ..] if *length >= 2 => {
                octets = octets.get(usize::from(*length)..).ok_or(DropReason::IpOptions)?
            }
            _ => return Err(DropReason::IpOptions),
        }
    }
}

/// Whether a datagram can come from this address (RFC 1122 section 3.2.1.3).
pub(crate) fn is_host(address: Ipv4Address, own: Option<Ipv4Cidr>) -> bool {
    let reserved = address.octets()[0] >= 240 || address.octets()[0] == 0;
    let ours = own.is_some_and(|own| address == own.address() || is_broadcast(address, own));
    !reserved && !address.is_multicast() && !address.is_loopback() && !ours
}

/// Whether the address means all stations: 255.255.255.255 or the broadcast address of our network.
fn is_broadcast(address: Ipv4Address, own: Ipv4Cidr) -> bool {
    address.is_broadcast() || own.broadcast() == Some(address)
}
