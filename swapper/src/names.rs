//! The names of a processor's activities, and of its calls that suspended, for whoever wants to know what held a swap up.

use crate::{Coid, sync::Mutex};
use alloc::vec::Vec;

/// Most activities and calls of a processor whose names are remembered at the same time; further ones go without.
pub(crate) const MAX_NAMED: usize = 64;

/// The named activities that are alive on a processor, oldest first. Written by that processor, once for the beginning of
/// each named activity and once for its end; read by others when a swap's time is up.
pub(crate) struct Names(Mutex<State>);

struct State {
    /// How many named activities have begun; rolls over after more than any clock can count.
    begun: u64,
    alive: Vec<Alive>,
}

struct Alive {
    number: u64,
    name: &'static str,
    /// The object that it is inside of, if it is a call that suspended.
    inside: Option<Coid>,
}

/// A named activity's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Named(u64);

impl Names {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State { begun: 0, alive: Vec::new() }))
    }

    pub(crate) fn enter(&self, name: &'static str, inside: Option<Coid>) -> Named {
        self.0.with(|state| {
            let number = state.begun;
            state.begun += 1;
            // Without memory for it too.
            if state.alive.len() < MAX_NAMED && state.alive.try_reserve(1).is_ok() {
                state.alive.push(Alive { number, name, inside });
            }
            Named(number)
        })
    }

    pub(crate) fn leave(&self, Named(number): Named) {
        self.0.with(|state| state.alive.retain(|other| other.number != number));
    }

    /// How many have begun so far.
    pub(crate) fn begun(&self) -> u64 {
        self.0.with(|state| state.begun)
    }

    /// The oldest that is alive, if it is one of the first `begun`.
    pub(crate) fn oldest(&self, begun: u64) -> Option<&'static str> {
        self.0.with(|state| state.alive.first().filter(|oldest| oldest.number < begun).map(|oldest| oldest.name))
    }

    /// The activity that began last of those that are alive.
    pub(crate) fn newest(&self) -> Option<&'static str> {
        self.0.with(|state| state.alive.iter().rfind(|other| other.inside.is_none()).map(|newest| newest.name))
    }

    /// The call that suspended first of those that are inside an object.
    pub(crate) fn oldest_inside(&self, coid: Coid) -> Option<&'static str> {
        self.0.with(|state| state.alive.iter().find(|other| other.inside == Some(coid)).map(|oldest| oldest.name))
    }
}
