//! A processor's sleep, so that no wake-up is lost: a platform puts its interrupt, or its system call, round this.

use super::sync::{AtomicBool, Ordering, fence};

/// Whether a processor sleeps, and whether somebody wants it to look for work.
///
/// The sleeper says that it sleeps and then looks for the token; the waker leaves the token and then looks whether it sleeps. A sequentially consistent
/// fence stands between the two steps on either side, so at least one of them sees the other, as with a [`link`](super::link).
#[derive(Debug, Default)]
pub struct Parking {
    /// Somebody wants it to look for work.
    token: AtomicBool,
    /// It sleeps or is about to.
    parked: AtomicBool,
    /// A token that was taken in the middle of a turn belongs to the whole loop as well. The processor's own.
    owed: AtomicBool,
}

impl Parking {
    /// Of a processor that is awake and has not been woken.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self { token: AtomicBool::new(false), parked: AtomicBool::new(false), owed: AtomicBool::new(false) }
    }

    /// Makes the processor look for work; what the caller wrote before, it sees then. From any processor, also its own. Returns whether the platform has to
    /// interrupt it: it sleeps, or is about to, and nobody else was told so.
    #[must_use = "it may sleep"]
    pub fn unpark(&self) -> bool {
        // An exchange, so that who takes the token sees what every waker wrote, and not the last one alone.
        self.token.swap(true, Ordering::Release);
        fence(Ordering::SeqCst);
        self.parked.load(Ordering::Relaxed) && self.parked.swap(false, Ordering::Relaxed)
    }

    /// The processor is about to sleep. Returns whether it may; if not, it has been woken, and that was taken note of. Either way it says [`leave`](Self::leave)
    /// when it is awake. Until then interrupts must not get lost: it sleeps in a way that one sent from now on ends.
    #[must_use = "it may have been woken"]
    pub fn park(&self) -> bool {
        self.parked.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        !self.take_token()
    }

    /// The processor is awake.
    pub fn leave(&self) {
        self.parked.store(false, Ordering::Relaxed);
    }

    /// The processor slept in the middle of a turn: what woke it may have concerned the rest of the loop, and is still reported by [`take`](Self::take).
    pub fn owe(&self) {
        self.owed.store(true, Ordering::Relaxed);
    }

    /// Whether the processor has been woken since it asked this or was refused to [`park`](Self::park).
    pub fn take(&self) -> bool {
        let owed = self.owed.load(Ordering::Relaxed);
        if owed {
            self.owed.store(false, Ordering::Relaxed);
        }
        self.take_token() | owed
    }

    /// Whether the processor has been woken since; leaves it at that.
    #[inline]
    pub fn is_woken(&self) -> bool {
        self.token.load(Ordering::Relaxed)
    }

    /// Looking is cheaper than exchanging, and this is asked each turn.
    fn take_token(&self) -> bool {
        self.is_woken() && self.token.swap(false, Ordering::Acquire)
    }
}
