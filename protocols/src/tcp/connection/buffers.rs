//! Memory of a connection's buffers: taken when there is something to put in, more as the network proves to carry more, and given back when
//! nothing was in use for a while. An idle connection costs none, and keeps the windows it has announced.

use super::super::event::Kinds;
use super::super::memory::PIECE;
use super::{Connection, Env, Owner};
use crate::time::Duration;

/// Buffers in which nothing has happened for this long, and nothing lies, are given back.
const IDLE: Duration = Duration::from_secs(1);

/// The round-trip time to assume while there is none, µs: whoever answers a cookie and then only sends lets us measure nothing.
const UNKNOWN_RTT: u32 = 100_000;

impl Connection {
    /// Sees to it that there is memory for `octets` more to send. If there is none, the service is told when there is again.
    #[inline]
    pub(super) fn hold_send_buffer(&mut self, octets: usize, env: &mut Env<'_>) -> bool {
        // If there is too little for all of it, a part may go.
        let held = self.tx.hold(octets, env.memory) || self.tx.hold(1, env.memory);
        if !held {
            env.counters.no_memory += 1;
            self.wants_room = true;
        }
        self.watch_buffers(env);
        held
    }

    /// Sees to it that there is memory for `octets` more that are received.
    #[inline]
    pub(super) fn hold_receive_buffer(&mut self, octets: usize, env: &mut Env<'_>) -> bool {
        let waiting = self.reassembly.reach(self.rcv_nxt);
        let held = self.rx.hold(self.rx.len() + octets, waiting, env.memory);
        if held {
            self.watch_buffers(env);
        } else {
            env.counters.drop_no_memory += 1;
        }
        held
    }

    #[inline]
    fn watch_buffers(&mut self, env: &Env<'_>) {
        if self.timers.buffers.is_none() {
            self.timers.buffers = Some(env.now + IDLE);
            self.moved = self.octets_moved();
        }
    }

    fn octets_moved(&self) -> u64 {
        self.stats.bytes_in + self.stats.bytes_out + self.stats.sent
    }

    /// Gives buffers back that were not used since the last time.
    pub(super) fn buffers_timeout(&mut self, env: &mut Env<'_>) {
        let moved = self.octets_moved();
        if moved == self.moved && self.reassembly.is_empty() && self.scoreboard.flight() == 0 {
            self.tx.release(env.memory);
            self.rx.release(env.memory);
            self.scoreboard.give_back();
            self.reassembly.give_back();
        }
        self.moved = moved;
        let starved = self.wants_room && self.tx.allocated() == 0 && self.tx.is_empty();
        if starved && self.owner == Owner::Service && env.memory.has(PIECE) {
            self.wants_room = false;
            self.events |= Kinds::WRITABLE;
        }
        if starved || self.tx.allocated() + self.rx.allocated() > 0 {
            self.timers.buffers = Some(env.now + IDLE);
        }
    }

    /// Something was read, or is acknowledged: when memory is scarce, a buffer that is empty now does not wait until it is idle.
    #[inline]
    pub(super) fn save_memory(&mut self, env: &mut Env<'_>) {
        if !env.memory.is_scarce() {
            return;
        }
        self.tx.release(env.memory);
        if self.reassembly.is_empty() {
            self.rx.release(env.memory);
        }
    }

    /// Doubles what the send buffer may hold if the network takes more than it holds: then cwnd is at least half of it.
    pub(super) fn grow_send_buffer(&mut self, env: &mut Env<'_>) -> bool {
        let capacity = self.tx.capacity();
        let wanted = capacity * 2;
        let most = env.config.send_buffer.min(env.memory.threshold());
        if wanted > most || (self.window.cwnd as usize) < capacity / 2 {
            return false;
        }
        self.tx.extend(wanted);
        true
    }

    /// Enlarges the receive buffer if the service reads a good part of it per round trip: then the window holds the peer back. The new
    /// size is at least four times what was read, so that the window stays ahead of a peer in slow start.
    pub(super) fn grow_receive_buffer(&mut self, env: &mut Env<'_>) {
        let elapsed = env.now.total_micros() - self.measured_at.total_micros();
        let round_trip = if self.rtt.srtt == 0 { UNKNOWN_RTT } else { self.rtt.srtt.max(1000) };
        if elapsed < i64::from(round_trip) {
            return;
        }
        let read = core::mem::take(&mut self.measured);
        self.measured_at = env.now;
        let capacity = self.rx.capacity();
        let most = env.config.receive_buffer.min(env.memory.threshold());
        let wanted = (4 * read).next_power_of_two().min(most);
        if wanted <= capacity || !self.state.can_receive() {
            return;
        }
        self.rx.extend(wanted);
    }
}
