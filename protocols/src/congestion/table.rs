//! The private state of one processor's connections.

use alloc::vec::Vec;

use super::Flow;

/// The most connections of one processor that keep private state. A flow with a higher index is served from fresh state on
/// each call: it keeps its window, without the refinements that need a past.
pub const MAX_FLOWS: u32 = 1 << 18;

/// Private state by [`Flow`]: a slab, because the engine hands out small indices again.
#[derive(Debug)]
pub struct Table<S> {
    slots: Vec<Option<S>>,
    open: usize,
    /// Serves flows beyond [`MAX_FLOWS`] and those that memory has no room for.
    overflow: S,
}

impl<S> Default for Table<S>
where
    S: Default,
{
    fn default() -> Self {
        Self { slots: Vec::new(), open: 0, overflow: S::default() }
    }
}

impl<S: Copy + Default> Table<S> {
    /// The number of connections with private state.
    pub fn len(&self) -> usize {
        self.open
    }

    /// Whether no connection has private state.
    pub fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// Gives `flow` this state, replacing what it had. Returns its place.
    pub fn insert(&mut self, flow: Flow, state: S) -> &mut S {
        let index = flow.0 as usize;
        if !self.reserve(flow) {
            self.overflow = state;
            return &mut self.overflow;
        }
        let slot = &mut self.slots[index];
        self.open += usize::from(slot.is_none());
        slot.insert(state)
    }

    /// The state of `flow`; fresh if it has none.
    pub fn get_or_insert(&mut self, flow: Flow) -> &mut S {
        let known = matches!(self.slots.get(flow.0 as usize), Some(Some(_)));
        if !known {
            return self.insert(flow, S::default());
        }
        match self.slots.get_mut(flow.0 as usize) {
            Some(Some(state)) => state,
            _ => &mut self.overflow,
        }
    }

    /// Frees the state of `flow`. Returns whether it had one.
    pub fn remove(&mut self, flow: Flow) -> bool {
        let known = self.slots.get_mut(flow.0 as usize).is_some_and(|slot| slot.take().is_some());
        self.open -= usize::from(known);
        known
    }

    /// Every connection with its state, by index.
    pub fn iter(&self) -> impl Iterator<Item = (Flow, &S)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| Some((Flow(index as u32), slot.as_ref()?)))
    }

    /// Makes room for `flow`; false beyond the limit or when memory is short.
    pub fn reserve(&mut self, flow: Flow) -> bool {
        let index = flow.0 as usize;
        if index < self.slots.len() {
            return true;
        }
        if flow.0 >= MAX_FLOWS || self.slots.try_reserve(index + 1 - self.slots.len()).is_err() {
            return false;
        }
        self.slots.resize(index + 1, None);
        true
    }
}
