//! The octets that all connections' buffers may take together, and the smallest pieces, which are kept for the next that needs one: most messages are
//! short, and the allocator is not asked for each.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

#[cfg(test)]
mod tests;

/// Octets of the smallest piece.
pub(crate) const PIECE: usize = 1024;

/// The part of the limit that pieces kept for later may take.
const KEPT: usize = 32;

/// What there is, and what of it is in use.
#[derive(Debug)]
pub(crate) struct Memory {
    used: usize,
    limit: usize,
    pieces: Vec<Box<[u8]>>,
}

impl Memory {
    pub fn new(limit: usize) -> Self {
        Self { used: 0, limit, pieces: Vec::new() }
    }

    /// Octets in use.
    pub fn used(&self) -> usize {
        self.used
    }

    /// A piece of at least `octets`: a power of two, from [`PIECE`] on, but at most `most` (a power of two). All zeros.
    pub fn take(&mut self, octets: usize, most: usize) -> Option<Box<[u8]>> {
        let size = octets.next_power_of_two().max(PIECE).min(most);
        if !self.has(size) {
            return None;
        }
        self.used += size;
        let kept = if size == PIECE { self.pieces.pop() } else { None };
        Some(kept.map_or_else(
            || vec![0; size].into_boxed_slice(),
            |mut piece| {
                // What one connection carried is not for another.
                piece.fill(0);
                piece
            },
        ))
    }

    /// Whether a piece of `octets` could be had.
    pub fn has(&self, octets: usize) -> bool {
        self.limit.saturating_sub(self.used) >= octets
    }

    /// To how many octets, a power of two or 0, a buffer may grow: a quarter of what is free, so that the more is in use, the less a single one gets
    /// (dynamic thresholds: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).
    pub fn threshold(&self) -> usize {
        let quarter = self.limit.saturating_sub(self.used) / 4;
        quarter.checked_ilog2().map_or(0, |log| 1 << log)
    }

    /// Whether so much is in use that a buffer must not keep what it does not need.
    #[inline]
    pub fn is_scarce(&self) -> bool {
        self.used > self.limit / 2
    }

    /// Takes a piece back.
    pub fn give(&mut self, piece: Box<[u8]>) {
        self.used = self.used.saturating_sub(piece.len());
        if piece.len() == PIECE && self.pieces.len() < self.limit / KEPT / PIECE {
            self.pieces.push(piece);
        }
    }
}
