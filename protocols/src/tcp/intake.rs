//! The way in: who may take octets where they arrived.

use super::slab::ConnId;

/// Takes received octets in place, before the engine copies them into a receive buffer.
///
/// It is asked in the middle of a burst, so it can do nothing else with the engine; what follows from the octets is done at the event.
pub trait Intake {
    /// `octets` of `conn`, a connection to the port `listener`, have come in order, and nothing that came before waits to be read. Says how many of
    /// them, from the first on, are done with; the others go into the receive buffer. Either way [`Kinds::READABLE`](super::Kinds::READABLE) follows.
    fn take(&mut self, conn: ConnId, listener: Option<u16>, octets: &[u8]) -> usize;
}

/// Takes nothing: everything goes into receive buffers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Buffered;

impl Intake for Buffered {
    fn take(&mut self, _: ConnId, _: Option<u16>, _: &[u8]) -> usize {
        0
    }
}
