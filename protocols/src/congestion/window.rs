//! The part of congestion control that belongs to the connection.

/// Names a connection on one processor: the index of its slot in that processor's table of connections.
///
/// Two processors use the same indices for different connections.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flow(pub u32);

/// The largest congestion window, in bytes: the largest window that can be offered with window scaling (RFC 7323
/// section 2.3), so that a larger one could never be used.
pub const MAX_WINDOW: u32 = 1 << 30;

/// The slow start threshold of a new connection: "arbitrarily high" (RFC 5681 section 3.1).
pub const INITIAL_SSTHRESH: u32 = u32::MAX;

/// What a congestion controller knows of a connection and decides for it.
///
/// The connection owns it; it stays where it is when the controller is swapped.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Congestion window in bytes, one segment to [`MAX_WINDOW`]. Written by the controller.
    pub cwnd: u32,
    /// Slow start threshold in bytes, at least two segments. Written by the controller.
    pub ssthresh: u32,
    /// cwnd before the last reduction, for [`undo`](super::Congestion::undo); 0 when there is nothing to undo. Written by
    /// the controller.
    pub prior_cwnd: u32,
    /// ssthresh before the last reduction; 0 when there is nothing to undo. Written by the controller.
    pub prior_ssthresh: u32,
    /// Rate at which segments leave, bytes/s; 0 means as fast as cwnd permits. Written by the controller.
    pub pacing_rate: u64,
    /// Bytes that may leave in one burst when paced; 0 means the engine's own choice. Written by the controller.
    pub send_quantum: u32,
    /// Sender maximum segment size (SMSS) in bytes, without headers and options. Written by the engine; may change when the
    /// path's MTU does.
    pub mss: u32,
    /// Bytes believed to be in the network: `pipe` of RFC 6675 section 4. Written by the engine.
    pub in_flight: u32,
    /// Smoothed round-trip time in microseconds (RFC 6298), 0 before the first sample. Written by the engine.
    pub srtt: u32,
    /// Round-trip time variation in microseconds (RFC 6298). Written by the engine.
    pub rttvar: u32,
    /// Smallest round-trip time of the last minutes in microseconds, 0 before the first sample. Written by the engine.
    pub min_rtt: u32,
    /// Bytes delivered on this connection so far, cumulatively or by SACK (draft-ietf-ccwg-bbr `C.delivered`). Written by the
    /// engine.
    pub delivered: u64,
}

impl Window {
    /// The window of a connection that is not open yet: [`Congestion::open`](super::Congestion::open) fills in the rest.
    pub const fn new(mss: u32) -> Self {
        Self {
            cwnd: initial_window(mss),
            ssthresh: INITIAL_SSTHRESH,
            prior_cwnd: 0,
            prior_ssthresh: 0,
            pacing_rate: 0,
            send_quantum: 0,
            mss,
            in_flight: 0,
            srtt: 0,
            rttvar: 0,
            min_rtt: 0,
            delivered: 0,
        }
    }

    /// The SMSS that controllers compute with: `mss` kept within 1..=65535, so that no value an engine can write makes the
    /// arithmetic overflow or divide by zero.
    pub const fn smss(&self) -> u32 {
        clamp_mss(self.mss)
    }

    /// Whether slow start applies (RFC 5681 section 3.1: cwnd < ssthresh).
    pub const fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }
}

const fn clamp_mss(mss: u32) -> u32 {
    match mss {
        0 => 1,
        1..=65_535 => mss,
        _ => 65_535,
    }
}

/// The initial window of RFC 6928 section 2: min(10 * MSS, max(2 * MSS, 14600)) bytes.
pub const fn initial_window(mss: u32) -> u32 {
    let mss = clamp_mss(mss);
    let floor = if 2 * mss > 14_600 { 2 * mss } else { 14_600 };
    if 10 * mss < floor { 10 * mss } else { floor }
}
