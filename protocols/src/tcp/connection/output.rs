//! What a connection sends, and when (RFC 9293 sections 3.7.4, 3.8.6).

use super::super::config::Config;
use super::super::egress::{Egress, Full};
use super::super::header::{Flags, Header};
use super::super::options::{Options, Timestamps};
use super::super::pacer::Pace;
use super::super::payload::Payload;
use super::super::ranges::Range;
use super::super::rate::Snapshot;
use super::super::seq::Seq;
use super::super::state::State;
use super::recovery::Phase;
use super::{Connection, Env, OwedAck, Reset};
use crate::congestion::{Congestion, Restart};
use crate::time::Instant;

/// The longest run of segments that one call of the link carries, in octets: what fits into an IP packet.
const MAX_RUN: u32 = 65_535 - 120;

/// What goes out next.
enum Next {
    /// Something lost, again.
    Again(Range),
    /// New data: octets, and whether the FIN goes with it.
    New(u32, bool),
    Nothing,
}

impl Connection {
    /// Transmissions that may be on record at a time; beyond, sending waits for ACKs.
    pub(super) fn max_records(config: &Config) -> usize {
        (config.send_buffer / 512).max(2048)
    }

    /// Sends what is due. `Ok(true)` means that there is more, but that it is the others' turn.
    ///
    /// # Errors
    /// [`Full`] if the link had no room; what is left is sent when called again.
    pub fn output(&mut self, env: &mut Env<'_>, out: &mut dyn Egress) -> Result<bool, Full> {
        if let Some(reset) = self.reset {
            self.emit_reset(reset, env, out)?;
            self.reset = None;
        }
        let mut more = false;
        match self.state {
            State::Closed => return Ok(false),
            State::SynSent | State::SynReceived => {
                if self.syn_due {
                    self.emit_syn(env, out)?;
                }
                return Ok(false);
            }
            State::TimeWait => {}
            _ => more = self.send_data(env, out)?,
        }
        if self.owed.due {
            self.send_ack(env, out)?;
        }
        Ok(more)
    }

    fn emit_reset(&mut self, reset: Reset, env: &mut Env<'_>, out: &mut dyn Egress) -> Result<(), Full> {
        let header = Header {
            source_port: self.key.local_port,
            destination_port: self.key.remote_port,
            sequence: reset.sequence.0,
            acknowledgement: reset.acknowledgement.map_or(0, |ack| ack.0),
            flags: if reset.acknowledgement.is_some() { Flags::RST.with(Flags::ACK) } else { Flags::RST },
            ..Header::default()
        };
        out.send(&self.path, &header, Payload::default())?;
        env.counters.resets_out += 1;
        env.counters.segments_out += 1;
        Ok(())
    }

    fn emit_syn(&mut self, env: &mut Env<'_>, out: &mut dyn Egress) -> Result<(), Full> {
        let header = self.syn_header(env.now, env.config);
        out.send(&self.path, &header, Payload::default())?;
        self.syn_due = false;
        self.snd_nxt = self.iss + 1;
        self.last_sent = env.now;
        self.timers.send = Some(env.now + self.rtt.timeout(env.config));
        self.stats.segments_out += 1;
        env.counters.segments_out += 1;
        if self.syn_retries > 0 {
            self.stats.retransmitted += 1;
            env.counters.retransmitted += 1;
        }
        Ok(())
    }

    /// The header of a segment at `snd_nxt` without data: what every segment has.
    pub(super) fn header(&mut self, env: &Env<'_>) -> Header {
        let edge = self.next_edge();
        self.rcv_edge = self.rcv_edge.max(edge);
        let window = (self.rcv_edge - self.rcv_nxt) >> self.agreed.receive_scale;
        let timestamps =
            self.agreed.timestamps.then(|| Timestamps { value: self.timestamp(env.now), echo: self.ts_recent });
        let mut options = Options { timestamps, ..Options::default() };
        if self.agreed.sack && (!self.reassembly.is_empty() || self.reassembly.has_duplicate()) {
            options.sack = self.reassembly.blocks(if timestamps.is_some() { 3 } else { 4 });
        }
        Header {
            source_port: self.key.local_port,
            destination_port: self.key.remote_port,
            sequence: self.snd_nxt.0,
            acknowledgement: self.rcv_nxt.0,
            flags: if self.echoes() { Flags::ACK.with(Flags::ECE) } else { Flags::ACK },
            window: window.min(65_535) as u16,
            urgent: 0,
            options,
            segment_size: (self.segment_limit as usize).saturating_sub(options.len()).max(1) as u16,
            ecn_capable: false,
        }
    }

