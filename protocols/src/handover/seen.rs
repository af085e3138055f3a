//! The rings and flags as loom sees them.
//!
//! rtrb and bbqueue have atomics of their own, of which loom knows nothing: to it, what one end does would be there for the other at once. So the ends
//! of the real rings tell each other here how far they are, in counters that loom knows, stored and loaded when and as those libraries do it (Release and
//! Acquire; loaded only if what was seen before does not suffice), and none goes further than it has seen the other to be. What loom does not
//! judge is whether the libraries themselves keep that promise; their authors test it.

use alloc::sync::Arc;
use core::cell::Cell;
use core::ops::{Deref, DerefMut};

use bbqueue::prod_cons::stream::{StreamGrantR, StreamGrantW};
use bbqueue::traits::coordination::{ReadGrantError, WriteGrantError};
use loom::sync::atomic::{self, AtomicUsize, Ordering};
use rtrb::{PeekError, PopError, PushError};

use super::sync::{BareConsumer, BareProducer, Octets, bare_octet_ring};

type ToWrite = StreamGrantW<Arc<Octets>>;
type ToRead = StreamGrantR<Arc<Octets>>;

/// A flag. Others than its owner only exchange it, or store it while they hold a lock; and an exchange follows in its modification order on what it read, at once (C++20 [atomics.order]
/// paragraph 10); so whatever the owner stores afterwards comes behind the exchange. loom knows this of exchanges alone, and would let a flag that
/// was stored later be read as it was exchanged before: here storing is an exchange too.
#[derive(Debug, Default)]
pub(super) struct AtomicBool(atomic::AtomicBool);

impl AtomicBool {
    pub(super) fn new(value: bool) -> Self {
        Self(atomic::AtomicBool::new(value))
    }

    pub(super) fn load(&self, order: Ordering) -> bool {
        self.0.load(order)
    }

    pub(super) fn store(&self, value: bool, order: Ordering) {
        self.0.swap(value, order);
    }

    pub(super) fn swap(&self, value: bool, order: Ordering) -> bool {
        self.0.swap(value, order)
    }
}

/// A lock.
pub(super) struct SpinMutex<T>(loom::sync::Mutex<T>);

impl<T> SpinMutex<T> {
    pub(super) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(super) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().expect("no panic while it is held")
    }
}

/// How far an end is, and how far it has seen the other to be.
struct Pace {
    own: usize,
    seen: Cell<usize>,
    told: Arc<AtomicUsize>,
    tells: Arc<AtomicUsize>,
}

impl Pace {
    fn pair() -> (Self, Self) {
        let (one, other) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let pace = |told, tells| Self { own: 0, seen: Cell::new(0), told, tells };
        (pace(one.clone(), other.clone()), pace(other, one))
    }

    /// Whether the other end is seen to have come so far.
    fn sees(&self, count: usize) -> bool {
        if self.seen.get() < count {
            self.seen.set(self.told.load(Ordering::Acquire));
        }
        self.seen.get() >= count
    }

    fn go(&mut self, on: usize) {
        self.own += on;
        self.tells.store(self.own, Ordering::Release);
    }
}

/// Makes the two ends of rtrb's ring.
pub(super) struct RingBuffer;

impl RingBuffer {
    #[allow(clippy::new_ret_no_self, reason = "as rtrb does")]
    pub(super) fn new<T>(capacity: usize) -> (Producer<T>, Consumer<T>) {
        let (ring, take) = rtrb::RingBuffer::new(capacity);
        let (producer, consumer) = Pace::pair();
        (Producer { ring, pace: producer }, Consumer { ring: take, pace: consumer })
    }
}

pub(super) struct Producer<T> {
    ring: rtrb::Producer<T>,
    pace: Pace,
}

impl<T> Producer<T> {
    pub(super) fn is_full(&self) -> bool {
        !self.pace.sees((self.pace.own + 1).saturating_sub(self.ring.buffer().capacity()))
    }

    pub(super) fn push(&mut self, value: T) -> Result<(), PushError<T>> {
        if self.is_full() {
            return Err(PushError::Full(value));
        }
        self.ring.push(value)?;
        self.pace.go(1);
        Ok(())
    }
}

pub(super) struct Consumer<T> {
    ring: rtrb::Consumer<T>,
    pace: Pace,
}

impl<T> Consumer<T> {
    pub(super) fn is_empty(&self) -> bool {
        !self.pace.sees(self.pace.own + 1)
    }

    pub(super) fn peek(&self) -> Result<&T, PeekError> {
        if self.is_empty() { Err(PeekError::Empty) } else { self.ring.peek() }
    }

    pub(super) fn pop(&mut self) -> Result<T, PopError> {
        if self.is_empty() {
            return Err(PopError::Empty);
        }
        let value = self.ring.pop()?;
        self.pace.go(1);
        Ok(value)
    }
}

/// As [`bare_octet_ring`].
pub(super) fn octet_ring(octets: usize) -> (OctetProducer, OctetConsumer) {
    let (ring, take) = bare_octet_ring(octets);
    let (producer, consumer) = Pace::pair();
    (OctetProducer { ring, pace: producer }, OctetConsumer { ring: take, pace: consumer })
}

pub(super) struct OctetProducer {
    ring: BareProducer,
    pace: Pace,
}

impl OctetProducer {
    pub(super) fn grant_exact(&mut self, octets: usize) -> Result<Grant<'_, ToWrite>, WriteGrantError> {
        if !self.pace.sees((self.pace.own + octets).saturating_sub(self.ring.capacity())) {
            return Err(WriteGrantError::InsufficientSize);
        }
        Ok(Grant { octets: self.ring.grant_exact(octets)?, pace: &mut self.pace })
    }
}

pub(super) struct OctetConsumer {
    ring: BareConsumer,
    pace: Pace,
}

impl OctetConsumer {
    pub(super) fn read(&mut self) -> Result<Grant<'_, ToRead>, ReadGrantError> {
        if !self.pace.sees(self.pace.own + 1) {
            return Err(ReadGrantError::Empty);
        }
        Ok(Grant { octets: self.ring.read()?, pace: &mut self.pace })
    }
}

/// Octets that one end has for itself.
pub(super) struct Grant<'a, G> {
    octets: G,
    pace: &'a mut Pace,
}

impl Grant<'_, ToWrite> {
    pub(super) fn commit(self, octets: usize) {
        self.octets.commit(octets);
        self.pace.go(octets);
    }
}

impl Grant<'_, ToRead> {
    pub(super) fn release(self, octets: usize) {
        self.octets.release(octets);
        self.pace.go(octets);
    }
}

impl<G: Deref<Target = [u8]>> Deref for Grant<'_, G> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.octets
    }
}

impl<G: DerefMut<Target = [u8]>> DerefMut for Grant<'_, G> {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.octets
    }
}
