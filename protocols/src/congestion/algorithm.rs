//! A controller's rules, apart from the object that carries them.

use swapper::Protocol;

use super::{Ack, CongestionEvent, Past, Restart, Timeout, Window};

/// The rules of one controller over the private state of one connection: what differs between implementations. Plain
/// functions of state, window and event, without tables, processors or time of their own.
///
/// The methods are those of [`Congestion`](super::Congestion); a new connection begins with `State::default()`.
pub trait Algorithm: Copy + Send + Sync + 'static {
    /// Private state of one connection.
    type State: Copy + Default + core::fmt::Debug + Send + 'static;

    /// The state-transfer protocols it supports, as the old and as the new controller.
    const PROTOCOLS: &'static [Protocol];
    /// That of them which hands the whole table of [`State`](Algorithm::State) over by reference.
    const TABLE: Protocol;

    /// See [`Congestion::acknowledged`](super::Congestion::acknowledged).
    fn acknowledged(&self, state: &mut Self::State, window: &mut Window, ack: &Ack);
    /// See [`Congestion::congestion`](super::Congestion::congestion).
    fn congestion(&self, state: &mut Self::State, window: &mut Window, event: &CongestionEvent);
    /// See [`Congestion::timeout`](super::Congestion::timeout).
    fn timeout(&self, state: &mut Self::State, window: &mut Window, timeout: &Timeout);
    /// See [`Congestion::recovered`](super::Congestion::recovered).
    fn recovered(&self, state: &mut Self::State, window: &mut Window, now: u64);
    /// See [`Congestion::undo`](super::Congestion::undo).
    fn undo(&self, state: &mut Self::State, window: &mut Window);
    /// See [`Congestion::restart`](super::Congestion::restart).
    fn restart(&self, state: &mut Self::State, window: &mut Window, restart: &Restart);

    /// The part of the state that every loss-based controller can take over.
    fn past(state: &Self::State) -> Past;
    /// The state of a connection that another controller has served until now. Must not cause a jump of the window: the next
    /// ACK goes on from cwnd as it stands.
    fn from_past(past: Past) -> Self::State;
}
