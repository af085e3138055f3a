//! What can go wrong for a service.

use core::fmt;

use super::slab::ConnId;

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Both sides sent FIN and both FINs were acknowledged.
    Finished,
    /// The peer reset the connection; what was not yet read is lost.
    Reset,
    /// This side ended it with a reset: `abort`, or `close` with data unread or still arriving.
    Aborted,
    /// The peer did not answer [`Config::max_retries`](super::Config::max_retries) retransmissions.
    TimedOut,
    /// The peer refused the connection: a reset in answer to our SYN.
    Refused,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "closed by both sides",
            Self::Reset => "reset by the peer",
            Self::Aborted => "aborted here",
            Self::TimedOut => "the peer does not answer",
            Self::Refused => "refused by the peer",
        })
    }
}

/// Why a call about a connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The connection is gone; its slot may be another's by now. Forget the name.
    Stale(ConnId),
    /// The peer has sent its FIN and everything before it has been read.
    Finished(ConnId),
    /// `shutdown` or `close` came before: nothing more can be sent.
    Closing(ConnId),
    /// The handshake is not complete. Wait for the event.
    NotConnected(ConnId),
    /// The connection ended; its CLOSED event has the same reason.
    Closed(ConnId, CloseReason),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale(conn) => write!(f, "connection {conn} no longer exists"),
            Self::Finished(conn) => write!(f, "the peer of connection {conn} has finished sending"),
            Self::Closing(conn) => write!(f, "connection {conn} was shut down for sending"),
            Self::NotConnected(conn) => write!(f, "connection {conn} is not established yet; wait for its event"),
            Self::Closed(conn, reason) => write!(f, "connection {conn} is over: {reason}"),
        }
    }
}

impl core::error::Error for Error {}

/// Why a port cannot be listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenError {
    /// Port 0 is not a port.
    PortZero,
    /// There is a listener on this port.
    InUse(u16),
    /// The backlog is not in 1..=[`MAX_BACKLOG`](super::MAX_BACKLOG).
    Backlog(usize),
    /// The engine has [`MAX_LISTENERS`](super::MAX_LISTENERS) listeners.
    TooMany,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortZero => f.write_str("port 0 cannot be listened on; choose 1..=65535"),
            Self::InUse(port) => write!(f, "port {port} has a listener already"),
            Self::Backlog(backlog) => write!(f, "a backlog of {backlog} is outside 1..={}", super::MAX_BACKLOG),
            Self::TooMany => write!(f, "there are {} listeners, no more are possible", super::MAX_LISTENERS),
        }
    }
}

impl core::error::Error for ListenError {}

/// Why a connection cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// Port 0 is not a port.
    PortZero,
    /// A connection between these addresses and ports exists.
    InUse {
        /// The local port.
        local_port: u16,
        /// The remote port.
        remote_port: u16,
    },
    /// No ephemeral port is free for this peer.
    NoPort,
    /// [`Config::max_connections`](super::Config::max_connections) connections exist.
    TooMany,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortZero => f.write_str("port 0 cannot be connected to or from; choose 1..=65535"),
            Self::InUse { local_port, remote_port } => {
                write!(f, "a connection from port {local_port} to the peer's port {remote_port} exists already")
            }
            Self::NoPort => f.write_str("all ephemeral ports to this peer are in use"),
            Self::TooMany => f.write_str("the engine has as many connections as its configuration allows"),
        }
    }
}

impl core::error::Error for ConnectError {}
