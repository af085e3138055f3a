//! What a TCP service is, and what it is given.

use alloc::sync::Arc;

use protocols::stack::{IpAddress, UdpError, UdpPeer};
use protocols::tcp::{Answer, ConnId, Engine, Error, Event};
use protocols::time::Instant;

/// A service on one processor: it owns what belongs to the connections of that processor.
///
/// Calls come one after another within a turn of the processor's loop; none may block.
pub trait Service {
    /// Name in logs.
    fn name(&self) -> &'static str;

    /// The TCP port on which it listens.
    fn port(&self) -> u16;

    /// Something happened to a connection of this port. Kinds may be merged; after `CLOSED` the connection is gone.
    fn event(&mut self, context: &mut Context<'_>, event: &Event);

    /// Octets of a connection have come in order, and nothing waits before them: the service may take them where they lie, in the card's buffer. Says how
    /// many of them, from the first on, are done with; the others wait in the receive buffer. An event with `READABLE` follows in either case. `answer`
    /// sends on the same connection. Takes nothing by default.
    fn take(&mut self, _conn: ConnId, _octets: &[u8], _answer: Answer<'_>) -> usize {
        0
    }

    /// Called once a turn: timers that are due, and what other processors left for this one.
    fn poll(&mut self, context: &mut Context<'_>);

    /// When `poll` has to be called again without any event.
    fn next_deadline(&self) -> Option<Instant>;
}

/// What a service is given for the length of one call.
pub struct Context<'a> {
    /// The time of this turn.
    pub now: Instant,
    /// The processor that makes the call.
    pub processor: usize,
    /// The connections of this processor.
    pub tcp: &'a mut dyn Sockets,
    /// What is the same on all processors.
    pub system: &'a dyn System,
    /// A buffer of the processor for use within the call; what it holds is undefined.
    pub scratch: &'a mut [u8],
}

/// What a service may ask of the whole system.
pub trait System {
    /// Number of processors.
    fn processors(&self) -> usize;
    /// Makes that processor run a turn soon.
    fn wake(&self, processor: usize);
    /// Name of the congestion controller in place.
    fn congestion(&self) -> &'static str;
    /// Time for which a processor has been at work since the start, microseconds.
    fn busy_us(&self, processor: usize) -> u64;
}

/// The part of the TCP engine that services use. The engine implements it; tests put a scripted one in its place.
///
/// The meaning of each is that of the engine's function of the same name.
pub trait Sockets {
    /// Queues octets; returns how many were taken.
    fn send(&mut self, conn: ConnId, octets: &[u8]) -> Result<usize, Error>;
    /// Lets `fill` write into the free room of the send buffer.
    fn send_with(&mut self, conn: ConnId, fill: &mut dyn FnMut(&mut [u8]) -> usize) -> Result<usize, Error>;
    /// Queues octets that are lent: read where they lie, and over and over.
    fn send_lent(&mut self, conn: ConnId, octets: &Arc<[u8]>, start: usize, most: usize) -> Result<usize, Error>;
    /// Takes received octets; `Error::Finished` after the last of them.
    fn recv(&mut self, conn: ConnId, into: &mut [u8]) -> Result<usize, Error>;
    /// Lets `take` look at received octets and say how many it consumed.
    fn recv_with(&mut self, conn: ConnId, take: &mut dyn FnMut(&[u8]) -> usize) -> Result<usize, Error>;
    /// FIN after what is queued.
    fn shutdown(&mut self, conn: ConnId) -> Result<(), Error>;
    /// RST at once; there are no further events.
    fn abort(&mut self, conn: ConnId);
    /// Segments that were sent again.
    fn retransmits(&self, conn: ConnId) -> u64;
    /// The peer's address; `None` if the connection is gone.
    fn remote(&self, conn: ConnId) -> Option<IpAddress>;
}

/// A UDP port as a service uses it, on the processor that has all datagrams.
pub trait DatagramPort {
    /// Calls `each` with the oldest datagram that waits. Returns whether there was one.
    fn receive(&mut self, each: &mut dyn FnMut(&[u8], UdpPeer)) -> bool;
    /// Sends a datagram; while the network card has no room, it is queued.
    ///
    /// # Errors
    /// Those of the stack's `udp_send`.
    fn send(&mut self, to: UdpPeer, octets: &[u8]) -> Result<(), UdpError>;
    /// The same for a sender that can wait: what the card has no room for is refused, and can be sent later without a copy more.
    ///
    /// # Errors
    /// Those of the stack's `udp_transmit`.
    fn offer(&mut self, to: UdpPeer, octets: &[u8]) -> Result<(), UdpError>;
}

impl Sockets for Engine {
    fn send(&mut self, conn: ConnId, octets: &[u8]) -> Result<usize, Error> {
        Engine::send(self, conn, octets)
    }

    fn send_with(&mut self, conn: ConnId, fill: &mut dyn FnMut(&mut [u8]) -> usize) -> Result<usize, Error> {
        Engine::send_with(self, conn, fill)
    }

    fn send_lent(&mut self, conn: ConnId, octets: &Arc<[u8]>, start: usize, most: usize) -> Result<usize, Error> {
        Engine::send_lent(self, conn, octets, start, most)
    }

    fn recv(&mut self, conn: ConnId, into: &mut [u8]) -> Result<usize, Error> {
        Engine::recv(self, conn, into)
    }

    fn recv_with(&mut self, conn: ConnId, take: &mut dyn FnMut(&[u8]) -> usize) -> Result<usize, Error> {
        Engine::recv_with(self, conn, take)
    }

    fn shutdown(&mut self, conn: ConnId) -> Result<(), Error> {
        Engine::shutdown(self, conn)
    }

    fn abort(&mut self, conn: ConnId) {
        // A stale name means that the connection is gone already, which is what is wanted.
        let _ = Engine::abort(self, conn);
    }

    fn retransmits(&self, conn: ConnId) -> u64 {
        Engine::info(self, conn).map_or(0, |info| info.retransmitted_segments)
    }

    fn remote(&self, conn: ConnId) -> Option<IpAddress> {
        Engine::info(self, conn).ok().map(|info| info.remote)
    }
}
