//! Bytes that are transmitted from where they lie: which of them the device can read, and who keeps them meanwhile.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::mem;

use super::tx::Part;
use crate::mem::Dma;
use crate::ring::{Direction, Segment};

/// From how many bytes on a part is read where it lies, unless [`Options`](super::Options) say something else: two segments, for a device that does not cut
/// frames into segments. Each of its frames would have a descriptor more: half as many fit into the ring, so that both sides sleep and wake each other more often,
/// and QEMU maps the memory of each. That costs more than the copy of 1448 bytes, most of it in QEMU's thread, which is the one that has most to do then. (Where
/// the checksum is made in software, the copy besides is only the stores: the octets are read anyway.) `cargo xtask bench network --only lending` measures both.
pub const TX_COPYBREAK: usize = 2048;

/// Descriptors of the longest chain: the head, two parts of which each lies in two runs, and what was copied between and after them. What would need more is
/// copied.
pub(super) const LONGEST: usize = 7;

/// The chain of a frame: runs of its buffer, and of lent memory between them.
pub(super) struct Chain {
    /// The device's address of the buffer.
    buffer: u64,
    /// Bytes of the buffer in use.
    pub filled: usize,
    segments: [Segment; LONGEST],
    count: usize,
    /// Descriptors that there is room for.
    room: usize,
    /// The last segment is of the buffer.
    open: bool,
    /// Bytes of lent memory.
    pub lent: usize,
}

impl Chain {
    /// The first `filled` bytes of the buffer at `buffer`, and at most `room` descriptors in all.
    pub fn new(buffer: u64, filled: usize, room: usize) -> Self {
        let none = Segment { bus: buffer, len: 0, direction: Direction::ToDevice };
        let mut chain = Self {
            buffer,
            filled: 0,
            segments: [none; LONGEST],
            count: 0,
            room: room.min(LONGEST),
            open: false,
            lent: 0,
        };
        chain.copied(filled);
        chain
    }

    /// Appends the next `len` bytes of the buffer. There is room for it: [`lend`](Self::lend) leaves some.
    pub fn copied(&mut self, len: usize) {
        if len == 0 {
            return;
        }
        if self.open {
            self.segments[self.count - 1].len += len as u32;
        } else {
            self.append(self.buffer + self.filled as u64, len);
            self.open = true;
        }
        self.filled += len;
    }

    /// Appends bytes where they lie, if the device sees them and there is room.
    pub fn lend<D: Dma + ?Sized>(&mut self, dma: &D, mut bytes: &[u8]) -> bool {
        let before = self.count;
        let len = bytes.len();
        while !bytes.is_empty() {
            let located = dma.locate(bytes).filter(|run| run.len > 0 && self.count + 1 < self.room);
            let Some(run) = located else {
                self.count = before;
                return false;
            };
            let here = run.len.min(bytes.len());
            self.append(run.bus, here);
            bytes = &bytes[here..];
        }
        self.open &= len == 0;
        self.lent += len;
        true
    }

    fn append(&mut self, bus: u64, len: usize) {
        self.segments[self.count] = Segment { bus, len: len as u32, direction: Direction::ToDevice };
        self.count += 1;
    }

    pub fn segments(&self) -> &[Segment] {
        &self.segments[..self.count]
    }
}

/// Who keeps the lent bytes of a frame; both parts are mostly of the same one.
pub(super) type Lenders = [Option<Arc<[u8]>>; 2];

/// Lenders of the frames that the device has, by buffer.
#[derive(Debug)]
pub(super) struct Held {
    lenders: Vec<Lenders>,
    /// Frames that have one.
    frames: u16,
}

impl Held {
    /// For frames in `count` buffers.
    pub fn new(count: u16) -> Self {
        Self { lenders: vec![Lenders::default(); usize::from(count)], frames: 0 }
    }

    /// How many buffers there are.
    pub fn buffers(&self) -> usize {
        self.lenders.len()
    }

    /// Keeps what the parts named by `lent` lie in, until [`release`](Self::release) of the same buffer.
    pub fn hold(&mut self, index: u16, parts: &[Part<'_>; 2], lent: [bool; 2]) {
        let [first, second] = [0, 1].map(|at| parts[at].lender.filter(|_| lent[at]));
        let second = second.filter(|second| first.is_none_or(|first| !Arc::ptr_eq(first, second)));
        if first.is_some() || second.is_some() {
            self.lenders[usize::from(index)] = [first.cloned(), second.cloned()];
            self.frames += 1;
        }
    }

    /// Lets go of what the frame in this buffer lay in.
    pub fn release(&mut self, index: u16) {
        let lenders = &mut self.lenders[usize::from(index)];
        if lenders.iter().any(Option::is_some) {
            *lenders = Lenders::default();
            self.frames -= 1;
        }
    }

    /// Whether the device has a frame of lent bytes.
    pub fn any(&self) -> bool {
        self.frames > 0
    }
}

impl Drop for Held {
    /// The device may still read them: as the buffers themselves, they stay given.
    fn drop(&mut self) {
        mem::forget(mem::take(&mut self.lenders));
    }
}
