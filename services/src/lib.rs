//! What runs on top of Midflight's network: services on TCP, the control port, and [`node`], which composes a processor's
//! stack, services and swap worker into one event loop. Knows nothing of the platform.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod control;
pub mod echo;
pub mod iperf3;
pub mod node;
pub mod options;
pub mod service;
mod table;
#[cfg(test)]
mod testing;
