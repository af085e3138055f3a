//! A flood of SYNs: answers for which nothing is remembered, and what comes back for them (RFC 4987 section 3.6).

use super::super::connection::{Connection, Opening};
use super::super::cookie;
use super::super::egress::{Egress, Path};
use super::super::header::{Flags, Header};
use super::super::isn;
use super::super::lookup::Key;
use super::super::payload::Payload;
use super::super::seq::Seq;
use super::super::slab::ConnId;
use super::Engine;

impl Engine {
    fn opening(&self, id: ConnId, key: &Key, path: &Path, iss: Seq) -> Opening {
        let ts_offset = isn::timestamp_offset(&self.secrets.isn, key);
        Opening { id, key: *key, path: *path, now: self.now, iss, ts_offset }
    }

    /// Answers the SYN in `header` by a cookie. If the link has no room, the peer asks again.
    pub(super) fn send_cookie(&mut self, key: &Key, path: &Path, header: &Header, out: &mut dyn Egress) {
        let iss = cookie::make(&self.secrets.isn, key, header, self.now);
        let opening = self.opening(ConnId { index: u32::MAX, generation: 0 }, key, path, iss);
        // What a connection would answer; it is forgotten at once.
        let answer = Connection::passive(&opening, &self.config, header).cookie_answer(header, self.now, &self.config);
        if let Some(listener) = self.listeners.get_mut(key.local_port) {
            listener.cookies_until = Some(self.now + cookie::LIFETIME);
        }
        if out.send(path, &answer, Payload::default()).is_ok() {
            self.counters.cookies_sent += 1;
            self.counters.segments_out += 1;
        }
    }

    /// Whether the segment, for which there is no connection, answers a cookie; then there is a half-open connection for it now.
    pub(super) fn answers_cookie(&mut self, key: &Key, path: &Path, header: &Header) -> bool {
        let now = self.now;
        let expected = self
            .listeners
            .get_mut(key.local_port)
            .is_some_and(|listener| listener.cookies_until.is_some_and(|until| now <= until));
        if !expected || !header.flags.contains(Flags::ACK) || header.flags.intersects(Flags::SYN.with(Flags::RST)) {
            return false;
        }
        let Some((iss, syn)) = cookie::open(&self.secrets.isn, key, header, now) else { return false };
        if self.connections.is_full() {
            self.counters.drop_syn_connections += 1;
            return false;
        }
        let opening = |id| self.opening(id, key, path, iss);
        let (config, unnamed) = (&self.config, opening(ConnId { index: 0, generation: 0 }));
        let id = self
            .connections
            .insert(|id| Connection::passive(&Opening { id, ..unnamed }, config, &syn).answered_by_cookie());
        let Some(id) = id else { return false };
        self.counters.cookies_taken += 1;
        self.enter_half_open(id, *key);
        true
    }
}
