//! Octets that cross between processors without being copied: both see the same memory, so a service's octets go as a place and its lender.

use alloc::sync::Arc;
use core::ops::Range;

use crate::tcp::Part;

/// From how many octets on a part of a frame stays where it is. A shorter one is copied sooner than two processors count who holds its lender; a full-sized
/// segment is longer, whatever the MTU (RFC 9293 section 3.7.1: 536 octets at least).
pub(super) const LEAST: usize = 512;

/// A part of a frame that stays where its lender has it. The lender is held until the frame has been taken out of the ring.
pub(super) struct Lent {
    lender: Arc<[u8]>,
    range: Range<usize>,
}

impl Lent {
    /// A part that is lent, and long enough to be worth it.
    pub fn of(part: &Part<'_>) -> Option<Self> {
        let lender = part.lender.filter(|_| part.octets.len() >= LEAST)?;
        let start = part.octets.as_ptr().addr().checked_sub(lender.as_ptr().addr())?;
        let range = start..start.checked_add(part.octets.len())?;
        (range.end <= lender.len()).then(|| Self { lender: lender.clone(), range })
    }

    /// The part again, with its lender, for whoever wants to hold it longer.
    pub fn part(&self) -> Part<'_> {
        Part { octets: &self.lender[self.range.clone()], lender: Some(&self.lender) }
    }
}
