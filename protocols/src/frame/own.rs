//! Our addresses of IPv6, and the groups that follow from them.

use smoltcp::wire::Ipv6Address;

use super::MacAddress;

/// All nodes of the link (RFC 4291 section 2.7.1).
pub(crate) const ALL_NODES: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Our addresses of IPv6. Without any, no frame of it is received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Own6 {
    /// On the link alone (RFC 4291 section 2.5.6).
    pub link_local: Option<Ipv6Address>,
    /// Beyond it.
    pub global: Option<Ipv6Address>,
}

impl Own6 {
    fn each(&self) -> impl Iterator<Item = Ipv6Address> {
        [self.link_local, self.global].into_iter().flatten()
    }

    /// Whether there is any.
    pub fn is_on(&self) -> bool {
        self.each().next().is_some()
    }

    /// Whether the address is one of ours.
    pub fn contains(&self, address: &Ipv6Address) -> bool {
        self.each().any(|own| own == *address)
    }

    /// Whether we are in the group: all nodes, or those solicited by one of our addresses.
    pub(crate) fn is_in(&self, group: &Ipv6Address) -> bool {
        *group == ALL_NODES || self.each().any(|own| solicited(&own) == *group)
    }

    /// Whether a frame to this group of stations may be for a group of ours.
    pub(super) fn is_in_mac(&self, group: &MacAddress) -> bool {
        *group == group_mac(&ALL_NODES) || self.each().any(|own| *group == group_mac(&solicited(&own)))
    }
}

/// The group in which the station with this address is asked for (RFC 4291 section 2.7.1).
pub(crate) fn solicited(address: &Ipv6Address) -> Ipv6Address {
    let [.., a, b, c] = address.octets();
    Ipv6Address::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]))
}

/// The stations of a group (RFC 2464 section 7).
pub(crate) fn group_mac(group: &Ipv6Address) -> MacAddress {
    let [.., a, b, c, d] = group.octets();
    [0x33, 0x33, a, b, c, d]
}

/// Whether a datagram can come from this address: a unicast address of another host (RFC 4291 sections 2.5.2, 2.5.3, 2.5.5.2 and 2.7).
pub(crate) fn is_host6(address: &Ipv6Address, own: &Own6) -> bool {
    let mapped = address.to_ipv4_mapped().is_some();
    !address.is_multicast() && !address.is_unspecified() && !address.is_loopback() && !mapped && !own.contains(address)
}
