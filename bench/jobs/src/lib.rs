//! What is measured of the swapper, the same code in a process and in the image.
//!
//! A [`Suite`] is made once. Then two processors run it, each with its own handle of one [`swapper::System`], whose platform is the
//! clock; they go through the same steps, and begin each together ([`Lane`]). What comes out are [`Series`] of samples, on processor 0.
//! How a processor is had, pinned and timed is the caller's: see `bench/` for the process, `unikernel/` for the image.
//!
//! Samples are whole numbers of picoseconds: the image computes without floating point, and what figures come of them is worked out
//! where they are shown.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod adder;
mod calls;
mod exchanges;
mod lane;
pub mod peers;
mod plan;
mod series;
mod suite;
mod swaps;
mod transfer;
mod wire;

pub use adder::{Adder, AdderRef, Step};
pub use calls::{Case, Kind};
pub use exchanges::EXCHANGE;
pub use lane::{Lane, Padded, opaque};
pub use plan::Plan;
pub use series::{Series, Within};
pub use suite::{METHOD, PROCESSORS, Suite};
pub use swaps::{SUSPENSION, SWAP};
pub use transfer::{CONNECTIONS, Way};
pub use wire::{Piece, pieces};
