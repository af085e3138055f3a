//! What the tests of services put in place of the TCP engine and the system.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

use protocols::stack::IpAddress;
use protocols::tcp::{CloseReason, ConnId, Error, Event, Kinds};
use protocols::time::Instant;

use crate::service::{Context, Service, Sockets, System};

/// The peer of every connection.
pub(crate) const CLIENT: IpAddress = IpAddress::v4(10, 77, 0, 1);

/// One connection as a service sees it, scripted from the peer's side.
#[derive(Default)]
pub(crate) struct Connection {
    /// What the peer has sent and the service has not read.
    pub(crate) inbound: VecDeque<u8>,
    /// Whether the peer's FIN follows it.
    pub(crate) finished: bool,
    /// What the service has sent.
    pub(crate) outbound: Vec<u8>,
    /// How much more it may send.
    pub(crate) room: usize,
    pub(crate) shut: bool,
    pub(crate) aborted: bool,
    pub(crate) retransmits: u64,
    /// A send fell short, so the engine would tell when there is room.
    pub(crate) wants_room: bool,
}

#[derive(Default)]
pub(crate) struct Tcp {
    pub(crate) connections: Vec<Connection>,
}

impl Tcp {
    pub(crate) fn of(&mut self, conn: ConnId) -> &mut Connection {
        &mut self.connections[conn.index as usize]
    }

    fn open(&mut self, conn: ConnId) -> Result<&mut Connection, Error> {
        let connection = &mut self.connections[conn.index as usize];
        if connection.aborted { Err(Error::Stale(conn)) } else { Ok(connection) }
    }
}

impl Sockets for Tcp {
    fn send(&mut self, conn: ConnId, octets: &[u8]) -> Result<usize, Error> {
        let connection = self.open(conn)?;
        if connection.shut {
            return Err(Error::Closing(conn));
        }
        let sent = octets.len().min(connection.room);
        connection.wants_room |= sent < octets.len();
        connection.outbound.extend_from_slice(&octets[..sent]);
        connection.room -= sent;
        Ok(sent)
    }

    fn send_with(&mut self, conn: ConnId, fill: &mut dyn FnMut(&mut [u8]) -> usize) -> Result<usize, Error> {
        let connection = self.open(conn)?;
        if connection.shut {
            return Err(Error::Closing(conn));
        }
        // Two pieces, as a ring gives them; what was there before must not get out.
        let mut sent = 0;
        for room in [connection.room / 2, connection.room - connection.room / 2] {
            let mut piece = vec![0xEE; room];
            let filled = fill(&mut piece);
            connection.outbound.extend_from_slice(&piece[..filled]);
            sent += filled;
            if filled < room {
                break;
            }
        }
        connection.room -= sent;
        connection.wants_room |= connection.room == 0;
        Ok(sent)
    }

    fn send_lent(&mut self, conn: ConnId, octets: &Arc<[u8]>, start: usize, most: usize) -> Result<usize, Error> {
        let connection = self.open(conn)?;
        if connection.shut {
            return Err(Error::Closing(conn));
        }
        let sent = most.min(connection.room);
        connection.wants_room |= sent < most;
        connection.outbound.extend(octets.iter().cycle().skip(start % octets.len()).take(sent));
        connection.room -= sent;
        Ok(sent)
    }

    fn recv(&mut self, conn: ConnId, into: &mut [u8]) -> Result<usize, Error> {
        let mut done = 0;
        self.recv_with(conn, &mut |octets| {
            let part = octets.len().min(into.len() - done);
            into[done..done + part].copy_from_slice(&octets[..part]);
            done += part;
            part
        })
    }

    fn recv_with(&mut self, conn: ConnId, take: &mut dyn FnMut(&[u8]) -> usize) -> Result<usize, Error> {
        let connection = self.open(conn)?;
        if connection.inbound.is_empty() && connection.finished {
            return Err(Error::Finished(conn));
        }
        let (first, second) = connection.inbound.as_slices();
        let mut taken = if first.is_empty() { 0 } else { take(first) };
        if taken == first.len() && !second.is_empty() {
            taken += take(second);
        }
        connection.inbound.drain(..taken);
        Ok(taken)
    }

