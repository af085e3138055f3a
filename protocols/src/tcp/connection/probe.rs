//! Tail loss probe: when ACKs fail to come, one segment more asks for one, before the retransmission timer takes the window down
//! (RFC 8985 section 7).

use super::super::egress::{Egress, Full};
use super::super::ranges::Range;
use super::super::seq::Seq;
use super::recovery::Phase;
use super::{Connection, Env};
use crate::congestion::{Cause, Congestion, CongestionEvent};
use crate::time::Duration;

/// A probe that is not answered yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    /// SND.NXT when it was sent (TLP.end_seq).
    end: Seq,
    /// It was the last segment again (TLP.is_retrans).
    again: bool,
}

/// What timers and the peer's processor may be late by. Linux adds two of its timer ticks here.
const MARGIN: Duration = Duration::from_millis(2);

/// The earliest probe after the last ACK. Hosts side by side answer within microseconds, but whoever shares their processors may keep them
/// from it for some slices of the scheduler, and each such pause would send a segment for nothing. So this is as long as common stacks may delay
/// an ACK anyway; the retransmission timer still comes five times later.
const EARLIEST: Duration = Duration::from_millis(40);

/// How long the peer may delay the ACK of a single segment (TLP.max_ack_delay): what RFC 8985 section 7.2 names as an example.
const ACK_DELAY: Duration = Duration::from_millis(200);

impl Connection {
    /// After new data was sent, or an ACK moved SND.UNA: sets the probe timer, unless loss is looked for by other means (section 7.2), or the
    /// last probe is not answered yet or no round trip was measured since: then the timeout, which backs off, is what asks (section 7.3).
    pub(super) fn arm_probe(&mut self, env: &Env<'_>) {
        self.timers.probe = None;
        let flight = self.scoreboard.flight();
        if !self.agreed.sack
            || flight == 0
            || self.recovery.phase != Phase::Open
            || self.scoreboard.sacked() > 0
            || self.probe.is_some()
            || self.probe_unmeasured
            || self.marks.holds(env.now).is_some()
            || self.snd_wnd == 0
        {
            return;
        }
        let mut timeout = Duration::from_secs(1);
        if self.rtt.srtt > 0 {
            timeout = (Duration::from_micros(2 * u64::from(self.rtt.srtt)) + MARGIN).max(EARLIEST);
            if flight <= self.window.mss {
                timeout += ACK_DELAY;
            }
        }
        let at = env.now + timeout;
        self.timers.probe = Some(self.timers.send.map_or(at, |send| at.min(send)));
    }

    /// A recovery begins: what it answers to, the probe's ACK is not to answer once more (section 7.1).
    pub(super) fn forget_probe(&mut self) {
        self.timers.probe = None;
        self.probe_due = false;
        self.probe = None;
    }

    pub(super) fn probe_timeout(&mut self, env: &mut Env<'_>) {
        if self.scoreboard.flight() == 0 || self.recovery.phase != Phase::Open || self.probe.is_some() {
            return;
        }
        self.probe_due = true;
        self.work = true;
        // The probe has a timeout of its own to be answered in (section 7.3).
        self.timers.send = Some(env.now + self.rtt.timeout(env.config));
    }

    /// Sends the probe: new data if there is some and the peer's window takes it, otherwise the last segment again (section 7.3).
    pub(super) fn emit_tail_probe(&mut self, env: &mut Env<'_>, out: &mut dyn Egress) -> Result<(), Full> {
        let mut header = self.header(env);
        let size = u32::from(header.segment_size);
        let usable = self.snd_wnd.saturating_sub(self.snd_nxt - self.snd_una);
        let len = self.unsent().min(size);
        let again = len == 0 || len > usable;
        if again {
            let Some(last) = self.scoreboard.last() else {
                self.probe_due = false;
                return Ok(());
            };
            let range = Range { start: last.end - last.len().min(size), end: last.end };
            self.emit_again(range, &mut header, env, out)?;
        } else {
            let fin = self.fin_wanted && !self.fin_sent && len == self.unsent();
            self.emit_new(len, fin, &mut header, env, out)?;
        }
        self.probe_due = false;
        self.probe = Some(Probe { end: self.snd_nxt, again });
        self.probe_unmeasured = true;
        self.stats.tail_probes += 1;
        env.counters.tail_probes += 1;
        Ok(())
    }

    /// An ACK up to `ack` came: whether it answers the probe, and what it says (section 7.4). `duplicate` is what it reports as received
    /// twice, `plain` that it is a duplicate ACK without SACK blocks.
    pub(super) fn answer_probe(&mut self, ack: Seq, duplicate: Option<Range>, plain: bool, env: &mut Env<'_>) {
        let Some(probe) = self.probe.filter(|probe| ack.ge(probe.end)) else { return };
        if probe.again && duplicate.is_none_or(|range| range.end != probe.end) {
            if ack == probe.end {
                if plain {
                    self.probe = None;
                }
                return;
            }
            // The probe repaired a loss that nobody noticed; the controller has to, unless the window was reduced since.
            self.probe = None;
            env.counters.tail_losses += 1;
            if self.marks.covers(probe.end - 1u32) {
                return;
            }
            let now = env.now.total_micros() as u64;
            let flight = self.scoreboard.flight().max(self.window.mss);
            let event = CongestionEvent { now, flight, cause: Cause::Loss };
            env.congestion.congestion(self.flow(), &mut self.window, &event);
            env.congestion.recovered(self.flow(), &mut self.window, now);
            self.reduced();
            // A late report about an earlier recovery does not take this back.
            self.recovery.can_undo = false;
            return;
        }
        self.probe = None;
    }
}
