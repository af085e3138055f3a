//! A hash table that is quick to say no.

use alloc::{vec, vec::Vec};

use crate::classification::{
    engine::{
        packed::{Key, Mask},
        pool::{END, Pool, first},
        ranking::First,
        tuple::Tuple,
    },
    table::Order,
};

/// Rules by the bits that a tuple fixes.
///
/// Most lookups in most tables find nothing, so that is what must be cheap: a bucket is one word, with a bit set for each
/// hash that occurs in it beside the head of the list of its rules. One load and one test, and no branch, tell 31 of 32
/// headers that they have no business here.
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
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// Bit n is set if the lowest 5 bits of the hash of some rule here are n.
    signature: u32,
    /// The list of its rules.
    pub head: u32,
}

impl Bucket {
    const EMPTY: Self = Self { signature: 0, head: END };

    /// 1 if there may be a rule of this hash, otherwise 0.
    #[inline(always)]
    pub fn may_have(self, hash: u64) -> usize {
        (self.signature >> (hash & 31) & 1) as usize
    }
}

const LEAST_BUCKETS: usize = 4;

impl<const N: usize> Table<N> {
    pub fn new(tuple: Tuple) -> Self {
        Self {
            tuple,
            mask: tuple.mask(),
            first: First::NONE,
            rules: 0,
            buckets: vec![Bucket::EMPTY; LEAST_BUCKETS],
            shift: 64 - LEAST_BUCKETS.trailing_zeros(),
        }
    }

    #[inline(always)]
    pub fn bucket(&self, hash: u64) -> Bucket {
        self.buckets.get((hash >> self.shift) as usize).copied().unwrap_or(Bucket::EMPTY)
    }

    pub fn insert(&mut self, pool: &mut Pool<N>, at: u32, seed: u64) {
        if self.rules * 2 >= self.buckets.len() {
            self.resize(pool, seed, self.buckets.len() * 2);
        }
        self.place(pool, at, seed);
        self.rules += 1;
        self.first.inserted(pool.node(at).rule.order);
    }

    fn place(&mut self, pool: &mut Pool<N>, at: u32, seed: u64) {
        let hash = pool.node(at).rule.key().hash(&self.mask, seed);
        let bucket = &mut self.buckets[(hash >> self.shift) as usize];
        bucket.signature |= 1 << (hash & 31);
        bucket.head = pool.link(bucket.head, at);
    }

    fn resize(&mut self, pool: &mut Pool<N>, seed: u64, buckets: usize) {
        let all = self.all(pool);
        self.shift = 64 - buckets.trailing_zeros();
        self.buckets = vec![Bucket::EMPTY; buckets];
        all.into_iter().for_each(|at| self.place(pool, at, seed));
    }

    pub fn remove(&mut self, pool: &mut Pool<N>, at: u32, seed: u64) {
        let rule = pool.node(at).rule;
        let hash = rule.key().hash(&self.mask, seed);
        let bucket = &mut self.buckets[(hash >> self.shift) as usize];
        bucket.head = pool.unlink(bucket.head, at);
        let bits = pool.list(bucket.head).map(|(_, node)| 1 << (node.rule.key().hash(&self.mask, seed) & 31));
        bucket.signature = bits.fold(0, |signature, bit| signature | bit);
        self.rules -= 1;
        let least = || self.buckets.iter().map(|bucket| first(pool, bucket.head)).min().unwrap_or(Order::NONE);
        self.first.removed(rule.order, self.rules, least);
        if self.rules * 16 < self.buckets.len() && self.buckets.len() > LEAST_BUCKETS {
            self.resize(pool, seed, self.buckets.len() / 4);
        }
    }

    /// All rules of the table.
    pub fn all(&self, pool: &Pool<N>) -> Vec<u32> {
        self.buckets.iter().flat_map(|bucket| pool.list(bucket.head).map(|(at, _)| at)).collect()
    }

    /// The rules that agree with `key` in all that counts.
    pub fn collisions(&self, pool: &Pool<N>, key: &Key<N>, seed: u64) -> Vec<u32> {
        let list = pool.list(self.bucket(key.hash(&self.mask, seed)).head);
        list.filter(|(_, node)| node.rule.key().agrees(key, &self.mask)).map(|(at, _)| at).collect()
    }

    pub fn memory(&self) -> usize {
        self.buckets.capacity() * size_of::<Bucket>()
    }
}
