//! Echo on TCP port 7 (RFC 862): what comes is sent back, until the peer has finished.

use protocols::tcp::{Answer, ConnId, Error, Event, Kinds};
use protocols::time::Instant;

use crate::service::{Context, Service};

/// The echo service. It keeps nothing for a connection: octets wait in the connection's own buffers.
///
/// Nothing is taken that cannot be sent back at once, so a peer that does not read fills its send buffer here, then
/// its receive buffer, and then its window is closed: that is the back-pressure.
#[derive(Debug, Default)]
pub struct Echo;

impl Echo {
    /// Its port.
    pub const PORT: u16 = 7;
}

impl Service for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn port(&self) -> u16 {
        Echo::PORT
    }

    fn event(&mut self, context: &mut Context<'_>, event: &Event) {
        if event.kinds.contains(Kinds::CLOSED) {
            return;
        }
        let mut moved = true;
        while moved {
            moved = match forward(context, event.conn) {
                Ok(length) => length > 0,
                Err(Error::Finished(_)) => {
                    // All that came is queued; the peer gets it, and then the end. A failure means that it is gone.
                    let _ = context.tcp.shutdown(event.conn);
                    false
                }
                Err(_) => false,
            };
        }
    }

    /// Most octets never see a receive buffer: they go from the card's buffer into what is to be sent.
    fn take(&mut self, _: ConnId, octets: &[u8], answer: Answer<'_>) -> usize {
        answer(octets)
    }

    fn poll(&mut self, _context: &mut Context<'_>) {}

    fn next_deadline(&self) -> Option<Instant> {
        None
    }
}

/// Sends what waits in the receive buffer, as much as the send buffer takes; only that much is taken from there.
/// A send that falls short makes the engine tell when there is room again.
fn forward(context: &mut Context<'_>, conn: ConnId) -> Result<usize, Error> {
    let mut length = 0;
    context.tcp.recv_with(conn, &mut |octets| {
        length = octets.len().min(context.scratch.len());
        context.scratch[..length].copy_from_slice(&octets[..length]);
        0
    })?;
    if length == 0 {
        return Ok(0);
    }
    let sent = context.tcp.send(conn, &context.scratch[..length])?;
    let mut rest = sent;
    context.tcp.recv_with(conn, &mut |octets| {
        let taken = rest.min(octets.len());
        rest -= taken;
        taken
    })?;
    Ok(sent)
}

#[cfg(test)]
mod tests;
