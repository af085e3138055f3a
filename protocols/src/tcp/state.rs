//! The states of a connection (RFC 9293 section 3.3.2).

use core::fmt;

/// The state of a connection. LISTEN is not among them: a listener is no connection.
///
/// ```text
///  connect ─► SynSent ──┬─────────► Established ──shutdown─► FinWait1 ─► FinWait2 ─┐
///                 │ SYN │ ACK            ▲   │                   │ FIN             │ FIN
///  SYN ─► SynReceived ◄─┘                │   │ FIN               ▼                 ▼
///              └───────────ACK───────────┘   │                Closing ─ACK─► TimeWait ─► Closed
///                                            ▼
///                                        CloseWait ──shutdown─► LastAck ──ACK─► Closed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Our SYN is out.
    SynSent,
    /// Both SYNs are out, ours is not acknowledged: half open.
    SynReceived,
    /// Open.
    Established,
    /// Our FIN is queued or out and not acknowledged.
    FinWait1,
    /// Our FIN is acknowledged, the peer still sends.
    FinWait2,
    /// The peer's FIN has come, we still send.
    CloseWait,
    /// Both FINs are out, ours is not acknowledged.
    Closing,
    /// The peer's FIN came first; ours is queued or out and not acknowledged.
    LastAck,
    /// Over; the identity is kept until no old segment can be in the network.
    TimeWait,
    /// Gone.
    Closed,
}

impl State {
    /// Whether the service may still send.
    pub fn can_send(self) -> bool {
        matches!(self, Self::Established | Self::CloseWait)
    }

    /// Whether the peer may still send data.
    pub fn can_receive(self) -> bool {
        matches!(self, Self::Established | Self::FinWait1 | Self::FinWait2)
    }

    /// Whether the handshake is complete.
    pub fn is_synchronized(self) -> bool {
        !matches!(self, Self::SynSent | Self::SynReceived | Self::Closed)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
            Self::Closed => "CLOSED",
        })
    }
}
