//! What rules look at.

/// A version of IP.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Family {
    /// IPv4 (RFC 791).
    V4,
    /// IPv6 (RFC 8200).
    V6,
}

impl Family {
    /// The length of an address, in bits.
    pub const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

/// What connection tracking knows of a frame, in the words of nftables' `ct state`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[repr(u8)]
pub enum Tracking {
    /// It begins something, or nobody tracks connections.
    #[default]
    New = 1,
    /// It belongs to a connection that has been accepted.
    Established = 2,
    /// It is about such a connection (an ICMP error).
    Related = 4,
    /// It fits no connection and cannot begin one.
    Invalid = 8,
}

/// The fields of a frame that rules look at.
///
/// An address is left-aligned: an IPv4 address fills the upper 32 of the 128 bits and the rest is 0, so that a prefix of
/// length *n* is the upper *n* bits in both families.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Header {
    /// The source address, left-aligned.
    pub source: u128,
    /// The destination address, left-aligned.
    pub destination: u128,
    /// The source port of TCP, UDP …; 0 without one (ICMP, a fragment that is not the first).
    pub source_port: u16,
    /// The destination port; 0 without one.
    pub destination_port: u16,
    /// The version of IP.
    pub family: Family,
    /// The protocol above IP, as IANA numbers it.
    pub protocol: u8,
    /// The flags of a TCP segment as in octet 13 of its header (RFC 9293 section 3.1); otherwise 0.
    pub flags: u8,
    /// The Differentiated Services codepoint (RFC 2474), 0 to 63.
    pub dscp: u8,
    /// The interface that the frame came in by or goes out by.
    pub interface: u8,
    /// What connection tracking knows of it.
    pub tracking: Tracking,
}

impl Header {
    /// The header of an IPv4 packet; what is not given is 0.
    pub fn v4(source: u32, destination: u32, protocol: u8, (source_port, destination_port): (u16, u16)) -> Self {
        Self {
            source: u128::from(source) << 96,
            destination: u128::from(destination) << 96,
            source_port,
            destination_port,
            family: Family::V4,
            protocol,
            flags: 0,
            dscp: 0,
            interface: 0,
            tracking: Tracking::New,
        }
    }

    /// The header of an IPv6 packet; what is not given is 0.
    pub fn v6(source: u128, destination: u128, protocol: u8, ports: (u16, u16)) -> Self {
        Self { source, destination, family: Family::V6, ..Self::v4(0, 0, protocol, ports) }
    }
}
