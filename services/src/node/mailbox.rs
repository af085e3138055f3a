//! Questions from one processor to another, and answers. Used for requests of people, never for packets.

use alloc::collections::VecDeque;
use core::sync::atomic::{AtomicBool, Ordering};

use spin::mutex::SpinMutex;

/// A queue of bounded length from any processor to one.
pub(super) struct Mailbox<T> {
    letters: SpinMutex<VecDeque<T>>,
    /// Whether there may be letters, so that an empty box costs its owner one load.
    flag: AtomicBool,
    limit: usize,
}

impl<T> Mailbox<T> {
    pub(super) fn new(limit: usize) -> Mailbox<T> {
        Mailbox { letters: SpinMutex::new(VecDeque::with_capacity(limit)), flag: AtomicBool::new(false), limit }
    }

    /// Puts a letter in. Returns whether there was room. The owner has to be woken.
    pub(super) fn put(&self, letter: T) -> bool {
        let mut letters = self.letters.lock();
        if letters.len() == self.limit {
            return false;
        }
        letters.push_back(letter);
        self.flag.store(true, Ordering::Release);
        true
    }

    /// Takes the oldest letter.
    pub(super) fn take(&self) -> Option<T> {
        if !self.flag.load(Ordering::Acquire) {
            return None;
        }
        let mut letters = self.letters.lock();
        let letter = letters.pop_front();
        self.flag.store(!letters.is_empty(), Ordering::Release);
        letter
    }
}
