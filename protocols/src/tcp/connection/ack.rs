//! The acknowledgement field: what has arrived, the peer's window, RTT (RFC 9293 section 3.10.7.4 step 5, RFC 2018, RFC 6298).

use super::super::error::CloseReason;
use super::super::event::Kinds;
use super::super::header::{Flags, Header};
use super::super::ranges::Range;
use super::super::scoreboard::{Delivered, Judge};
use super::super::seq::Seq;
use super::super::state::State;
use super::frto::Frto;
use super::recovery::Phase;
use super::{Connection, Env, Owner};
use crate::congestion::{Ack, AckFlags, Congestion};

impl Connection {
    /// Takes the acknowledgement of a segment that lies in the window. Whether the rest of the segment is to be looked at.
    pub(super) fn take_ack(&mut self, header: &Header, payload: usize, env: &mut Env<'_>) -> bool {
        let ack = Seq(header.acknowledgement);
        let mut sent = self.snd_nxt;
        if self.probed {
            sent += 1;
        }
        // RFC 5961 section 5.2
        if ack.gt(sent) || ack.lt(self.snd_una - self.max_snd_wnd) {
            env.counters.drop_ack += 1;
            self.challenge(env);
            return false;
        }
        if ack.lt(self.snd_una) {
            return true;
        }
        let changed = self.take_window(header, ack, env);
        let advanced = ack - self.snd_una;
        let no_duplicate = changed || payload > 0;
        if self.probe.is_some() {
            let plain = advanced == 0 && header.options.sack.is_empty() && !no_duplicate;
            self.answer_probe(ack, self.duplicate_report(header), plain, env);
        }
        let held_back = self.take_echo(header, ack, env);
        if advanced == 0 && header.options.sack.is_empty() && (no_duplicate || self.scoreboard.flight() == 0) {
            // Nothing is acknowledged, and it is no duplicate ACK (RFC 5681 section 2).
            // A window of zero may last for ever, as long as a service waits for it to open.
            if self.snd_wnd > 0 || self.owner == Owner::Service {
                self.recovery.retries = 0;
            }
            if held_back {
                self.hold_back(env);
            }
            return true;
        }
        self.take_acknowledgement(header, ack, advanced, no_duplicate, env);
        if held_back {
            self.hold_back(env);
        }
        self.after_fin(env)
    }

    /// Takes the peer's window, unless the segment is older than the one that told the last window. Whether it changed.
    #[inline]
    fn take_window(&mut self, header: &Header, ack: Seq, env: &mut Env<'_>) -> bool {
        let seq = Seq(header.sequence);
        if !(self.snd_wl1.lt(seq) || (self.snd_wl1 == seq && self.snd_wl2.le(ack))) {
            return false;
        }
        let window = u32::from(header.window) << self.agreed.send_scale;
        let changed = window != self.snd_wnd;
        // The right edge moved: there may be room for data.
        if (ack + window).gt(self.snd_una + self.snd_wnd) {
            self.work = true;
        }
        if self.snd_wnd == 0 && window > 0 {
            self.rtt.end_back_off();
            self.timers.send = None;
            self.recovery.probe = false;
            if self.scoreboard.flight() > 0 {
                self.timers.send = Some(env.now + self.rtt.timeout(env.config));
            }
        }
        self.snd_wnd = window;
        self.max_snd_wnd = self.max_snd_wnd.max(window);
        self.snd_wl1 = seq;
        self.snd_wl2 = ack;
        changed
    }

