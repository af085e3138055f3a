//! QEMU's stream of frames, of which a part is kept: the beginning, and a window of each stretch after it.

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
/// Octets that are kept at the beginning.
const BEGINNING: u64 = 12 << 20;
/// After it, of so many octets…
const STRETCH: u64 = 64 << 20;
/// … the first so many.
const WINDOW: u64 = 512 << 10;
/// Octets that are kept in all.
const LIMIT: u64 = 24 << 20;
/// QEMU before 8.1 leaves the virtio-net header in front of the frame (VIRTIO 1.2, 5.1.6) where the network has one.
const SKIPS: [usize; 3] = [0, 10, 12];

/// Frames that passed, and that were kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kept {
    pub seen: u64,
    pub kept: u64,
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
                Ok(0) if last || self.keeper.kept.seen > 0 => break,
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
    /// The file's header has been written.
    begun: bool,
    /// Octets in front of each frame that belong to no frame, once that is known.
    skip: Option<usize>,
    octets: u64,
    written: u64,
    kept: Kept,
}

impl<W: Write> Keeper<W> {
    fn new(out: W, guest: [u8; 6]) -> Self {
        let (pending, kept) = (Vec::new(), Kept::default());
        Self { out, guest, pending, begun: false, skip: None, octets: 0, written: 0, kept }
    }

    fn take(&mut self, octets: &[u8]) -> Result<()> {
        self.pending.extend_from_slice(octets);
        let mut at = 0;
        if !self.begun {
            let Some(header) = self.pending.get(..FILE_HEADER) else { return Ok(()) };
            self.out.write_all(header)?;
            (self.begun, at) = (true, FILE_HEADER);
        }
        while let Some(header) = self.pending.get(at..at + HEADER) {
            let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|index| header[at + index]));
            let (length, whole) = (word(8) as usize, word(12));
            let Some(frame) = self.pending.get(at + HEADER..at + HEADER + length) else { break };
            self.kept.seen += 1;
            self.octets += length as u64;
            let shows = |skip: &usize| {
                let address = |at: usize| frame.get(skip + at..skip + at + 6) == Some(&self.guest[..]);
                address(0) || address(6)
            };
            self.skip = self.skip.or_else(|| SKIPS.into_iter().find(shows));
            let wanted = self.octets < BEGINNING || self.octets % STRETCH < WINDOW;
            if let Some(skip) = self.skip
                && wanted
                && self.written < LIMIT
                && length >= skip
            {
                let skipped = u32::try_from(skip)?;
                self.out.write_all(&header[..8])?;
                self.out.write_all(&(u32::try_from(length)? - skipped).to_le_bytes())?;
                self.out.write_all(&whole.saturating_sub(skipped).to_le_bytes())?;
                self.out.write_all(&frame[skip..])?;
                self.written += length as u64;
                self.kept.kept += 1;
            }
            at += HEADER + length;
        }
        self.pending.drain(..at);
        Ok(())
    }

    fn end(mut self) -> Result<Kept> {
        self.out.flush().context("cannot write the capture")?;
        Ok(self.kept)
    }
}

#[cfg(test)]
mod tests;
