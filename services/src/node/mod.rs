//! One processor, whole: its stack, its services, its part of the swaps, in one event loop that the platform turns.
//!
//! ```text
//! turn = run the workers of swaps · one activity: receive a burst, services, control, transmit · run the workers
//! ```
//!
//! [`Shared`] is what processors share: made once, before any of them runs. A [`Node`] is made and used on its own
//! processor. Processors speak with each other by hand-over rings (frames), the mailboxes (questions of the control
//! service) and what services share; none of it is touched for a packet of the processor's own.

mod answers;
mod datagrams;
mod platform;
mod port;
mod ready;
mod rehearsal;
mod rules;
mod setup;
mod shared;
mod swaps;
mod turn;

pub use platform::{Memory, Nic, Platform};
pub use ready::Ready;
pub use setup::{SetupError, check};
pub use shared::Shared;
pub use turn::{Node, Turn};

#[cfg(test)]
mod tests;
