//! Whether a cache is worth its cost.

/// How often a cache must know the flow, to stay in use: in so many of 16 lookups.
const WORTHWHILE: u32 = 6;
/// Lookups in which a cache fills, and then as many until its use is judged.
pub(super) const TRIAL: u32 = 2048;
/// Lookups without it when it was of no use; twice as many each time, until they are [`LONGEST`].
pub(super) const ASIDE: u32 = 1 << 17;
pub(super) const LONGEST: u32 = 1 << 21;

/// Decides, by how often flows were known, whether a cache is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usefulness {
    stage: Stage,
    /// Lookups until the stage ends.
    left: u32,
    /// Flows that were known in the stage.
    hits: u32,
    /// How long it will step aside.
    pause: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// It fills: what it knows says little.
    Filling,
    /// In use.
    Used,
    /// Stepped aside.
    Aside,
}

impl Usefulness {
    pub const fn new() -> Self {
        Self { stage: Stage::Filling, left: TRIAL, hits: 0, pause: ASIDE }
    }

    /// Whether the next lookups are to be done without the cache.
    #[inline(always)]
    pub fn is_aside(&mut self, lookups: u32) -> bool {
        if self.stage != Stage::Aside {
            return false;
        }
        self.left = self.left.saturating_sub(lookups);
        if self.left == 0 {
            *self = Self { stage: Stage::Filling, left: TRIAL, ..*self };
        }
        true
    }

    /// Of so many lookups with the cache, so many knew the flow.
    #[inline(always)]
    pub fn judge(&mut self, lookups: u32, hits: u32) {
        self.hits += hits;
        self.left = self.left.saturating_sub(lookups);
        if self.left == 0 {
            self.next();
        }
    }

    #[cold]
    fn next(&mut self) {
        let hits = core::mem::take(&mut self.hits);
        let (stage, left, pause) = match self.stage {
            Stage::Used if hits * 16 < TRIAL * WORTHWHILE => {
                (Stage::Aside, self.pause, self.pause.saturating_mul(2).min(LONGEST))
            }
            Stage::Used => (Stage::Used, TRIAL, ASIDE),
            Stage::Filling | Stage::Aside => (Stage::Used, TRIAL, self.pause),
        };
        *self = Self { stage, left, hits: 0, pause };
    }

    #[cfg(test)]
    pub fn is_used(&self) -> bool {
        self.stage != Stage::Aside
    }
}
