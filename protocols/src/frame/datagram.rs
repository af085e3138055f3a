//! What the checks of TCP, UDP and ICMP need to know of the IP header in front.

use core::ops::Range;

use smoltcp::wire::IpAddress;

use super::checksum::Sum;

/// A datagram whose IP header is sound.
pub(super) struct Datagram {
    pub source: IpAddress,
    /// Of the same family as `source`.
    pub destination: IpAddress,
    /// The destination is our own unicast address, in a frame to us alone.
    pub unicast: bool,
    /// The transport's protocol number.
    pub protocol: u8,
    /// A router marked it: both ECN bits are set (RFC 3168 section 5).
    pub congested: bool,
    /// The transport's header and payload, counted from the start of the IP header.
    pub payload: Range<usize>,
}

impl Datagram {
    /// The sum of the pseudo-header of TCP and UDP (RFC 9293 section 3.1, RFC 768) and of ICMPv6 (RFC 8200 section 8.1).
    /// `length` is that of the transport's header and payload, in octets.
    #[inline]
    pub fn pseudo_header(&self, length: usize) -> Sum {
        Sum::pseudo_header(&self.source, &self.destination, self.protocol, length)
    }
}
