//! UDP headers (RFC 768).

use smoltcp::wire::IpAddress;

use super::datagram::Datagram;
use super::{DropReason, be16};
use crate::stack::RxMeta;

const HEADER: usize = 8;

pub(super) fn check(datagram: &[u8], ip: &Datagram, meta: RxMeta) -> Result<(), DropReason> {
    if datagram.len() < HEADER {
        return Err(DropReason::UdpShort);
    }
    let length = usize::from(be16(datagram, 4).ok_or(DropReason::UdpShort)?);
    // Shorter than the IPv4 payload is legal: the surplus is nobody's.
    if length < HEADER || length > datagram.len() {
        return Err(DropReason::UdpLength);
    }
    if be16(datagram, 2) == Some(0) {
        return Err(DropReason::UdpPort);
    }
    // A checksum of 0 means that the sender computed none, which IPv6 does not allow: only the checksum protects its addresses.
    let unsummed = be16(datagram, 6) == Some(0);
    if unsummed && matches!(ip.source, IpAddress::Ipv6(_)) {
        return Err(DropReason::UdpNoChecksum);
    }
    let verify = !meta.checksum_verified && !unsummed;
    if verify && !ip.pseudo_header(length).with(&datagram[..length]).is_right() {
        return Err(DropReason::UdpChecksum);
    }
    Ok(())
}
