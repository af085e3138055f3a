//! What can be seen of a connection.

use smoltcp::wire::IpAddress;

use super::state::State;

/// A connection at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// State.
    pub state: State,
    /// Our address.
    pub local: IpAddress,
    /// The peer's address.
    pub remote: IpAddress,
    /// Our port.
    pub local_port: u16,
    /// The peer's port.
    pub remote_port: u16,
    /// Congestion window, octets.
    pub cwnd: u32,
    /// Slow start threshold, octets.
    pub ssthresh: u32,
    /// Smoothed round-trip time, µs; 0 before the first sample.
    pub srtt_us: u32,
    /// Round-trip time variation, µs.
    pub rttvar_us: u32,
    /// Smallest round-trip time of the last minutes, µs; 0 before the first sample.
    pub min_rtt_us: u32,
    /// Retransmission timeout, µs.
    pub rto_us: u32,
    /// Payload octets of a full-sized segment that we send.
    pub mss: u32,
    /// Octets sent and not cumulatively acknowledged.
    pub flight: u32,
    /// The peer's window, octets.
    pub send_window: u32,
    /// Our window as last announced, octets.
    pub receive_window: u32,
    /// Segments retransmitted.
    pub retransmitted_segments: u64,
    /// Retransmission timeouts.
    pub timeouts: u64,
    /// Times that fast recovery began.
    pub fast_recoveries: u64,
    /// Tail loss probes sent.
    pub tail_probes: u64,
    /// Duplicates that the peer has reported (RFC 2883): segments that were sent again for nothing, or that the network doubled.
    pub duplicate_reports: u64,
    /// Reductions of the window that were taken back.
    pub undone: u64,
    /// Whether ECN was agreed on.
    pub ecn: bool,
    /// Segments that came with a congestion mark.
    pub ecn_marks: u64,
    /// Reductions of the window because the peer echoed a mark.
    pub ecn_reductions: u64,
    /// Octets that have arrived, by SACK too.
    pub delivered: u64,
    /// Delivery rate, octets/s: the last sample that the service did not limit, or a higher one that it did; 0 before the first.
    pub delivery_rate: u64,
    /// Payload octets sent, retransmissions included.
    pub sent: u64,
    /// Rate at which segments leave, octets/s; 0 means as fast as cwnd permits.
    pub pacing_rate: u64,
    /// Whether the service, and not the network, limits the rate at present.
    pub service_limited: bool,
    /// Octets marked lost; wraps.
    pub lost: u32,
    /// Whether the network was seen to reorder.
    pub reordering_seen: bool,
    /// How long a segment that has been overtaken may still be late outside of recovery before it counts as lost, µs.
    pub reordering_window_us: u32,
    /// Payload octets received in order.
    pub bytes_in: u64,
    /// Payload octets sent and acknowledged.
    pub bytes_out: u64,
    /// Segments received.
    pub segments_in: u64,
    /// Segments sent.
    pub segments_out: u64,
    /// Whether SACK was agreed on.
    pub sack: bool,
    /// Whether timestamps were agreed on.
    pub timestamps: bool,
    /// Octets in the send buffer, acknowledged ones excluded.
    pub send_queued: u32,
    /// Octets in the receive buffer that the service has not read.
    pub receive_queued: u32,
    /// Time since the connection was opened, µs.
    pub age_us: u64,
}