    /// A segment with our ACK has gone out.
    fn sent_ack(&mut self, segments: u64, env: &mut Env<'_>) {
        self.owed = OwedAck { quick: self.owed.quick, ..OwedAck::default() };
        self.timers.ack = None;
        self.last_ack_sent = self.rcv_nxt;
        self.reassembly.reported();
        self.stats.segments_out += segments;
        env.counters.segments_out += segments;
    }

    /// Sends an ACK without data.
    pub fn send_ack(&mut self, env: &mut Env<'_>, out: &mut dyn Egress) -> Result<(), Full> {
        let header = self.header(env);
        out.send(&self.path, &header, Payload::default())?;
        self.sent_ack(1, env);
        Ok(())
    }

    /// Whether an ACK has to go out before the next segment is looked at.
    pub fn ack_at_once(&self) -> bool {
        self.owed.at_once && self.state.is_synchronized()
    }

    fn send_data(&mut self, env: &mut Env<'_>, out: &mut dyn Egress) -> Result<bool, Full> {
        if self.recovery.probe {
            self.emit_probe(env, out)?;
        }
        if self.probe_due {
            self.emit_tail_probe(env, out)?;
        }
        let segments = out.max_segments(&self.path).max(1) as u32;
        let mut left = env.config.burst as u32;
        let begun = self.snd_nxt;
        let to_send = self.unsent() > 0 || self.scoreboard.has_lost();
        let pace = if to_send { Pace::of(&self.window, env.config.pacing) } else { None };
        // Octets that may still leave at once when paced.
        let mut allowed = 0;
        while left > 0 {
            let mut header = self.header(env);
            let size = u32::from(header.segment_size);
            let mut run = size * segments.min(left).min(MAX_RUN / size).max(1);
            if let Some(pace) = &pace {
                run = run.min((pace.quantum / size).max(1) * size);
            }
            let next = self.next(size, run, env);
            // The first retransmission of a recovery does not wait, and a quantum is not cut short.
            if let Some(pace) = &pace
                && allowed == 0
                && !self.recovery.force
                && !matches!(next, Next::Nothing)
            {
                self.timers.pace = self.pacer.wait(env.now);
                if self.timers.pace.is_some() {
                    self.rearm(begun, env);
                    return Ok(false);
                }
                allowed = pace.quantum;
            }
            let before = self.stats.sent;
            match next {
                Next::Again(range) => self.emit_again(range, &mut header, env, out)?,
                Next::New(len, fin) => self.emit_new(len, fin, &mut header, env, out)?,
                Next::Nothing => {
                    self.rearm(begun, env);
                    self.note_idleness();
                    return Ok(false);
                }
            }
            if let Some(pace) = &pace {
                let sent = (self.stats.sent - before) as u32;
                self.pacer.sent(sent, pace, env.now);
                allowed = allowed.saturating_sub(sent);
            }
            left -= segments.min(left);
        }
        self.rearm(begun, env);
        Ok(true)
    }

    /// Sees to it that something happens if no ACK comes. New data is what lies beyond `begun`.
    fn rearm(&mut self, begun: Seq, env: &mut Env<'_>) {
        let waiting = self.scoreboard.flight() > 0 || self.unsent() > 0 || (self.fin_wanted && !self.fin_sent);
        if waiting && self.timers.send.is_none() {
            self.timers.send = Some(env.now + self.rtt.timeout(env.config));
        }
        if begun != self.snd_nxt || self.timers.probe.is_none() {
            self.arm_probe(env);
        }
    }

