//! A segment arrives (RFC 9293 section 3.10.7, with RFC 5961 and RFC 7323).

use super::super::error::CloseReason;
use super::super::header::{Flags, Header};
use super::super::intake::Intake;
use super::super::ranges::Range;
use super::super::seq::Seq;
use super::super::state::State;
use super::{Connection, Env, Reset};

/// After this long without a segment the peer's timestamp clock may have wrapped, and PAWS lets everything pass (RFC 7323 section 5.5).
const PAWS_IDLE_US: i64 = 24 * 24 * 3600 * 1_000_000;

impl Connection {
    /// Takes a segment whose checksum, addresses and ports are right, and which is not for a new incarnation of the connection.
    pub fn segment(
        &mut self,
        header: &Header,
        payload: &[u8],
        link: [u8; 6],
        congested: bool,
        intake: &mut dyn Intake,
        env: &mut Env<'_>,
    ) {
        self.stats.segments_in += 1;
        match self.state {
            // The engine finds neither: in TIME-WAIT it has the identity.
            State::Closed | State::TimeWait => env.counters.drop_no_connection += 1,
            State::SynSent => self.segment_in_syn_sent(header, env),
            _ => self.segment_in_window(header, payload, link, congested, intake, env),
        }
    }

    fn segment_in_syn_sent(&mut self, header: &Header, env: &mut Env<'_>) {
        let ack = Seq(header.acknowledgement);
        let acknowledges = header.flags.contains(Flags::ACK);
        if acknowledges && (ack.le(self.iss) || ack.gt(self.snd_nxt)) {
            env.counters.drop_ack += 1;
            if !header.flags.contains(Flags::RST) {
                self.answer_with_reset(ack);
            }
            return;
        }
        if header.flags.contains(Flags::RST) {
            if acknowledges {
                self.finish(CloseReason::Refused, env);
            } else {
                env.counters.drop_rst += 1;
            }
            return;
        }
        if !header.flags.contains(Flags::SYN) {
            env.counters.drop_no_ack += 1;
            return;
        }
        self.take_syn(header, env.now, env.config);
        if acknowledges {
            self.syn_acknowledged(ack, env);
            // Data or a FIN that came with the SYN is left to be sent again.
            self.owe_ack();
        } else {
            // Simultaneous open.
            self.state = State::SynReceived;
            self.syn_due = true;
            self.work = true;
        }
    }

    /// Our SYN is acknowledged by `ack`.
    fn syn_acknowledged(&mut self, ack: Seq, env: &mut Env<'_>) {
        self.snd_una = ack;
        self.snd_nxt = ack;
        self.snd_wl2 = ack;
        // A connection that answers a cookie does not know when that was sent.
        let rtt = env.now.total_micros() - self.last_sent.total_micros();
        if self.syn_retries == 0 && rtt > 0 {
            self.rtt.sample(u32::try_from(rtt).unwrap_or(u32::MAX), env.now, env.config);
        }
        self.establish(env);
    }

    /// Whether some of the segment lies in the receive window (RFC 9293 section 3.4, table 6). An empty segment may also lie at its very
    /// end: that is where a peer stands who has filled the window.
    #[inline]
    fn in_window(&self, seq: Seq, len: u32) -> bool {
        if len == 0 {
            seq.ge(self.rcv_nxt) && seq.le(self.rcv_edge)
        } else if self.rcv_edge == self.rcv_nxt {
            // The window is zero: the ACK of a probe is looked at, its data is not taken.
            seq == self.rcv_nxt
        } else {
            seq.lt(self.rcv_edge) && (seq + len).gt(self.rcv_nxt)
        }
    }

    fn segment_in_window(
        &mut self,
        header: &Header,
        payload: &[u8],
        link: [u8; 6],
        congested: bool,
        intake: &mut dyn Intake,
        env: &mut Env<'_>,
    ) {
        let seq = Seq(header.sequence);
        let flags = header.flags;
        if self.agreed.timestamps && !flags.contains(Flags::RST) && !self.passes_paws(header, seq, payload, env) {
            return;
        }
        let len = header.sequence_len(payload.len());
        if !self.in_window(seq, len) {
            self.out_of_window(header, seq, len, env);
            return;
        }
        if flags.intersects(Flags::RST.with(Flags::SYN)) {
            if flags.contains(Flags::RST) {
                self.segment_with_reset(seq, env);
            } else {
                self.segment_with_syn(env);
            }
            return;
        }
        if !flags.contains(Flags::ACK) {
            env.counters.drop_no_ack += 1;
            return;
        }
        if let Some(timestamps) = header.options.timestamps
            && self.agreed.timestamps
            && seq.le(self.last_ack_sent)
        {
            self.ts_recent = timestamps.value;
            self.ts_recent_at = env.now;
        }
        if self.state == State::SynReceived && !self.complete_handshake(header, env) {
            return;
        }
        if !self.take_ack(header, payload.len(), env) {
            return;
        }
        self.path.link = link;
        self.note_marks(header, congested, env);
        if payload.is_empty() && !flags.contains(Flags::FIN) {
            return;
        }
        if self.state.can_receive() {
            self.take_data(seq, payload, flags.contains(Flags::FIN), intake, env);
        }
    }

