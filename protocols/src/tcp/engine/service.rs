//! What services may do with their connections.

use alloc::sync::Arc;

use super::super::connection::{Connection, Env, Owner};
use super::super::error::Error;
use super::super::slab::ConnId;
use super::Engine;

impl Engine {
    /// Calls `act` with a service's connection.
    fn on<R>(
        &mut self,
        conn: ConnId,
        act: impl FnOnce(&mut Connection, &mut Env<'_>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let owned = |connection: &Connection| connection.id == conn && connection.owner == Owner::Service;
        if !self.connections.at(conn.index).is_some_and(owned) {
            return Err(Error::Stale(conn));
        }
        self.with(conn.index, act).unwrap_or(Err(Error::Stale(conn)))
    }

    fn seen(&self, conn: ConnId) -> Result<&Connection, Error> {
        let owned = |connection: &&Connection| connection.id == conn && connection.owner == Owner::Service;
        self.connections.at(conn.index).filter(owned).ok_or(Error::Stale(conn))
    }

    /// Queues octets to be sent and gives how many were taken; fewer than all if the send buffer is full, and then
    /// [`Kinds::WRITABLE`](super::super::Kinds::WRITABLE) follows when there is room.
    ///
    /// # Errors
    /// [`Error::NotConnected`], [`Error::Closing`] after `shutdown`, [`Error::Closed`], [`Error::Stale`].
    pub fn send(&mut self, conn: ConnId, octets: &[u8]) -> Result<usize, Error> {
        self.on(conn, |connection, env| connection.send(octets, env))
    }

    /// Like [`send`](Self::send), without a copy: `fill` writes into the send buffer and gives how much it wrote. It is called again
    /// as long as it filled everything it was given and there is more room.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn send_with(&mut self, conn: ConnId, fill: impl FnMut(&mut [u8]) -> usize) -> Result<usize, Error> {
        self.on(conn, |connection, env| connection.send_with(fill, env))
    }

    /// Like [`send`](Self::send), without a copy: queues `most` octets as far as there is room, those of `octets` from `start` on, and after the last from
    /// the first again. They are read where they lie each time they are sent, take no memory of buffers, and are held until the peer has acknowledged
    /// the last of them. What continues where the last call ended costs nothing more.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn send_lent(&mut self, conn: ConnId, octets: &Arc<[u8]>, start: usize, most: usize) -> Result<usize, Error> {
        self.on(conn, |connection, env| connection.send_lent(octets, start, most, env))
    }

    /// Copies received octets and gives how many; 0 if there are none now.
    ///
    /// # Errors
    /// [`Error::Finished`] if the peer has finished and all has been read, [`Error::NotConnected`], [`Error::Closed`], [`Error::Stale`].
    pub fn recv(&mut self, conn: ConnId, into: &mut [u8]) -> Result<usize, Error> {
        self.on(conn, |connection, env| connection.recv(into, env))
    }

    /// Like [`recv`](Self::recv), without a copy: `take` sees received octets and gives how many it has taken. It is called again, once, if
    /// it took everything and there is more.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv).
    pub fn recv_with(&mut self, conn: ConnId, take: impl FnMut(&[u8]) -> usize) -> Result<usize, Error> {
        self.on(conn, |connection, env| connection.recv_with(take, env))
    }

    /// Octets that [`recv`](Self::recv) would give.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv).
    pub fn readable(&self, conn: ConnId) -> Result<usize, Error> {
        self.seen(conn)?.readable()
    }

    /// Octets that [`send`](Self::send) would take at least.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn writable(&self, conn: ConnId) -> Result<usize, Error> {
        self.seen(conn)?.writable()
    }

    /// Switches Nagle's algorithm for a connection.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn set_nagle(&mut self, conn: ConnId, on: bool) -> Result<(), Error> {
        self.on(conn, |connection, _| {
            connection.set_nagle(on);
            Ok(())
        })
    }

    /// Nothing more will be sent: a FIN follows what is queued. Receiving goes on. A second call changes nothing.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn shutdown(&mut self, conn: ConnId) -> Result<(), Error> {
        self.on(conn, |connection, env| {
            connection.shutdown(env);
            Ok(())
        })
    }

    /// The service is done with the connection: a FIN follows what is queued, nothing is read any more, and no event comes. If received
    /// data is unread, or comes later, the peer gets a reset (RFC 1122 section 4.2.2.13). The name is stale afterwards.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn close(&mut self, conn: ConnId) -> Result<(), Error> {
        self.on(conn, |connection, env| {
            connection.close(env);
            Ok(())
        })
    }

    /// Ends the connection with a reset. The name is stale afterwards.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn abort(&mut self, conn: ConnId) -> Result<(), Error> {
        self.on(conn, |connection, env| {
            connection.abort(env);
            Ok(())
        })
    }
}
