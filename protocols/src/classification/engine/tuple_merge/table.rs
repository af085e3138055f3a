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
// What a lookup needs lies together, in one line of the cache for IPv4.
#[repr(C, align(64))]
pub(super) struct Table<const N: usize> {
    pub mask: Mask<N>,
    /// Their number is a power of two.
    pub(super) buckets: Vec<Bucket>,
    /// How far the hash is shifted to be an index.
    pub(super) shift: u32,
    /// Whether long lists have bit vectors.
    pub(super) vectors: bool,
    pub tuple: Tuple,
    pub(super) seed: u64,
    /// Buckets with more rules than [`SHORT`].
    pub(super) long: Vec<Option<Long<N>>>,
    pub rules: usize,
    pub first: First,
    /// The buckets to come, as far as those that are there have moved; without room if their number is to stay.
    pub(super) next: Vec<Bucket>,
    pub(super) next_shift: u32,
    /// How many of `buckets` have moved: each of these is [`MOVED`].
    pub(super) moved: usize,
}

/// The rules of a bucket, in order: in the arena, or in `long`.
#[derive(Clone, Copy, Debug)]
#[repr(align(8))]
pub(super) struct Bucket {
    pub at: u32,
    /// How many, or [`LONG`], or [`MOVED`].
    pub length: u16,
    /// Bit n is set if the lowest 4 bits of the hash of some rule here are n.
    pub signature: u16,
}

/// Rules of a bucket in the arena, at most.
pub(super) const SHORT: u16 = 32;
pub(super) const LONG: u16 = u16::MAX;
/// The rules are in the buckets to come; the signature has a bit for each of them still.
pub(super) const MOVED: u16 = LONG - 1;

impl Bucket {
    pub const EMPTY: Self = Self { at: 0, length: 0, signature: 0 };

    /// 1 if there may be a rule of this hash, otherwise 0.
    #[inline(always)]
    pub fn may_have(self, hash: u64) -> usize {
        (self.signature >> (hash & 15) & 1) as usize
    }

    #[inline(always)]
    pub fn block(self) -> Block {
        Block { at: self.at, length: self.length }
    }
}

pub(super) const LEAST_BUCKETS: usize = 4;

impl<const N: usize> Table<N> {
    pub fn new(tuple: Tuple, vectors: bool, seed: u64) -> Self {
        Self {
            tuple,
            mask: tuple.mask(),
            first: First::NONE,
            rules: 0,
            buckets: vec![Bucket::EMPTY; LEAST_BUCKETS],
            shift: 64 - LEAST_BUCKETS.trailing_zeros(),
            long: Vec::new(),
            vectors,
            seed,
            next: Vec::new(),
            next_shift: 0,
            moved: 0,
        }
    }

    #[inline(always)]
    pub fn bucket(&self, hash: u64) -> Bucket {
        self.buckets.get((hash >> self.shift) as usize).copied().unwrap_or(Bucket::EMPTY)
    }

    /// The order of the bucket's first rule; [`Order::FIRST`] if that is not at hand.
    #[inline(always)]
    pub fn first_of(&self, arena: &Arena<N>, bucket: Bucket) -> Order {
        if bucket.length >= MOVED { Order::FIRST } else { arena.first_of(bucket.block()) }
    }

    /// The first rule in the bucket that the key matches, if that comes before the best one.
    #[inline]
    pub fn improve(&self, arena: &Arena<N>, bucket: Bucket, key: &Key<N>, best: &mut Best) {
        if bucket.length < MOVED {
            improve(arena.list(bucket.block()), key, best);
        } else {
            self.improve_rarely(arena, bucket, key, best);
        }
    }

    #[cold]
    fn improve_rarely(&self, arena: &Arena<N>, bucket: Bucket, key: &Key<N>, best: &mut Best) {
        let bucket = if bucket.length == MOVED { self.held(key.hash(&self.mask, self.seed)) } else { bucket };
        if bucket.length != LONG {
            improve(arena.list(bucket.block()), key, best);
        } else if let Some(Some(long)) = self.long.get(bucket.at as usize) {
            long.improve(key, best);
        }
    }

    /// The bucket of this hash, also if it has moved.
    pub fn held(&self, hash: u64) -> Bucket {
        let at = (hash >> self.shift) as usize;
        if at < self.moved { self.next[(hash >> self.next_shift) as usize] } else { self.buckets[at] }
    }

