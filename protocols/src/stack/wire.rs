//! From the TCP engine's segments to frames in the link's own buffers.

use super::gate::Gate;
use super::ip::{Ends, IPV4_HEADER, flow_label};
use super::{IpAddress, PartialChecksum, Segmentation, Transmit, TxMeta};
use crate::frame::checksum::Sum;
use crate::frame::{ETHERNET_HEADER, MacAddress};
use crate::tcp::{Egress, Full, Header, Path, Payload};

/// The TCP header without options, and the longest.
const TCP_HEADER: core::ops::RangeInclusive<usize> = 20..=60;
/// Where the checksum lies in a TCP header (RFC 9293 section 3.1).
const CHECKSUM_AT: usize = 16;
const TCP: u8 = 6;
/// What the total length of IPv4 can express. IPv6's payload length leaves its own header out, but cards do not rely on it.
const LONGEST_DATAGRAM: usize = 65_535;

/// What went out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub frames: u64,
    pub octets: u64,
    /// Segments of no shape that this link can carry.
    pub impossible: u64,
}

/// Writes each segment with its Ethernet and IP headers into the link's buffer, in one pass over the payload. What the link reads where it lies is at most
/// summed here.
pub(super) struct Wire<'a, 'b> {
    pub tx: &'a mut Gate<'b>,
    pub mac: MacAddress,
    pub mtu: usize,
    pub sent: &'a mut Sent,
}

impl Egress for Wire<'_, '_> {
    fn send(&mut self, path: &Path, header: &Header, payload: Payload<'_>) -> Result<(), Full> {
        let Some(ends) = Ends::new(&path.local, &path.remote) else {
            self.sent.impossible += 1;
            return Ok(());
        };
        let payload_len = payload[0].octets.len() + payload[1].octets.len();
        let tcp_len = header.len() + payload_len;
        let ip_len = ends.header_len();
        let total = ip_len + tcp_len;
        let run = header.segment_size != 0 && payload_len > usize::from(header.segment_size);
        let fits = if run { self.max_segments(path) > 1 && total <= LONGEST_DATAGRAM } else { total <= self.mtu };
        if !fits {
            self.sent.impossible += 1;
            return Ok(());
        }
        let lane = match self.tx.tx.lanes().map(|lanes| lanes.lane(flow(path, header))).transpose() {
            Ok(lane) => lane,
            Err(class) => return Err(Full::Turn(class)),
        };
        let tcp_at = ETHERNET_HEADER + ip_len;
        let partial = PartialChecksum { start: tcp_at as u16, offset: CHECKSUM_AT as u16 };
        let meta = TxMeta {
            checksum: self.tx.offloads().checksum.then_some(partial),
            segmentation: run.then(|| Segmentation {
                mss: header.segment_size,
                header_len: (tcp_at + header.len()) as u16,
                ipv6: matches!(ends, Ends::V6(..)),
            }),
            lane,
        };
        let mac = self.mac;
        let least = self.tx.least_lent();
        let lent = payload.iter().any(|part| part.lender.is_some() && part.octets.len() >= least);
        let mut write = |frame: &mut [u8]| {
            let (link, packet) = frame.split_at_mut(ETHERNET_HEADER);
            let (ip, segment) = packet.split_at_mut(ip_len);
            link.copy_from_slice(&ethernet_header(path.link, mac, ends.ether_type()));
            ends.write(ip, TCP, tcp_len, header.ecn_capable, || label(&ends, header));
            let pseudo = Sum::pseudo_header(&path.local, &path.remote, TCP, tcp_len);
            write_segment(segment, header, payload, pseudo, meta);
        };
        let sent = if lent {
            self.tx.transmit_parts(tcp_at + header.len(), payload, meta, &mut write)
        } else {
            self.tx.transmit(ETHERNET_HEADER + total, meta, &mut write)
        };
        sent.map_err(|_| self.tx.refused.map_or(Full::Link, Full::Turn))?;
        self.sent.frames += 1;
        self.sent.octets += (ETHERNET_HEADER + total) as u64;
        Ok(())
    }

    fn must_wait(&mut self, class: u8) -> bool {
        self.tx.must_wait(class)
    }

    fn max_segments(&self, path: &Path) -> usize {
        let offloads = self.tx.offloads();
        let ends = Ends::new(&path.local, &path.remote);
        let (longest, ip_len) = match ends {
            Some(ends @ Ends::V6(..)) => (offloads.segmentation6, ends.header_len()),
            _ => (offloads.segmentation, IPV4_HEADER),
        };
        let Some(longest) = longest.filter(|_| offloads.checksum) else { return 1 };
        let headers = ip_len + TCP_HEADER.end();
        let room = longest.saturating_sub(ETHERNET_HEADER + headers).min(LONGEST_DATAGRAM - headers);
        // Of the segments that the MTU allows, which is the largest that a connection can use.
        (room / (self.mtu - ip_len - TCP_HEADER.start())).max(1)
    }
}

pub(super) fn ethernet_header(
    destination: MacAddress,
    source: MacAddress,
    ether_type: [u8; 2],
) -> [u8; ETHERNET_HEADER] {
    let mut header = [0; ETHERNET_HEADER];
    header[..6].copy_from_slice(&destination);
    header[6..12].copy_from_slice(&source);
    header[12..].copy_from_slice(&ether_type);
    header
}

/// A hash of what distinguishes a connection here.
fn flow(path: &Path, header: &Header) -> u32 {
    let remote = match path.remote {
        IpAddress::Ipv4(address) => address.to_bits(),
        IpAddress::Ipv6(address) => address.to_bits() as u32,
    };
    let ports = u32::from(header.source_port) << 16 | u32::from(header.destination_port);
    (remote ^ ports).wrapping_mul(0x9e37_79b1) >> 16
}

fn label(ends: &Ends, header: &Header) -> u32 {
    match ends {
        Ends::V4(..) => 0,
        Ends::V6(source, destination) => flow_label(source, destination, (header.source_port, header.destination_port)),
    }
}

/// Writes header, checksum (complete, or the pseudo-header's sum for the device to complete) and, if there is a place for it, the payload.
fn write_segment(segment: &mut [u8], header: &Header, payload: Payload<'_>, pseudo: Sum, meta: TxMeta) {
    let payload = payload.map(|part| part.octets);
    let (head, body) = segment.split_at_mut(header.len());
    header.write(head);
    let checksum = match (meta.checksum.is_some(), body.is_empty()) {
        (true, true) => pseudo.partial(),
        (false, true) => pseudo.with(head).with(payload[0]).with(payload[1]).checksum(),
        (partial, false) => {
            let (first, second) = body.split_at_mut(payload[0].len());
            if partial {
                first.copy_from_slice(payload[0]);
                second.copy_from_slice(payload[1]);
                pseudo.partial()
            } else {
                pseudo.with(head).copy(first, payload[0]).copy(second, payload[1]).checksum()
            }
        }
    };
    head[CHECKSUM_AT..CHECKSUM_AT + 2].copy_from_slice(&checksum.to_be_bytes());
}
