//! Whole nodes against a peer with another TCP, in memory.

#![deny(unsafe_code)]

mod allocations;
mod control;
mod datagrams;
mod iperf3;
mod pairs;
mod rig;
mod rules;
mod setup;
mod threads;
