//! How classifiers hand their state over in a swap (Transfer phase).
//!
//! | rank | protocol | form | cost |
//! |---|---|---|---|
//! | 34 | [`CLASSIFIER_STATE`] | counters of rules, classes and shared ones, and the tracked connections, by reference | the same for any number of rules |
//! | 35 | [`CLASSIFIER_FLOWS`] | the same, and the flow cache, by reference | the same |
//!
//! The rules themselves need not be moved: they and their buckets belong to the [`Rulebook`](super::Rulebook), and the new object
//! comes with a table of them that was made ready before the swap began. It has the same generation, or a later one. A flow
//! cache goes over between any two implementations that have one: its entries name rules and their generation, not places in an engine.

use swapper::{Failure, Protocol, State as Moved, Transfer};

use super::Rep;
use super::state::State;
use crate::classification::{Engine, FlowCache};

/// Counters and connections of one processor, version 1, by reference. Form: private.
pub const CLASSIFIER_STATE: Protocol = Protocol::new(34, "classifier-state");
/// The same with the flow cache, version 1, by reference. Form: private.
pub const CLASSIFIER_FLOWS: Protocol = Protocol::new(35, "classifier-state-and-flows");

pub(super) fn protocols(cached: bool) -> &'static [Protocol] {
    if cached { &[CLASSIFIER_STATE, CLASSIFIER_FLOWS] } else { &[CLASSIFIER_STATE] }
}

/// The form of both protocols.
struct Carried {
    state: State,
    /// Only of the second.
    cache: Option<FlowCache>,
    /// Of the table that the processor had.
    generation: u64,
}

fn check(protocol: Protocol) -> Result<(), Failure> {
    if protocol == CLASSIFIER_STATE || protocol == CLASSIFIER_FLOWS {
        return Ok(());
    }
    Err(Failure::Unsupported(protocol))
}

impl<E: Engine> Transfer for Rep<E> {
    fn export(&self, protocol: Protocol) -> Result<Moved, Failure> {
        check(protocol)?;
        let generation = self.generation();
        self.inner.with(|inner| {
            let state = core::mem::replace(&mut inner.state, State::new([0; 16]));
            let cache = if protocol == CLASSIFIER_FLOWS { inner.cache.take() } else { None };
            let items = state.len() as u64;
            Ok(Moved::new(Carried { state, cache, generation }, items))
        })
    }

    fn import(&self, protocol: Protocol, state: &Moved) -> Result<(), Failure> {
        check(protocol)?;
        let has = state.get::<Carried>()?.generation;
        let own = self.generation();
        if own < has {
            let why =
                alloc::format!("the rules have changed since the new classifier was made ready ({own}, now {has})");
            return Err(Failure::Refused(why));
        }
        Ok(())
    }

    fn adopt(&self, protocol: Protocol, state: Moved) {
        self.restore(protocol, state);
    }

    fn restore(&self, _: Protocol, state: Moved) {
        // `import` has checked the form; a state of another form would begin all counters anew.
        if let Ok(Carried { mut state, cache, .. }) = state.take::<Carried>() {
            self.inner.with(|inner| {
                state.reserve(inner.table().bound());
                inner.state = state;
                inner.cache = cache.or(inner.cache.take());
            });
        }
    }
}
