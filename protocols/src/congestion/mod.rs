//! Congestion control as a clustered object.
//!
//! A controller decides how much a connection may have in the network. It is split so that it can be exchanged under
//! live connections:
//!
//! - What every controller needs (cwnd, ssthresh, MSS, the bytes in flight, RTT, pacing rate) belongs to the
//!   **connection**: the TCP engine keeps one [`Window`] per connection and lends it to each call. A swap does not touch it.
//! - What only one algorithm needs (CUBIC's W_max, K and epoch, for instance) is private to the implementation's **Rep**,
//!   the part of the object that serves one processor, in a slab indexed by [`Flow`]. That is what a swap transfers.
//!
//! Units everywhere: bytes, microseconds, bytes per second. Integers only, because the image has no floating point.
//! Everything that crosses the interface is `#[repr(C)]`, because an implementation may have been compiled apart.
//!
//! # What the engine does, and what the controller does
//!
//! The engine detects loss (RFC 8985, RFC 6298), keeps the scoreboard and retransmits. It may send while
//! `window.in_flight < window.cwnd`, where `in_flight` is RFC 6675's `pipe`: segments that a SACK block or a duplicate
//! ACK reports as having left the network are not in it. Therefore **nobody inflates the window** in recovery (the `+ 3 * SMSS`
//! and `+ SMSS` of RFC 5681 section 3.2 have no counterpart here); the controller sets cwnd once, on entering recovery. On the way there
//! the engine brings the flight down in proportion to what arrives (RFC 9937), unless the controller sets a pacing rate: then it governs
//! recovery too.
//!
//! ```
//! use protocols::congestion::{Ack, AckFlags, Congestion, Flow, Open, Rep, Reno, Window};
//!
//! let reno = Rep::new(Reno);
//! let mut window = Window::new(1_460);
//! reno.open(Flow(0), &mut window, &Open { now: 0, syn_lost: false });
//! assert_eq!(window.cwnd, 14_600);
//! let ack = Ack { now: 40_000, acked: 2_920, flags: AckFlags::CWND_LIMITED, ..Ack::default() };
//! reno.acknowledged(Flow(0), &mut window, &ack);
//! assert_eq!(window.cwnd, 17_520);
//! ```
//!
//! In the system the same trait is called through a `CongestionRef`, which finds the Rep of the caller's processor in whatever
//! implementation is in place; [`implementations`] lists those, [`transfer`] says what passes between them in a swap.
//!
//! The controller alone writes `cwnd`, `ssthresh`, `pacing_rate`, `send_quantum`, `prior_cwnd` and `prior_ssthresh`; the
//! engine alone writes the rest.

pub mod algorithm;
mod common;
pub mod cubic;
mod event;
mod history;
pub mod hystart;
pub mod reno;
mod rep;
mod root;
pub mod table;
pub mod transfer;
mod window;

#[cfg(test)]
pub(crate) mod tests;

pub use cubic::Cubic;
pub use event::{Ack, AckFlags, Cause, CongestionEvent, Open, RateSample, Restart, Timeout, Undo};
pub use history::{History, Past};
pub use hystart::HyStart;
pub use reno::Reno;
pub use rep::Rep;
pub use root::{Controller, Implementation, implementations, lookup};
pub use window::{Flow, INITIAL_SSTHRESH, MAX_WINDOW, Window, initial_window};

/// The interface of a congestion controller.
///
/// One object serves every connection of the system; each processor calls it for its own connections only. No call can
/// fail, block or allocate, except that [`open`](Congestion::open) may grow the Rep's slab. A call for a flow that is not
/// open is served as if the flow had just been opened with the window as it stands.
#[swapper::interface]
pub trait Congestion {
    /// A connection is established (both SYNs acknowledged). Sets the initial `cwnd` and `ssthresh` in `window`.
    ///
    /// A flow that is already open is opened afresh.
    fn open(&self, flow: Flow, window: &mut Window, open: &Open);

    /// An ACK arrived that acknowledged new data, cumulatively or by SACK, also during recovery.
    ///
    /// Call it after `window`'s RTT and `in_flight` have been brought up to date, and after
    /// [`recovered`](Congestion::recovered) if this ACK ended recovery.
    fn acknowledged(&self, flow: Flow, window: &mut Window, ack: &Ack);

    /// The engine enters recovery: loss by duplicate ACKs or SACK, or an ECN echo. At most once per round of data
    /// (RFC 5681 section 3.2, RFC 6582 `recover`, RFC 3168 section 6.1.2). Reduces `ssthresh` and `cwnd`.
    fn congestion(&self, flow: Flow, window: &mut Window, event: &CongestionEvent);

    /// The retransmission timer expired (RFC 5681 equation 4): `ssthresh` is reduced and `cwnd` falls to one segment.
    /// Not to be called for a zero-window probe.
    fn timeout(&self, flow: Flow, window: &mut Window, timeout: &Timeout);

    /// Fast recovery is over: everything sent before it began is acknowledged. `now` in microseconds. Call it before
    /// [`acknowledged`](Congestion::acknowledged) for the same ACK. Not called at the end of a recovery by timeout.
    fn recovered(&self, flow: Flow, window: &mut Window, now: u64);

    /// The last reduction was for nothing: the retransmission turned out spurious (DSACK, RFC 3708; Eifel, RFC 4015;
    /// F-RTO, RFC 5682). Gives back `cwnd`, `ssthresh` and the private state from before it. A second call in a row
    /// changes nothing.
    fn undo(&self, flow: Flow, window: &mut Window, undo: &Undo);

    /// The first segment is about to be sent while nothing is in flight (RFC 5681 section 4.1).
    fn restart(&self, flow: Flow, window: &mut Window, restart: &Restart);

    /// The connection is gone; its private state is freed. The slot's index may be opened again. A flow that is not open
    /// is ignored.
    fn close(&self, flow: Flow);
}
