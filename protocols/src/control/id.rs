//! The name that a client gives to a request, so that a repeated one is recognised.

use core::fmt;
use core::str::FromStr;

/// 1 to [`Id::MAX`] characters of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id {
    length: u8,
    octets: [u8; Id::MAX],
}

impl Id {
    /// Octets of the longest ID.
    pub const MAX: usize = 24;

    /// The characters of the ID.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.octets[..usize::from(self.length)]).unwrap_or_default()
    }
}

/// The text is no [`Id`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadId;

impl fmt::Display for BadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an ID has 1 to {} characters of A-Z a-z 0-9 . _ -", Id::MAX)
    }
}

impl core::error::Error for BadId {}

impl FromStr for Id {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Id, BadId> {
        let good = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > Id::MAX || !text.bytes().all(good) {
            return Err(BadId);
        }
        let mut octets = [0; Id::MAX];
        octets[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Id { length: text.len() as u8, octets })
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.as_str())
    }
}
