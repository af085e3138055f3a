//! TCP options: MSS (RFC 9293 section 3.7.1), window scale and timestamps (RFC 7323), SACK (RFC 2018).

use super::header::Malformed;

const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

/// Octets that the timestamps option takes in a header, with its padding (RFC 7323 appendix A).
pub(crate) const TIMESTAMPS_LEN: usize = 12;

/// The largest window shift (RFC 7323 section 2.3).
pub const MAX_WINDOW_SCALE: u8 = 14;

/// The options that this engine knows. Others are skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Largest segment that the sender of the option wants to receive, in octets of payload and options; only on SYN.
    pub mss: Option<u16>,
    /// Shift count of the windows that the sender of the option will announce, 0..=14; only on SYN.
    pub window_scale: Option<u8>,
    /// The sender of the option understands SACK; only on SYN.
    pub sack_permitted: bool,
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
    /// Selective acknowledgements.
    pub sack: SackBlocks,
}

/// The timestamps option (RFC 7323 section 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamps {
    /// TSval: the sender's clock.
    pub value: u32,
    /// TSecr: the clock value echoed; meaningful with ACK only.
    pub echo: u32,
}

/// Up to four SACK blocks, each the sequence numbers of its first octet and of the octet after its last (RFC 2018 section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlocks {
    blocks: [(u32, u32); 4],
    count: u8,
}

impl SackBlocks {
    /// Adds a block; a fifth is ignored, because no header can hold it.
    pub fn push(&mut self, start: u32, end: u32) {
        if let Some(place) = self.blocks.get_mut(usize::from(self.count)) {
            *place = (start, end);
            self.count += 1;
        }
    }

    /// The blocks in their order on the wire.
    pub fn as_slice(&self) -> &[(u32, u32)] {
        &self.blocks[..usize::from(self.count)]
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Keeps the first `count`.
    pub(crate) fn truncate(&mut self, count: u8) {
        self.count = self.count.min(count);
        // What is cut off is forgotten, so that equal blocks compare equal.
        for block in &mut self.blocks[usize::from(self.count)..] {
            *block = (0, 0);
        }
    }
}

impl Options {
    /// Octets on the wire, a multiple of 4, at most 40 if built by this engine.
    pub fn len(&self) -> usize {
        let mut len = 0;
        if self.mss.is_some() {
            len += 4;
        }
        if self.window_scale.is_some() {
            len += 4;
        }
        if self.timestamps.is_some() {
            len += TIMESTAMPS_LEN;
        } else if self.sack_permitted {
            len += 4;
        }
        if !self.sack.is_empty() {
            len += 4 + 8 * self.sack.as_slice().len();
        }
        len
    }

    /// Whether no option is present.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the option octets of a header.
    ///
    /// # Errors
    /// [`Malformed::Option`] if an option's length lies (RFC 9293 MUST-7).
    #[inline]
    pub(crate) fn parse(octets: &[u8]) -> Result<Self, Malformed> {
        // The layout that almost every segment has (RFC 7323 appendix A).
        if let [NO_OPERATION, NO_OPERATION, TIMESTAMPS, 10, v0, v1, v2, v3, e0, e1, e2, e3] = *octets {
            let timestamps =
                Timestamps { value: u32::from_be_bytes([v0, v1, v2, v3]), echo: u32::from_be_bytes([e0, e1, e2, e3]) };
            return Ok(Self { timestamps: Some(timestamps), ..Self::default() });
        }
        Self::parse_any(octets)
    }

    fn parse_any(mut octets: &[u8]) -> Result<Self, Malformed> {
        let mut options = Self::default();
        while let [kind, rest @ ..] = octets {
            match *kind {
                END => break,
                NO_OPERATION => {
                    octets = rest;
                    continue;
                }
                _ => {}
            }
            let length = usize::from(*rest.first().ok_or(Malformed::Option { kind: *kind, length: 0 })?);
            if length < 2 || length > octets.len() {
                return Err(Malformed::Option { kind: *kind, length });
            }
            options.take(*kind, &octets[2..length])?;
            octets = &octets[length..];
        }
        Ok(options)
    }

    fn take(&mut self, kind: u8, value: &[u8]) -> Result<(), Malformed> {
        match (kind, value) {
            (MSS, &[a, b]) => self.mss = Some(u16::from_be_bytes([a, b])),
            // A larger shift counts as 14 (RFC 7323 section 2.3).
            (WINDOW_SCALE, &[shift]) => self.window_scale = Some(shift.min(MAX_WINDOW_SCALE)),
            (SACK_PERMITTED, &[]) => self.sack_permitted = true,
            (TIMESTAMPS, &[a, b, c, d, e, f, g, h]) => {
                self.timestamps = Some(Timestamps {
                    value: u32::from_be_bytes([a, b, c, d]),
                    echo: u32::from_be_bytes([e, f, g, h]),
                });
            }
            (SACK, blocks) if !blocks.is_empty() && blocks.len() % 8 == 0 => {
                for block in blocks.chunks_exact(8) {
                    if let &[a, b, c, d, e, f, g, h] = block {
                        self.sack.push(u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
                    }
                }
            }
            (MSS | WINDOW_SCALE | SACK_PERMITTED | TIMESTAMPS | SACK, _) => {
                return Err(Malformed::Option { kind, length: value.len() + 2 });
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes the options; `into` holds exactly [`len`](Self::len) octets.
    pub(crate) fn write(&self, into: &mut [u8]) {
        let mut writer = Writer { into, at: 0 };
        if let Some(mss) = self.mss {
            writer.put(&[MSS, 4]);
            writer.put(&mss.to_be_bytes());
        }
        if let Some(timestamps) = self.timestamps {
            writer.put(if self.sack_permitted { &[SACK_PERMITTED, 2] } else { &[NO_OPERATION, NO_OPERATION] });
            writer.put(&[TIMESTAMPS, 10]);
            writer.put(&timestamps.value.to_be_bytes());
            writer.put(&timestamps.echo.to_be_bytes());
        } else if self.sack_permitted {
            writer.put(&[NO_OPERATION, NO_OPERATION, SACK_PERMITTED, 2]);
        }
        if let Some(shift) = self.window_scale {
            writer.put(&[NO_OPERATION, WINDOW_SCALE, 3, shift]);
        }
        let blocks = self.sack.as_slice();
        if !blocks.is_empty() {
            writer.put(&[NO_OPERATION, NO_OPERATION, SACK, 2 + 8 * blocks.len() as u8]);
            for (start, end) in blocks {
                writer.put(&start.to_be_bytes());
                writer.put(&end.to_be_bytes());
            }
        }
    }
}

struct Writer<'a> {
    into: &'a mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn put(&mut self, octets: &[u8]) {
        if let Some(place) = self.into.get_mut(self.at..self.at + octets.len()) {
            place.copy_from_slice(octets);
        }
        self.at += octets.len();
    }
}
