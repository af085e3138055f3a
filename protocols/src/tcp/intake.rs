//! The way in: who may take octets where they arrived.

use super::slab::ConnId;

/// Queues octets to be sent on the connection that others have just come on, as [`Engine::send`](super::Engine::send) does, and says how many were taken: 0 where that
/// would fail.
pub type Answer<'a> = &'a mut dyn FnMut(&[u8]) -> usize;

/// Takes received octets in place, before the engine copies them into a receive buffer.
///
/// It is asked in the middle of a burst, so it can do nothing else with the engine than answer on the same connection; whatever else follows from the octets is
/// done at the event.
pub trait Intake {
    /// `octets` of `conn`, a connection to the port `listener`, have come in order, and nothing that came before waits to be read. Says how many of
    /// them, from the first on, are done with; the others go into the receive buffer. Either way [`Kinds::READABLE`](super::Kinds::READABLE) follows.
    fn take(&mut self, conn: ConnId, listener: Option<u16>, octets: &[u8], answer: Answer<'_>) -> usize;
}

/// Takes nothing: everything goes into receive buffers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Buffered;

impl Intake for Buffered {
    fn take(&mut self, _: ConnId, _: Option<u16>, _: &[u8], _: Answer<'_>) -> usize {
        0
    }
}
