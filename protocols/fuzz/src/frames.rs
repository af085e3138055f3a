//! Frames for the stack, with right checksums, so that the fuzzer gets behind them.

use protocols::frame::checksum::Sum;
use protocols::frame::{ETHERNET_HEADER, MacAddress};
use protocols::stack::{IpAddress, Ipv4Address};

pub const OUR_MAC: MacAddress = [0x52, 0x54, 0, 0, 0, 1];
pub const PEER_MAC: MacAddress = [0x52, 0x54, 0, 0, 0, 2];
pub const OUR_ADDRESS: Ipv4Address = Ipv4Address::new(10, 77, 0, 2);
pub const PEER_ADDRESS: Ipv4Address = Ipv4Address::new(10, 77, 0, 1);

/// Where TCP, UDP or ICMP begin behind an IPv4 header without options.
pub const TRANSPORT: usize = ETHERNET_HEADER + 20;

pub fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&OUR_MAC[..], &PEER_MAC, &ether_type.to_be_bytes(), payload].concat()
}

/// An IPv4 datagram from the peer to us.
pub fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0];
    packet.extend_from_slice(&PEER_ADDRESS.octets());
    packet.extend_from_slice(&OUR_ADDRESS.octets());
    packet.extend_from_slice(payload);
    let total = packet.len() as u16;
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    let mut frame = ethernet(0x0800, &packet);
    correct(&mut frame);
    frame
}

pub struct Segment<'a> {
    pub source: u16,
    pub destination: u16,
    pub sequence: u32,
    pub acknowledgement: u32,
    pub flags: u8,
    pub window: u16,
    pub options: &'a [u8],
    pub payload: &'a [u8],
}

impl Segment<'_> {
    pub fn frame(&self) -> Vec<u8> {
        let options = &self.options[..self.options.len().min(40)];
        let header = 20 + options.len().next_multiple_of(4);
        let mut segment = vec![0; header];
        segment[..2].copy_from_slice(&self.source.to_be_bytes());
        segment[2..4].copy_from_slice(&self.destination.to_be_bytes());
        segment[4..8].copy_from_slice(&self.sequence.to_be_bytes());
        segment[8..12].copy_from_slice(&self.acknowledgement.to_be_bytes());
        segment[12] = (header as u8 / 4) << 4;
        segment[13] = self.flags;
        segment[14..16].copy_from_slice(&self.window.to_be_bytes());
        segment[20..20 + options.len()].copy_from_slice(options);
        segment.extend_from_slice(self.payload);
        ipv4(6, &segment)
    }
}

/// Makes the checksums right wherever the lengths allow that.
pub fn correct(frame: &mut [u8]) {
    let Some(packet) = frame.get_mut(ETHERNET_HEADER..).filter(|packet| packet.len() >= 20) else { return };
    let header = usize::from(packet[0] & 15) * 4;
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]])).min(packet.len());
    if header < 20 || header > total {
        return;
    }
    put(&mut packet[..header], 10, Sum::new());
    let address = |at: usize| IpAddress::v4(packet[at], packet[at + 1], packet[at + 2], packet[at + 3]);
    let pseudo = Sum::pseudo_header(&address(12), &address(16), packet[9], total - header);
    match packet[9] {
        1 => put(&mut packet[header..total], 2, Sum::new()),
        6 => put(&mut packet[header..total], 16, pseudo),
        17 => put(&mut packet[header..total], 6, pseudo),
        _ => {}
    }
}

fn put(octets: &mut [u8], at: usize, start: Sum) {
    if octets.len() >= at + 2 {
        octets[at..at + 2].fill(0);
        let checksum = start.with(octets).checksum();
        octets[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
    }
}
