//! Ethernet II headers (IEEE 802.3 clause 3.2; EtherTypes from IANA's registry).

use super::{DropReason, Local, be16};

/// A MAC address as it is on the wire.
pub type MacAddress = [u8; 6];

/// Octets of an Ethernet header.
pub const ETHERNET_HEADER: usize = 14;

pub(super) const IPV4: u16 = 0x0800;
pub(super) const ARP: u16 = 0x0806;
pub(super) const IPV6: u16 = 0x86dd;

/// Values from here on are EtherTypes, lower ones lengths.
const FIRST_ETHER_TYPE: u16 = 0x0600;

pub(super) struct Header {
    pub source: MacAddress,
    /// The frame was sent to all stations.
    pub broadcast: bool,
    /// To all stations or to a group that we are in.
    pub is_group: bool,
    pub ether_type: u16,
}

pub(super) fn check(frame: &[u8], local: &Local) -> Result<Header, DropReason> {
    let (Some(&destination), Some(&source), Some(ether_type)) =
        (frame.first_chunk::<6>(), frame.get(6..).and_then(|rest| rest.first_chunk::<6>()), be16(frame, 12))
    else {
        return Err(DropReason::EthernetShort);
    };
    if !is_station(&source) || source == local.mac {
        return Err(DropReason::EthernetSource);
    }
    let broadcast = destination == [0xff; 6];
    let mut to_group = broadcast;
    if !broadcast && destination != local.mac {
        if !is_group(&destination) {
            return Err(DropReason::EthernetNotOurs);
        }
        // The groups are those of IPv6.
        to_group = ether_type == IPV6 && local.address6.is_in_mac(&destination);
        if !to_group {
            return Err(DropReason::EthernetMulticast);
        }
    }
    if ether_type < FIRST_ETHER_TYPE {
        return Err(DropReason::EthernetLength);
    }
    Ok(Header { source, broadcast, is_group: to_group, ether_type })
}

/// Whether the address is a group's.
fn is_group(mac: &MacAddress) -> bool {
    mac[0] & 1 != 0
}

/// Whether a single station can have this address.
pub(crate) fn is_station(mac: &MacAddress) -> bool {
    !is_group(mac) && *mac != [0; 6]
}
