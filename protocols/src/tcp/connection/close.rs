//! How a connection ends.

use super::super::error::CloseReason;
use super::super::event::Kinds;
use super::super::state::State;
use super::super::time_wait::Remains;
use super::{Connection, Env, Owner, Reset};
use crate::congestion::Congestion;

impl Connection {
    /// Ends the connection now. What is still to be sent is forgotten, except a reset.
    pub fn finish(&mut self, reason: CloseReason, env: &mut Env<'_>) {
        if self.state == State::Closed {
            return;
        }
        match reason {
            // A half-open connection is none yet.
            _ if self.owner == Owner::Nobody => {}
            CloseReason::Finished => env.counters.finished += 1,
            CloseReason::Reset | CloseReason::Refused => env.counters.reset += 1,
            CloseReason::TimedOut => env.counters.timed_out += 1,
            CloseReason::Aborted => env.counters.aborted += 1,
        }
        self.reason = Some(reason);
        self.state = State::Closed;
        self.timers.clear();
        self.end_flow(env);
        self.release(env, reason != CloseReason::Finished);
    }

    /// Both FINs are acknowledged: only the identity has to be kept, which is the engine's matter. What lasts here is the last ACK until it is sent, and
    /// what the service has not read.
    pub(super) fn enter_time_wait(&mut self, env: &mut Env<'_>) {
        env.counters.finished += 1;
        self.state = State::TimeWait;
        self.reason = Some(CloseReason::Finished);
        self.timers.clear();
        self.end_flow(env);
        self.release(env, false);
    }

    /// What has to be remembered in TIME-WAIT.
    pub fn remains(&self) -> Remains {
        let ts_recent = self.agreed.timestamps.then_some(self.ts_recent);
        Remains { key: self.key, snd_nxt: self.snd_nxt, rcv_nxt: self.rcv_nxt, ts_recent }
    }

    fn end_flow(&mut self, env: &mut Env<'_>) {
        if core::mem::take(&mut self.flow_open) {
            env.congestion.close(self.flow());
        }
        self.scoreboard.clear();
        self.reassembly.clear();
        self.fin_sent = true;
    }

    /// Gives buffers back: the send buffer, and the receive buffer if nothing in it can still be read.
    fn release(&mut self, env: &mut Env<'_>, discard: bool) {
        self.tx.discard(env.memory);
        if discard || self.owner != Owner::Service || self.rx.is_empty() {
            self.rx.discard(env.memory);
        }
    }

    /// Gives back what is left, before the connection is dropped.
    pub fn release_all(&mut self, env: &mut Env<'_>) {
        self.end_flow(env);
        self.release(env, true);
    }

    /// Notes that a reset has to go out, as an answer to nothing (RFC 9293 section 3.10.5).
    pub(super) fn send_reset(&mut self) {
        let acknowledgement = (self.state != State::SynSent).then_some(self.rcv_nxt);
        self.reset = Some(Reset { sequence: self.snd_nxt, acknowledgement });
        self.work = true;
    }

    /// Whether the service has to be told that all is over, and then notes it: once, and not before it has read everything.
    pub fn note_closed(&mut self) {
        if matches!(self.state, State::TimeWait | State::Closed)
            && self.owner == Owner::Service
            && !self.closed_told
            && self.rx.is_empty()
        {
            self.closed_told = true;
            self.events |= Kinds::CLOSED;
        }
    }

    /// Whether nothing is left to do: the connection can be dropped.
    pub fn is_over(&self) -> bool {
        let ended = match self.state {
            State::Closed => true,
            State::TimeWait => !self.owed.due,
            _ => false,
        };
        ended && self.owner != Owner::Service && self.reset.is_none()
    }
}
