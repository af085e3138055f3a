//! The way out: what the engine needs of the layer below.

use core::fmt;

use smoltcp::wire::IpAddress;

use super::header::Header;
use super::payload::Payload;

/// Where a connection's segments come from and go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// Our address.
    pub local: IpAddress,
    /// The peer's address.
    pub remote: IpAddress,
    /// The link address to which frames for the peer go.
    pub link: [u8; 6],
}

/// There is no room for a segment now. Nothing is lost: the engine tries again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// On the link: at a later [`poll`](super::Engine::poll).
    Link,
    /// For this class, whose turn it is not: in [`poll_class`](super::Engine::poll_class) of it. Segments of other classes may go.
    Turn(u8),
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link => f.write_str("the link has no room for another segment now"),
            Self::Turn(class) => write!(f, "it is not the turn of class {class} now"),
        }
    }
}

impl core::error::Error for Full {}

/// Takes segments from the engine.
pub trait Egress {
    /// Sends a segment with `header` and `payload`. If they are more than
    /// `header.segment_size`, it is a run of segments: the link cuts them (TSO).
    ///
    /// # Errors
    /// [`Full`] if there is no room now; nothing was sent.
    fn send(&mut self, path: &Path, header: &Header, payload: Payload<'_>) -> Result<(), Full>;

    /// Whether segments of this class have to wait for their turn; if so, that they do is noted below.
    fn must_wait(&mut self, class: u8) -> bool {
        let _ = class;
        false
    }

    /// How many full-sized segments one `send` on `path` may carry; at least 1.
    fn max_segments(&self, path: &Path) -> usize {
        let _ = path;
        1
    }
}

/// Whether the TCP checksum of a received segment is still to be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The engine verifies it.
    Verify,
    /// The device did, or the segment never was on a wire.
    Verified,
}

/// What the layer below knows of a received segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The TCP checksum.
    pub checksum: Checksum,
    /// The IP header carries a congestion mark (CE, RFC 3168 section 5).
    pub congested: bool,
}

impl From<Checksum> for Arrival {
    fn from(checksum: Checksum) -> Self {
        Self { checksum, congested: false }
    }
}

/// What a `poll` left undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing until the next deadline or segment.
    Done,
    /// Something: connections have used up their burst. Poll again soon.
    More,
    /// The link was full. Poll again when it has room.
    Full,
}
