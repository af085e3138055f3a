//! A bounded queue of frames, allocated once.

use alloc::boxed::Box;
use alloc::vec;

/// First in, first out; each frame is copied into a place of fixed size.
pub(super) struct FrameQueue {
    octets: Box<[u8]>,
    lengths: Box<[usize]>,
    longest: usize,
    first: usize,
    count: usize,
}

impl FrameQueue {
    /// Room for `frames` of at most `longest` octets.
    pub fn new(frames: usize, longest: usize) -> Self {
        FrameQueue {
            octets: vec![0; frames * longest].into_boxed_slice(),
            lengths: vec![0; frames].into_boxed_slice(),
            longest,
            first: 0,
            count: 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn is_full(&self) -> bool {
        self.count == self.lengths.len()
    }

    /// Appends a frame of `len` octets and returns the place to write it to; `None` if the queue is full or the frame too long.
    pub fn push(&mut self, len: usize) -> Option<&mut [u8]> {
        if self.is_full() || len > self.longest {
            return None;
        }
        let at = (self.first + self.count) % self.lengths.len();
        self.lengths[at] = len;
        self.count += 1;
        Some(&mut self.octets[at * self.longest..][..len])
    }

    /// The oldest frame.
    pub fn front(&self) -> Option<&[u8]> {
        (self.count > 0).then(|| &self.octets[self.first * self.longest..][..self.lengths[self.first]])
    }

    /// Removes the oldest frame.
    pub fn pop(&mut self) {
        if self.count > 0 {
            self.first = (self.first + 1) % self.lengths.len();
            self.count -= 1;
        }
    }
}
