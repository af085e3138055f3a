//! A stream of frames, of which a part is kept: the first of each tenth of a second, so that it has something of all that happened.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The file's header (libpcap's classic format), and that of each frame: seconds, microseconds, octets kept, octets there were.
const FILE_HEADER: usize = 24;
const HEADER: usize = 16;
/// What the file begins with if times have nanoseconds in the place of microseconds.
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Parts of a second…
const TENTHS: u32 = 10;
/// … in each of which so many frames are kept, for each of which tshark takes some 30 µs…
const FRAMES: u64 = 100;
/// … a long one only as long as those before it have less than so many octets.
const OCTETS: u64 = 192 << 10;
/// The same in all.
const ALL_FRAMES: u64 = 80_000;
const ALL_OCTETS: u64 = 96 << 20;
/// A frame with more octets is long: a segment that the card will cut.
const LONG: usize = 1600;
/// QEMU before 8.1 leaves the virtio-net header in front of the frame (VIRTIO 1.2, 5.1.6) where the network has one.
const SKIPS: [usize; 3] = [0, 10, 12];

/// Frames that passed, and that were kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kept {
    pub seen: u64,
    pub kept: u64,
}

/// What was kept of a time.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    frames: u64,
    octets: u64,
}

/// The reading end.
pub struct Reader {
    pipe: File,
    keeper: Keeper<BufWriter<File>>,
}

impl Reader {
    /// Opens both; there need not be a writer yet.
    pub fn open(fifo: &Path, file: &Path, guest: [u8; 6]) -> Result<Self> {
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let pipe = File::options().read(true).custom_flags(nonblocking).open(fifo);
        let pipe = pipe.with_context(|| format!("cannot open {}", fifo.display()))?;
        let out = File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self { pipe, keeper: Keeper::new(BufWriter::new(out), guest) })
    }

    /// Reads until the writer has closed, or until `stop` is set and nothing is left.
    pub fn run(mut self, stop: &AtomicBool) -> Result<Kept> {
        let mut piece = vec![0; 256 << 10];
        let wait = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
        loop {
            let last = stop.load(Ordering::Acquire);
            match self.pipe.read(&mut piece) {
                // No writer yet, or no more.
                Ok(0) if last || self.keeper.seen > 0 => break,
                Ok(0) => {}
                Ok(length) => {
                    self.keeper.take(&piece[..length])?;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if last {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("cannot read the frames"),
            }
            poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Some(&wait))?;
        }
        self.keeper.end()
    }
}

/// Decides what is kept.
struct Keeper<W> {
    out: W,
    guest: [u8; 6],
    /// What is not a whole frame yet.
    pending: Vec<u8>,
    /// What a second's parts are counted in, once the file's header has been written.
    unit: Option<u32>,
    /// Octets in front of each frame that belong to no frame, once that is known.
    skip: Option<usize>,
    seen: u64,
    all: Part,
    /// The tenth of a second that it is, and what was kept of it.
    tenth: (u64, Part),
}

impl<W: Write> Keeper<W> {
    fn new(out: W, guest: [u8; 6]) -> Self {
        let (all, tenth) = (Part::default(), (0, Part::default()));
        Self { out, guest, pending: Vec::new(), unit: None, skip: None, seen: 0, all, tenth }
    }

    fn take(&mut self, octets: &[u8]) -> Result<()> {
        self.pending.extend_from_slice(octets);
        let mut at = 0;
        if self.unit.is_none() {
            let Some(header) = self.pending.get(..FILE_HEADER) else { return Ok(()) };
            self.out.write_all(header)?;
            self.unit = Some(if word(header, 0) == NANOSECONDS { 1_000_000_000 } else { 1_000_000 });
            at = FILE_HEADER;
        }
        while let Some(header) = self.pending.get(at..at + HEADER) {
            let (length, whole) = (word(header, 8) as usize, word(header, 12));
            let Some(frame) = self.pending.get(at + HEADER..at + HEADER + length) else { break };
            self.seen += 1;
            let shows = |skip: &usize| {
                let address = |at: usize| frame.get(skip + at..skip + at + 6) == Some(&self.guest[..]);
                address(0) || address(6)
            };
            self.skip = self.skip.or_else(|| SKIPS.into_iter().find(shows));
            let part = word(header, 4) / (self.unit.unwrap_or(u32::MAX) / TENTHS);
            let tenth = u64::from(word(header, 0)) * u64::from(TENTHS) + u64::from(part);
            if self.tenth.0 != tenth {
                self.tenth = (tenth, Part::default());
            }
            if let Some(skip) = self.skip
                && self.tenth.1.has_room(FRAMES, OCTETS, length)
                && self.all.has_room(ALL_FRAMES, ALL_OCTETS, length)
                && length >= skip
            {
                let skipped = u32::try_from(skip)?;
                self.out.write_all(&header[..8])?;
                self.out.write_all(&(u32::try_from(length)? - skipped).to_le_bytes())?;
                self.out.write_all(&whole.saturating_sub(skipped).to_le_bytes())?;
                self.out.write_all(&frame[skip..])?;
                for part in [&mut self.tenth.1, &mut self.all] {
                    part.frames += 1;
                    part.octets += length as u64;
                }
            }
            at += HEADER + length;
        }
        self.pending.drain(..at);
        Ok(())
    }

    fn end(mut self) -> Result<Kept> {
        self.out.flush().context("cannot write the capture")?;
        Ok(Kept { seen: self.seen, kept: self.all.frames })
    }
}

impl Part {
    /// For a frame of this length.
    fn has_room(&self, frames: u64, octets: u64, length: usize) -> bool {
        self.frames < frames && (self.octets < octets || length <= LONG)
    }
}

/// The number at this place of a header, which the host has written in its own order.
fn word(header: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(std::array::from_fn(|index| header[at + index]))
}

#[cfg(test)]
mod tests;
