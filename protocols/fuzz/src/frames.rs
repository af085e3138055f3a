//! Frames for the stack, with right checksums, so that the fuzzer gets behind them.

use protocols::frame::checksum::Sum;
use protocols::frame::{ETHERNET_HEADER, MacAddress};
use protocols::stack::{IpAddress, Ipv4Address, Ipv6Address};

pub const OUR_MAC: MacAddress = [0x52, 0x54, 0, 0, 0, 1];
pub const PEER_MAC: MacAddress = [0x52, 0x54, 0, 0, 0, 2];
pub const OUR_ADDRESS: Ipv4Address = Ipv4Address::new(10, 77, 0, 2);
pub const PEER_ADDRESS: Ipv4Address = Ipv4Address::new(10, 77, 0, 1);

/// Made of [`OUR_MAC`].
pub const OUR_ADDRESS6: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0x5054, 0xff, 0xfe00, 1);
pub const PEER_ADDRESS6: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0x5054, 0xff, 0xfe00, 2);

const IPV6: u16 = 0x86dd;

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

/// An IPv6 packet from the peer to us; of Neighbor Discovery with the hop limit that it must have.
pub fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let is_discovery = next == 58 && matches!(payload.first(), Some(133..=137));
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    packet.extend_from_slice(&[next, if is_discovery { 255 } else { 64 }]);
    packet.extend_from_slice(&PEER_ADDRESS6.octets());
    packet.extend_from_slice(&OUR_ADDRESS6.octets());
    packet.extend_from_slice(payload);
    let mut frame = ethernet(IPV6, &packet);
    correct(&mut frame);
    frame
}

/// The protocol of the transport in a frame of ours, which has neither options nor extension headers; 0 if it is no IP.
pub fn protocol(frame: &[u8]) -> u8 {
    match frame[12..ETHERNET_HEADER] {
        [0x08, 0x00] => frame[ETHERNET_HEADER + 9],
        [0x86, 0xdd] => frame[ETHERNET_HEADER + 6],
        _ => 0,
    }
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
    /// In its frame, over IPv6 if `six`.
    pub fn frame(&self, six: bool) -> Vec<u8> {
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
        if six { ipv6(6, &segment) } else { ipv4(6, &segment) }
    }
}

/// Makes the checksums right wherever the lengths allow that.
pub fn correct(frame: &mut [u8]) {
    if frame.get(12..ETHERNET_HEADER) == Some(&IPV6.to_be_bytes()) {
        return correct6(&mut frame[ETHERNET_HEADER..]);
    }
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

/// The same for an IPv6 packet, behind up to two extension headers.
fn correct6(packet: &mut [u8]) {
    if packet.len() < 40 {
        return;
    }
    let end = (40 + usize::from(u16::from_be_bytes([packet[4], packet[5]]))).min(packet.len());
    let (mut next, mut at) = (packet[6], 40);
    for _ in 0..2 {
        if matches!(next, 0 | 43 | 44 | 60) && at + 8 <= end {
            let length = if next == 44 { 8 } else { 8 * (usize::from(packet[at + 1]) + 1) };
            (next, at) = (packet[at], (at + length).min(end));
        }
    }
    let address =
        |at: usize| IpAddress::Ipv6(Ipv6Address::from(<[u8; 16]>::try_from(&packet[at..at + 16]).unwrap_or([0; 16])));
    let pseudo = Sum::pseudo_header(&address(8), &address(24), next, end - at);
    match next {
        6 => put(&mut packet[at..end], 16, pseudo),
        17 => put(&mut packet[at..end], 6, pseudo),
        58 => put(&mut packet[at..end], 2, pseudo),
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
