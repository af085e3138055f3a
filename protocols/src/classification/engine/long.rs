//! Long lists of rules: what no tuple tells apart, because it differs in ranges of ports.

use alloc::{vec, vec::Vec};

use super::{
    dual::Best,
    packed::{Key, Packed},
    work,
};
use crate::classification::table::{Order, RuleId};

/// A list in order, in chunks.
///
/// With bit vectors (Lakshman and Stiliadis, "High-Speed Policy-Based Packet Forwarding Using Efficient Multi-Dimensional Range Matching",
/// SIGCOMM 1998) a chunk knows, for each interval between two ends of port ranges, which of its rules hold there: two binary
/// searches and a few conjunctions leave the rules that fit both ports. Chunks bound what a change of one rule costs, and
/// the room, which would grow with the square of the length.
#[derive(Clone, Debug)]
pub(super) struct Long<const N: usize> {
    chunks: Vec<Chunk<N>>,
    vectors: bool,
}

/// Rules of a chunk, at most.
const CHUNK: usize = 256;
const WORDS: usize = CHUNK / 64;

#[derive(Clone, Debug)]
struct Chunk<const N: usize> {
    rules: Vec<Packed<N>>,
    /// Of source and destination ports; empty without vectors.
    intervals: [Intervals; 2],
}

#[derive(Clone, Debug, Default)]
struct Intervals {
    /// Where an interval begins; the first one at 0.
    starts: Vec<u16>,
    /// Which rules hold in it.
    vectors: Vec<[u64; WORDS]>,
}

impl<const N: usize> Long<N> {
    /// The rules are in order.
    pub fn new(rules: &[Packed<N>], vectors: bool) -> Self {
        let chunks = rules.chunks(CHUNK / 2).map(|rules| Chunk::new(rules.to_vec(), vectors)).collect();
        Self { chunks, vectors }
    }

    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.rules.len()).sum()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Packed<N>> {
        self.chunks.iter().flat_map(|chunk| &chunk.rules)
    }

    pub fn insert(&mut self, rule: Packed<N>) {
        // The last chunk that begins before it.
        let at = self.chunks.partition_point(|chunk| chunk.first() < rule.order).saturating_sub(1);
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(Chunk::new(vec![rule], self.vectors));
            return;
        };
        let place = chunk.rules.partition_point(|other| other.order < rule.order);
        chunk.rules.insert(place, rule);
        if chunk.rules.len() > CHUNK {
            let rest = chunk.rules.split_off(CHUNK / 2);
            chunk.index(self.vectors);
            self.chunks.insert(at + 1, Chunk::new(rest, self.vectors));
        } else {
            chunk.index(self.vectors);
        }
    }

    pub fn remove(&mut self, order: Order, id: RuleId) {
        let at = self.chunks.partition_point(|chunk| chunk.first() <= order).saturating_sub(1);
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        chunk.rules.retain(|rule| rule.id != id);
        if chunk.rules.is_empty() {
            self.chunks.remove(at);
        } else {
            chunk.index(self.vectors);
        }
    }

    pub fn improve(&self, key: &Key<N>, best: &mut Best) {
        for chunk in &self.chunks {
            if chunk.first() >= best.order {
                return;
            }
            if self.vectors {
                chunk.improve(key, best);
            } else {
                improve(&chunk.rules, key, best);
            }
        }
    }

    /// Frees `budget` chunks; whether none is left.
    pub fn dissolve(&mut self, budget: usize) -> bool {
        self.chunks.truncate(self.chunks.len().saturating_sub(budget));
        self.chunks.is_empty()
    }

    pub fn memory(&self) -> usize {
        let chunk = |chunk: &Chunk<N>| {
            let intervals = chunk.intervals.iter();
            let vectors: usize =
                intervals.map(|all| all.starts.capacity() * 2 + all.vectors.capacity() * WORDS * 8).sum();
            vectors + chunk.rules.capacity() * size_of::<Packed<N>>()
        };
        self.chunks.capacity() * size_of::<Chunk<N>>() + self.chunks.iter().map(chunk).sum::<usize>()
    }
}

/// The first rule in the list that the key matches, if that comes before the best one.
#[inline(always)]
pub(super) fn improve<const N: usize>(rules: &[Packed<N>], key: &Key<N>, best: &mut Best) {
    for rule in rules {
        if rule.order >= best.order {
            return;
        }
        if rule.matches(key) {
            *best = Best { order: rule.order, id: rule.id };
            return;
        }
    }
}

impl<const N: usize> Chunk<N> {
    fn new(rules: Vec<Packed<N>>, vectors: bool) -> Self {
        let mut chunk = Self { rules, intervals: Default::default() };
        chunk.index(vectors);
        chunk
    }

    fn first(&self) -> Order {
        self.rules.first().map_or(Order::NONE, |rule| rule.order)
    }

    fn index(&mut self, vectors: bool) {
        if vectors {
            work::done(self.rules.len());
            self.intervals = [0, 1].map(|side| Intervals::new(self.rules.iter().map(|rule| rule.ports()[side])));
        }
    }

    fn improve(&self, key: &Key<N>, best: &mut Best) {
        let [source, destination] = &self.intervals;
        let source = source.at((key.rest >> 48) as u16);
        let destination = destination.at((key.rest >> 32) as u16);
        for (word, (a, b)) in source.iter().zip(destination).enumerate() {
            let mut both = a & b;
            while both != 0 {
                let Some(rule) = self.rules.get(word * 64 + both.trailing_zeros() as usize) else { return };
                if rule.order >= best.order {
                    return;
                }
                if rule.matches(key) {
                    *best = Best { order: rule.order, id: rule.id };
                    return;
                }
                both &= both - 1;
            }
        }
    }
}

impl Intervals {
    /// Of so many ranges (at most [`CHUNK`]), each from its first port to its last.
    fn new(ranges: impl Iterator<Item = (u16, u16)>) -> Self {
        // At each port where ranges begin or end: whose bit changes.
        let mut changes: Vec<(u16, u16)> = vec![(0, u16::MAX)];
        for (rule, (first, last)) in ranges.enumerate() {
            changes.push((first, rule as u16));
            changes.extend(last.checked_add(1).map(|after| (after, rule as u16)));
        }
        changes.sort_unstable();
        let mut intervals = Self::default();
        let mut vector = [0; WORDS];
        for (port, rule) in changes {
            if let Some(word) = vector.get_mut(usize::from(rule) / 64) {
                *word ^= 1 << (rule % 64);
            }
            if intervals.starts.last() == Some(&port) {
                intervals.vectors.pop();
            } else {
                intervals.starts.push(port);
            }
            intervals.vectors.push(vector);
        }
        intervals
    }

    #[inline]
    fn at(&self, port: u16) -> &[u64; WORDS] {
        let at = self.starts.partition_point(|start| *start <= port);
        // The first interval begins at 0.
        self.vectors.get(at.wrapping_sub(1)).unwrap_or(&[0; WORDS])
    }
}
