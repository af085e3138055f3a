//! What a service may do with its connection (RFC 9293 section 3.9.1).

use alloc::sync::Arc;

use super::super::error::{CloseReason, Error};
use super::super::state::State;
use super::{Connection, Env, Owner};

impl Connection {
    /// Whether data can be sent, and if not, why.
    fn check_send(&self) -> Result<(), Error> {
        match self.state {
            State::SynSent | State::SynReceived => Err(Error::NotConnected(self.id)),
            _ if self.fin_wanted => Err(Error::Closing(self.id)),
            state if state.can_send() => Ok(()),
            _ => Err(Error::Closed(self.id, self.reason.unwrap_or(CloseReason::Reset))),
        }
    }

    fn check_receive(&self) -> Result<(), Error> {
        match self.state {
            State::SynSent | State::SynReceived => Err(Error::NotConnected(self.id)),
            _ if !self.rx.is_empty() => Ok(()),
            _ if self.at_end() => Err(Error::Finished(self.id)),
            State::Closed | State::TimeWait => Err(Error::Closed(self.id, self.reason.unwrap_or(CloseReason::Reset))),
            _ => Ok(()),
        }
    }

    /// Octets that can be read.
    pub fn readable(&self) -> Result<usize, Error> {
        self.check_receive().map(|()| self.rx.len())
    }

    /// Octets that can be written.
    pub fn writable(&self) -> Result<usize, Error> {
        self.check_send().map(|()| self.tx.free())
    }

    pub fn set_nagle(&mut self, on: bool) {
        self.nagle = on;
        self.work = true;
    }

    /// Queues `octets` to be sent and gives how many were taken.
    pub fn send(&mut self, octets: &[u8], env: &mut Env<'_>) -> Result<usize, Error> {
        self.check_send()?;
        let mut taken = 0;
        while taken < octets.len() && self.hold_send_buffer(octets.len() - taken, env) {
            taken += self.tx.push(&octets[taken..]);
            if taken < octets.len() && !self.grow_send_buffer(env) {
                break;
            }
        }
        self.wants_room |= taken < octets.len();
        self.work |= taken > 0;
        Ok(taken)
    }

    /// Queues octets that the service lends and gives how many were taken.
    pub fn send_lent(
        &mut self,
        octets: &Arc<[u8]>,
        start: usize,
        most: usize,
        env: &mut Env<'_>,
    ) -> Result<usize, Error> {
        self.check_send()?;
        let mut taken = self.tx.lend(octets, start, most);
        while taken < most && self.grow_send_buffer(env) {
            taken += self.tx.lend(octets, (start + taken) % octets.len().max(1), most - taken);
        }
        self.wants_room |= taken < most;
        self.work |= taken > 0;
        Ok(taken)
    }

    /// Lets `fill` write into the send buffer and gives how much it wrote.
    pub fn send_with(&mut self, mut fill: impl FnMut(&mut [u8]) -> usize, env: &mut Env<'_>) -> Result<usize, Error> {
        self.check_send()?;
        let mut total = 0;
        loop {
            if self.tx.free() == 0 && !self.grow_send_buffer(env) {
                self.wants_room = true;
                break;
            }
            // Each time it is full the memory doubles, up to what was promised.
            if !self.hold_send_buffer(1, env) {
                break;
            }
            let room = self.tx.room();
            let offered = room.len();
            let written = fill(room).min(offered);
            self.tx.fill(written);
            total += written;
            if written < offered {
                break;
            }
        }
        self.work |= total > 0;
        Ok(total)
    }

    /// Copies received octets to `into` and gives how many there were.
    pub fn recv(&mut self, into: &mut [u8], env: &mut Env<'_>) -> Result<usize, Error> {
        let mut at = 0;
        self.recv_with(
            |octets| {
                let len = octets.len().min(into.len() - at);
                into[at..at + len].copy_from_slice(&octets[..len]);
                at += len;
                len
            },
            env,
        )
    }

    /// Shows received octets to `take`, which says how many it has taken.
    pub fn recv_with(&mut self, mut take: impl FnMut(&[u8]) -> usize, env: &mut Env<'_>) -> Result<usize, Error> {
        self.check_receive()?;
        let mut total = 0;
        for slice in self.rx.slices(0, self.rx.len()) {
            if slice.is_empty() {
                break;
            }
            let taken = take(slice).min(slice.len());
            total += taken;
            if taken < slice.len() {
                break;
            }
        }
        if total > 0 {
            self.rx.consume(total);
            if self.reassembly.is_empty() {
                self.rx.rewind();
            }
            self.measured += total;
            self.grow_receive_buffer(env);
            self.announce_window();
            if self.rx.is_empty() && matches!(self.state, State::TimeWait | State::Closed) {
                self.rx.release(env.memory);
            }
            self.save_memory(env);
        }
        Ok(total)
    }

    /// The service has nothing more to send (RFC 9293 section 3.10.4): FIN follows what is queued.
    pub fn shutdown(&mut self, env: &mut Env<'_>) {
        match self.state {
            State::SynSent => self.finish(CloseReason::Finished, env),
            // The FIN waits for the handshake.
            State::SynReceived => {}
            State::Established => self.state = State::FinWait1,
            State::CloseWait => self.state = State::LastAck,
            _ => return,
        }
        self.fin_wanted = true;
        self.work = true;
    }

    /// The service is done with the connection.
    pub fn close(&mut self, env: &mut Env<'_>) {
        self.owner = Owner::Gone;
        if !self.rx.is_empty() && !matches!(self.state, State::Closed | State::TimeWait) {
            // What the peer believes to be delivered was not read (RFC 1122 section 4.2.2.13).
            self.abort(env);
            return;
        }
        self.shutdown(env);
        if self.state == State::FinWait2 {
            self.timers.linger = Some(env.now + env.config.fin_wait);
        }
        if matches!(self.state, State::Closed | State::TimeWait) {
            self.rx.discard(env.memory);
        }
    }

    /// Ends the connection with a reset (RFC 9293 section 3.10.5).
    pub fn abort(&mut self, env: &mut Env<'_>) {
        if matches!(self.state, State::TimeWait | State::Closed) {
            self.close(env);
            return;
        }
        self.owner = Owner::Gone;
        if self.state != State::SynSent {
            self.send_reset();
        }
        self.finish(CloseReason::Aborted, env);
    }
}
