//! What a segment carries, and where it lies.

use alloc::sync::Arc;

/// Octets of a segment's payload.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part<'a> {
    /// The octets.
    pub octets: &'a [u8],
    /// What they lie in, if a service lends them: who holds it may read them later too, for they stay as and where they are until then. `None`: they are the
    /// engine's own, and to be read at once.
    pub lender: Option<&'a Arc<[u8]>>,
}

impl<'a> From<&'a [u8]> for Part<'a> {
    fn from(octets: &'a [u8]) -> Self {
        Self { octets, lender: None }
    }
}

/// The payload of a segment: both parts, one after the other; either may be empty.
pub type Payload<'a> = [Part<'a>; 2];

/// How many octets it has.
pub(crate) fn octets_of(payload: &Payload<'_>) -> usize {
    payload.iter().map(|part| part.octets.len()).sum()
}
