//! ARP probes: whoever is about to take an address asks for it with the sender address 0.0.0.0, and takes it if nobody
//! answers (RFC 5227 section 2.1.1). smoltcp ignores them.

use smoltcp::wire::{ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, Ipv4Address};

use crate::frame::{ETHERNET_HEADER, MacAddress};

/// An ARP packet for Ethernet and IPv4, in its frame.
const LENGTH: usize = ETHERNET_HEADER + 28;

/// The answer to `frame`, if that is a probe; `mac` is ours. That it asks for our address was checked.
pub(super) fn answer(frame: &[u8], mac: MacAddress) -> Option<[u8; LENGTH]> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    if frame.ethertype() != EthernetProtocol::Arp {
        return None;
    }
    let ArpRepr::EthernetIpv4 { operation, source_hardware_addr, source_protocol_addr, target_protocol_addr, .. } =
        ArpRepr::parse(&ArpPacket::new_checked(frame.payload()).ok()?).ok()?
    else {
        return None;
    };
    if operation != ArpOperation::Request || source_protocol_addr != Ipv4Address::UNSPECIFIED {
        return None;
    }
    let mut answer = [0; LENGTH];
    let mut reply = EthernetFrame::new_unchecked(&mut answer[..]);
    reply.set_dst_addr(source_hardware_addr);
    reply.set_src_addr(EthernetAddress(mac));
    reply.set_ethertype(EthernetProtocol::Arp);
    let repr = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Reply,
        source_hardware_addr: EthernetAddress(mac),
        source_protocol_addr: target_protocol_addr,
        target_hardware_addr: source_hardware_addr,
        target_protocol_addr: source_protocol_addr,
    };
    repr.emit(&mut ArpPacket::new_unchecked(reply.payload_mut()));
    Some(answer)
}
