//! A hash table that is quick to say no.

use alloc::{vec, vec::Vec};

use crate::classification::{
    engine::{
        arena::{Arena, Block},
        dual::Best,
        long::{Long, improve},
        packed::{Key, Mask, Packed},
        ranking::First,
        tuple::Tuple,
    },
    table::Order,
};

/// Rules by the bits that a tuple fixes.
///
/// Most lookups in most tables find nothing, so that is what must be cheap: a bucket is one word, with a bit set for each
/// hash that occurs in it beside the place of its rules. One load and one test, and no branch, tell 15 of 16 headers
/// that they have no business in a bucket.
#[derive(Clone, Debug)]
pub(super) struct Table<const N: usize> {
    pub tuple: Tuple,
    pub mask: Mask<N>,
    pub first: First,
    pub rules: usize,
    /// Their number is a power of two.
    buckets: Vec<Bucket>,
    /// How far the hash is shifted to be an index.
    shift: u32,
    /// Buckets with more rules than [`SHORT`].
    long: Vec<Option<Long<N>>>,
    /// Whether those have bit vectors.
    vectors: bool,
}

/// The rules of a bucket, in order: in the arena, or in `long`.
#[derive(Clone, Copy, Debug)]
#[repr(align(8))]
pub(super) struct Bucket {
    at: u32,
    /// How many, or [`LONG`].
    length: u16,
    /// Bit n is set if the lowest 4 bits of the hash of some rule here are n.
    signature: u16,
}

/// Rules of a bucket in the arena, at most.
const SHORT: u16 = 32;
const LONG: u16 = u16::MAX;

impl Bucket {
    pub const EMPTY: Self = Self { at: 0, length: 0, signature: 0 };

    /// 1 if there may be a rule of this hash, otherwise 0.
    #[inline(always)]
    pub fn may_have(self, hash: u64) -> usize {
        (self.signature >> (hash & 15) & 1) as usize
    }

    #[inline(always)]
    fn block(self) -> Block {
        Block { at: self.at, length: self.length }
    }
}

const LEAST_BUCKETS: usize = 4;

impl<const N: usize> Table<N> {
    pub fn new(tuple: Tuple, vectors: bool) -> Self {
        Self {
            tuple,
            mask: tuple.mask(),
            first: First::NONE,
            rules: 0,
            buckets: vec![Bucket::EMPTY; LEAST_BUCKETS],
            shift: 64 - LEAST_BUCKETS.trailing_zeros(),
            long: Vec::new(),
            vectors,
        }
    }

    #[inline(always)]
    pub fn bucket(&self, hash: u64) -> Bucket {
        self.buckets.get((hash >> self.shift) as usize).copied().unwrap_or(Bucket::EMPTY)
    }

    /// The order of the bucket's first rule; [`Order::FIRST`] if that is not at hand.
    #[inline(always)]
    pub fn first_of(&self, arena: &Arena<N>, bucket: Bucket) -> Order {
        if bucket.length == LONG { Order::FIRST } else { arena.first_of(bucket.block()) }
    }

    /// The first rule in the bucket that the key matches, if that comes before the best one.
    #[inline]
    pub fn improve(&self, arena: &Arena<N>, bucket: Bucket, key: &Key<N>, best: &mut Best) {
        if bucket.length != LONG {
            improve(arena.list(bucket.block()), key, best);
        } else if let Some(Some(long)) = self.long.get(bucket.at as usize) {
            long.improve(key, best);
        }
    }

    fn list<'a>(&'a self, arena: &'a Arena<N>, bucket: Bucket) -> impl Iterator<Item = &'a Packed<N>> {
        let (short, long) = if bucket.length == LONG {
            (&[][..], self.long.get(bucket.at as usize).and_then(Option::as_ref))
        } else {
            (arena.list(bucket.block()), None)
        };
        short.iter().chain(long.into_iter().flat_map(Long::iter))
    }

    pub fn insert(&mut self, arena: &mut Arena<N>, rule: Packed<N>, seed: u64) {
        if self.rules * 2 >= self.buckets.len() {
            self.resize(arena, seed, self.buckets.len() * 2);
        }
        self.place(arena, rule, seed);
        self.rules += 1;
        self.first.inserted(rule.order);
    }

