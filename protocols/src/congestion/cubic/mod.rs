//! CUBIC: RFC 9438, in integers, with HyStart++ (RFC 9406) in the first slow start.
//!
//! ```text
//!   cwnd                                                  W_cubic(t) = C * (t - K)^3 + W_max
//!    |                                     . convex
//!    |                                   .
//!  W_max - - - - - - - - . . . . . . . .
//!    |             .           plateau
//!    |         .  concave
//!    |       .
//!  cwnd_epoch
//!    +-------+-----------+--------------------- t
//!            0           K
//! ```

mod curve;

#[cfg(test)]
mod tests;

pub use curve::{Epoch, Fraction};

use swapper::Protocol;

use super::algorithm::Algorithm;
use super::transfer::{COMMON_WINDOW, CUBIC_TABLE};
use super::{Ack, CongestionEvent, History, HyStart, Past, Restart, Timeout, Window, common};

/// CUBIC with or without fast convergence. Both keep the same private state.
#[derive(Debug, Clone, Copy)]
pub struct Cubic {
    /// Whether a flow that could not regain its W_max gives up more, so that newer flows find room (RFC 9438 section 4.7).
    pub fast_convergence: bool,
}

/// CUBIC's private state for one connection. Layout version 1: by-reference transfer depends on it.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// The common past, W_max and cwnd_prior among it.
    pub history: History,
    /// The current congestion avoidance stage; not running outside of one.
    pub epoch: Epoch,
    /// The stage before the last reduction, for undo.
    pub undo_epoch: Epoch,
    /// Watches the round-trip time during the first slow start.
    pub hystart: HyStart,
}

/// beta_cubic, in percent (RFC 9438 section 4.6).
const BETA: u32 = 70;
/// The same for a congestion mark in congestion avoidance (RFC 8511 section 3.1: what CUBIC was found to gain from).
const BETA_ECN: u32 = 85;

impl Cubic {
    /// W_max after a reduction at `cwnd` (RFC 9438 sections 4.6 and 4.7).
    fn w_max(&self, cwnd: u32, previous: u32) -> u32 {
        if self.fast_convergence && cwnd < previous {
            // (1 + beta_cubic) / 2
            (u64::from(cwnd) * 17 / 20) as u32
        } else {
            cwnd
        }
    }
}

impl Algorithm for Cubic {
    type State = State;

    const PROTOCOLS: &'static [Protocol] = &[COMMON_WINDOW, CUBIC_TABLE];
    const TABLE: Protocol = CUBIC_TABLE;

    fn acknowledged(&self, state: &mut State, window: &mut Window, ack: &Ack) {
        let grow = common::may_grow(window, ack);
        if window.in_slow_start() {
            if grow {
                state.epoch = Epoch::default();
                // RFC 9438 section 4.10.
                state.hystart.slow_start(window, ack);
            }
            return;
        }
        if !state.epoch.running {
            if !grow {
                return;
            }
            state.epoch = Epoch::begin(ack.now, window, &mut state.history);
        }
        state.epoch.pass(ack.now, grow);
        if grow {
            let credit = core::mem::take(&mut state.history.credit);
            state.epoch.grow(window, ack, credit, &state.history);
            common::keep_limits(window);
        }
    }

    fn congestion(&self, state: &mut State, window: &mut Window, event: &CongestionEvent) {
        common::remember(window);
        state.undo_epoch = state.epoch;
        state.epoch = Epoch::default();
        state.hystart = HyStart::default();
        let w_max = self.w_max(window.cwnd, state.history.w_max);
        state.history.reduced(event.now, window.cwnd, w_max);
        let beta = if common::is_gentle(window, event) { BETA_ECN } else { BETA };
        common::reduce(window, common::part(common::in_use(window, event.flight), beta), common::floor(window, event));
    }

    fn timeout(&self, state: &mut State, window: &mut Window, timeout: &Timeout) {
        if !timeout.repeated {
            common::remember(window);
            state.undo_epoch = state.epoch;
            // RFC 9438 section 4.8: the next stage begins with K = 0 and W_max = cwnd.
            state.history.reduced(timeout.now, window.cwnd, 0);
        }
        state.epoch = Epoch::default();
        state.hystart = HyStart::default();
        common::lose_window(window, common::part(common::in_use(window, timeout.flight), BETA), timeout.repeated);
    }

    fn recovered(&self, _state: &mut State, window: &mut Window, _now: u64) {
        common::recovered(window);
    }

    fn undo(&self, state: &mut State, window: &mut Window) {
        if common::undo(window) {
            state.history.undone();
            // RFC 9438 section 4.9.1: K, epoch_start and W_est as they were; time spent in recovery does not count.
            state.epoch = core::mem::take(&mut state.undo_epoch);
            state.epoch.pause();
        }
    }

    fn restart(&self, state: &mut State, window: &mut Window, restart: &Restart) {
        if common::restart(window, restart) {
            state.epoch = Epoch::default();
        } else {
            state.epoch.pause();
        }
    }

    fn past(state: &State) -> Past {
        Past { history: state.history, hystart: state.hystart }
    }

    fn from_past(Past { history, hystart }: Past) -> State {
        State { history, hystart, ..State::default() }
    }
}
