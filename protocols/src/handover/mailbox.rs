//! Questions from one processor to another, and answers. Used for requests of people, never for packets.

use alloc::collections::VecDeque;

use super::sync::{AtomicBool, Ordering, SpinMutex};

/// A queue of bounded length from any processor to one.
pub struct Mailbox<T> {
    letters: SpinMutex<VecDeque<T>>,
    /// Whether there may be letters, so that an empty box costs its owner one load.
    flag: AtomicBool,
    limit: usize,
}

impl<T> Mailbox<T> {
    /// For so many letters.
    pub fn new(limit: usize) -> Self {
        Self { letters: SpinMutex::new(VecDeque::with_capacity(limit)), flag: AtomicBool::new(false), limit }
    }

    /// Puts a letter in. Returns whether there was room. The owner has to be woken.
    pub fn put(&self, letter: T) -> bool {
        let mut letters = self.letters.lock();
        if letters.len() == self.limit {
            return false;
        }
        letters.push_back(letter);
        self.flag.store(true, Ordering::Release);
        true
    }

    /// Takes the oldest letter: the owner alone. One that was put in before the owner was last woken is there.
    pub fn take(&self) -> Option<T> {
        if !self.flag.load(Ordering::Acquire) {
            return None;
        }
        let mut letters = self.letters.lock();
        let letter = letters.pop_front();
        // Not behind the lock: a letter that comes then must not be forgotten.
        self.flag.store(!letters.is_empty(), Ordering::Release);
        letter
    }
}
