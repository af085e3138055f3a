//! ARP for IPv4 over Ethernet (RFC 826, RFC 5227).

use super::ethernet::{self, is_station};
use super::{DropReason, Local, address, be16};

const LENGTH: usize = 28;
const ETHERNET: u16 = 1;
const REQUEST: u16 = 1;
const REPLY: u16 = 2;

/// Returns the packet's length.
pub(super) fn check(packet: &[u8], local: &Local) -> Result<usize, DropReason> {
    if packet.len() < LENGTH {
        return Err(DropReason::ArpShort);
    }
    let format = be16(packet, 0) == Some(ETHERNET)
        && be16(packet, 2) == Some(ethernet::IPV4)
        && packet[4..6] == [6, 4]
        && matches!(be16(packet, 6), Some(REQUEST | REPLY));
    if !format {
        return Err(DropReason::ArpFormat);
    }
    let mac = packet[8..].first_chunk::<6>().ok_or(DropReason::ArpShort)?;
    let (sender, target) = address(packet, 14).zip(address(packet, 24)).ok_or(DropReason::ArpShort)?;
    // A sender of 0.0.0.0 is a probe (RFC 5227 section 2.1.1) and must be answered.
    if !is_station(mac) || sender.is_multicast() || sender.is_broadcast() || sender.is_loopback() {
        return Err(DropReason::ArpSender);
    }
    let own = local.address.ok_or(DropReason::ArpNotOurs)?.address();
    if sender == own {
        return Err(DropReason::ArpConflict);
    }
    if target != own {
        return Err(DropReason::ArpNotOurs);
    }
    Ok(LENGTH)
}
