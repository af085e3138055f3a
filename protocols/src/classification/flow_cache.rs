//! What was found for a flow, so that its next frame need not be looked up.

#[cfg(test)]
mod tests;

use alloc::{vec, vec::Vec};

use super::{
    engine::{BATCH, Engine, Key, Mask, V4, V6},
    header::{Family, Header},
    table::RuleId,
};

/// A cache of bounded size in front of an engine, for one processor. A flow is a header: all its fields count.
///
/// Every entry says of which generation of the rules it is, and one of another generation counts for nothing: whoever changes the
/// rules gives them a new generation (never one that was there before, nor `u64::MAX`), and all that was cached is void at once. An exchange of the engine
/// with the same rules under the same names keeps generation and cache.
///
/// Where flows do not come again, a cache only costs: then it steps aside, and tries again from time to time.
///
/// Flows share a place by a seeded hash. Two of a place stay; a third one drives out the one of them that did not come again. So a
/// sender who guesses what collides harms flows of one place only, and those are looked up.
#[derive(Clone, Debug)]
pub struct FlowCache {
    v4: Cache<V4>,
    v6: Cache<V6>,
    state: State,
}

/// How often a cache must know the flow, to stay in use: in so many of 16 lookups.
const WORTHWHILE: u32 = 6;
/// The generation of an entry that is none.
const NO_GENERATION: u64 = u64::MAX;
/// Lookups until the cache's use is judged again. The first half of a trial does not count: then it fills.
const TRIAL: u32 = 8192;
/// Lookups without it when it was of no use.
const ASIDE: u32 = 16 * TRIAL;

#[derive(Clone, Copy, Debug)]
enum State {
    /// In use: lookups and hits since the beginning or the last verdict.
    Used { lookups: u32, hits: u32 },
    /// Stepped aside for so many lookups more.
    Aside { lookups: u32 },
}

impl FlowCache {
    /// A cache for about so many flows of each family (rounded up to a power of 2; 64 at least). An entry takes 32 octets for IPv4, 64
    /// for IPv6.
    pub fn new(flows: usize, seed: u64) -> Self {
        let sets = flows.max(64).next_power_of_two() / 2;
        Self { v4: Cache::new(sets, seed), v6: Cache::new(sets, seed), state: State::Used { lookups: 0, hits: 0 } }
    }

    /// The rule that the header meets by the engine's rules, which are of this generation.
    pub fn lookup(&mut self, generation: u64, engine: &(impl Engine + ?Sized), header: &Header) -> Option<RuleId> {
        let mut found = [None];
        self.lookup_batch(generation, engine, core::slice::from_ref(header), &mut found);
        found[0]
    }

    /// The same for several headers, as [`Engine::lookup_batch`].
    pub fn lookup_batch(
        &mut self,
        generation: u64,
        engine: &(impl Engine + ?Sized),
        headers: &[Header],
        found: &mut [Option<RuleId>],
    ) {
        for (headers, found) in headers.chunks(BATCH).zip(found.chunks_mut(BATCH)) {
            let count = headers.len().min(found.len());
            let (headers, found) = (&headers[..count], &mut found[..count]);
            match &mut self.state {
                State::Aside { lookups } => {
                    engine.lookup_batch(headers, found);
                    *lookups = lookups.saturating_sub(count as u32);
                    if *lookups == 0 {
                        self.state = State::Used { lookups: 0, hits: 0 };
                    }
                }
                State::Used { .. } => {
                    let hits = self.cached(generation, engine, headers, found);
                    self.judge(count as u32, hits as u32);
                }
            }
        }
    }

    fn judge(&mut self, count: u32, hit: u32) {
        let State::Used { lookups, hits } = &mut self.state else { return };
        *lookups += count;
        if *lookups > TRIAL / 2 {
            *hits += hit;
        }
        if *lookups >= TRIAL {
            let useful = *hits * 16 >= (*lookups - TRIAL / 2) * WORTHWHILE;
            // It is warm: from here on, every lookup counts.
            self.state =
                if useful { State::Used { lookups: TRIAL / 2, hits: 0 } } else { State::Aside { lookups: ASIDE } };
        }
    }

