//! What any loss-based controller knows of a connection's past.

use super::HyStart;

/// The reductions of one connection, as every loss-based controller can state them. Each controller keeps one per flow, even if its own
/// algorithm does not need all of it, so that nothing is lost when a connection passes through several controllers.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// The window at which the network last proved full, bytes: RFC 9438's W_max, lowered by fast convergence where the
    /// controller does that. 0: there was no reduction yet, or it was a timeout, so there is nothing to aim at.
    pub w_max: u32,
    /// cwnd immediately before the last reduction, bytes: RFC 9438's cwnd_prior. 0: there was none.
    pub cwnd_prior: u32,
    /// `w_max` before the last reduction, for undo.
    pub undo_w_max: u32,
    /// `cwnd_prior` before the last reduction, for undo.
    pub undo_cwnd_prior: u32,
    /// Bytes acknowledged in congestion avoidance that have not made the window grow yet.
    pub credit: u32,
    /// Number of reductions so far; wraps.
    pub reductions: u32,
    /// Time of the last reduction, microseconds on the engine's clock; meaningless while `reductions` is 0.
    pub reduced_at: u64,
}

/// The record of the [`COMMON_WINDOW`](super::transfer::COMMON_WINDOW) state transfer: what every loss-based controller can state of a connection, and
/// take over.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Past {
    /// What became of the window.
    pub history: History,
    /// The first slow start, which is the same for all: where there are more swaps than HyStart++ needs rounds, it would otherwise never end it.
    pub hystart: HyStart,
}

impl History {
    /// Notes a reduction that began at window `cwnd` and leaves `w_max` to aim at.
    pub(super) fn reduced(&mut self, now: u64, cwnd: u32, w_max: u32) {
        *self = Self {
            w_max,
            cwnd_prior: cwnd,
            undo_w_max: self.w_max,
            undo_cwnd_prior: self.cwnd_prior,
            credit: 0,
            reductions: self.reductions.wrapping_add(1),
            reduced_at: now,
        };
    }

    /// Takes the last reduction back.
    pub(super) fn undone(&mut self) {
        self.w_max = self.undo_w_max;
        self.cwnd_prior = self.undo_cwnd_prior;
    }
}
