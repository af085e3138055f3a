//! Which connections there are, for other processors than theirs.

use alloc::collections::BTreeSet;

use spin::mutex::SpinMutex;

use super::lookup::Key;
use crate::steering::FourTuple;

/// The names of connections of the engines that [publish](super::Engine::publish) them here; so it holds no more than those together. A tree, since its
/// lock must be short: it never grows all at once, and no peer can make it slow by its choice of ports.
#[derive(Debug, Default)]
pub struct Directory(SpinMutex<BTreeSet<Key>>);

impl Directory {
    /// Without connections.
    pub const fn new() -> Self {
        Self(SpinMutex::new(BTreeSet::new()))
    }

    /// Whether there is this connection, half open or more.
    pub fn has(&self, tuple: &FourTuple) -> bool {
        self.0.lock().contains(&Key::from(tuple))
    }

    pub(super) fn insert(&self, key: Key) {
        self.0.lock().insert(key);
    }

    pub(super) fn remove(&self, key: &Key) {
        self.0.lock().remove(key);
    }
}
