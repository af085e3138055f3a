//! The data of a segment: to the service where it lies, or into the receive buffer, in order or to wait for what is missing (RFC 9293 section 3.10.7.4 steps 7 and 8,
//! RFC 5681 section 4.2).

use super::super::error::CloseReason;
use super::super::event::Kinds;
use super::super::intake::Intake;
use super::super::ranges::Range;
use super::super::seq::Seq;
use super::super::state::State;
use super::{Connection, Env, Owner};

impl Connection {
    /// Takes the data and the FIN of a segment that lies in the window.
    pub(super) fn take_data(
        &mut self,
        seq: Seq,
        mut payload: &[u8],
        fin: bool,
        intake: &mut dyn Intake,
        env: &mut Env<'_>,
    ) {
        let end = seq + payload.len() as u32;
        if self.owner == Owner::Gone && end.gt(self.rcv_nxt) {
            // Nobody will ever read it, and the peer must know (RFC 1122 section 4.2.2.13).
            env.counters.drop_after_close += 1;
            self.send_reset();
            self.finish(CloseReason::Aborted, env);
            return;
        }
        let mut start = seq;
        if start.lt(self.rcv_nxt) {
            let old = self.rcv_nxt - start;
            payload = payload.get(old as usize..).unwrap_or(&[]);
            start = self.rcv_nxt;
        }
        let gap = (start - self.rcv_nxt) as usize;
        let room = self.rx.free().saturating_sub(gap);
        let mut whole = payload.len() <= room;
        payload = &payload[..payload.len().min(room)];
        if let Some(last) = self.peer_fin
            && end.gt(last)
        {
            // Nothing comes after a FIN.
            let keep = if last.gt(start) { (last - start) as usize } else { 0 };
            payload = &payload[..payload.len().min(keep)];
        }
        let in_place = if gap == 0 { self.offer_in_place(payload, intake, env) } else { 0 };
        if in_place < payload.len() && !self.hold_receive_buffer(gap + payload.len() - in_place, env) {
            payload = &payload[..in_place];
            whole = false;
        }
        if fin
            && whole
            && self.peer_fin.is_none()
            && self.reassembly.reach(self.rcv_nxt) <= (end - self.rcv_nxt) as usize
        {
            self.peer_fin = Some(end);
        }
        if !whole {
            // Beyond the window: the peer learns it from the ACK.
            self.owe_ack();
        }
        if gap > 0 {
            self.take_out_of_order(start, payload, gap, env);
        } else if !payload.is_empty() {
            self.take_in_order(payload, in_place, env);
        }
        if self.peer_fin == Some(self.rcv_nxt) {
            self.take_fin(env);
        }
    }

    /// Offers octets that come next to the service, if nothing waits before or behind them. Returns how many it took.
    #[inline]
    fn offer_in_place(&mut self, payload: &[u8], intake: &mut dyn Intake, env: &mut Env<'_>) -> usize {
        let possible = self.rx.is_empty() && self.reassembly.is_empty() && self.owner == Owner::Service;
        if !possible || payload.is_empty() {
            return 0;
        }
        let (id, listener) = (self.id, self.listener);
        intake.take(id, listener, payload, &mut |octets| self.send(octets, env).unwrap_or(0)).min(payload.len())
    }

    /// Of `payload` the first `in_place` octets are with the service already.
    #[inline]
    fn take_in_order(&mut self, payload: &[u8], in_place: usize, env: &mut Env<'_>) {
        let len = payload.len() as u32;
        self.rx.write_beyond(0, &payload[in_place..]);
        self.rx.fill(payload.len() - in_place);
        self.rcv_nxt += len;
        if in_place > 0 {
            env.counters.bytes_in_place += in_place as u64;
            self.measured += in_place;
            self.grow_receive_buffer(env);
        }
        let mut taken = len;
        if !self.reassembly.is_empty() {
            // A hole is filled, wholly or in part: acknowledged at once.
            let next = self.reassembly.advance(self.rcv_nxt);
            let waited = next - self.rcv_nxt;
            self.rx.fill(waited as usize);
            self.rcv_nxt = next;
            taken += waited;
            self.owe_ack();
            self.owed.at_once = true;
        }
        // The peer may have used more than was announced to it, as far as there was room.
        self.rcv_edge = self.rcv_edge.max(self.rcv_nxt);
        self.stats.bytes_in += u64::from(taken);
        env.counters.bytes_in += u64::from(taken);
        self.events |= Kinds::READABLE;
        self.owe_ack_for(len, env);
    }