    /// Notes that it is the service that limits the rate, if it is: nothing waits to be sent, and the network would take more.
    #[inline]
    fn note_idleness(&mut self) {
        let in_flight = self.scoreboard.pipe();
        if self.unsent() < self.window.mss && !self.scoreboard.has_lost() && in_flight < self.window.cwnd {
            self.rate.limited_by_service(self.window.delivered, in_flight);
        }
    }

    /// What a transmission of `len` octets notes for the delivery rate.
    #[inline]
    pub(super) fn snapshot(&mut self, now: Instant, len: u32) -> Snapshot {
        let in_flight = self.scoreboard.pipe();
        self.rate.sending(now, len, in_flight, self.window.delivered, self.scoreboard.lost_ever())
    }

    /// Chooses what goes out next, at most `run` octets in segments of `size`.
    fn next(&mut self, size: u32, run: u32, env: &Env<'_>) -> Next {
        let pipe = self.scoreboard.pipe();
        let room = self.flight_limit().saturating_sub(pipe);
        let (run, room) = match self.recovery.frto.forward() {
            Some(end) if self.snd_nxt.ge(end) => return Next::Nothing,
            // Even where all that was sent before may still be in the network, and fills cwnd.
            Some(end) => (run.min(end - self.snd_nxt), room.max(end - self.snd_nxt)),
            None if self.scoreboard.has_lost() => return self.next_again(size, run, room),
            None => (run, room),
        };
        if self.scoreboard.records() >= Self::max_records(env.config) {
            return Next::Nothing;
        }
        if let Some(until) = self.marks.holds(env.now) {
            self.timers.pace = Some(until);
            return Next::Nothing;
        }
        self.next_new(size, run, pipe, room)
    }

    fn next_again(&mut self, size: u32, run: u32, room: u32) -> Next {
        let Some(lost) = self.scoreboard.next_lost() else { return Next::Nothing };
        let forced = self.recovery.force;
        if (room < size.min(lost.len()) || self.snd_wnd == 0) && !forced {
            return Next::Nothing;
        }
        let limit = if forced { size } else { run.min(room.max(size)) };
        let len = lost.len().min(limit);
        Next::Again(Range { start: lost.start, end: lost.start + len })
    }

    /// New data, as far as the peer's window, cwnd, Nagle and the avoidance of silly windows permit (RFC 9293 section 3.8.6.2.1).
    fn next_new(&mut self, size: u32, run: u32, pipe: u32, room: u32) -> Next {
        let unsent = self.unsent();
        let fin = self.fin_wanted && !self.fin_sent;
        if unsent == 0 && !fin {
            return Next::Nothing;
        }
        let flight = self.snd_nxt - self.snd_una;
        let usable = self.snd_wnd.saturating_sub(flight);
        if usable == 0 {
            return Next::Nothing;
        }
        if unsent == 0 {
            return Next::New(0, true);
        }
        let mut len = unsent.min(usable).min(run);
        let all = len == unsent;
        if len > size && !all {
            len -= len % size;
        }
        let idle = flight == 0;
        let worth = len >= size
            || (all && (idle || !self.nagle || fin))
            || (len >= self.max_snd_wnd / 2 && (idle || !self.nagle))
            || self.override_sws;
        if !worth {
            return Next::Nothing;
        }
        if len > room && pipe > 0 {
            // cwnd decides. A segment is not made smaller for it.
            len = room - room % size;
            if len == 0 {
                self.recovery.limited = Some(self.snd_nxt);
                return Next::Nothing;
            }
        } else if len > room {
            len = len.min(room.max(size));
        }
        Next::New(len, fin && len == unsent)
    }

