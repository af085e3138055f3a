//! The same over IPv6.

use alloc::vec::Vec;

use smoltcp::wire::{IpAddress, Ipv6Address};

use super::super::checksum::Sum;
use super::super::{Own6, ends6, group_mac, transport6};
use super::{ETHERNET_HEADER, Local, MacAddress, OUR_MAC, PEER_MAC, local};

pub(crate) const OUR_ADDRESS6: Ipv6Address = Ipv6Address::new(0xfd00, 0x77, 0, 0, 0, 0, 0, 2);
pub(crate) const PEER_ADDRESS6: Ipv6Address = Ipv6Address::new(0xfd00, 0x77, 0, 0, 0, 0, 0, 1);
/// Made of [`OUR_MAC`].
pub(crate) const OUR_LINK_LOCAL: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0x5054, 0xff, 0xfe00, 1);
/// Made of [`PEER_MAC`].
pub(crate) const PEER_LINK_LOCAL: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0x5054, 0xff, 0xfe00, 2);

pub(crate) fn local6() -> Local {
    Local { address6: Own6 { link_local: Some(OUR_LINK_LOCAL), global: Some(OUR_ADDRESS6) }, ..local() }
}

/// A packet in its frame: to a group if the destination is one.
pub(crate) fn packet6(source: Ipv6Address, destination: Ipv6Address, hops: u8, next: u8, payload: &[u8]) -> Vec<u8> {
    let mac: MacAddress = if destination.is_multicast() { group_mac(&destination) } else { OUR_MAC };
    let mut frame = [&mac[..], &PEER_MAC, &[0x86, 0xdd, 0x60, 0, 0, 0]].concat();
    frame.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    frame.extend_from_slice(&[next, hops]);
    frame.extend_from_slice(&source.octets());
    frame.extend_from_slice(&destination.octets());
    frame.extend_from_slice(payload);
    correct6(&mut frame);
    frame
}

/// From the peer to us.
pub(crate) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    packet6(PEER_ADDRESS6, OUR_ADDRESS6, 64, next, payload)
}

pub(crate) fn segment6(source: u16, destination: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    segment.extend_from_slice(&[0; 8]);
    segment.extend_from_slice(&[5 << 4, flags, 3, 232, 0, 0, 0, 0]);
    segment.extend_from_slice(payload);
    segment
}

pub(crate) fn tcp6(source: u16, destination: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    ipv6(6, &segment6(source, destination, flags, payload))
}

pub(crate) fn udp6(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = [source, destination, 8 + payload.len() as u16, 0].map(u16::to_be_bytes).concat();
    datagram.extend_from_slice(payload);
    ipv6(17, &datagram)
}

pub(crate) fn icmp6(kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> Vec<u8> {
    ipv6(58, &[&[kind, code, 0, 0][..], &rest, payload].concat())
}

/// A message of Neighbor Discovery.
pub(crate) fn neighbor(
    (source, destination): (Ipv6Address, Ipv6Address),
    kind: u8,
    rest: [u8; 4],
    payload: &[u8],
) -> Vec<u8> {
    packet6(source, destination, 255, 58, &[&[kind, 0, 0, 0][..], &rest, payload].concat())
}

/// The option that names a link address: 1 of the source, 2 of the target.
pub(crate) fn link_option(kind: u8, mac: MacAddress) -> [u8; 8] {
    let [a, b, c, d, e, f] = mac;
    [kind, 1, a, b, c, d, e, f]
}

/// Recomputes the transport's checksum of an IPv6 frame wherever its lengths allow that.
pub(crate) fn correct6(frame: &mut [u8]) {
    let Some((_, packet)) = frame.split_at_mut_checked(ETHERNET_HEADER) else { return };
    let Some((source, destination)) = ends6(packet) else { return };
    let end = (40 + usize::from(u16::from_be_bytes([packet[4], packet[5]]))).min(packet.len());
    let Some((protocol, start)) = transport6(&packet[..end]) else { return };
    let transport = &mut packet[start..end];
    let at = match protocol {
        6 => 16,
        17 => 6,
        58 => 2,
        _ => return,
    };
    if transport.len() >= at + 2 {
        transport[at..at + 2].fill(0);
        let (source, destination) = (IpAddress::Ipv6(source), IpAddress::Ipv6(destination));
        let sum = Sum::pseudo_header(&source, &destination, protocol, transport.len()).with(transport).checksum();
        transport[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
}
