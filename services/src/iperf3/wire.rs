//! What passes on the control connection of iperf3: a cookie, states of one octet, and JSON behind its length.

use alloc::vec::Vec;

/// Octets of a cookie: 36 characters and a zero.
pub(super) const COOKIE: usize = 37;

/// The cookie that names a test; each connection of the test begins with it.
pub(super) type Cookie = [u8; COOKIE];

/// States that the server sends, one signed octet each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub(super) enum Order {
    TestStart = 1,
    TestRunning = 2,
    ParamExchange = 9,
    CreateStreams = 10,
    ExchangeResults = 13,
    DisplayResults = 14,
    AccessDenied = -1,
    ServerError = -2,
}

impl Order {
    pub(super) const fn octet(self) -> u8 {
        (self as i8).cast_unsigned()
    }
}

/// States that the client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    TestEnd,
    ClientTerminate,
    IperfDone,
}

impl Notice {
    /// `None` for an octet that is none of the client's states.
    pub(super) const fn from_octet(octet: u8) -> Option<Notice> {
        Some(match octet {
            4 => Notice::TestEnd,
            12 => Notice::ClientTerminate,
            16 => Notice::IperfDone,
            _ => return None,
        })
    }
}

/// Errors that the client knows by number and prints as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Refusal {
    Duration = 5,
    Streams = 6,
    BlockSize = 7,
    Unimplemented = 13,
    DatagramSize = 20,
    Parameters = 114,
}

impl Refusal {
    /// The state `ServerError`, the number of the error, and an `errno` of 0.
    pub(super) fn octets(self) -> [u8; 9] {
        let mut octets = [0; 9];
        octets[0] = Order::ServerError.octet();
        octets[1..5].copy_from_slice(&(self as u32).to_be_bytes());
        octets
    }
}

/// Puts JSON behind its length of four octets.
pub(super) fn frame(json: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(4 + json.len());
    octets.extend_from_slice(&u32::try_from(json.len()).unwrap_or(u32::MAX).to_be_bytes());
    octets.extend_from_slice(json);
    octets
}

/// Collects a fixed number of octets: a cookie, or JSON behind its length.
#[derive(Debug)]
pub(super) struct Collector {
    octets: Vec<u8>,
    need: usize,
    framed: bool,
    limit: usize,
}

/// The length before the JSON is above the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong(pub(super) usize);

impl Collector {
    /// Collects a cookie.
    pub(super) fn cookie() -> Collector {
        Collector { octets: Vec::new(), need: COOKIE, framed: false, limit: COOKIE }
    }

    /// Collects JSON of at most `limit` octets.
    pub(super) fn json(limit: usize) -> Collector {
        Collector { octets: Vec::new(), need: 4, framed: true, limit }
    }

    /// Takes what is still needed from `octets` and returns how much it took.
    pub(super) fn take(&mut self, octets: &[u8]) -> Result<usize, TooLong> {
        let mut taken = 0;
        loop {
            let part = (self.need - self.octets.len()).min(octets.len() - taken);
            self.octets.extend_from_slice(&octets[taken..taken + part]);
            taken += part;
            if !self.framed || self.octets.len() < self.need {
                return Ok(taken);
            }
            let length: [u8; 4] = self.octets[..].try_into().unwrap_or_default();
            let length = u32::from_be_bytes(length) as usize;
            if length > self.limit {
                return Err(TooLong(length));
            }
            self.octets.clear();
            self.need = length;
            self.framed = false;
        }
    }

    /// What was collected, once it is whole.
    pub(super) fn whole(&self) -> Option<&[u8]> {
        (!self.framed && self.octets.len() == self.need).then_some(&self.octets)
    }
}

#[cfg(test)]
mod tests;
