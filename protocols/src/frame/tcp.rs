//! TCP headers (RFC 9293 section 3.1), as far as lengths and addresses go; the rest is the engine's.

use super::datagram::Datagram;
use super::{DropReason, ETHERNET_HEADER, Tcp, be16, ethernet};
use crate::stack::RxMeta;

const MINIMUM_HEADER: usize = 20;

pub(super) fn check(segment: &[u8], ip: &Datagram, meta: RxMeta, link: &ethernet::Header) -> Result<Tcp, DropReason> {
    if segment.len() < MINIMUM_HEADER {
        return Err(DropReason::TcpShort);
    }
    let header = usize::from(segment[12] >> 4) * 4;
    if header < MINIMUM_HEADER || header > segment.len() {
        return Err(DropReason::TcpDataOffset);
    }
    if !ip.unicast {
        return Err(DropReason::TcpBroadcast);
    }
    let (source_port, destination_port) = be16(segment, 0).zip(be16(segment, 2)).ok_or(DropReason::TcpShort)?;
    if source_port == 0 || destination_port == 0 {
        return Err(DropReason::TcpPort);
    }
    if !meta.checksum_verified && !ip.pseudo_header(segment.len()).with(segment).is_right() {
        return Err(DropReason::TcpChecksum);
    }
    Ok(Tcp {
        source: ip.source,
        destination: ip.destination,
        source_port,
        destination_port,
        link: link.source,
        congested: ip.congested,
        segment: ETHERNET_HEADER + ip.payload.start..ETHERNET_HEADER + ip.payload.end,
    })
}
