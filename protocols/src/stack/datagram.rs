//! A datagram of UDP, written straight into the link's buffer: one copy of the octets, which is also where they are summed up if the link does not.

use super::ip::Ends;
use super::wire::ethernet_header;
use super::{PartialChecksum, TxMeta};
use crate::frame::{ETHERNET_HEADER, MacAddress};

/// UDP header, in octets.
pub(super) const UDP_HEADER: usize = 8;
/// Where the checksum lies in it (RFC 768).
const CHECKSUM_AT: usize = 6;
const UDP: u8 = 17;

/// A datagram and where it goes. It fits the link's MTU.
pub(super) struct Datagram<'a> {
    /// The station that gets the frame, and ours.
    pub link: MacAddress,
    pub mac: MacAddress,
    pub ends: Ends,
    /// Ours and the peer's.
    pub ports: (u16, u16),
    pub data: &'a [u8],
}

impl Datagram<'_> {
    /// Octets of the frame.
    pub fn len(&self) -> usize {
        ETHERNET_HEADER + self.ends.header_len() + UDP_HEADER + self.data.len()
    }

    /// What the device has to do to the frame. `offload`: it completes checksums.
    pub fn meta(&self, offload: bool) -> TxMeta {
        let start = (ETHERNET_HEADER + self.ends.header_len()) as u16;
        let checksum = offload.then_some(PartialChecksum { start, offset: CHECKSUM_AT as u16 });
        TxMeta { checksum, segmentation: None, lane: None }
    }

    /// Writes the frame, which is as long as `len` says, with what `meta` leaves to the device.
    pub fn write(&self, into: &mut [u8], meta: TxMeta) {
        let length = UDP_HEADER + self.data.len();
        let (link, packet) = into.split_at_mut(ETHERNET_HEADER);
        let (ip, datagram) = packet.split_at_mut(self.ends.header_len());
        let (head, body) = datagram.split_at_mut(UDP_HEADER);
        link.copy_from_slice(&ethernet_header(self.link, self.mac, self.ends.ether_type()));
        // The flow has no label, as smoltcp's datagrams of it have none.
        self.ends.write(ip, UDP, length, false, || 0);
        let mut header = [0; UDP_HEADER];
        header[..2].copy_from_slice(&self.ports.0.to_be_bytes());
        header[2..4].copy_from_slice(&self.ports.1.to_be_bytes());
        header[4..CHECKSUM_AT].copy_from_slice(&(length as u16).to_be_bytes());
        let pseudo = self.ends.pseudo_header(UDP, length);
        let checksum = if meta.checksum.is_some() {
            body.copy_from_slice(self.data);
            pseudo.partial()
        } else {
            // 0 would say that there is none (RFC 768; RFC 8200 section 8.1).
            match pseudo.with(&header).copy(body, self.data).checksum() {
                0 => 0xffff,
                checksum => checksum,
            }
        };
        header[CHECKSUM_AT..].copy_from_slice(&checksum.to_be_bytes());
        head.copy_from_slice(&header);
    }
}
