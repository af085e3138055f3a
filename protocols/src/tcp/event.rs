//! What the engine tells the services.

use core::fmt;
use core::ops::{BitOr, BitOrAssign};

use super::error::CloseReason;
use super::slab::ConnId;

/// What happened to a connection, a set of bits.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(u8);

impl Kinds {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// A peer opened the connection on a port that is listened on.
    pub const ACCEPTED: Self = Self(1);
    /// The connection that `connect` began is established.
    pub const CONNECTED: Self = Self(2);
    /// There is data to read, or the end of the peer's data was reached.
    pub const READABLE: Self = Self(4);
    /// There is room to send after a send that fell short.
    pub const WRITABLE: Self = Self(8);
    /// The connection is over; [`Event::reason`] says how. The last event of a connection.
    pub const CLOSED: Self = Self(16);

    /// Whether every bit of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no bit is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Kinds {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (bit, name) in ["ACCEPTED", "CONNECTED", "READABLE", "WRITABLE", "CLOSED"].iter().enumerate() {
            if self.0 & (1 << bit) != 0 {
                write!(f, "{separator}{name}")?;
                separator = "|";
            }
        }
        Ok(())
    }
}

/// Something happened to a connection. There is at most one undelivered event per connection: later happenings are added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The connection.
    pub conn: ConnId,
    /// The port that was listened on, of a connection that a peer opened.
    pub listener: Option<u16>,
    /// What happened.
    pub kinds: Kinds,
    /// How the connection ended, with [`Kinds::CLOSED`].
    pub reason: Option<CloseReason>,
}
