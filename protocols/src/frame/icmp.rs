//! ICMP messages (RFC 792): echo requests go to the host functions, "fragmentation needed" (RFC 1191) to TCP; all others
//! are ignored, also the errors: TCP finds out by itself (RFC 1122 section 4.2.3.9 makes them hints at most).

use super::checksum::Sum;
use super::datagram::Datagram;
use super::{DropReason, TooBig, address, be16, ethernet, ipv4};

const HEADER: usize = 8;
const DESTINATION_UNREACHABLE: u8 = 3;
const FRAGMENTATION_NEEDED: u8 = 4;
const ECHO_REQUEST: u8 = 8;
/// No link of the Internet has a smaller MTU (RFC 791 section 3.2).
const MINIMUM_MTU: u16 = 68;

/// Returns `None` for an echo request.
pub(super) fn check(message: &[u8], ip: &Datagram, link: &ethernet::Header) -> Result<Option<TooBig>, DropReason> {
    if message.len() < HEADER {
        return Err(DropReason::IcmpShort);
    }
    if !ip.unicast {
        return Err(DropReason::IcmpBroadcast);
    }
    if !Sum::new().with(message).is_right() {
        return Err(DropReason::IcmpChecksum);
    }
    match (message[0], message[1]) {
        (ECHO_REQUEST, 0) => Ok(None),
        (DESTINATION_UNREACHABLE, FRAGMENTATION_NEEDED) => {
            quoted(message, ip, link).map(Some).ok_or(DropReason::IcmpQuote)
        }
        _ => Err(DropReason::IcmpIgnored),
    }
}

/// Reads the IPv4 header and the first 8 octets of the segment that the message quotes.
fn quoted(message: &[u8], ip: &Datagram, link: &ethernet::Header) -> Option<TooBig> {
    let packet = &message[HEADER..];
    let first = *packet.first()?;
    let header = usize::from(first & 0x0f) * 4;
    let protocol = *packet.get(9)?;
    let local = address(packet, 12)?.into();
    let mtu = be16(message, 6)?;
    if first >> 4 != 4 || header < 20 || protocol != ipv4::TCP || local != ip.destination || mtu < MINIMUM_MTU {
        return None;
    }
    let segment = packet.get(header..)?;
    Some(TooBig {
        local,
        remote: address(packet, 16)?.into(),
        local_port: be16(segment, 0)?,
        remote_port: be16(segment, 2)?,
        sequence: u32::from_be_bytes(segment.get(4..8)?.try_into().ok()?),
        mtu,
        link: link.source,
    })
}