    fn shutdown(&mut self, conn: ConnId) -> Result<(), Error> {
        self.open(conn)?.shut = true;
        Ok(())
    }

    fn abort(&mut self, conn: ConnId) {
        self.of(conn).aborted = true;
    }

    fn retransmits(&self, conn: ConnId) -> u64 {
        self.connections[conn.index as usize].retransmits
    }

    fn remote(&self, _conn: ConnId) -> Option<IpAddress> {
        Some(CLIENT)
    }
}

/// A system of some processors that notes who was woken.
#[derive(Default)]
pub(crate) struct Computer {
    pub(crate) processors: usize,
    pub(crate) woken: RefCell<Vec<usize>>,
}

impl System for Computer {
    fn processors(&self) -> usize {
        self.processors
    }

    fn wake(&self, processor: usize) {
        self.woken.borrow_mut().push(processor);
    }

    fn congestion(&self) -> &'static str {
        "reno"
    }

    fn busy_us(&self, _processor: usize) -> u64 {
        0
    }
}

/// A service on one processor with its scripted connections.
pub(crate) struct Bench<S> {
    pub(crate) service: S,
    pub(crate) tcp: Tcp,
    pub(crate) processor: usize,
}

impl<S: Service> Bench<S> {
    pub(crate) fn new(service: S, processor: usize) -> Bench<S> {
        Bench { service, tcp: Tcp::default(), processor }
    }

    /// A peer connects; the send buffer has this much room.
    pub(crate) fn accept(&mut self, now: Instant, system: &Computer, room: usize) -> ConnId {
        let conn = ConnId { index: self.tcp.connections.len() as u32, generation: 1 };
        self.tcp.connections.push(Connection { room, ..Connection::default() });
        self.event(now, system, conn, Kinds::ACCEPTED);
        conn
    }

    /// The peer sends.
    pub(crate) fn give(&mut self, now: Instant, system: &Computer, conn: ConnId, octets: &[u8]) {
        // As the engine does: in place, if nothing waits before it.
        let Self { service, tcp, .. } = self;
        let empty = tcp.of(conn).inbound.is_empty();
        let answer = &mut |octets: &[u8]| tcp.send(conn, octets).unwrap_or(0);
        let taken = if empty { service.take(conn, octets, answer) } else { 0 };
        self.tcp.of(conn).inbound.extend(&octets[taken..]);
        self.event(now, system, conn, Kinds::READABLE);
    }

    /// The peer reads what was sent, which makes room again.
    pub(crate) fn drain(&mut self, now: Instant, system: &Computer, conn: ConnId) -> Vec<u8> {
        let connection = self.tcp.of(conn);
        let octets = core::mem::take(&mut connection.outbound);
        connection.room += octets.len();
        if core::mem::take(&mut connection.wants_room) {
            self.event(now, system, conn, Kinds::WRITABLE);
        }
        octets
    }

    /// The peer sends its FIN.
    pub(crate) fn finish(&mut self, now: Instant, system: &Computer, conn: ConnId) {
        self.tcp.of(conn).finished = true;
        self.event(now, system, conn, Kinds::READABLE);
    }

    /// The peer resets the connection.
    pub(crate) fn reset(&mut self, now: Instant, system: &Computer, conn: ConnId) {
        self.tcp.of(conn).aborted = true;
        self.event(now, system, conn, Kinds::CLOSED);
    }

    pub(crate) fn event(&mut self, now: Instant, system: &Computer, conn: ConnId, kinds: Kinds) {
        let reason = kinds.contains(Kinds::CLOSED).then_some(CloseReason::Reset);
        let event = Event { conn, listener: Some(self.service.port()), kinds, reason };
        let mut scratch = [0; 64];
        let mut context = Context { now, processor: self.processor, tcp: &mut self.tcp, system, scratch: &mut scratch };
        self.service.event(&mut context, &event);
    }

    pub(crate) fn poll(&mut self, now: Instant, system: &Computer) {
        let mut scratch = [0; 64];
        let mut context = Context { now, processor: self.processor, tcp: &mut self.tcp, system, scratch: &mut scratch };
        self.service.poll(&mut context);
    }
}
