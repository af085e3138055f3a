//! What was found for a flow, so that its next frame need not be looked up.

mod places;
#[cfg(test)]
mod tests;
mod usefulness;

use super::{
    engine::{BATCH, Engine, FEW, V4, V6},
    header::{Family, Header},
    table::RuleId,
};
use places::Places;
use usefulness::Usefulness;

/// A cache of bounded size in front of an engine, for one processor. A flow is a header: all its fields count.
///
/// Whoever changes the rules gives them another generation, and all that was cached is void at once. An exchange of the engine with the
/// same rules under the same names keeps generation and cache.
///
/// Where flows do not come again, a cache only costs: then it steps aside, and tries again from time to time.
///
/// Flows share a place by a seeded hash, and few of a place stay: a new one drives out one that did not come again. So a sender who
/// guesses what collides harms flows of one place only, and those are looked up.
#[derive(Clone, Debug)]
pub struct FlowCache {
    v4: Places<V4, 3>,
    v6: Places<V6, 2>,
    usefulness: Usefulness,
    /// Of the rules that `tag` stands for in the places.
    generation: u64,
    tag: u16,
}

impl FlowCache {
    /// A cache for so many flows of each family, or more: the number of its places is a power of 2. One of IPv4 takes 64 octets and holds
    /// three flows, one of IPv6 takes 128 and holds two.
    pub fn new(flows: usize, seed: u64) -> Self {
        let mut cache = Self::begun(flows, seed);
        cache.grow(usize::MAX);
        cache
    }

    /// The same, without places at first: [`grow`](Self::grow) makes them. What has none is looked up.
    pub fn begun(flows: usize, seed: u64) -> Self {
        let places = flows.max(64).next_power_of_two() / 2;
        Self {
            v4: Places::new(places, seed),
            v6: Places::new(places, seed),
            usefulness: Usefulness::new(),
            generation: 0,
            tag: 0,
        }
    }

    /// Makes at most `budget` places of each family, if any are missing.
    #[inline]
    pub fn grow(&mut self, budget: usize) {
        self.v4.grow(budget);
        self.v6.grow(budget);
    }

    /// The rule that the header meets by the engine's rules, which are of this generation.
    pub fn lookup(&mut self, generation: u64, engine: &(impl Engine + ?Sized), header: &Header) -> Option<RuleId> {
        if self.usefulness.is_aside(1) {
            return engine.lookup(header);
        }
        self.begin(generation);
        let (found, hits) = match header.family {
            Family::V4 => one(&mut self.v4, self.tag, engine, header),
            Family::V6 => one(&mut self.v6, self.tag, engine, header),
        };
        self.usefulness.judge(1, hits);
        found
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
            if self.usefulness.is_aside(count as u32) {
                engine.lookup_batch(headers, found);
                continue;
            }
            self.begin(generation);
            let v6 = headers.iter().filter(|header| header.family == Family::V6).count();
            if v6 == 0 {
                let hits = several(&mut self.v4, self.tag, engine, headers, found);
                self.usefulness.judge(count as u32, hits);
            } else if v6 == count {
                let hits = several(&mut self.v6, self.tag, engine, headers, found);
                self.usefulness.judge(count as u32, hits);
            } else {
                for (found, header) in found.iter_mut().zip(headers) {
                    *found = self.lookup(generation, engine, header);
                }
            }
        }
    }

    /// What was cached of another generation counts for nothing from here on.
    #[inline(always)]
    fn begin(&mut self, generation: u64) {
        if self.generation != generation {
            self.generation = generation;
            self.tag = self.tag.wrapping_add(1);
            if self.tag == 0 {
                // All tags were there: what is left of the first ones must not come to life again.
                self.v4.clear();
                self.v6.clear();
            }
        }
    }

    /// The octets that it takes.
    pub fn memory(&self) -> usize {
        self.v4.memory() + self.v6.memory()
    }
}

/// What a header meets, and 1 if that was known.
#[inline]
fn one<const N: usize, const W: usize>(
    places: &mut Places<N, W>,
    tag: u16,
    engine: &(impl Engine + ?Sized),
    header: &Header,
) -> (Option<RuleId>, u32) {
    let (flow, place) = places.of(header);
    let (known, hit) = places.get(place, tag, &flow);
    if hit {
        return (known.id(), 1);
    }
    let found = engine.lookup(header);
    places.put(place, tag, &flow, found);
    (found, 0)
}

/// The same for at most [`BATCH`] headers of one family; returns how many of them were known.
///
/// No branch depends on whether a flow is known: the places of all headers are waited for together.
fn several<const N: usize, const W: usize>(
    places: &mut Places<N, W>,
    tag: u16,
    engine: &(impl Engine + ?Sized),
    headers: &[Header],
    found: &mut [Option<RuleId>],
) -> u32 {
    let mut misses = [0u8; BATCH];
    let mut count = 0;
    for (n, (header, found)) in headers.iter().zip(found.iter_mut()).enumerate() {
        let (flow, place) = places.of(header);
        let (known, hit) = places.get(place, tag, &flow);
        *found = known.id();
        misses[count] = n as u8;
        count += usize::from(!hit);
    }
    let misses = misses[..count].iter().map(|n| usize::from(*n));
    let mut keep = |header, answer| {
        let (flow, place) = places.of(header);
        places.put(place, tag, &flow, answer);
    };
    if count <= FEW {
        for n in misses {
            found[n] = engine.lookup(&headers[n]);
            keep(&headers[n], found[n]);
        }
    } else {
        let (mut unknown, mut answers) = ([headers[0]; BATCH], [None; BATCH]);
        unknown.iter_mut().zip(misses.clone()).for_each(|(header, n)| *header = headers[n]);
        engine.lookup_batch(&unknown[..count], &mut answers[..count]);
        for ((n, header), answer) in misses.zip(&unknown).zip(answers) {
            found[n] = answer;
            keep(header, answer);
        }
    }
    (headers.len() - count) as u32
}
