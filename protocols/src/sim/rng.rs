//! Randomness from a seed.

/// A small generator of pseudo-random numbers (SplitMix64). The same seed gives the same numbers on every machine. Not for
/// secrets.
#[derive(Debug, Clone)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// A generator; any seed is as good as another.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number, uniform over all of `u64`.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`, 0 if `bound` is 0. The bias is below `bound / 2^64`.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: Probability) -> bool {
        probability.0 != 0 && self.below(Probability::ONE) < u64::from(probability.0)
    }

    /// An independent generator.
    pub fn fork(&mut self) -> Self {
        Self::new(self.next_u64())
    }
}

/// A probability in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Probability(u32);

impl Probability {
    const ONE: u64 = 1_000_000;
    /// Never.
    pub const NEVER: Self = Self(0);
    /// Always.
    pub const ALWAYS: Self = Self(Self::ONE as u32);

    /// `millionths / 1 000 000`; more than a million means always.
    pub const fn from_millionths(millionths: u32) -> Self {
        if millionths as u64 > Self::ONE { Self::ALWAYS } else { Self(millionths) }
    }

    /// `percent / 100`; more than a hundred means always.
    pub const fn from_percent(percent: u32) -> Self {
        Self::from_millionths(percent.saturating_mul(10_000))
    }
}
