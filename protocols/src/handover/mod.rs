//! Frames from one processor to another, without locks.
//!
//! A frame of a connection that lives on another processor than the one that received it goes there through a [`link()`]; so does what a processor without
//! a queue pair of the card wants to have sent: a [`star()`] of such links round processor 0. Each link is a ring with one sender
//! and one receiver, in which a frame takes the octets that it has: a card that joins or cuts segments deals in frames of 64 KiB, while
//! most others are short. What the card shall do to a frame, or did, goes with it. What a service lends is not copied into it. Nothing is allocated after the start.
//! What is no frame, and rare, goes by a [`Mailbox`].
//!
//! # When a ring is full
//! Towards the connection's processor the frame is dropped and counted, as a card without receive buffers would do; TCP repairs it.
//! Towards the card the sender gets [`Full`](crate::stack::Full), keeps its data, and is woken when frames have been taken out.
//!
//! # Waking, without losing a wake-up
//! The receiver wants to be woken only for the first frame after it found the ring empty. It says so in a flag, then looks at the ring
//! once more; the sender puts its frames in, then looks at the flag. A sequentially consistent fence stands between the two steps
//! on either side. One of the two fences comes first in their total order. If it is the receiver's, the sender sees the flag and
//! wakes; if it is the sender's, the receiver's second look finds the frames. Room is waited for in the same manner, with the roles exchanged, and so is
//! credit ([`Lanes`]); a processor's sleep itself is such a pair as well ([`Parking`]); how long it looks for work before is
//! [`Patience`].
//!
//! # How it is checked
//! `RUSTFLAGS="--cfg loom" cargo test --release -p protocols --test handover_model`: two processors (three where two wake one at once) in every order of their steps
//! with up to three preemptions, reading whatever the memory model lets them read. No wake-up and no letter is lost, of frames none is lost, doubled or overtaken, a full ring
//! keeps or counts what it refuses, and credit comes back once. Without any one of the fences, or with two of the steps exchanged, a model fails.
//!
//! Not covered: the inside of the rings, which are two libraries' (`seen.rs` says what is assumed of them); stores of two processors to one flag in another
//! order than that in which they run, which the same file excludes by an argument; and that an interrupt ends a sleep, which is the platforms' part.

mod lanes;
mod lent;
mod mailbox;
mod parking;
mod patience;
mod ring;
#[cfg(loom)]
mod seen;
mod star;
mod sync;

#[cfg(test)]
mod tests;

pub use lanes::{Lane, Lanes, UnderWay};
pub use mailbox::Mailbox;
pub use parking::Parking;
pub use patience::Patience;
pub use ring::{Counts, Receiver, Sender, Take, link};
pub use star::{Hub, Peer, Spoke, Strays, Up, star};

/// Wakes a processor that may be asleep.
///
/// Called from any processor, in the middle of its work: it must not block. A wake-up of a processor that is awake must not be lost: it has to make the
/// next attempt to sleep return at once ([`Parking`] does this).
pub trait Wake: Send + Sync {
    /// Wakes `processor`.
    fn wake(&self, processor: usize);
}

/// The size of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Frames that it holds at most; at least 1 is assumed.
    pub frames: usize,
    /// Octets that all frames in it have at most, together; at least twice `longest` is assumed. Where the ring wraps round, up to `longest` of them
    /// may stay unused, since each frame lies in one piece.
    pub octets: usize,
    /// The longest frame in octets, from the Ethernet header. Longer ones are dropped and counted; a frame to be cut into segments is not made longer.
    pub longest: usize,
}
