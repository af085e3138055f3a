//! How much is measured.

/// Numbers of rounds and samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Rounds of calls.
    pub(crate) rounds: usize,
    /// Samples of a round at rest.
    pub(crate) batches: usize,
    /// Calls of a sample at rest.
    pub(crate) calls: u64,
    /// Samples of a round in a storm.
    pub(crate) storms: usize,
    /// Nanoseconds of a sample in a storm.
    pub(crate) storm: u64,
    /// Rounds of swaps and exchanges, and how many each has.
    pub(crate) swaps: (usize, usize),
    /// Rounds of swaps with state, and how many each has of each size.
    pub(crate) transfers: (usize, usize),
}

impl Plan {
    /// For figures: well under a minute where code runs on the processor itself.
    pub const FULL: Self = Self {
        rounds: 31,
        batches: 5,
        calls: 50_000,
        storms: 3,
        storm: 3_000_000,
        swaps: (25, 400),
        transfers: (15, 5),
    };

    /// The same under a translator, where everything takes several times as long: about as long in all, with fewer rounds.
    pub const TRANSLATED: Self = Self { rounds: 11, calls: 10_000, swaps: (11, 200), transfers: (7, 2), ..Self::FULL };

    /// To see that everything works, not how fast it is.
    pub const QUICK: Self =
        Self { rounds: 3, batches: 2, calls: 5_000, storms: 2, storm: 500_000, swaps: (3, 50), transfers: (2, 1) };
}
