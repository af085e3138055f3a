//! SYN cookies: under a flood of SYNs the answer carries in its own numbers all that would have to be remembered of them (RFC 4987
//! section 3.6).
//!
//! ```text
//!   sequence number   | 5 bits: age | 3: MSS | 24: keyed hash of identity, peer's sequence number, age, MSS |
//!   timestamp         | 26 bits: clock       | 1: ECN | 1: SACK | 4: window scale, 15 for none              |
//! ```
//!
//! What does not fit is lost: without timestamps the connection has neither SACK nor window scaling, and the MSS is one of eight.

use super::header::{Flags, Header};
use super::isn;
use super::lookup::Key;
use super::options::{MAX_WINDOW_SCALE, Options, Timestamps};
use super::seq::Seq;
use crate::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// A cookie is good for the period in which it was made and the one after.
const PERIOD_BITS: u32 = 26;

/// How long after the last cookie answers to it may come: two periods of 2^26 µs, 134 s.
pub(crate) const LIFETIME: Duration = Duration::from_micros(2 << PERIOD_BITS);

/// The segment sizes that a cookie can name: what fits IPv6's and Ethernet's usual MTUs, with and without tunnels.
const SIZES: [u16; 8] = [216, 536, 1220, 1300, 1400, 1440, 1460, 8960];

const OPTION_BITS: u32 = 6;
const NO_SCALE: u32 = 15;
const SACK: u32 = 16;
const ECN: u32 = 32;

fn period(now: Instant) -> u64 {
    now.total_micros().max(0) as u64 >> PERIOD_BITS
}

fn cookie(key: &[u8; 16], connection: &Key, irs: u32, period: u64, size: u32) -> Seq {
    let mut octets = [0; 24];
    octets[..8].copy_from_slice(&isn::hash(key, connection, 4).to_ne_bytes());
    octets[8..16].copy_from_slice(&period.to_ne_bytes());
    octets[16..20].copy_from_slice(&irs.to_ne_bytes());
    octets[20..].copy_from_slice(&size.to_ne_bytes());
    let hash = isn::keyed(key, &octets) as u32 & 0xff_ffff;
    Seq((period as u32 & 31) << 27 | size << 24 | hash)
}

/// The sequence number that answers `syn`.
pub(crate) fn make(key: &[u8; 16], connection: &Key, syn: &Header, now: Instant) -> Seq {
    let peer = syn.options.mss.unwrap_or(0);
    let size = SIZES.iter().rposition(|&size| size <= peer.max(SIZES[0])).unwrap_or(0);
    cookie(key, connection, syn.sequence, period(now), size as u32)
}

/// The timestamp of the answer to `syn`: not later than `clock`, which goes on from there.
pub(crate) fn timestamp(clock: u32, syn: &Header, sack: bool, scaling: bool, ecn: bool) -> u32 {
    let scale = syn.options.window_scale.filter(|_| scaling).map_or(NO_SCALE, u32::from);
    let sack = if sack && syn.options.sack_permitted { SACK } else { 0 };
    let value = clock & !((1 << OPTION_BITS) - 1) | scale | sack | if ecn { ECN } else { 0 };
    if (value.wrapping_sub(clock) as i32) > 0 { value.wrapping_sub(1 << OPTION_BITS) } else { value }
}

/// If `ack` answers a cookie: the sequence number that was the cookie, and the SYN that it must have been made for.
pub(crate) fn open(key: &[u8; 16], connection: &Key, ack: &Header, now: Instant) -> Option<(Seq, Header)> {
    let given = Seq(ack.acknowledgement) - 1u32;
    let irs = ack.sequence.wrapping_sub(1);
    let size = given.0 >> 24 & 7;
    let made = [0, 1].into_iter().filter_map(|age| period(now).checked_sub(age));
    made.map(|period| cookie(key, connection, irs, period, size)).find(|&made| made == given)?;
    let timestamps = ack.options.timestamps;
    let packed = timestamps.map_or(NO_SCALE, |Timestamps { echo, .. }| echo);
    let scale = packed & 15;
    let ecn = if packed & ECN != 0 { Flags::ECE.with(Flags::CWR) } else { Flags::default() };
    let options = Options {
        mss: Some(SIZES[size as usize]),
        window_scale: (scale <= u32::from(MAX_WINDOW_SCALE)).then_some(scale as u8),
        sack_permitted: packed & SACK != 0,
        timestamps,
        ..Options::default()
    };
    let syn = Header { sequence: irs, flags: Flags::SYN.with(ecn), window: ack.window, options, ..Header::default() };
    Some((given, syn))
}
