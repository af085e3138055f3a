//! A hash table of lists' heads, whose growth moves a few of them at a time.

use hashbrown::HashTable;

use super::work;

/// Heads by hash. Before the table is full, a larger one begins to be made beside it, a few buckets with each head that is added; what
/// changes meanwhile changes in both.
#[derive(Clone, Debug)]
pub(super) struct Heads {
    now: HashTable<u32>,
    next: HashTable<u32>,
    /// The heads of so many buckets of `now` are in `next`; 0 if nothing grows.
    copied: usize,
}

/// The next table begins when room for this part of the buckets is left.
const LEFT: usize = 16;
/// Buckets that are copied for each head that is added: more than [`LEFT`], so that the next table is ready when it is needed.
const COPIES: usize = 2 * LEFT;
/// So few buckets may be moved as a whole.
pub(super) const FEW: usize = 512;

impl Heads {
    pub const fn new() -> Self {
        Self { now: HashTable::new(), next: HashTable::new(), copied: 0 }
    }

    #[inline(always)]
    pub fn find(&self, hash: u64, agrees: impl FnMut(&u32) -> bool) -> Option<u32> {
        self.now.find(hash, agrees).copied()
    }

    /// How many buckets there are. While they are as many, and more than [`FEW`], no head changes its bucket.
    pub fn buckets(&self) -> usize {
        self.now.num_buckets()
    }

    pub fn get(&self, bucket: usize) -> Option<u32> {
        self.now.get_bucket(bucket).copied()
    }

    /// Takes a head; `again` is the hash of any head.
    pub fn insert(&mut self, hash: u64, head: u32, again: impl Fn(&u32) -> u64) {
        if self.now.len() == self.now.capacity() {
            work::done(self.now.len());
        }
        let at = self.now.insert_unique(hash, head, &again).bucket_index();
        if at < self.copied {
            self.next.insert_unique(hash, head, &again);
        }
        let buckets = self.now.num_buckets();
        if self.copied == 0 && buckets > FEW && self.now.capacity() - self.now.len() <= buckets / LEFT {
            self.next = HashTable::with_capacity(self.now.len() * 2 + buckets / LEFT);
            self.copy(COPIES, &again);
        } else if self.copied != 0 {
            self.copy(COPIES, &again);
        }
    }

    fn copy(&mut self, budget: usize, again: &impl Fn(&u32) -> u64) {
        let buckets = self.now.num_buckets();
        let end = buckets.min(self.copied.saturating_add(budget));
        work::done(end - self.copied);
        for at in self.copied..end {
            if let Some(head) = self.now.get_bucket(at) {
                self.next.insert_unique(again(head), *head, again);
            }
        }
        self.copied = end;
        if end == buckets {
            self.now = core::mem::take(&mut self.next);
            self.copied = 0;
        }
    }

    /// Goes on with growth that is under way, for so many buckets; whether there is none any more.
    pub fn settle(&mut self, budget: usize, again: impl Fn(&u32) -> u64) -> bool {
        if self.copied != 0 {
            self.copy(budget, &again);
        }
        self.copied == 0
    }

    /// Puts a head in the place of another one of the same hash.
    pub fn replace(&mut self, hash: u64, head: u32, by: u32) {
        for table in [&mut self.now, &mut self.next] {
            if let Some(place) = table.find_mut(hash, |other| *other == head) {
                *place = by;
            }
        }
    }

    pub fn remove(&mut self, hash: u64, head: u32) {
        for table in [&mut self.now, &mut self.next] {
            if let Ok(entry) = table.find_entry(hash, |other| *other == head) {
                entry.remove();
            }
        }
    }

    pub fn memory(&self) -> usize {
        self.now.allocation_size() + self.next.allocation_size()
    }
}
