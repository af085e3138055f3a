//! From the TCP engine's segments to frames in the link's own buffers.

use smoltcp::wire::{IpAddress, Ipv4Address};

use super::{PartialChecksum, Segmentation, Transmit, TxMeta};
use crate::frame::checksum::Sum;
use crate::frame::{ETHERNET_HEADER, MacAddress};
use crate::tcp::{Egress, Full, Header, Path};

const IPV4_HEADER: usize = 20;
/// Ethernet and IPv4 header.
const TCP_AT: usize = ETHERNET_HEADER + IPV4_HEADER;
/// The longest TCP header.
const TCP_HEADER: usize = 60;
/// Where the checksum lies in a TCP header (RFC 9293 section 3.1).
const CHECKSUM_AT: usize = 16;
const TCP: u8 = 6;
/// RFC 1700's recommendation, and what everybody sends.
const TTL: u8 = 64;
/// What the total length of IPv4 can express.
const LONGEST_DATAGRAM: usize = 65_535;

/// What went out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub frames: u64,
    pub octets: u64,
    /// Segments of no shape that this link can carry.
    pub impossible: u64,
}

/// Writes each segment with its Ethernet and IPv4 headers into the link's buffer, in one pass over the payload.
pub(super) struct Wire<'a> {
    pub tx: &'a mut dyn Transmit,
    pub mac: MacAddress,
    pub mtu: usize,
    pub sent: &'a mut Sent,
}

impl Egress for Wire<'_> {
    fn send(&mut self, path: &Path, header: &Header, payload: [&[u8]; 2]) -> Result<(), Full> {
        let payload_len = payload[0].len() + payload[1].len();
        let tcp_len = header.len() + payload_len;
        let total = IPV4_HEADER + tcp_len;
        let (IpAddress::Ipv4(local), IpAddress::Ipv4(remote)) = (path.local, path.remote) else {
            self.sent.impossible += 1;
            return Ok(());
        };
        let offloads = self.tx.offloads();
        let run = header.segment_size != 0 && payload_len > usize::from(header.segment_size);
        let fits = if run { self.max_segments() > 1 && total <= LONGEST_DATAGRAM } else { total <= self.mtu };
        if !fits {
            self.sent.impossible += 1;
            return Ok(());
        }
        let meta = TxMeta {
            checksum: offloads.checksum.then_some(PartialChecksum { start: TCP_AT as u16, offset: CHECKSUM_AT as u16 }),
            segmentation: run
                .then(|| Segmentation { mss: header.segment_size, header_len: (TCP_AT + header.len()) as u16 }),
        };
        let mac = self.mac;
        self.tx
            .transmit(ETHERNET_HEADER + total, meta, &mut |frame| {
                let (link, packet) = frame.split_at_mut(ETHERNET_HEADER);
                let (ip, segment) = packet.split_at_mut(IPV4_HEADER);
                link.copy_from_slice(&ethernet_header(path.link, mac));
                ip.copy_from_slice(&ipv4_header(local, remote, total, header.ecn_capable));
                write_segment(segment, header, payload, Sum::pseudo_header(local, remote, TCP, tcp_len), meta);
            })
            .map_err(|_| Full)?;
        self.sent.frames += 1;
        self.sent.octets += (ETHERNET_HEADER + total) as u64;
        Ok(())
    }

    fn max_segments(&self) -> usize {
        let offloads = self.tx.offloads();
        let Some(longest) = offloads.segmentation.filter(|_| offloads.checksum) else { return 1 };
        let room = longest.saturating_sub(TCP_AT + TCP_HEADER).min(LONGEST_DATAGRAM - IPV4_HEADER - TCP_HEADER);
        // Of the segments that the MTU allows, which is the largest that a connection can use.
        (room / (self.mtu - IPV4_HEADER - 20)).max(1)
    }
}

fn ethernet_header(destination: MacAddress, source: MacAddress) -> [u8; ETHERNET_HEADER] {
    let mut header = [0; ETHERNET_HEADER];
    header[..6].copy_from_slice(&destination);
    header[6..12].copy_from_slice(&source);
    header[12..].copy_from_slice(&0x0800u16.to_be_bytes());
    header
}

/// `total` is at most 65,535 octets. "Don't fragment" is set, so the identification may be anything (RFC 6864 section 4.1).
fn ipv4_header(source: Ipv4Address, destination: Ipv4Address, total: usize, ecn: bool) -> [u8; IPV4_HEADER] {
    let mut header = [0; IPV4_HEADER];
    header[0] = 0x45;
    // ECT(0), RFC 3168 section 5.
    header[1] = if ecn { 0b10 } else { 0 };
    header[2..4].copy_from_slice(&(total as u16).to_be_bytes());
    header[6] = 0x40;
    header[8] = TTL;
    header[9] = TCP;
    header[12..16].copy_from_slice(&source.octets());
    header[16..].copy_from_slice(&destination.octets());
    let checksum = Sum::new().with(&header).checksum();
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    header
}

/// Writes header, payload and checksum: complete, or the pseudo-header's sum for the device to complete.
fn write_segment(segment: &mut [u8], header: &Header, payload: [&[u8]; 2], pseudo: Sum, meta: TxMeta) {
    let (head, body) = segment.split_at_mut(header.len());
    let (first, second) = body.split_at_mut(payload[0].len());
    header.write(head);
    let checksum = if meta.checksum.is_some() {
        first.copy_from_slice(payload[0]);
        second.copy_from_slice(payload[1]);
        pseudo.partial()
    } else {
        pseudo.with(head).copy(first, payload[0]).copy(second, payload[1]).checksum()
    };
    head[CHECKSUM_AT..CHECKSUM_AT + 2].copy_from_slice(&checksum.to_be_bytes());
}
