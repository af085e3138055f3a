//! Reno: RFC 5681 with NewReno's rules for recovery (RFC 6582), appropriate byte counting (RFC 3465), and HyStart++ (RFC 9406) in the first
//! slow start.

use swapper::Protocol;

use super::algorithm::Algorithm;
use super::transfer::{COMMON_WINDOW, RENO_TABLE};
use super::{Ack, CongestionEvent, History, HyStart, Past, Restart, Timeout, Window, common};

/// What is kept of the window after a loss, in percent (RFC 5681 equation 4).
const BETA: u32 = 50;
/// The same for a congestion mark in congestion avoidance (RFC 8511 section 3).
const BETA_ECN: u32 = 80;

/// Additive increase of one segment per round trip, multiplicative decrease by half.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reno;

/// Reno's private state for one connection. Layout version 2: by-reference transfer depends on it.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// The common past. `credit` is RFC 3465's bytes_acked; Reno itself needs nothing else of it.
    pub history: History,
    /// Watches the round-trip time during the first slow start.
    pub hystart: HyStart,
}

impl Algorithm for Reno {
    type State = State;

    const PROTOCOLS: &'static [Protocol] = &[COMMON_WINDOW, RENO_TABLE];
    const TABLE: Protocol = RENO_TABLE;

    fn acknowledged(&self, state: &mut State, window: &mut Window, ack: &Ack) {
        if !common::may_grow(window, ack) {
            return;
        }
        if window.in_slow_start() {
            return state.hystart.slow_start(window, ack);
        }
        // RFC 3465 section 2.1: one segment more for each window's worth of bytes acknowledged. One ACK counts for at most
        // one window, so that at most one segment is added however long the engine says nothing.
        let credit = state.history.credit.saturating_add(ack.acked.min(window.cwnd));
        if credit >= window.cwnd {
            state.history.credit = (credit - window.cwnd).min(window.cwnd);
            window.cwnd = window.cwnd.saturating_add(window.smss());
            common::keep_limits(window);
        } else {
            state.history.credit = credit;
        }
    }

    fn congestion(&self, state: &mut State, window: &mut Window, event: &CongestionEvent) {
        common::remember(window);
        state.hystart = HyStart::default();
        state.history.reduced(event.now, window.cwnd, window.cwnd);
        // RFC 5681 equation 4 and section 3.2 step 2.
        let beta = if common::is_gentle(window, event) { BETA_ECN } else { BETA };
        common::reduce(window, common::part(common::in_use(window, event.flight), beta), common::floor(window, event));
    }

    fn timeout(&self, state: &mut State, window: &mut Window, timeout: &Timeout) {
        if !timeout.repeated {
            common::remember(window);
            state.history.reduced(timeout.now, window.cwnd, 0);
        }
        state.hystart = HyStart::default();
        common::lose_window(window, common::part(common::in_use(window, timeout.flight), BETA), timeout.repeated);
    }

    fn recovered(&self, _state: &mut State, window: &mut Window, _now: u64) {
        common::recovered(window);
    }

    fn undo(&self, state: &mut State, window: &mut Window) {
        if common::undo(window) {
            state.history.undone();
        }
    }

    fn restart(&self, _state: &mut State, window: &mut Window, restart: &Restart) {
        common::restart(window, restart);
    }

    fn past(state: &State) -> Past {
        Past { history: state.history, hystart: state.hystart }
    }

    fn from_past(Past { history, hystart }: Past) -> State {
        State { history, hystart }
    }
}
