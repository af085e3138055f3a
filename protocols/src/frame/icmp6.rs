//! ICMPv6 messages (RFC 4443): echo requests, Neighbor Discovery (RFC 4861) and queries of Multicast Listener Discovery go to the host functions, "packet too big" (RFC 8201) to
//! TCP; all others are ignored, as those of ICMP are.

use smoltcp::wire::{IpAddress, Ipv6Address};

use super::checksum::Sum;
use super::ipv6::{self, Checked, address};
use super::{DropReason, Local, TooBig, be16, ethernet, mld};

const HEADER: usize = 8;
const PACKET_TOO_BIG: u8 = 2;
const ECHO_REQUEST: u8 = 128;
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOR_SOLICITATION: u8 = 135;
const NEIGHBOR_ADVERTISEMENT: u8 = 136;
/// The option that names the sender's link address.
const SOURCE_LINK_ADDRESS: u8 = 1;
/// Set in an advertisement that answers a solicitation.
const SOLICITED: u8 = 0x40;

pub(super) enum Message {
    Echo,
    Neighbor,
    TooBig(TooBig),
}

pub(super) fn check(
    message: &[u8],
    ip: &Checked,
    local: &Local,
    link: &ethernet::Header,
) -> Result<Message, DropReason> {
    let datagram = &ip.datagram;
    if message.len() < HEADER {
        return Err(DropReason::IcmpShort);
    }
    let sum: Sum = datagram.pseudo_header(message.len()).with(message);
    if !sum.is_right() {
        return Err(DropReason::IcmpChecksum);
    }
    let (IpAddress::Ipv6(source), IpAddress::Ipv6(destination)) = (datagram.source, datagram.destination) else {
        return Err(DropReason::Ip6Source);
    };
    let is_neighbor = matches!(message[0], ROUTER_ADVERTISEMENT..=NEIGHBOR_ADVERTISEMENT);
    if source.is_unspecified() && message[0] != NEIGHBOR_SOLICITATION {
        return Err(DropReason::Ip6Source);
    }
    if message[0] == mld::QUERY {
        return mld::check(message, ip, source).map(|()| Message::Neighbor);
    }
    // The host functions would not pass over them.
    if ip.extended {
        return Err(DropReason::Ip6Extension);
    }
    if !is_neighbor && !datagram.unicast {
        return Err(DropReason::IcmpBroadcast);
    }
    match message[0] {
        ECHO_REQUEST if message[1] == 0 => Ok(Message::Echo),
        PACKET_TOO_BIG => quoted(message, local, link).map(Message::TooBig).ok_or(DropReason::IcmpQuote),
        _ if is_neighbor => {
            // From another link it could not have come with 255 (RFC 4861 section 11.2).
            if ip.hop_limit != 255 {
                return Err(DropReason::NeighborHopLimit);
            }
            neighbor(message, source, destination, local).map(|()| Message::Neighbor)
        }
        _ => Err(DropReason::IcmpIgnored),
    }
}

/// What every receiver has to verify of a message of Neighbor Discovery (RFC 4861 sections 6.1.2, 7.1.1 and 7.1.2).
fn neighbor(message: &[u8], source: Ipv6Address, destination: Ipv6Address, local: &Local) -> Result<(), DropReason> {
    let fixed = if message[0] == ROUTER_ADVERTISEMENT { 16 } else { 24 };
    let mut options = message.get(fixed..).ok_or(DropReason::NeighborFormat)?;
    let mut names_source = false;
    while let [kind, units, ..] = *options {
        names_source |= kind == SOURCE_LINK_ADDRESS;
        let length = usize::from(units) * 8;
        options = options.get(length..).filter(|_| length > 0).ok_or(DropReason::NeighborFormat)?;
    }
    let sound = options.is_empty() && message[1] == 0;
    let target = address(message, 8).filter(|target| !target.is_multicast());
    let sound = sound
        && match message[0] {
            ROUTER_ADVERTISEMENT => source.is_unicast_link_local(),
            NEIGHBOR_SOLICITATION => {
                let probe = source.is_unspecified();
                target.is_some() && !(probe && (names_source || !destination.is_multicast()))
            }
            _ => target.is_some() && !(destination.is_multicast() && message[4] & SOLICITED != 0),
        };
    if !sound {
        return Err(DropReason::NeighborFormat);
    }
    if message[0] == NEIGHBOR_SOLICITATION && !target.is_some_and(|target| local.address6.contains(&target)) {
        return Err(DropReason::NeighborNotOurs);
    }
    Ok(())
}

/// Reads what the message quotes of our segment.
fn quoted(message: &[u8], local: &Local, link: &ethernet::Header) -> Option<TooBig> {
    let (source, destination, segment) = ipv6::quoted_tcp(&message[HEADER..], local)?;
    let mtu = u32::from_be_bytes(message.get(4..8)?.try_into().ok()?);
    Some(TooBig {
        local: source.into(),
        remote: destination.into(),
        local_port: be16(segment, 0)?,
        remote_port: be16(segment, 2)?,
        sequence: u32::from_be_bytes(segment.get(4..8)?.try_into().ok()?),
        mtu: u16::try_from(mtu).unwrap_or(u16::MAX),
        link: link.source,
    })
}
