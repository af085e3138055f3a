//! Ports that are listened on, and the half-open connections of each.

use alloc::collections::{BTreeMap, VecDeque};

use super::error::ListenError;
use super::slab::ConnId;
use crate::time::Instant;

/// The largest backlog of one listener.
pub const MAX_BACKLOG: usize = 4096;

/// Listeners that one engine has at most.
pub const MAX_LISTENERS: usize = 64;

/// A port, with its half-open connections from the oldest to the newest. Names of connections that have been established or dropped
/// since stay in the queue until they are met.
#[derive(Debug)]
pub(crate) struct Listener {
    backlog: usize,
    half_open: usize,
    queue: VecDeque<ConnId>,
    /// Answers to cookies may come until then.
    pub cookies_until: Option<Instant>,
}

/// The listeners of one engine.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    ports: BTreeMap<u16, Listener>,
}

impl Listeners {
    pub fn listen(&mut self, port: u16, backlog: usize) -> Result<(), ListenError> {
        if port == 0 {
            return Err(ListenError::PortZero);
        }
        if backlog == 0 || backlog > MAX_BACKLOG {
            return Err(ListenError::Backlog(backlog));
        }
        if self.ports.contains_key(&port) {
            return Err(ListenError::InUse(port));
        }
        if self.ports.len() >= MAX_LISTENERS {
            return Err(ListenError::TooMany);
        }
        let queue = VecDeque::with_capacity(2 * backlog + 1);
        self.ports.insert(port, Listener { backlog, half_open: 0, queue, cookies_until: None });
        Ok(())
    }

    /// Removes the listener; gives the names of connections that may be half open.
    pub fn remove(&mut self, port: u16) -> Option<VecDeque<ConnId>> {
        self.ports.remove(&port).map(|listener| listener.queue)
    }

    pub fn get_mut(&mut self, port: u16) -> Option<&mut Listener> {
        self.ports.get_mut(&port)
    }

    pub fn contains(&self, port: u16) -> bool {
        self.ports.contains_key(&port)
    }
}

impl Listener {
    /// Whether there are as many half-open connections as the backlog allows.
    pub fn is_full(&self) -> bool {
        self.half_open >= self.backlog
    }

    /// The oldest half-open connection, which has to make room, if there are as many as the backlog allows. `is_half_open` tells whether
    /// a name still is one.
    pub fn must_drop(&mut self, is_half_open: impl Fn(ConnId) -> bool) -> Option<ConnId> {
        if !self.is_full() {
            return None;
        }
        while let Some(oldest) = self.queue.pop_front() {
            if is_half_open(oldest) {
                return Some(oldest);
            }
        }
        None
    }

    /// A connection has become half open.
    pub fn opened(&mut self, id: ConnId, is_half_open: impl Fn(ConnId) -> bool) {
        if self.queue.len() >= 2 * self.backlog {
            // At least half of the names are old ones, so that this costs each name a constant share.
            self.queue.retain(|&id| is_half_open(id));
        }
        self.queue.push_back(id);
        self.half_open += 1;
    }

    /// A connection is no longer half open: established, or gone.
    pub fn resolved(&mut self) {
        self.half_open = self.half_open.saturating_sub(1);
    }
}
