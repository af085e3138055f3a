//! The names of a processor's activities, for whoever wants to know what held a swap up.

use crate::sync::Mutex;
use alloc::vec::Vec;

/// Most named activities of a processor that are remembered at the same time; further ones go without their name.
pub(crate) const MAX_NAMED: usize = 64;

/// The named activities that are alive on a processor, oldest first. Written by that processor, once for the beginning of
/// each named activity and once for its end; read by others when a swap's time is up.
pub(crate) struct Names(Mutex<State>);

struct State {
    /// How many named activities have begun; rolls over after more than any clock can count.
    begun: u64,
    alive: Vec<(u64, &'static str)>,
}

/// A named activity's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Named(u64);

impl Names {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State { begun: 0, alive: Vec::new() }))
    }

    pub(crate) fn enter(&self, name: &'static str) -> Named {
        self.0.with(|state| {
            let number = state.begun;
            state.begun += 1;
            if state.alive.len() < MAX_NAMED {
                state.alive.push((number, name));
            }
            Named(number)
        })
    }

    pub(crate) fn leave(&self, Named(number): Named) {
        self.0.with(|state| state.alive.retain(|(other, _)| *other != number));
    }

    /// How many have begun so far.
    pub(crate) fn begun(&self) -> u64 {
        self.0.with(|state| state.begun)
    }

    /// The oldest that is alive, if it is one of the first `begun`.
    pub(crate) fn oldest(&self, begun: u64) -> Option<&'static str> {
        self.0.with(|state| state.alive.first().filter(|(number, _)| *number < begun).map(|(_, name)| *name))
    }

    /// The one that began last of those that are alive.
    pub(crate) fn newest(&self) -> Option<&'static str> {
        self.0.with(|state| state.alive.last().map(|(_, name)| *name))
    }
}
