//! A segment arrives: to which connection does it belong?

use smoltcp::wire::TcpPacket;

use super::super::connection::{Connection, Opening};
use super::super::egress::{Arrival, Checksum, Egress, Path};
use super::super::error::CloseReason;
use super::super::header::{Flags, Header};
use super::super::intake::{Buffered, Intake};
use super::super::isn;
use super::super::lookup::Key;
use super::super::payload::Payload;
use super::super::seq::Seq;
use super::super::slab::ConnId;
use super::super::state::State;
use super::Engine;
use crate::time::Instant;

impl Engine {
    /// Takes a segment: TCP header and payload, exactly as long as the IP header says. Nothing in it is trusted.
    ///
    /// What can wait for the end of the burst is sent by [`poll`](Self::poll).
    pub fn receive(
        &mut self,
        now: Instant,
        path: &Path,
        segment: &[u8],
        arrival: impl Into<Arrival>,
        out: &mut dyn Egress,
    ) {
        self.receive_with(now, path, segment, arrival, &mut Buffered, out);
    }

    /// Like [`receive`](Self::receive), without a copy of what `intake` takes.
    pub fn receive_with(
        &mut self,
        now: Instant,
        path: &Path,
        segment: &[u8],
        arrival: impl Into<Arrival>,
        intake: &mut dyn Intake,
        out: &mut dyn Egress,
    ) {
        let Arrival { checksum, congested } = arrival.into();
        self.observe(now);
        self.counters.segments_in += 1;
        let (header, payload) = match Header::parse(segment) {
            Ok(parsed) => parsed,
            Err(_) => {
                self.counters.drop_malformed += 1;
                return;
            }
        };
        if checksum == Checksum::Verify && !TcpPacket::new_unchecked(segment).verify_checksum(&path.remote, &path.local)
        {
            self.counters.drop_checksum += 1;
            return;
        }
        let key = Key {
            local: path.local,
            remote: path.remote,
            local_port: header.destination_port,
            remote_port: header.source_port,
        };
        match self.lookup.find(&key) {
            Some(index) => self.segment_for(index, path, &header, payload, congested, intake, out),
            // A connection there is has addresses and ports that are right.
            None if !is_between_hosts(&key) => self.counters.drop_address += 1,
            None if self.segment_in_time_wait(&key, path, &header, payload.len(), out) => {}
            None if self.answers_cookie(&key, path, &header) => {
                if let Some(index) = self.lookup.find(&key) {
                    self.segment_for(index, path, &header, payload, congested, intake, out);
                }
            }
            None => self.segment_for_none(&key, path, &header, payload.len(), None, out),
        }
    }

    #[allow(clippy::too_many_arguments)] // all of one segment, once
    fn segment_for(
        &mut self,
        index: u32,
        path: &Path,
        header: &Header,
        payload: &[u8],
        congested: bool,
        intake: &mut dyn Intake,
        out: &mut dyn Egress,
    ) {
        let urgent = self.with(index, |connection, env| {
            connection.segment(header, payload, path.link, congested, intake, env);
            connection.ack_at_once() || connection.reset.is_some()
        });
        if urgent == Some(true) {
            self.send_at_once(index, out);
        }
    }

    /// Sends what cannot wait for the end of the burst; if the link is full, it waits nevertheless.
    fn send_at_once(&mut self, index: u32, out: &mut dyn Egress) {
        self.with(index, |connection, env| {
            if connection.reset.is_none() {
                let _ = connection.send_ack(env, out);
            } else if connection.output(env, out).is_err() {
                connection.work = true;
            }
        });
    }