    /// Decides when data that came in order is acknowledged (RFC 9293 section 3.8.6.3). Segments that the card joined came in one burst anyway,
    /// so that one ACK serves several such frames, unless the peer would have to wait for it: it needs one long before it has filled the window.
    #[inline]
    fn owe_ack_for(&mut self, len: u32, env: &mut Env<'_>) {
        self.peer_segment = self.peer_segment.max(len).min(self.segment_limit);
        self.owed.octets = self.owed.octets.saturating_add(len);
        self.owed.segments += 1;
        if self.owed.quick > 0 {
            self.owed.quick -= 1;
            self.owe_ack();
        } else if self.owed.octets >= 2 * self.peer_segment {
            self.owe_ack();
            let stretch = env.config.max_stretch;
            let most = (stretch * self.peer_segment).max(self.rx.capacity() as u32 / 4);
            self.owed.at_once |= self.owed.segments >= stretch || self.owed.octets >= most;
        } else if self.timers.ack.is_none() {
            self.timers.ack = Some(env.now + env.config.delayed_ack);
        }
    }

    fn take_out_of_order(&mut self, start: Seq, payload: &[u8], gap: usize, env: &mut Env<'_>) {
        // Each such segment has an ACK of its own at once: the peer counts them (RFC 5681 section 4.2).
        self.owe_ack();
        self.owed.at_once = true;
        if payload.is_empty() {
            return;
        }
        let range = Range { start, end: start + payload.len() as u32 };
        if self.reassembly.hold(range).is_ok() {
            self.rx.write_beyond(gap, payload);
        } else {
            env.counters.drop_reassembly += 1;
        }
    }

    fn take_fin(&mut self, env: &mut Env<'_>) {
        self.rcv_nxt += 1;
        self.rcv_edge = self.rcv_edge.max(self.rcv_nxt);
        self.owe_ack();
        self.events |= Kinds::READABLE;
        match self.state {
            State::Established => self.state = State::CloseWait,
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.enter_time_wait(env),
            _ => {}
        }
    }

    /// Whether the peer has finished and everything has been read.
    pub(super) fn at_end(&self) -> bool {
        self.rx.is_empty() && self.peer_fin.is_some_and(|fin| self.rcv_nxt.gt(fin))
    }

    /// The right edge of the window that may be announced. It never moves back, and it moves by steps that are worth it
    /// (RFC 9293 section 3.8.6.2.2).
    pub(super) fn next_edge(&self) -> Seq {
        let edge = self.rcv_nxt + self.rx.free() as u32;
        if edge.le(self.rcv_edge) {
            return self.rcv_edge;
        }
        let worth = (self.rx.capacity() as u32 / 2).min(self.segment_limit);
        if edge - self.rcv_edge >= worth { edge } else { self.rcv_edge }
    }

    /// The service has read: whether the peer should hear of the larger window although there is nothing else to say.
    pub(super) fn announce_window(&mut self) {
        if !self.state.can_receive() {
            return;
        }
        let edge = self.rcv_nxt + self.rx.free() as u32;
        let gained = if edge.gt(self.rcv_edge) { edge - self.rcv_edge } else { 0 };
        let capacity = self.rx.capacity() as u32;
        let left = if self.rcv_edge.gt(self.rcv_nxt) { self.rcv_edge - self.rcv_nxt } else { 0 };
        let step = (capacity / 2).min(2 * self.segment_limit);
        if gained >= capacity / 4 || (left < step && gained >= step) {
            self.owe_ack();
        }
    }
}
