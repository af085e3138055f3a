//! Frames for tests, made with smoltcp's wire formats and then bent as the test likes.

pub(crate) mod six;

use alloc::vec;
use alloc::vec::Vec;

use smoltcp::wire::{IpAddress, Ipv4Address, Ipv4Cidr};

use super::checksum::Sum;
use super::{ETHERNET_HEADER, Local, MacAddress, Own6};

pub(crate) const OUR_MAC: MacAddress = [0x52, 0x54, 0, 0, 0, 1];
pub(crate) const PEER_MAC: MacAddress = [0x52, 0x54, 0, 0, 0, 2];
pub(crate) const OUR_ADDRESS: Ipv4Address = Ipv4Address::new(10, 77, 0, 2);
pub(crate) const PEER_ADDRESS: Ipv4Address = Ipv4Address::new(10, 77, 0, 1);

pub(crate) fn local() -> Local {
    Local { mac: OUR_MAC, address: Some(Ipv4Cidr::new(OUR_ADDRESS, 24)), address6: Own6::default() }
}

pub(crate) fn ethernet(destination: MacAddress, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&destination[..], &PEER_MAC, &ether_type.to_be_bytes(), payload].concat()
}

/// An IPv4 datagram from the peer to us in its frame; `options` is padded to a multiple of 4.
pub(crate) fn ipv4(protocol: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let header = 20 + options.len().next_multiple_of(4);
    let mut packet = vec![0; header];
    packet[0] = 0x40 | (header / 4) as u8;
    packet[2..4].copy_from_slice(&((header + payload.len()) as u16).to_be_bytes());
    packet[8] = 64;
    packet[9] = protocol;
    packet[12..16].copy_from_slice(&PEER_ADDRESS.octets());
    packet[16..20].copy_from_slice(&OUR_ADDRESS.octets());
    packet[20..20 + options.len()].copy_from_slice(options);
    packet.extend_from_slice(payload);
    let mut frame = ethernet(OUR_MAC, 0x0800, &packet);
    correct(&mut frame);
    frame
}

/// A TCP segment without options.
pub(crate) fn tcp(source: u16, destination: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = vec![0; 20];
    segment[..2].copy_from_slice(&source.to_be_bytes());
    segment[2..4].copy_from_slice(&destination.to_be_bytes());
    segment[12] = 5 << 4;
    segment[13] = flags;
    segment[14..16].copy_from_slice(&1000u16.to_be_bytes());
    segment.extend_from_slice(payload);
    ipv4(6, &[], &segment)
}

pub(crate) fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0; 8];
    datagram[..2].copy_from_slice(&source.to_be_bytes());
    datagram[2..4].copy_from_slice(&destination.to_be_bytes());
    datagram[4..6].copy_from_slice(&((8 + payload.len()) as u16).to_be_bytes());
    datagram.extend_from_slice(payload);
    ipv4(17, &[], &datagram)
}

pub(crate) fn icmp(kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> Vec<u8> {
    ipv4(1, &[], &[&[kind, code, 0, 0][..], &rest, payload].concat())
}

pub(crate) fn arp(
    operation: u16,
    sender: (MacAddress, Ipv4Address),
    target: Ipv4Address,
    destination: MacAddress,
) -> Vec<u8> {
    let mut packet = vec![0, 1, 8, 0, 6, 4];
    packet.extend_from_slice(&operation.to_be_bytes());
    packet.extend_from_slice(&sender.0);
    packet.extend_from_slice(&sender.1.octets());
    packet.extend_from_slice(&[0; 6]);
    packet.extend_from_slice(&target.octets());
    ethernet(destination, 0x0806, &packet)
}

/// Recomputes the checksums of a frame wherever its lengths allow that.
pub(crate) fn correct(frame: &mut [u8]) {
    if frame.get(12..14) == Some(&[0x86, 0xdd]) {
        return six::correct6(frame);
    }
    let Some((_, packet)) = frame.split_at_mut_checked(ETHERNET_HEADER) else { return };
    if packet.len() < 20 {
        return;
    }
    let header = usize::from(packet[0] & 15) * 4;
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]])).min(packet.len());
    if header < 20 || header > total {
        return;
    }
    packet[10..12].fill(0);
    let sum = Sum::new().with(&packet[..header]).checksum();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    let source = IpAddress::v4(packet[12], packet[13], packet[14], packet[15]);
    let destination = IpAddress::v4(packet[16], packet[17], packet[18], packet[19]);
    let protocol = packet[9];
    let transport = &mut packet[header..total];
    let (at, start) = match protocol {
        1 => (2, Sum::new()),
        6 => (16, Sum::pseudo_header(&source, &destination, protocol, transport.len())),
        17 => (6, Sum::pseudo_header(&source, &destination, protocol, transport.len())),
        _ => return,
    };
    if transport.len() >= at + 2 {
        transport[at..at + 2].fill(0);
        let sum = start.with(transport).checksum();
        transport[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
}