    fn place(&mut self, arena: &mut Arena<N>, rule: Packed<N>, seed: u64) {
        let hash = rule.key().hash(&self.mask, seed);
        let at = (hash >> self.shift) as usize;
        let bucket = &mut self.buckets[at];
        bucket.signature |= 1 << (hash & 15);
        if bucket.length == LONG {
            if let Some(long) = &mut self.long[bucket.at as usize] {
                long.insert(rule);
            }
            return;
        }
        let block = arena.insert(bucket.block(), rule);
        (bucket.at, bucket.length) = (block.at, block.length);
        if block.length > SHORT {
            let long = Long::new(arena.list(block), self.vectors);
            arena.release(block);
            let at = self.long.iter().position(Option::is_none).unwrap_or(self.long.len());
            (bucket.at, bucket.length) = (at as u32, LONG);
            match self.long.get_mut(at) {
                Some(free) => *free = Some(long),
                None => self.long.push(Some(long)),
            }
        }
    }

    fn resize(&mut self, arena: &mut Arena<N>, seed: u64, buckets: usize) {
        let all = self.all(arena);
        for bucket in self.buckets.iter().filter(|bucket| bucket.length != LONG) {
            arena.release(bucket.block());
        }
        self.shift = 64 - buckets.trailing_zeros();
        self.buckets = vec![Bucket::EMPTY; buckets];
        self.long = Vec::new();
        all.into_iter().for_each(|rule| self.place(arena, rule, seed));
    }

    pub fn remove(&mut self, arena: &mut Arena<N>, rule: &Packed<N>, seed: u64) {
        let hash = rule.key().hash(&self.mask, seed);
        let at = (hash >> self.shift) as usize;
        let mut bucket = self.buckets[at];
        if bucket.length != LONG {
            let block = arena.remove(bucket.block(), rule.id);
            (bucket.at, bucket.length) = (block.at, block.length);
        } else if let Some(long) = &mut self.long[bucket.at as usize] {
            long.remove(rule.order, rule.id);
            // Not as soon as it is short: it may grow again.
            if long.len() <= usize::from(SHORT / 2) {
                let block = long.iter().fold(Block::EMPTY, |block, rule| arena.insert(block, *rule));
                self.long[bucket.at as usize] = None;
                (bucket.at, bucket.length) = (block.at, block.length);
            }
        }
        if bucket.length != LONG {
            let bits = self.list(arena, bucket).map(|rule| 1 << (rule.key().hash(&self.mask, seed) & 15));
            bucket.signature = bits.fold(0, |signature, bit| signature | bit);
        }
        self.buckets[at] = bucket;
        self.rules -= 1;
        let heads = self.buckets.iter().filter_map(|bucket| self.list(arena, *bucket).next());
        let mut first = self.first;
        first.removed(rule.order, self.rules, || heads.map(|rule| rule.order).min().unwrap_or(Order::NONE));
        self.first = first;
        if self.rules * 16 < self.buckets.len() && self.buckets.len() > LEAST_BUCKETS {
            self.resize(arena, seed, (self.buckets.len() / 4).max(LEAST_BUCKETS));
        }
    }

    /// All rules of the table.
    pub fn all(&self, arena: &Arena<N>) -> Vec<Packed<N>> {
        self.buckets.iter().flat_map(|bucket| self.list(arena, *bucket)).copied().collect()
    }

    /// Whether more rules than `limit` agree with the key in all that counts; which, if so.
    pub fn collisions(&self, arena: &Arena<N>, key: &Key<N>, seed: u64, limit: usize) -> Option<Vec<Packed<N>>> {
        let bucket = self.bucket(key.hash(&self.mask, seed));
        if usize::from(bucket.length) <= limit {
            return None;
        }
        let list = self.list(arena, bucket).filter(|rule| rule.key().agrees(key, &self.mask));
        // More than a few need not be looked at to see how they differ.
        let list: Vec<Packed<N>> = list.take(limit * 4).copied().collect();
        (list.len() > limit).then_some(list)
    }

    pub fn memory(&self) -> usize {
        let long: usize = self.long.iter().flatten().map(Long::memory).sum();
        self.buckets.capacity() * size_of::<Bucket>() + self.long.capacity() * size_of::<Option<Long<N>>>() + long
    }
}
