//! What the client asks for, as JSON on the control connection.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::datagrams::header;
use super::wire::Refusal;

/// Octets of the longest parameters that are read.
pub(super) const MAX_JSON: usize = 16 * 1024;
/// Streams of the largest test in one direction; the client has the same limit.
pub(super) const MAX_STREAMS: usize = 128;
/// Seconds of the longest test and of the longest omission; the client's own limits.
const MAX_SECONDS: u64 = 86_400;
const MAX_OMIT: u64 = 60;
/// Octets of the largest block; the client's own limit.
const MAX_BLOCK: u64 = 1024 * 1024;
/// Octets of a block when the client does not say.
const DEFAULT_BLOCK: u64 = 128 * 1024;
/// Octets of a datagram when the client does not say.
const DEFAULT_DATAGRAM: u64 = 1460;

/// Which way the data goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// From the client.
    Receive,
    /// To the client (`-R`).
    Send,
    /// Both ways, each with its own streams (`--bidir`).
    Both,
}

/// The parameters of a test, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parameters {
    /// Whether the streams are of datagrams (`-u`).
    pub(super) datagrams: bool,
    /// Whether the numbers of datagrams have 64 bits (`--udp-counters-64bit`).
    pub(super) wide: bool,
    pub(super) mode: Mode,
    /// Streams in each direction.
    pub(super) parallel: usize,
    /// Seconds that do not count, at the start.
    pub(super) omit: u64,
    /// Seconds of the test after the omission; 0 = it ends by amount.
    pub(super) time: u64,
    /// Octets after which a sender stops, all streams together; 0 = the client ends the test.
    pub(super) amount: u64,
    /// Octets of one block, or of a datagram.
    pub(super) block: u64,
    /// Octets a second of each stream; 0 = as fast as it goes.
    pub(super) rate: u64,
}

impl Parameters {
    /// Streams of the whole test.
    pub(super) fn streams(&self) -> usize {
        self.parallel * if self.mode == Mode::Both { 2 } else { 1 }
    }

    /// Octets that one sending stream sends at most; `None` = until the test ends.
    ///
    /// With an omission both sides start to count anew, each by its own clock, so the server cannot know how much the
    /// client still has to count: then it sends until the client ends the test. So it does with datagrams, of which some may not arrive.
    pub(super) fn share(&self) -> Option<u64> {
        (self.amount > 0 && self.omit == 0 && !self.datagrams).then(|| self.amount.div_ceil(self.parallel as u64))
    }

    /// Reads the client's JSON. A datagram has at most `longest` octets: none is sent or received in fragments.
    pub(super) fn parse(json: &[u8], longest: u64) -> Result<Parameters, Refusal> {
        let asked: Asked = serde_json::from_slice(json).map_err(|_| Refusal::Parameters)?;
        let datagrams = asked.udp.is_some();
        if asked.tcp.is_some() == datagrams || asked.sctp.is_some() {
            return Err(Refusal::Unimplemented);
        }
        let parallel = whole(asked.parallel)?.unwrap_or(1);
        if !(1..=MAX_STREAMS as u64).contains(&parallel) {
            return Err(Refusal::Streams);
        }
        let time = whole(asked.time)?.unwrap_or(0);
        let omit = whole(asked.omit)?.unwrap_or(0);
        if time > MAX_SECONDS || omit > MAX_OMIT {
            return Err(Refusal::Duration);
        }
        let default = if datagrams { DEFAULT_DATAGRAM.min(longest) } else { DEFAULT_BLOCK };
        let block = whole(asked.len)?.filter(|&block| block > 0).unwrap_or(default);
        if datagrams && !(header::WIDE as u64..=longest).contains(&block) {
            return Err(Refusal::DatagramSize);
        }
        if block > MAX_BLOCK {
            return Err(Refusal::BlockSize);
        }
        let octets = whole(asked.num)?.unwrap_or(0);
        let blocks = whole(asked.blockcount)?.unwrap_or(0);
        let mode = match (asked.reverse, asked.bidirectional) {
            (_, Some(_)) => Mode::Both,
            (Some(_), None) => Mode::Send,
            (None, None) => Mode::Receive,
        };
        Ok(Parameters {
            datagrams,
            wide: asked.udp_counters_64bit.is_some(),
            mode,
            parallel: parallel as usize,
            omit,
            time,
            amount: if octets > 0 { octets } else { blocks.saturating_mul(block) },
            block,
            rate: whole(asked.bandwidth)?.unwrap_or(0).div_ceil(8),
        })
    }
}

/// The members that matter here; the client leaves out what is not set, and any value of a flag sets it.
#[derive(Deserialize)]
struct Asked {
    tcp: Option<IgnoredAny>,
    udp: Option<IgnoredAny>,
    sctp: Option<IgnoredAny>,
    udp_counters_64bit: Option<IgnoredAny>,
    reverse: Option<IgnoredAny>,
    bidirectional: Option<IgnoredAny>,
    parallel: Option<f64>,
    omit: Option<f64>,
    time: Option<f64>,
    num: Option<f64>,
    blockcount: Option<f64>,
    len: Option<f64>,
    bandwidth: Option<f64>,
}

/// A number that counts something. JSON knows no integers, so large ones may come with an exponent.
fn whole(number: Option<f64>) -> Result<Option<u64>, Refusal> {
    match number {
        None => Ok(None),
        Some(number) if (0.0..1e18).contains(&number) => Ok(Some(number as u64)),
        Some(_) => Err(Refusal::Parameters),
    }
}

#[cfg(test)]
mod tests;
