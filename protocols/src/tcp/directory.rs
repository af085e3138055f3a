//! Which connections there are, for other processors than theirs.

use alloc::collections::BTreeSet;

use spin::mutex::SpinMutex;

use super::lookup::Key;
use crate::steering::FourTuple;

/// What is left of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Life {
    /// Half open or more.
    Whole,
    /// Its identity, in TIME-WAIT, which may be noted longer than it counts: then there may be its successor, too.
    Identity,
}

/// The names of connections of the engines that [publish](super::Engine::publish) them here; so it holds no more than those together. A tree, since its
/// lock must be short: it never grows all at once, and no peer can make it slow by its choice of ports.
#[derive(Debug, Default)]
pub struct Directory(SpinMutex<BTreeSet<(Key, Life)>>);

impl Directory {
    /// Without connections.
    pub const fn new() -> Self {
        Self(SpinMutex::new(BTreeSet::new()))
    }

    /// Whether there is this connection, half open or more, or in TIME-WAIT.
    pub fn has(&self, tuple: &FourTuple) -> bool {
        let (key, names) = (Key::from(tuple), self.0.lock());
        names.contains(&(key, Life::Whole)) || names.contains(&(key, Life::Identity))
    }

    pub(super) fn insert(&self, key: Key, life: Life) {
        self.0.lock().insert((key, life));
    }

    pub(super) fn remove(&self, key: &Key, life: Life) {
        self.0.lock().remove(&(*key, life));
    }
}