    /// At most [`BATCH`] headers; returns how many of them were known.
    fn cached(
        &mut self,
        generation: u64,
        engine: &(impl Engine + ?Sized),
        headers: &[Header],
        found: &mut [Option<RuleId>],
    ) -> usize {
        // Nothing here depends on whether a flow is known, so that the places of all are waited for together and no branch goes wrong.
        let (mut misses, mut again) = ([0u8; BATCH], [0u8; BATCH]);
        let (mut count, mut promoted) = (0, 0);
        for (n, (header, found)) in headers.iter().zip(found.iter_mut()).enumerate() {
            let (known, hits) = match header.family {
                Family::V4 => self.v4.get(generation, &Key::new(header)),
                Family::V6 => self.v6.get(generation, &Key::new(header)),
            };
            *found = known.id();
            misses[count] = n as u8;
            count += usize::from(!(hits[0] | hits[1]));
            again[promoted] = n as u8;
            promoted += usize::from(hits[1]);
        }
        for header in again[..promoted].iter().map(|n| &headers[usize::from(*n)]) {
            match header.family {
                Family::V4 => self.v4.promote(generation, &Key::new(header)),
                Family::V6 => self.v6.promote(generation, &Key::new(header)),
            }
        }
        if count == 0 {
            return headers.len();
        }
        let mut unknown = [headers[0]; BATCH];
        let mut answers = [None; BATCH];
        let misses = &misses[..count];
        misses.iter().zip(&mut unknown).for_each(|(n, header)| *header = headers[usize::from(*n)]);
        engine.lookup_batch(&unknown[..count], &mut answers[..count]);
        for ((n, header), answer) in misses.iter().zip(&unknown).zip(answers) {
            found[usize::from(*n)] = answer;
            match header.family {
                Family::V4 => self.v4.put(generation, &Key::new(header), answer),
                Family::V6 => self.v6.put(generation, &Key::new(header), answer),
            }
        }
        headers.len() - count
    }

    /// The octets that it takes.
    pub fn memory(&self) -> usize {
        self.v4.memory() + self.v6.memory()
    }
}

/// What is known of a flow: a rule's index, or [`Known::NOTHING`].
#[derive(Clone, Copy, Debug)]
struct Known(u32);

impl Known {
    const NOTHING: Self = Self(u32::MAX);

    fn id(self) -> Option<RuleId> {
        (self.0 != Self::NOTHING.0).then_some(RuleId(self.0))
    }
}

#[derive(Clone, Debug)]
struct Cache<const N: usize> {
    /// Their number is a power of 2.
    sets: Vec<Set<N>>,
    shift: u32,
    seed: u64,
}

/// The flows of a place: first the one that came again, then the one that came last.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Set<const N: usize>([Flow<N>; 2]);

#[derive(Clone, Copy, Debug)]
struct Flow<const N: usize> {
    key: Key<N>,
    known: Known,
    generation: u64,
}

impl<const N: usize> Flow<N> {
    #[inline(always)]
    fn is(&self, generation: u64, key: &Key<N>) -> bool {
        self.key.agrees(key, &Mask::ALL) & (self.key.tracking == key.tracking) & (self.generation == generation)
    }
}

impl<const N: usize> Cache<N> {
    fn new(sets: usize, seed: u64) -> Self {
        let none = Flow { key: Key::ZERO, known: Known::NOTHING, generation: NO_GENERATION };
        Self { sets: vec![Set([none; 2]); sets], shift: 64 - sets.trailing_zeros(), seed }
    }

    #[inline(always)]
    fn at(&self, key: &Key<N>) -> usize {
        (key.hash(&Mask::ALL, self.seed) >> self.shift) as usize
    }

    /// What is known of a flow, if one of the two places has it.
    #[inline(always)]
    fn get(&self, generation: u64, key: &Key<N>) -> (Known, [bool; 2]) {
        let Some(Set(flows)) = self.sets.get(self.at(key)) else { return (Known::NOTHING, [false; 2]) };
        let hits = [flows[0].is(generation, key), flows[1].is(generation, key)];
        (if hits[0] { flows[0].known } else { flows[1].known }, hits)
    }

    /// The flow came again: its place is the first one now.
    fn promote(&mut self, generation: u64, key: &Key<N>) {
        let at = self.at(key);
        if let Some(Set(flows)) = self.sets.get_mut(at)
            && flows[1].is(generation, key)
        {
            flows.swap(0, 1);
        }
    }

    fn put(&mut self, generation: u64, key: &Key<N>, found: Option<RuleId>) {
        let at = self.at(key);
        if let Some(Set(flows)) = self.sets.get_mut(at) {
            let at = usize::from(flows[0].generation == generation);
            flows[at] = Flow { key: *key, known: found.map_or(Known::NOTHING, |id| Known(id.0)), generation };
        }
    }

    fn memory(&self) -> usize {
        self.sets.capacity() * size_of::<Set<N>>()
    }
}