    pub(super) fn emit_new(
        &mut self,
        len: u32,
        fin: bool,
        header: &mut Header,
        env: &mut Env<'_>,
        out: &mut dyn Egress,
    ) -> Result<(), Full> {
        if self.scoreboard.flight() == 0 {
            self.restart(env);
        }
        let offset = (self.snd_nxt - self.snd_una) as usize;
        let reach = self.tx.reach(offset, len as usize) as u32;
        let (len, fin) = (reach, fin && reach == len);
        if offset + len as usize == self.tx.len() && len > 0 {
            header.flags = header.flags.with(Flags::PSH);
        }
        let alone = self.mark_capable(header, len) && len > u32::from(header.segment_size);
        let (len, fin) = if alone { (u32::from(header.segment_size), false) } else { (len, fin) };
        if fin {
            header.flags = header.flags.with(Flags::FIN);
        }
        out.send(&self.path, header, self.tx.parts(offset, len as usize))?;
        self.sent_capable(header);
        let range = Range { start: self.snd_nxt, end: self.snd_nxt + len + u32::from(fin) };
        let snapshot = self.snapshot(env.now, range.len());
        self.scoreboard.sent(range, env.now, snapshot);
        self.recovery.prr.sent(range.len());
        self.snd_nxt = range.end;
        self.fin_sent |= fin;
        self.probed = false;
        self.override_sws = false;
        self.window.in_flight = self.scoreboard.pipe();
        if self.recovery.duplicates > 0 && self.recovery.phase == Phase::Open {
            self.recovery.limited_transmit += len;
        }
        env.counters.bytes_out += u64::from(len);
        self.sent_data(len, header, env);
        Ok(())
    }

    fn sent_data(&mut self, len: u32, header: &Header, env: &mut Env<'_>) {
        self.stats.sent += u64::from(len);
        self.last_sent = env.now;
        self.sent_ack(u64::from(len.div_ceil(u32::from(header.segment_size)).max(1)), env);
        if self.timers.send.is_none() {
            self.timers.send = Some(env.now + self.rtt.timeout(env.config));
        }
    }

    /// Sending begins with nothing in flight.
    fn restart(&mut self, env: &mut Env<'_>) {
        let idle = (env.now.total_micros() - self.last_sent.total_micros()).max(0) as u64;
        let rto = u32::try_from(self.rtt.timeout(env.config).total_micros()).unwrap_or(u32::MAX);
        let restart = Restart { now: env.now.total_micros() as u64, idle, rto };
        env.congestion.restart(self.flow(), &mut self.window, &restart);
        self.timers.send = None;
    }

    pub(super) fn emit_again(
        &mut self,
        range: Range,
        header: &mut Header,
        env: &mut Env<'_>,
        out: &mut dyn Egress,
    ) -> Result<(), Full> {
        header.sequence = range.start.0;
        let offset = (range.start - self.snd_una) as usize;
        let wanted = (range.len() as usize).min(self.tx.len().saturating_sub(offset));
        let data = self.tx.reach(offset, wanted);
        let range = if data < wanted { Range { start: range.start, end: range.start + data as u32 } } else { range };
        if self.fin_sent && range.end == self.snd_nxt {
            header.flags = header.flags.with(Flags::FIN);
        }
        if offset + data == self.tx.len() && data > 0 {
            header.flags = header.flags.with(Flags::PSH);
        }
        out.send(&self.path, header, self.tx.parts(offset, data))?;
        let snapshot = self.snapshot(env.now, range.len());
        self.scoreboard.sent_again(range, env.now, snapshot);
        self.recovery.sent_again(range.len(), header.options.timestamps.map(|timestamps| timestamps.value));
        self.window.in_flight = self.scoreboard.pipe();
        let segments = u64::from(range.len().div_ceil(u32::from(header.segment_size)));
        self.stats.retransmitted += segments;
        env.counters.retransmitted += segments;
        self.sent_data(range.len(), header, env);
        Ok(())
    }

    /// One octet, or the FIN, beyond the peer's window of zero, so that its ACK tells whether the window has opened
    /// (RFC 9293 section 3.8.6.1).
    fn emit_probe(&mut self, env: &mut Env<'_>, out: &mut dyn Egress) -> Result<(), Full> {
        let mut header = self.header(env);
        env.counters.probes += 1;
        if self.unsent() == 0 {
            self.recovery.probe = false;
            return if self.fin_wanted && !self.fin_sent {
                self.emit_new(0, true, &mut header, env, out)
            } else {
                Ok(())
            };
        }
        header.flags = header.flags.with(Flags::PSH);
        let offset = (self.snd_nxt - self.snd_una) as usize;
        out.send(&self.path, &header, self.tx.parts(offset, 1))?;
        self.recovery.probe = false;
        self.probed = true;
        self.last_sent = env.now;
        self.sent_ack(1, env);
        Ok(())
    }
}
