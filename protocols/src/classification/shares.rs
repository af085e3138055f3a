//! How the way out is shared: a weight for each class, and a rate for all together.

use alloc::sync::Arc;

use super::classifier::Bucket;
use super::rule::Limit;
use super::text::MAX_CLASS;

/// Classes.
pub const CLASSES: usize = MAX_CLASS as usize + 1;
/// The greatest weight of a class; the least, and that of a class that was given none, is 1.
pub const MAX_WEIGHT: u8 = 100;
/// The least rate, in octets per second: 8 kbit/s.
pub const MIN_RATE: u64 = 1_000;
/// The greatest rate, in octets per second: 1 Tbit/s.
pub const MAX_RATE: u64 = 125_000_000_000;
/// Octets that may leave at once, at least: the longest packet.
const BURST: u64 = 65_536;
/// What part of a second's octets may leave at once: processors that sleep are not woken more punctually.
const BURST_PART: u64 = 500;

/// One thing that is set of the way out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setting {
    /// What a class has of the way out, in proportion to the others that want it: from 1 to [`MAX_WEIGHT`].
    Weight {
        /// The class, below [`CLASSES`].
        class: u8,
        /// Its weight.
        weight: u8,
    },
    /// What all together may send, in octets of IP packets per second, from [`MIN_RATE`] to [`MAX_RATE`]; `None` for what the card takes.
    Rate(Option<u64>),
}

/// How the way out is shared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shares {
    /// By class.
    pub weights: [u8; CLASSES],
    /// As in [`Setting::Rate`].
    pub rate: Option<u64>,
}

impl Default for Shares {
    fn default() -> Self {
        Self { weights: [1; CLASSES], rate: None }
    }
}

impl Shares {
    /// With one thing set anew. A class that there is not is left alone, and what is out of its range is brought into it.
    #[must_use]
    pub fn with(mut self, setting: Setting) -> Self {
        match setting {
            Setting::Weight { class, weight } => {
                if let Some(place) = self.weights.get_mut(usize::from(class)) {
                    *place = weight.clamp(1, MAX_WEIGHT);
                }
            }
            Setting::Rate(rate) => self.rate = rate.map(|rate| rate.clamp(MIN_RATE, MAX_RATE)),
        }
        self
    }
}

/// Shares that are in force, with the tokens of their rate, which all processors take from.
#[derive(Debug)]
pub struct Sharing {
    /// The shares.
    pub shares: Shares,
    rate: Option<Arc<Bucket>>,
}

impl Sharing {
    /// Shares to be brought into force in place of `before`: a rate that stays the same keeps its tokens.
    pub fn new(shares: Shares, before: Option<&Self>) -> Self {
        let kept = before.filter(|before| before.shares.rate == shares.rate).and_then(|before| before.rate.clone());
        let bucket =
            |rate: u64| Arc::new(Bucket::new(Limit { rate, burst: BURST.max(rate / BURST_PART), octets: true }));
        Self { shares, rate: kept.or_else(|| shares.rate.map(bucket)) }
    }

    /// When the rate lets a packet of so many octets go, in nanoseconds; not after `now`: at once.
    pub fn ready_at(&self, octets: usize, now: u64) -> u64 {
        self.rate.as_ref().map_or(0, |bucket| bucket.ready_at(octets, now))
    }

    /// Such a packet has gone.
    pub fn charge(&self, octets: usize, now: u64) {
        if let Some(bucket) = &self.rate {
            bucket.charge(octets, now);
        }
    }
}

/// How a class waited on the way out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Waiting {
    /// Times that it began to wait: the card was full, the rate used up, or others waited before it.
    pub backlogs: u64,
    /// Frames that wait in its queue now. Connections keep theirs.
    pub queued: u64,
    /// Frames that found the queue full, and were dropped: never a connection's.
    pub dropped: u64,
}

impl Waiting {
    /// Adds another processor's.
    pub fn add(&mut self, other: &Self) {
        self.backlogs += other.backlogs;
        self.queued += other.queued;
        self.dropped += other.dropped;
    }
}
