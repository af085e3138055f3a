//! The ways to peers of datagrams, as smoltcp has found them.
//!
//! smoltcp copies a datagram twice and sums it up before the link gets it, but only smoltcp knows the neighbors. So one datagram of each second goes by
//! smoltcp, which looks its neighbor up or asks for it; from the frame that comes of it is learned where the others go, which are written straight into
//! the link's buffers. What changes on the link (another card has the address, another router is the right one) counts a second later at most.

use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, Ipv4Address, Ipv6Address};

use crate::frame::{ETHERNET_HEADER, MacAddress};

/// How long a way is used before smoltcp is asked again.
pub(super) const FRESH: Duration = Duration::from_secs(1);
/// Ways that are known; of more, the oldest is forgotten.
const WAYS: usize = 16;
const UDP: u8 = 17;

#[derive(Clone, Copy)]
struct Way {
    source: IpAddress,
    destination: IpAddress,
    link: MacAddress,
    until: Instant,
}

/// The ways that are known.
#[derive(Default)]
pub(super) struct Ways {
    all: [Option<Way>; WAYS],
    /// Which was found last, and is looked at first.
    last: usize,
    /// Which is forgotten next.
    oldest: usize,
}

impl Ways {
    /// The station to which a datagram goes on its way from our address to a peer.
    pub fn find(&mut self, source: &IpAddress, destination: &IpAddress, now: Instant) -> Option<MacAddress> {
        let is_it = |way: &Option<Way>| {
            way.filter(|way| way.destination == *destination && way.source == *source && now < way.until)
        };
        if let Some(way) = is_it(&self.all[self.last]) {
            return Some(way.link);
        }
        let (at, way) = self.all.iter().enumerate().find_map(|(at, way)| Some((at, is_it(way)?)))?;
        self.last = at;
        Some(way.link)
    }

    /// Learns from a frame that smoltcp has made.
    pub fn learn(&mut self, frame: &[u8], now: Instant) {
        let Some((source, destination)) = datagram(frame) else { return };
        let Some(&link) = frame.first_chunk() else { return };
        let way = Way { source, destination, link, until: now + FRESH };
        let known = self.all.iter_mut().flatten();
        match { known }.find(|way| way.destination == destination && way.source == source) {
            Some(known) => *known = way,
            None => {
                self.all[self.oldest] = Some(way);
                self.oldest = (self.oldest + 1) % WAYS;
            }
        }
    }

    /// Addresses or routers are others now.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

/// The ends of a datagram of UDP in a frame, without IP options or extension headers: smoltcp writes none.
fn datagram(frame: &[u8]) -> Option<(IpAddress, IpAddress)> {
    let (link, packet) = frame.split_at_checked(ETHERNET_HEADER)?;
    match link[12..] {
        [0x08, 0x00] if *packet.get(9)? == UDP => {
            let address = |at: usize| Some(Ipv4Address::from_octets(*packet.get(at..)?.first_chunk()?).into());
            Some((address(12)?, address(16)?))
        }
        [0x86, 0xdd] if *packet.get(6)? == UDP => {
            let address = |at: usize| Some(Ipv6Address::from_octets(*packet.get(at..)?.first_chunk()?).into());
            Some((address(8)?, address(24)?))
        }
        _ => None,
    }
}
