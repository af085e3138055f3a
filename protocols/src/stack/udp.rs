//! What a service needs to speak UDP.

use smoltcp::iface::SocketHandle;
use smoltcp::wire::{IpAddress, IpEndpoint};

/// A bound UDP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp(pub(super) SocketHandle);

/// The limits of a bound port's queues, for each direction. What comes in beyond them is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdpLimits {
    /// Datagrams that may wait.
    pub datagrams: usize,
    /// Octets of payload that may wait, all datagrams together.
    pub octets: usize,
}

/// Who sent a datagram, and to which of our addresses: also where its answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UdpPeer {
    /// The sender.
    pub remote: IpEndpoint,
    /// Our address.
    pub local: IpAddress,
}

/// Why UDP refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UdpError {
    /// UDP is spoken on processor 0 only.
    NotHere,
    /// Port 0, or a port that is taken.
    Port(u16),
    /// As many ports as possible are bound.
    TooManyPorts(usize),
    /// The queue of datagrams to be sent is full; try again later.
    Full,
    /// The datagram is longer than the link allows without fragments.
    TooLong {
        /// Its length in octets.
        length: usize,
        /// The greatest possible length in octets.
        limit: usize,
    },
    /// There is no answering this peer: address or port is 0.
    Unaddressable(UdpPeer),
}

impl core::fmt::Display for UdpError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            UdpError::NotHere => f.write_str("UDP is spoken on processor 0 only"),
            UdpError::Port(port) => write!(f, "UDP port {port} is 0 or taken"),
            UdpError::TooManyPorts(limit) => write!(f, "{limit} UDP ports are bound already"),
            UdpError::Full => f.write_str("the queue of UDP datagrams to be sent is full; try again later"),
            UdpError::TooLong { length, limit } => {
                write!(f, "a UDP datagram of {length} octets is too long: the link allows {limit}")
            }
            UdpError::Unaddressable(peer) => write!(f, "no answer can be sent to {}", peer.remote),
        }
    }
}

impl core::error::Error for UdpError {}
