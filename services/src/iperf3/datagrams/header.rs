//! What a datagram of a test begins with: when it was sent, and its number, counted from 1.

use protocols::time::Instant;

/// The octets of a datagram that asks to be a stream, and of the answer to it.
pub(crate) const HELLO: usize = 4;
/// The answer, as the client of a machine with the little end first knows it; such a client asks with "9876".
pub(super) const WELCOME: [u8; HELLO] = *b"6789";
/// The answer for a client with the big end first, which asks with "6789".
const WELCOME_BIG_END: [u8; HELLO] = *b"9876";
/// Octets with a number of 64 bits, which is also the shortest datagram that iperf3 sends.
pub(crate) const WIDE: usize = 16;
/// Octets with a number of 32 bits.
const NARROW: usize = 12;

/// The header of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// When it was sent, microseconds of the sender's clock.
    pub sent_us: i64,
    /// Its number.
    pub number: u64,
}

/// The answer to a datagram that asks to be a stream. Clients of before 3.11 ask with a number and take any answer.
pub(super) fn welcome(hello: &[u8]) -> [u8; HELLO] {
    if hello == WELCOME { WELCOME_BIG_END } else { WELCOME }
}

impl Header {
    /// That of a datagram sent `now`.
    pub(super) fn new(now: Instant, number: u64) -> Self {
        Header { sent_us: now.total_micros(), number }
    }

    /// Reads it; `None` if the datagram is too short.
    pub(super) fn parse(octets: &[u8], wide: bool) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(octets.get(at..at + 4)?.try_into().ok()?));
        let sent_us = i64::from(word(0)?) * 1_000_000 + i64::from(word(4)?);
        let first = u64::from(word(8)?);
        let number = if wide { first << 32 | u64::from(word(12)?) } else { first };
        Some(Header { sent_us, number })
    }

    /// Writes it at the front of a datagram of at least [`WIDE`] octets.
    pub(super) fn write(&self, octets: &mut [u8], wide: bool) {
        let seconds = (self.sent_us / 1_000_000) as u32;
        let micros = (self.sent_us % 1_000_000) as u32;
        octets[..4].copy_from_slice(&seconds.to_be_bytes());
        octets[4..8].copy_from_slice(&micros.to_be_bytes());
        if wide {
            octets[8..WIDE].copy_from_slice(&self.number.to_be_bytes());
        } else {
            // iperf3's own number wraps here as well.
            octets[8..NARROW].copy_from_slice(&(self.number as u32).to_be_bytes());
        }
    }
}