    /// Whether the segment is not older than what was received before (RFC 7323 section 5.3 R1).
    #[inline]
    fn passes_paws(&mut self, header: &Header, seq: Seq, payload: &[u8], env: &mut Env<'_>) -> bool {
        let Some(timestamps) = header.options.timestamps else {
            env.counters.drop_no_timestamp += 1;
            return false;
        };
        let old = (timestamps.value.wrapping_sub(self.ts_recent) as i32) < 0;
        if !old || env.now.total_micros() - self.ts_recent_at.total_micros() > PAWS_IDLE_US {
            return true;
        }
        env.counters.drop_paws += 1;
        self.note_old(seq, header.sequence_len(payload.len()));
        self.challenge(env);
        false
    }

    /// If all of a segment was received before, the next ACK says so (RFC 2883).
    fn note_old(&mut self, seq: Seq, len: u32) {
        let end = seq + len;
        if self.agreed.sack && len > 0 && end.le(self.rcv_nxt) && self.state.is_synchronized() {
            self.reassembly.note_duplicate(Range { start: seq, end });
        }
    }

    fn out_of_window(&mut self, header: &Header, seq: Seq, len: u32, env: &mut Env<'_>) {
        env.counters.drop_window += 1;
        if header.flags.contains(Flags::RST) {
            return;
        }
        if self.state == State::SynReceived && header.flags.contains(Flags::SYN) && seq == self.irs {
            let ack = Seq(header.acknowledgement);
            if self.listener.is_none() && header.flags.contains(Flags::ACK) && ack == self.iss + 1 {
                // Both opened at the same time, and the peer has our SYN too: behind its own, which came before, its answer is an ACK. To answer that by
                // ours again would never end.
                self.snd_wnd = u32::from(header.window);
                self.syn_acknowledged(ack, env);
                self.owe_ack();
            } else {
                // The peer did not get our SYN with ACK.
                self.syn_due = true;
                self.work = true;
            }
            return;
        }
        if len == 0 || header.flags.contains(Flags::SYN) {
            // Never an endless exchange of ACKs.
            self.challenge(env);
        } else {
            self.note_old(seq, len);
            self.owe_ack();
            self.owed.at_once = true;
        }
    }

    /// RFC 5961 section 3.2: a reset must hit the next octet expected; one that only hits the window may be forged.
    fn segment_with_reset(&mut self, seq: Seq, env: &mut Env<'_>) {
        if seq != self.rcv_nxt {
            env.counters.drop_rst += 1;
            self.challenge(env);
            return;
        }
        let reason = match self.state {
            State::SynReceived if self.listener.is_none() => CloseReason::Refused,
            _ => CloseReason::Reset,
        };
        self.finish(reason, env);
    }

    /// RFC 5961 section 4.2, and RFC 9293 section 3.10.7.4 for SYN-RECEIVED.
    fn segment_with_syn(&mut self, env: &mut Env<'_>) {
        env.counters.drop_syn += 1;
        if self.state == State::SynReceived && self.listener.is_some() {
            // Back to listening.
            self.finish(CloseReason::Reset, env);
        } else {
            self.challenge(env);
        }
    }

    fn complete_handshake(&mut self, header: &Header, env: &mut Env<'_>) -> bool {
        let ack = Seq(header.acknowledgement);
        if ack.le(self.iss) || ack.gt(self.iss + 1) || self.snd_nxt == self.iss {
            env.counters.drop_ack += 1;
            self.answer_with_reset(ack);
            return false;
        }
        self.snd_wnd = u32::from(header.window) << self.agreed.send_scale;
        self.max_snd_wnd = self.snd_wnd;
        self.snd_wl1 = Seq(header.sequence);
        self.syn_acknowledged(ack, env);
        self.state.is_synchronized()
    }

    /// Answers a segment that acknowledges what was never sent.
    fn answer_with_reset(&mut self, ack: Seq) {
        self.reset = Some(Reset { sequence: ack, acknowledgement: None });
        self.work = true;
    }

    /// An ACK is due at the next output.
    pub(super) fn owe_ack(&mut self) {
        self.owed.due = true;
        self.work = true;
    }

    /// Sends a challenge ACK, unless there were too many (RFC 5961 section 10).
    pub(super) fn challenge(&mut self, env: &mut Env<'_>) {
        if self.state == State::SynReceived {
            // An ACK would tell a stranger nothing, and a peer gets our SYN again.
            if self.challenges.allow(env.now) {
                self.syn_due = true;
                self.work = true;
            }
        } else if self.challenges.allow(env.now) {
            env.counters.challenges += 1;
            self.owe_ack();
            self.owed.at_once = true;
        } else {
            env.counters.challenges_suppressed += 1;
        }
    }
}
