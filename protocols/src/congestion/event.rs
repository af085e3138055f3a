//! What the TCP engine reports to a congestion controller. Times are microseconds on the engine's clock.

use core::ops::{BitOr, BitOrAssign};

/// A connection is established.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// Time, µs.
    pub now: u64,
    /// Whether a SYN or SYN-ACK had to be retransmitted: then the window begins with one segment (RFC 5681 section 3.1).
    pub syn_lost: bool,
}

/// Facts about an [`Ack`], a set of bits.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AckFlags(pub u32);

impl AckFlags {
    /// None of the others.
    pub const NONE: Self = Self(0);
    /// The engine is in fast recovery (after this ACK).
    pub const FAST_RECOVERY: Self = Self(1 << 0);
    /// The engine is recovering from a timeout: SND.UNA has not passed what had been sent when the timer expired.
    pub const TIMEOUT_RECOVERY: Self = Self(1 << 1);
    /// While the acknowledged data was in flight, cwnd (and not the application or the peer's window) held back more. A
    /// way to know: when cwnd stops a transmission, note `limited = SND.NXT`; the flag holds while SEG.ACK <= `limited`.
    pub const CWND_LIMITED: Self = Self(1 << 2);
    /// A new round trip begins: the data acknowledged was sent after the previous round began.
    pub const ROUND_START: Self = Self(1 << 3);
    /// The ACK carries ECN-Echo.
    pub const ECN_ECHO: Self = Self(1 << 4);

    /// Whether every bit of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for AckFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for AckFlags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// A delivery rate sample (draft-ietf-ccwg-bbr, "Delivery Rate Samples"). All zero when the engine has none.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateSample {
    /// Bytes per second over the interval; 0 means no sample.
    pub delivery_rate: u64,
    /// `window.delivered` when the newest acknowledged segment was sent.
    pub prior_delivered: u64,
    /// Bytes delivered in the interval, cumulatively or by SACK.
    pub delivered: u64,
    /// Length of the interval, µs: the longer of the time in which those bytes were sent and that in which they were acknowledged.
    pub interval: u64,
    /// Bytes in flight when the newest acknowledged segment was sent, that segment included.
    pub tx_in_flight: u32,
    /// Bytes marked lost since that segment was sent.
    pub lost: u32,
    /// Whether the application had nothing to send when that segment was sent, so that the rate is only a lower bound.
    pub app_limited: bool,
}

/// An ACK that acknowledged new data.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ack {
    /// Time, µs.
    pub now: u64,
    /// Bytes by which SND.UNA advanced; 0 when only SACK blocks reported something new.
    pub acked: u32,
    /// Bytes newly reported as received, cumulatively or by SACK, each byte counted once.
    pub delivered: u32,
    /// Bytes newly marked lost on this ACK.
    pub lost: u32,
    /// `window.in_flight` before this ACK.
    pub prior_in_flight: u32,
    /// Round-trip time sample from this ACK in µs (Karn's rule observed); 0 when there is none.
    pub rtt: u32,
    /// Circumstances.
    pub flags: AckFlags,
    /// Delivery rate, if the engine measures it.
    pub rate: RateSample,
}

/// Why the engine enters recovery.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cause {
    /// Segments are lost.
    #[default]
    Loss = 0,
    /// The peer echoes a congestion mark (RFC 3168).
    Ecn = 1,
}

/// The engine enters recovery.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CongestionEvent {
    /// Time, µs.
    pub now: u64,
    /// FlightSize of RFC 5681: bytes sent and not cumulatively acknowledged, without what Limited Transmit (RFC 3042) added.
    pub flight: u32,
    /// Why.
    pub cause: Cause,
}

/// The retransmission timer expired.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeout {
    /// Time, µs.
    pub now: u64,
    /// FlightSize of RFC 5681 when the timer expired, bytes.
    pub flight: u32,
    /// The same segment has been retransmitted by the timer before: ssthresh is then left alone (RFC 5681 section 3.1).
    pub repeated: bool,
}

/// The last reduction was for nothing.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Undo {
    /// Time, µs.
    pub now: u64,
}

/// Sending begins again after everything sent had been acknowledged.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restart {
    /// Time, µs.
    pub now: u64,
    /// Microseconds since the last segment was sent.
    pub idle: u64,
    /// The current retransmission timeout in µs.
    pub rto: u32,
}
