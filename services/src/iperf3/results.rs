//! Results, as JSON on the control connection: each side tells what it measured.

use alloc::vec::Vec;

use serde::Serialize;

/// Octets of the longest results that are read: 256 streams with room to spare.
pub(super) const MAX_JSON: usize = 128 * 1024;

/// What the server measured.
#[derive(Debug, Serialize)]
pub(super) struct Results {
    /// Share of one processor's time in percent; above 100 if several were at work.
    pub(super) cpu_util_total: f64,
    pub(super) cpu_util_user: f64,
    pub(super) cpu_util_system: f64,
    /// 1 if the server sent and counts what it sent again, -1 if it only received.
    pub(super) sender_has_retransmits: i8,
    /// Name of the congestion controller at the end of the test.
    pub(super) congestion_used: &'static str,
    pub(super) streams: Vec<StreamResults>,
}

/// What the server measured of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct StreamResults {
    pub(super) id: u32,
    /// Octets after the omission, sent or received.
    pub(super) bytes: u64,
    /// Segments that the server sent again after the omission, -1 if it received.
    pub(super) retransmits: i64,
    /// Of datagrams; 0 for a connection. Seconds.
    pub(super) jitter: f64,
    pub(super) errors: u64,
    pub(super) omitted_errors: u64,
    pub(super) packets: u64,
    pub(super) omitted_packets: u64,
    /// Seconds; the end of the omission is 0.
    pub(super) start_time: f64,
    pub(super) end_time: f64,
}

impl Results {
    pub(super) fn to_json(&self) -> Vec<u8> {
        // Only a map with keys that are no strings can fail here, and there is none.
        serde_json::to_vec(self).unwrap_or_default()
    }
}