    /// The same, to be changed.
    fn held_mut(&mut self, hash: u64) -> &mut Bucket {
        let at = (hash >> self.shift) as usize;
        if at < self.moved { &mut self.next[(hash >> self.next_shift) as usize] } else { &mut self.buckets[at] }
    }

    /// The rules of the bucket of this hash, and the first hash of the next one.
    pub fn rules_at<'a>(
        &'a self,
        arena: &'a Arena<N>,
        hash: u64,
    ) -> (impl Iterator<Item = &'a Packed<N>>, Option<u64>) {
        let shift = if ((hash >> self.shift) as usize) < self.moved { self.next_shift } else { self.shift };
        let next = ((hash >> shift) + 1).checked_mul(1 << shift);
        (self.list(arena, self.held(hash)), next)
    }

    pub(super) fn list<'a>(&'a self, arena: &'a Arena<N>, bucket: Bucket) -> impl Iterator<Item = &'a Packed<N>> {
        let (short, long) = if bucket.length == LONG {
            (&[][..], self.long.get(bucket.at as usize).and_then(Option::as_ref))
        } else {
            (arena.list(bucket.block()), None)
        };
        short.iter().chain(long.into_iter().flat_map(Long::iter))
    }

    /// Takes a rule; [`settle`](Self::settle) is to follow.
    pub fn insert(&mut self, arena: &mut Arena<N>, rule: Packed<N>) {
        self.rules += 1;
        self.first.inserted(rule.order);
        let hash = rule.key().hash(&self.mask, self.seed);
        // Also of a bucket that has moved: lookups begin there.
        self.buckets[(hash >> self.shift) as usize].signature |= 1 << (hash & 15);
        let mut bucket = self.held(hash);
        bucket.signature |= 1 << (hash & 15);
        if bucket.length == LONG {
            self.held_mut(hash).signature = bucket.signature;
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
            (bucket.at, bucket.length) = (self.keep(long), LONG);
        }
        *self.held_mut(hash) = bucket;
    }

    /// Finds a place for a long list.
    pub(super) fn keep(&mut self, long: Long<N>) -> u32 {
        let at = self.long.iter().position(Option::is_none).unwrap_or(self.long.len());
        match self.long.get_mut(at) {
            Some(free) => *free = Some(long),
            None => self.long.push(Some(long)),
        }
        at as u32
    }

    /// The [`Bucket::signature`] of rules.
    pub(super) fn signature<'a>(&self, rules: impl Iterator<Item = &'a Packed<N>>) -> u16 {
        let bits = rules.map(|rule| 1 << (rule.key().hash(&self.mask, self.seed) & 15));
        bits.fold(0, |signature, bit| signature | bit)
    }

    /// Forgets a rule that is there; [`settle`](Self::settle) is to follow.
    pub fn remove(&mut self, arena: &mut Arena<N>, rule: &Packed<N>) {
        let hash = rule.key().hash(&self.mask, self.seed);
        let mut bucket = self.held(hash);
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
            bucket.signature = self.signature(self.list(arena, bucket));
        }
        *self.held_mut(hash) = bucket;
        self.rules -= 1;
        self.first.removed(rule.order, self.rules);
    }

    /// Whether more rules than `limit` agree with the key in all that counts; which, if so.
    pub fn collisions(&self, arena: &Arena<N>, key: &Key<N>, limit: usize) -> Option<Vec<Packed<N>>> {
        let bucket = self.held(key.hash(&self.mask, self.seed));
        if usize::from(bucket.length) <= limit {
            return None;
        }
        let list = self.list(arena, bucket).filter(|rule| rule.key().agrees(key, &self.mask));
        // More than a few need not be looked at to see how they differ.
        let list: Vec<Packed<N>> = list.take(limit * 4).copied().collect();
        (list.len() > limit).then_some(list)
    }

    /// Frees about `budget` pieces of long lists; whether none of these is left.
    pub fn dissolve(&mut self, budget: usize) -> bool {
        if let Some(Some(long)) = self.long.last_mut()
            && !long.dissolve(budget)
        {
            return false;
        }
        self.long.pop();
        self.long.is_empty()
    }

    pub fn memory(&self) -> usize {
        let long: usize = self.long.iter().flatten().map(Long::memory).sum();
        let buckets = self.buckets.capacity() + self.next.capacity();
        buckets * size_of::<Bucket>() + self.long.capacity() * size_of::<Option<Long<N>>>() + long
    }
}
