//! The first look at every received frame, before any parser sees it.
//!
//! [`check`] proves the lengths, addresses and checksums of a frame and says what it is: a TCP segment for the engine,
//! something for the host functions (ARP, ICMP echo, UDP), a hint about the path's MTU, or a [`DropReason`] with its reason.
//! Everything behind it may rely on what [`Class`] promises.
//!
//! What is not received at all, by decision: VLAN tags (an unknown EtherType), multicast beyond what IPv6 needs to find its neighbors,
//! fragments (nobody who talks to these services needs them, and reassembly is a classic way to exhaust a host), source-routed datagrams
//! (RFC 7126 section 4.3 and 4.4; RFC 5095). Other IPv4 options are skipped; of IPv6's extension headers `ipv6` says which.
//! A TTL of 0 or 1 is no reason to drop (RFC 1122 section 3.2.1.7).

mod arp;
pub mod checksum;
mod datagram;
mod ethernet;
mod icmp;
mod icmp6;
mod ipv4;
mod ipv6;
mod mld;
mod own;
mod reason;
mod tcp;
mod udp;

#[cfg(test)]
pub(crate) mod craft;
#[cfg(test)]
mod tests;

use core::ops::Range;

use smoltcp::wire::{IpAddress, Ipv4Address, Ipv4Cidr, Ipv6Address};

pub(crate) use ethernet::is_station;
pub use ethernet::{ETHERNET_HEADER, MacAddress};
pub(crate) use ipv4::is_host;
pub(crate) use mld::Query;
pub use own::Own6;
pub(crate) use own::{ALL_NODES, group_mac, is_host6, solicited};
pub use reason::{DropReason, Drops};

use crate::stack::RxMeta;
use crate::steering::FourTuple;

/// Who we are: what a frame's destination is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// The card's unicast address.
    pub mac: MacAddress,
    /// Our IPv4 address and its network; `None` while DHCP has not delivered one.
    pub address: Option<Ipv4Cidr>,
    /// Our IPv6 addresses.
    pub address6: Own6,
}

/// A frame that was found sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// A TCP segment to our address, from a plausible one, with a right checksum.
    Tcp(Tcp),
    /// ARP, ICMP echo request or UDP for the host functions: the first `length` octets of the frame; what follows is padding.
    /// The IPv4, ICMP and UDP checksums are right, or the device vouches for them.
    Host {
        /// Octets of the frame that count, from the Ethernet header.
        length: usize,
    },
    /// A message of Neighbor Discovery (RFC 4861) for the host functions: what ARP is to IPv4; or a query of Multicast Listener Discovery, by which
    /// switches learn where such messages have to go (RFC 3810). It came from this link, and is valid.
    Neighbor {
        /// Octets of the frame that count, from the Ethernet header.
        length: usize,
    },
    /// A router cannot forward what we sent (ICMP "fragmentation needed", RFC 1191; ICMPv6 "packet too big", RFC 8201). Whether it speaks
    /// of a segment that is really in flight is the TCP engine's to check (RFC 5927 section 7.2).
    TooBig(TooBig),
}

/// Where a TCP segment came from and where in the frame it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// The peer's address: unicast, not ours.
    pub source: IpAddress,
    /// Our address.
    pub destination: IpAddress,
    /// The peer's port, not 0.
    pub source_port: u16,
    /// Our port, not 0.
    pub destination_port: u16,
    /// The MAC address that answers go to: the one the frame came from.
    pub link: MacAddress,
    /// The IP header carries a congestion mark (CE, RFC 3168 section 5).
    pub congested: bool,
    /// Header and payload in the frame, exactly as long as IP says; at least 20 octets, and the data offset lies within.
    pub segment: Range<usize>,
}

/// What an ICMP "fragmentation needed" or ICMPv6 "packet too big" message quotes of our own segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooBig {
    /// Our address: the quoted source.
    pub local: IpAddress,
    /// The quoted destination.
    pub remote: IpAddress,
    /// Our port.
    pub local_port: u16,
    /// The peer's port.
    pub remote_port: u16,
    /// The quoted sequence number.
    pub sequence: u32,
    /// The MTU of the next hop in octets; over IPv4 at least 68 (RFC 791).
    pub mtu: u16,
    /// The MAC address that the message came from.
    pub link: MacAddress,
}

