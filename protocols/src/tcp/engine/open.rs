//! Listening and connecting.

use super::super::connection::{Connection, Opening};
use super::super::egress::Path;
use super::super::error::{CloseReason, ConnectError, ListenError};
use super::super::isn;
use super::super::lookup::Key;
use super::super::slab::ConnId;
use super::super::state::State;
use super::Engine;
use crate::time::Instant;

/// Ephemeral ports (RFC 6335 section 6).
const FIRST_EPHEMERAL: u16 = 49_152;
const EPHEMERAL: u32 = 65_536 - FIRST_EPHEMERAL as u32;

impl Engine {
    /// Listens on a port, on every address. At most `backlog` connections are half open at a time: another SYN drops the oldest of them.
    ///
    /// # Errors
    /// [`ListenError`].
    pub fn listen(&mut self, port: u16, backlog: usize) -> Result<(), ListenError> {
        self.listeners.listen(port, backlog)
    }

    /// Listens no longer. Half-open connections are dropped, established ones go on. Whether there was a listener.
    pub fn unlisten(&mut self, port: u16) -> bool {
        let Some(queue) = self.listeners.remove(port) else { return false };
        for id in queue {
            let half_open = |connection: &Connection| connection.id == id && connection.state == State::SynReceived;
            if self.connections.at(id.index).is_some_and(half_open) {
                self.with(id.index, |connection, env| connection.finish(CloseReason::Aborted, env));
            }
        }
        true
    }

    /// Opens a connection to `remote_port` at `path.remote`, from `local_port` or an ephemeral one. The SYN goes out with the next
    /// [`poll`](Self::poll); [`Kinds::CONNECTED`](super::super::Kinds::CONNECTED) or `CLOSED` follows.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect(
        &mut self,
        now: Instant,
        path: Path,
        remote_port: u16,
        local_port: Option<u16>,
    ) -> Result<ConnId, ConnectError> {
        self.observe(now);
        if remote_port == 0 || local_port == Some(0) {
            return Err(ConnectError::PortZero);
        }
        let local_port = match local_port {
            Some(port) => port,
            None => self.ephemeral_port(&path, remote_port).ok_or(ConnectError::NoPort)?,
        };
        let key = Key { local: path.local, remote: path.remote, local_port, remote_port };
        if self.lookup.find(&key).is_some() || self.time_waits.find(&key, self.now).is_some() {
            return Err(ConnectError::InUse { local_port, remote_port });
        }
        if self.connections.is_full() {
            return Err(ConnectError::TooMany);
        }
        let iss = isn::initial_sequence(&self.secrets.isn, &key, self.now);
        let ts_offset = isn::timestamp_offset(&self.secrets.isn, &key);
        let now = self.now;
        let config = &self.config;
        let id = self
            .connections
            .insert(|id| Connection::active(&Opening { id, key, path, now, iss, ts_offset }, config))
            .ok_or(ConnectError::TooMany)?;
        self.lookup.insert(key, id.index);
        self.settle(id.index);
        Ok(id)
    }

    /// A free port: the search begins where a keyed hash of the peer says, and goes on from connection to connection (RFC 6056
    /// section 3.3.3).
    fn ephemeral_port(&mut self, path: &Path, remote_port: u16) -> Option<u16> {
        let offset = isn::port_offset(&self.secrets.isn, path.local, path.remote, remote_port);
        for _ in 0..EPHEMERAL {
            let place = offset.wrapping_add(self.next_port) % EPHEMERAL;
            self.next_port = self.next_port.wrapping_add(1);
            let local_port = FIRST_EPHEMERAL + place as u16;
            let key = Key { local: path.local, remote: path.remote, local_port, remote_port };
            let free = self.lookup.find(&key).is_none() && self.time_waits.find(&key, self.now).is_none();
            if free && !self.listeners.contains(local_port) {
                return Some(local_port);
            }
        }
        None
    }

    /// An ICMP message says that a packet of the connection was too big for a link with an MTU of `mtu` octets. It is believed only if
    /// the sequence number it quotes is in flight (RFC 5927 section 4), and never below 576, over IPv6 1280. Whether it was.
    pub fn packet_too_big(
        &mut self,
        path: &Path,
        local_port: u16,
        remote_port: u16,
        sequence: u32,
        mtu: usize,
    ) -> bool {
        let key = Key { local: path.local, remote: path.remote, local_port, remote_port };
        let Some(index) = self.lookup.find(&key) else { return false };
        self.with(index, |connection, _| connection.path_mtu(sequence, mtu)).unwrap_or(false)
    }
}
