//! What a connection has to send: octets that were copied into a ring, and octets that the service lends.

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use super::memory::Memory;
use super::payload::{Part, Payload};
use super::ring::Ring;

#[cfg(test)]
mod tests;

/// Pieces that are told apart. At the limit nothing more is lent until the peer has acknowledged something.
const MAX_PIECES: usize = 64;

/// The octets from the first that the peer has not acknowledged on. Its capacity is that of the ring: a promise to the service, which lent octets use
/// up too, although they need no memory here.
#[derive(Default)]
pub(crate) struct SendBuffer {
    ring: Ring,
    /// In order. Empty while all octets are in the ring.
    pieces: VecDeque<Piece>,
    /// Octets of the lent pieces together.
    lent: usize,
}

enum Piece {
    /// So many octets of the ring.
    Copied(usize),
    /// `len` octets of these, from `start` on, and after the last from the first again.
    Lent { octets: Arc<[u8]>, start: usize, len: usize },
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Self::Copied(len) | Self::Lent { len, .. } => *len,
        }
    }
}

impl SendBuffer {
    /// A buffer of `capacity` octets, rounded up to a power of two, without memory.
    pub fn new(capacity: usize) -> Self {
        Self { ring: Ring::new(capacity), ..Self::default() }
    }

    /// Sees to it that there is memory for `octets` more to be copied, as far as that was promised. Whether there is.
    #[inline]
    pub fn hold(&mut self, octets: usize, memory: &mut Memory) -> bool {
        self.ring.hold(self.ring.len() + octets, 0, memory)
    }

    #[inline]
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }

    /// Octets of memory that it has.
    #[inline]
    pub fn allocated(&self) -> usize {
        self.ring.allocated()
    }

    /// Octets that wait for their acknowledgement.
    #[inline]
    pub fn len(&self) -> usize {
        self.ring.len() + self.lent
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Octets that can still be added.
    #[inline]
    pub fn free(&self) -> usize {
        self.capacity().saturating_sub(self.len())
    }

    /// Appends as much of `octets` as there is room for and returns how much that was.
    pub fn push(&mut self, octets: &[u8]) -> usize {
        let taken = self.ring.push(&octets[..octets.len().min(self.free())]);
        self.note_copied(taken);
        taken
    }

    /// A contiguous piece of the free part, to be counted by [`fill`](Self::fill) when written.
    pub fn room(&mut self) -> &mut [u8] {
        let free = self.free();
        let room = self.ring.room();
        let len = room.len().min(free);
        &mut room[..len]
    }

    /// Counts the next `octets` of the free part as filled.
    #[inline]
    pub fn fill(&mut self, octets: usize) {
        let before = self.ring.len();
        self.ring.fill(octets);
        self.note_copied(self.ring.len() - before);
    }

    #[inline]
    fn note_copied(&mut self, octets: usize) {
        if self.pieces.is_empty() || octets == 0 {
            return;
        }
        match self.pieces.back_mut() {
            Some(Piece::Copied(len)) => *len += octets,
            // Beyond the limit of pieces by one.
            _ => self.pieces.push_back(Piece::Copied(octets)),
        }
    }

    /// Appends `most` octets as far as there is room, without copying: those of `octets` from `start` on, and after the last from the first again.
    /// Returns how many.
    pub fn lend(&mut self, octets: &Arc<[u8]>, start: usize, most: usize) -> usize {
        let taken = most.min(self.free());
        if taken == 0 || octets.is_empty() {
            return 0;
        }
        if self.pieces.is_empty() && !self.ring.is_empty() {
            self.pieces.push_back(Piece::Copied(self.ring.len()));
        }
        let start = start % octets.len();
        let full = self.pieces.len() >= MAX_PIECES;
        match self.pieces.back_mut() {
            Some(Piece::Lent { octets: last, start: from, len })
                if Arc::ptr_eq(last, octets) && (*from + *len) % octets.len() == start =>
            {
                *len += taken;
            }
            _ if full => return 0,
            _ => self.pieces.push_back(Piece::Lent { octets: octets.clone(), start, len: taken }),
        }
        self.lent += taken;
        taken
    }

    /// Octets from `offset` on: `len` of them, or fewer if they lie in more than two parts. At least one if there is one.
    #[inline]
    pub fn parts(&self, offset: usize, len: usize) -> Payload<'_> {
        if self.pieces.is_empty() {
            self.ring.slices(offset, len).map(Part::from)
        } else {
            self.parts_of_pieces(offset, len)
        }
    }

    fn parts_of_pieces(&self, mut offset: usize, mut len: usize) -> Payload<'_> {
        let mut found = Payload::default();
        let (mut count, mut in_ring) = (0, 0);
        for piece in &self.pieces {
            let here = len.min(piece.len().saturating_sub(offset));
            let (slices, lender) = match piece {
                Piece::Copied(_) => (self.ring.slices(in_ring + offset, here), None),
                Piece::Lent { octets, start, .. } => (over_and_over(octets, start + offset, here), Some(octets)),
            };
            for octets in slices {
                if octets.is_empty() {
                    continue;
                }
                if count == found.len() {
                    return found;
                }
                found[count] = Part { octets, lender };
                count += 1;
                len -= octets.len();
            }
            if let Piece::Copied(copied) = piece {
                in_ring += copied;
            }
            if len == 0 {
                break;
            }
            offset = offset.saturating_sub(piece.len());
        }
        found
    }

    /// How many of `len` octets from `offset` on [`parts`](Self::parts) gives.
    #[inline]
    pub fn reach(&self, offset: usize, len: usize) -> usize {
        if self.pieces.is_empty() { len } else { self.parts(offset, len).iter().map(|part| part.octets.len()).sum() }
    }

    /// Forgets the first `octets` octets, which the peer has. What was lent goes back with the last octet of its piece.
    #[inline]
    pub fn consume(&mut self, octets: usize) {
        if self.pieces.is_empty() {
            self.ring.consume(octets);
            return;
        }
        let mut left = octets;
        while left > 0
            && let Some(piece) = self.pieces.front_mut()
        {
            let gone = left.min(piece.len());
            left -= gone;
            match piece {
                Piece::Copied(len) => {
                    self.ring.consume(gone);
                    *len -= gone;
                }
                Piece::Lent { octets, start, len } => {
                    *start = (*start + gone) % octets.len();
                    *len -= gone;
                    self.lent -= gone;
                }
            }
            if piece.len() == 0 {
                self.pieces.pop_front();
            }
        }
        if self.lent == 0 {
            self.pieces.clear();
        }
    }

    /// Gives the memory back, if nothing is in it.
    pub fn release(&mut self, memory: &mut Memory) {
        self.ring.release(memory);
    }

    /// Gives back whatever there is, and the promise.
    pub fn discard(&mut self, memory: &mut Memory) {
        self.ring.discard(memory);
        (self.pieces, self.lent) = (VecDeque::new(), 0);
    }

    /// Promises more: `capacity` octets, rounded up to a power of two.
    pub fn extend(&mut self, capacity: usize) {
        self.ring.extend(capacity);
    }
}

/// `len` octets from `start` on, and after the last from the first again, as far as two slices go.
fn over_and_over(octets: &[u8], start: usize, len: usize) -> [&[u8]; 2] {
    let start = start % octets.len();
    let first = &octets[start..][..len.min(octets.len() - start)];
    [first, &octets[..(len - first.len()).min(octets.len())]]
}
