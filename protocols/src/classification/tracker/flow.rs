//! What a frame belongs to.

/// The two ends of a connection, in an order that both directions share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// The lower address (left-aligned) with its port; of two equal addresses, that with the lower port.
    pub low: (u128, u16),
    /// The other end.
    pub high: (u128, u16),
    /// The protocol above IP.
    pub protocol: u8,
}

/// What a frame belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Two ends.
    Between {
        /// Which.
        tuple: Tuple,
        /// The frame goes from the lower end to the upper one.
        upwards: bool,
        /// The frame can be the first of a connection.
        begins: bool,
        /// The frame opens a TCP connection: a SYN without ACK.
        opens: bool,
        /// The frame ends it: FIN or RST.
        ends: bool,
    },
    /// An ICMP error about a frame between these.
    About(Tuple),
    /// Nothing that is tracked.
    Untracked,
}

/// UDP ports of DHCP's server and client (RFC 2131 section 4.1).
const DHCP: [u16; 2] = [67, 68];

impl Tuple {
    /// The tuple of a frame, and whether it goes upwards.
    ///
    /// A DHCP server answers from its own address to one that the client does not have yet (or to all), whatever the request
    /// was sent to; so of DHCP only the ports count.
    pub fn of(protocol: u8, source: (u128, u16), destination: (u128, u16)) -> (Self, bool) {
        let dhcp = protocol == 17 && [source.1, destination.1].iter().all(|port| DHCP.contains(port));
        let end = |(address, port)| if dhcp { (0, port) } else { (address, port) };
        let (source, destination) = (end(source), end(destination));
        let upwards = source <= destination;
        let (low, high) = if upwards { (source, destination) } else { (destination, source) };
        (Self { low, high, protocol }, upwards)
    }
}