    fn take_acknowledgement(
        &mut self,
        header: &Header,
        ack: Seq,
        advanced: u32,
        no_duplicate: bool,
        env: &mut Env<'_>,
    ) {
        let prior_in_flight = self.window.in_flight;
        let echo = header.options.timestamps.filter(|_| self.agreed.timestamps).map(|timestamps| timestamps.echo);
        let mut delivered = Delivered::new(Judge {
            now: env.now,
            min_rtt: self.rtt.min,
            echo: echo.map(|echo| echo.wrapping_sub(self.ts_offset)),
            highest: self.scoreboard.highest().unwrap_or(self.snd_una),
        });
        if advanced > 0 {
            self.advance(ack, &mut delivered);
            self.save_memory(env);
            self.detect_spurious(echo, env);
        }
        if self.agreed.sack && !header.options.sack.is_empty() {
            self.take_sack(header, &mut delivered, env);
        }
        let rtt = self.sample_rtt(header, advanced, &delivered, env);
        let duplicate = advanced == 0
            && if self.agreed.sack {
                delivered.by_sack > 0
            } else {
                !no_duplicate && !header.flags.intersects(Flags::SYN.with(Flags::FIN))
            };
        if self.recovery.frto != Frto::Off {
            self.answer_forward(advanced, duplicate, &delivered, env);
        }
        let left_fast_recovery = advanced > 0 && self.leave_recovery();
        let lost = self.find_losses(advanced, duplicate, &delivered, env);
        self.window.delivered += u64::from(delivered.octets);
        self.window.in_flight = self.scoreboard.pipe();
        let now = env.now.total_micros() as u64;
        if left_fast_recovery {
            env.congestion.recovered(self.flow(), &mut self.window, now);
        }
        if let Some((last, before)) = &delivered.last {
            let rate = self.rate.sample(
                env.now,
                last.at,
                before,
                self.window.delivered,
                self.scoreboard.lost_ever(),
                self.rtt.min,
            );
            let flags = self.ack_flags(header, ack);
            let delivered = delivered.octets;
            let report = Ack { now, acked: advanced, delivered, lost, prior_in_flight, rtt, flags, rate };
            env.congestion.acknowledged(self.flow(), &mut self.window, &report);
        }
        self.react_to_loss(lost, delivered.octets, env);
        if self.recovery.phase == Phase::Fast {
            let (in_flight, ssthresh, safe) = (self.window.in_flight, self.window.ssthresh, advanced > 0 && lost == 0);
            self.recovery.prr.acknowledged(delivered.octets, in_flight, ssthresh, self.window.mss, safe);
        }
        self.work = true;
        if advanced > 0 {
            self.timers.send = (self.scoreboard.flight() > 0).then(|| env.now + self.rtt.timeout(env.config));
        }
        if advanced > 0 || delivered.by_sack > 0 {
            self.arm_probe(env);
        }
    }

    /// SND.UNA becomes `ack`.
    fn advance(&mut self, ack: Seq, delivered: &mut Delivered) {
        if ack.gt(self.snd_nxt) {
            // The peer took the octet of a window probe.
            let probe = Range { start: self.snd_nxt, end: ack };
            let snapshot = self.snapshot(self.last_sent, probe.len());
            self.scoreboard.sent(probe, self.last_sent, snapshot);
            self.snd_nxt = ack;
        }
        self.probed = false;
        let acked = ack - self.snd_una;
        self.scoreboard.acknowledged(ack, delivered);
        self.snd_una = ack;
        let data = (acked as usize).min(self.tx.len());
        self.tx.consume(data);
        self.stats.bytes_out += data as u64;
        self.recovery.retries = 0;
        if self.wants_room && self.tx.free() >= self.tx.capacity() / 4 {
            self.wants_room = false;
            if self.owner == Owner::Service {
                self.events |= Kinds::WRITABLE;
            }
        }
    }

    /// What the ACK reports as received twice: its first block, if it lies before the acknowledgement or within the second block
    /// (RFC 2883 section 4).
    fn duplicate_report(&self, header: &Header) -> Option<Range> {
        let blocks = header.options.sack.as_slice();
        let &(start, end) = blocks.first().filter(|_| self.agreed.sack)?;
        let block = Range { start: Seq(start), end: Seq(end) };
        let within = |&(first, last): &(u32, u32)| block.start.ge(Seq(first)) && block.end.le(Seq(last));
        let known = block.end.le(Seq(header.acknowledgement)) || blocks.get(1).is_some_and(within);
        (block.start.lt(block.end) && known).then_some(block)
    }

