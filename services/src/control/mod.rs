//! The control service: answers requests of [`protocols::control`] that come by UDP to processor 0.
//!
//! Some answers need the other processors, or the end of a swap: such a request waits in a table of bounded size and is
//! answered when the last piece is there. [`Server`] knows nothing of sockets, mailboxes and the swapper: [`Host`] does.

mod host;
mod memory;
mod pending;
mod rules;
mod server;
mod upload;

pub use host::{Answer, Host, Object, Question, Started, Ticket};
pub use server::Server;

#[cfg(test)]
mod tests;
