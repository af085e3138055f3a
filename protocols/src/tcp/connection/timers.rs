//! What time does to a connection.

use super::super::error::CloseReason;
use super::super::state::State;
use super::{Connection, Env};
use crate::congestion::{Congestion, Timeout};
use crate::time::Instant;

/// The deadlines of a connection. Whether `send` is the retransmission timer or the persist timer depends on whether something is in
/// flight when it expires.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timers {
    /// Retransmission (RFC 6298), or zero-window probe and silly-window override (RFC 9293 sections 3.8.6.1 and 3.8.6.2.1).
    pub send: Option<Instant>,
    /// Delayed ACK.
    pub ack: Option<Instant>,
    /// The reordering window of what has been overtaken ends (RFC 8985 section 6.2 step 5).
    pub reordering: Option<Instant>,
    /// Tail loss probe (RFC 8985 section 7.2, PTO).
    pub probe: Option<Instant>,
    /// The buffers are looked at, whether they are in use.
    pub buffers: Option<Instant>,
    /// The next departure of a connection that is paced.
    pub pace: Option<Instant>,
    /// End of waiting in FIN-WAIT-2 for a peer when nobody here waits any more.
    pub linger: Option<Instant>,
}

impl Timers {
    /// The earliest deadline.
    #[inline]
    pub fn earliest(&self) -> Option<Instant> {
        let earlier = |a: Option<Instant>, b: Option<Instant>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let loss = earlier(self.reordering, self.probe);
        earlier(earlier(earlier(self.send, self.ack), earlier(self.linger, loss)), earlier(self.pace, self.buffers))
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

fn take_expired(timer: &mut Option<Instant>, now: Instant) -> bool {
    let expired = timer.is_some_and(|deadline| deadline <= now);
    if expired {
        *timer = None;
    }
    expired
}

impl Connection {
    /// Lets the timers that are due expire.
    pub fn expire(&mut self, env: &mut Env<'_>) {
        if take_expired(&mut self.timers.ack, env.now) {
            self.owed.due = true;
            self.work = true;
        }
        if take_expired(&mut self.timers.linger, env.now) {
            self.finish(CloseReason::Finished, env);
            return;
        }
        if take_expired(&mut self.timers.buffers, env.now) {
            self.buffers_timeout(env);
        }
        self.work |= take_expired(&mut self.timers.pace, env.now);
        if take_expired(&mut self.timers.reordering, env.now) {
            self.reordering_timeout(env);
        }
        if take_expired(&mut self.timers.probe, env.now) {
            self.probe_timeout(env);
        }
        if take_expired(&mut self.timers.send, env.now) {
            match self.state {
                State::SynSent | State::SynReceived => self.syn_timeout(env),
                State::TimeWait | State::Closed => {}
                _ if self.scoreboard.flight() == 0 => self.persist_timeout(env),
                // Of what has been overtaken more is known than silence can tell (RFC 8985 section 8).
                _ if self.timers.reordering.is_some() => self.timers.send = self.timers.reordering,
                _ => self.retransmission_timeout(env),
            }
        }
    }

    fn reordering_timeout(&mut self, env: &mut Env<'_>) {
        let lost = self.search_losses(env);
        self.react_to_loss(lost, 0, env);
        self.window.in_flight = self.scoreboard.pipe();
        if lost > 0 {
            // What goes again has a full timeout to be acknowledged in, also in a recovery that lasts already.
            self.timers.send = Some(env.now + self.rtt.timeout(env.config));
            self.work = true;
        }
    }

    fn syn_timeout(&mut self, env: &mut Env<'_>) {
        if self.syn_retries >= env.config.max_syn_retries {
            self.finish(CloseReason::TimedOut, env);
            return;
        }
        self.syn_retries += 1;
        self.rtt.back_off();
        self.syn_due = true;
        self.work = true;
    }

    /// Counts one more unanswered transmission; whether the peer is given up.
    fn give_up(&mut self, env: &mut Env<'_>) -> bool {
        self.recovery.retries = self.recovery.retries.saturating_add(1);
        let over = self.recovery.retries > env.config.max_retries;
        if over {
            self.send_reset();
            self.finish(CloseReason::TimedOut, env);
        }
        over
    }

    fn persist_timeout(&mut self, env: &mut Env<'_>) {
        if self.unsent() == 0 && (!self.fin_wanted || self.fin_sent) {
            return;
        }
        if self.snd_wnd > 0 {
            self.override_sws = true;
            self.work = true;
            return;
        }
        if self.give_up(env) {
            return;
        }
        self.recovery.probe = true;
        self.work = true;
        self.rtt.back_off();
        self.timers.send = Some(env.now + self.rtt.timeout(env.config));
    }

    fn retransmission_timeout(&mut self, env: &mut Env<'_>) {
        if self.give_up(env) {
            return;
        }
        self.enter_timeout_recovery(env);
        // With a window of zero the retransmission is a probe, and says nothing about the network.
        if self.snd_wnd > 0 {
            self.stats.timeouts += 1;
            env.counters.timeouts += 1;
            let timeout = Timeout {
                now: env.now.total_micros() as u64,
                flight: self.scoreboard.flight().saturating_sub(self.recovery.limited_transmit),
                repeated: self.recovery.retries > 1,
            };
            env.congestion.timeout(self.flow(), &mut self.window, &timeout);
        } else {
            self.recovery.can_undo = false;
        }
        self.rtt.back_off();
        self.timers.send = Some(env.now + self.rtt.timeout(env.config));
        self.work = true;
    }
}