    fn take_sack(&mut self, header: &Header, delivered: &mut Delivered, env: &mut Env<'_>) {
        // Blocks that cut records into pieces cannot make more than twice as many as were sent.
        let max_records = 2 * Self::max_records(env.config);
        let duplicate = self.duplicate_report(header);
        if let Some(duplicate) = duplicate {
            self.stats.duplicates += 1;
            env.counters.duplicate_reports += 1;
            // A duplicate that the network made says nothing of what was sent again.
            if self.recovery.in_doubt > 0 {
                self.rack.duplicate_reported(self.snd_una, self.snd_nxt);
            }
            self.needless(duplicate.len(), env);
        }
        for &(start, end) in header.options.sack.as_slice().iter().skip(usize::from(duplicate.is_some())) {
            let block = Range { start: Seq(start), end: Seq(end) };
            if block.start.ge(self.snd_una) && block.start.lt(block.end) && block.end.le(self.snd_nxt) {
                self.scoreboard.sack(block, max_records, delivered);
            }
        }
    }

    /// Takes an RTT sample, if the ACK gives one: from the record of what it acknowledges, otherwise from the echoed timestamp
    /// (RFC 7323 section 4.1).
    fn sample_rtt(&mut self, header: &Header, advanced: u32, delivered: &Delivered, env: &mut Env<'_>) -> u32 {
        let sample = match (delivered.newest, header.options.timestamps) {
            (Some(sent), _) => env.now.total_micros() - sent.total_micros(),
            (None, Some(timestamps)) if self.agreed.timestamps && advanced > 0 && delivered.octets > 0 => {
                let millis = self.timestamp(env.now).wrapping_sub(timestamps.echo);
                // An echo from the future, or older than any timeout, is no measurement.
                if millis > 120_000 {
                    return 0;
                }
                i64::from(millis.max(1)) * 1000
            }
            _ => return 0,
        };
        let sample = u32::try_from(sample.max(1)).unwrap_or(u32::MAX);
        self.rtt.sample(sample, env.now, env.config);
        self.probe_unmeasured = false;
        self.copy_rtt();
        sample
    }

    /// Shows the controllers what RTT is.
    pub(super) fn copy_rtt(&mut self) {
        self.window.srtt = self.rtt.srtt;
        self.window.rttvar = self.rtt.rttvar;
        self.window.min_rtt = self.rtt.min;
    }

    fn ack_flags(&mut self, header: &Header, ack: Seq) -> AckFlags {
        let mut flags = match self.recovery.phase {
            Phase::Open => AckFlags::NONE,
            Phase::Fast => AckFlags::FAST_RECOVERY,
            Phase::Timeout => AckFlags::TIMEOUT_RECOVERY,
        };
        match self.recovery.limited {
            Some(limited) if ack.le(limited) => flags |= AckFlags::CWND_LIMITED,
            _ => self.recovery.limited = None,
        }
        if self.agreed.ecn && header.flags.contains(Flags::ECE) {
            flags |= AckFlags::ECN_ECHO;
        }
        if ack.ge(self.recovery.round_end) {
            flags |= AckFlags::ROUND_START;
            self.recovery.round_end = self.snd_nxt;
        }
        flags
    }

    /// Moves on if our FIN is acknowledged. Whether the connection goes on.
    fn after_fin(&mut self, env: &mut Env<'_>) -> bool {
        if !self.fin_sent || self.snd_una != self.snd_nxt {
            return true;
        }
        match self.state {
            State::FinWait1 => {
                self.state = State::FinWait2;
                if self.owner == Owner::Gone {
                    self.timers.linger = Some(env.now + env.config.fin_wait);
                }
                true
            }
            State::Closing => {
                self.enter_time_wait(env);
                true
            }
            State::LastAck => {
                self.finish(CloseReason::Finished, env);
                false
            }
            _ => true,
        }
    }
}