    /// A segment for which there is no connection: the start of one, or answered by a reset (RFC 9293 sections 3.10.7.1 and 3.10.7.2).
    pub(super) fn segment_for_none(
        &mut self,
        key: &Key,
        path: &Path,
        header: &Header,
        payload: usize,
        floor: Option<Seq>,
        out: &mut dyn Egress,
    ) {
        let opens = header.flags.contains(Flags::SYN) && !header.flags.intersects(Flags::ACK.with(Flags::RST));
        if opens && self.listeners.contains(key.local_port) {
            // A SYN with FIN is no way to open a connection.
            if header.flags.contains(Flags::FIN) {
                self.counters.drop_no_connection += 1;
            } else {
                self.half_open(key, path, header, floor, out);
            }
            return;
        }
        self.counters.drop_no_connection += 1;
        self.refuse(path, header, payload, out);
    }

    fn refuse(&mut self, path: &Path, header: &Header, payload: usize, out: &mut dyn Egress) {
        if header.flags.contains(Flags::RST) {
            return;
        }
        if !self.resets.allow(self.now) {
            self.counters.resets_suppressed += 1;
            return;
        }
        let acknowledges = header.flags.contains(Flags::ACK);
        let reset = Header {
            source_port: header.destination_port,
            destination_port: header.source_port,
            sequence: if acknowledges { header.acknowledgement } else { 0 },
            acknowledgement: if acknowledges { 0 } else { header.sequence.wrapping_add(header.sequence_len(payload)) },
            flags: if acknowledges { Flags::RST } else { Flags::RST.with(Flags::ACK) },
            ..Header::default()
        };
        // A reset that the link has no room for is lost; the peer will ask again.
        if out.send(path, &reset, Payload::default()).is_ok() {
            self.counters.resets_out += 1;
            self.counters.segments_out += 1;
        }
    }

    /// Opens a half-open connection for a SYN.
    fn half_open(&mut self, key: &Key, path: &Path, header: &Header, floor: Option<Seq>, out: &mut dyn Egress) {
        let full = self.listeners.get_mut(key.local_port).is_some_and(|listener| listener.is_full());
        if full && self.config.syn_cookies && floor.is_none() {
            self.send_cookie(key, path, header, out);
            return;
        }
        let connections = &self.connections;
        let is_half_open = |id: ConnId| {
            connections
                .at(id.index)
                .is_some_and(|connection| connection.id == id && connection.state == State::SynReceived)
        };
        let oldest = self.listeners.get_mut(key.local_port).and_then(|listener| listener.must_drop(is_half_open));
        if let Some(oldest) = oldest {
            self.counters.drop_half_open += 1;
            self.with(oldest.index, |connection, env| connection.finish(CloseReason::TimedOut, env));
        }
        if self.connections.is_full() {
            self.counters.drop_syn_connections += 1;
            return;
        }
        let mut iss = isn::initial_sequence(&self.secrets.isn, key, self.now);
        if let Some(floor) = floor
            && iss.le(floor)
        {
            // Beyond everything that the old incarnation sent (RFC 9293 section 3.6.1, RFC 6191 section 2).
            iss = floor + 64_000;
        }
        let ts_offset = isn::timestamp_offset(&self.secrets.isn, key);
        let (key, path, now) = (*key, *path, self.now);
        let config = &self.config;
        let id = self
            .connections
            .insert(|id| Connection::passive(&Opening { id, key, path, now, iss, ts_offset }, config, header));
        if let Some(id) = id {
            self.enter_half_open(id, key);
            self.settle(id.index);
        }
    }

    pub(super) fn enter_half_open(&mut self, id: ConnId, key: Key) {
        self.lookup.insert(key, id.index);
        let connections = &self.connections;
        if let Some(listener) = self.listeners.get_mut(key.local_port) {
            listener.opened(id, |id| {
                connections
                    .at(id.index)
                    .is_some_and(|connection| connection.id == id && connection.state == State::SynReceived)
            });
        }
    }
}

/// Whether addresses and ports are such as a connection may have.
fn is_between_hosts(key: &Key) -> bool {
    key.local_port != 0 && key.remote_port != 0 && key.local.is_unicast() && key.remote.is_unicast()
}