impl Tcp {
    /// The connection that the segment belongs to.
    pub fn tuple(&self) -> FourTuple {
        FourTuple {
            local: self.destination,
            local_port: self.destination_port,
            remote: self.source,
            remote_port: self.source_port,
        }
    }
}

impl TooBig {
    /// The connection whose segment is quoted.
    pub fn tuple(&self) -> FourTuple {
        FourTuple { local: self.local, local_port: self.local_port, remote: self.remote, remote_port: self.remote_port }
    }
}

/// Checks a frame from its Ethernet header on, without the frame check sequence.
///
/// # Errors
/// [`DropReason`] says why the frame must not be looked at any further; the caller counts it in a [`Drops`].
pub fn check(frame: &[u8], meta: RxMeta, local: &Local) -> Result<Class, DropReason> {
    let header = ethernet::check(frame, local)?;
    let rest = &frame[ETHERNET_HEADER..];
    match header.ether_type {
        ethernet::IPV4 => {
            let datagram = ipv4::check(rest, local, &header)?;
            let payload = &rest[datagram.payload.clone()];
            let length = ETHERNET_HEADER + datagram.payload.end;
            match datagram.protocol {
                ipv4::TCP => tcp::check(payload, &datagram, meta, &header).map(Class::Tcp),
                ipv4::UDP => udp::check(payload, &datagram, meta).map(|()| Class::Host { length }),
                ipv4::ICMP => match icmp::check(payload, &datagram, &header)? {
                    Some(too_big) => Ok(Class::TooBig(too_big)),
                    None => Ok(Class::Host { length }),
                },
                _ => Err(DropReason::IpProtocol),
            }
        }
        ethernet::IPV6 if local.address6.is_on() => check6(rest, meta, local, &header),
        ethernet::ARP => arp::check(rest, local).map(|length| Class::Host { length: ETHERNET_HEADER + length }),
        _ => Err(DropReason::EtherType),
    }
}

/// The same for an IPv6 packet.
fn check6(packet: &[u8], meta: RxMeta, local: &Local, link: &ethernet::Header) -> Result<Class, DropReason> {
    let ip = ipv6::check(packet, local, link)?;
    let datagram = &ip.datagram;
    let payload = &packet[datagram.payload.clone()];
    let length = ETHERNET_HEADER + datagram.payload.end;
    match datagram.protocol {
        ipv6::TCP => tcp::check(payload, datagram, meta, link).map(Class::Tcp),
        // The host functions would not pass over them.
        ipv6::UDP if ip.extended => Err(DropReason::Ip6Extension),
        ipv6::UDP if !datagram.unicast => Err(DropReason::UdpMulticast),
        ipv6::UDP => udp::check(payload, datagram, meta).map(|()| Class::Host { length }),
        ipv6::ICMP => icmp6::check(payload, &ip, local, link).map(|message| match message {
            icmp6::Message::Echo => Class::Host { length },
            icmp6::Message::Neighbor => Class::Neighbor { length },
            icmp6::Message::TooBig(too_big) => Class::TooBig(too_big),
        }),
        _ => Err(DropReason::IpProtocol),
    }
}

/// Source and destination of an IPv6 packet; `None` if it is too short.
pub(crate) fn ends6(packet: &[u8]) -> Option<(Ipv6Address, Ipv6Address)> {
    ipv6::address(packet, 8).zip(ipv6::address(packet, 24))
}

/// The transport of a whole IPv6 packet, and where it begins.
pub(crate) fn transport6(packet: &[u8]) -> Option<(u8, usize)> {
    let (protocol, start) = ipv6::transport(packet, *packet.get(6)?).ok()?;
    (start <= packet.len()).then_some((protocol, start))
}

/// The query of Multicast Listener Discovery in a frame; `None` if it holds none.
pub(crate) fn listener_query(frame: &[u8]) -> Option<Query> {
    let packet = frame.get(ETHERNET_HEADER..)?;
    let (protocol, start) = transport6(packet)?;
    (protocol == ipv6::ICMP).then(|| mld::query(&packet[start..]))?
}

/// Reads a big-endian 16-bit field; `None` beyond the end.
fn be16(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(octets.get(at..at + 2)?.try_into().ok()?))
}

/// Reads an IPv4 address; `None` beyond the end.
fn address(octets: &[u8], at: usize) -> Option<Ipv4Address> {
    Some(Ipv4Address::from_octets(octets.get(at..at + 4)?.try_into().ok()?))
}
