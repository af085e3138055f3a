//! The protocols of Midflight: the network stack of one processor and the objects in it that can be exchanged under traffic.
//!
//! Nothing here knows a platform: time and randomness are passed in, frames come and go through two traits ([`stack::Receive`], [`stack::Transmit`]).
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod classification;
pub mod congestion;
pub mod control;
pub mod frame;
pub mod handover;
pub mod sim;
pub mod stack;
pub mod steering;
pub mod tcp;
#[cfg(test)]
mod ticks;
pub mod time;
