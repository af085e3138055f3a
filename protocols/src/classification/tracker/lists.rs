//! Lists through the slots of a table, so that moving to the end costs no search and no allocation.

use super::Slot;

/// No slot.
pub(super) const NOBODY: u32 = u32::MAX;

/// A slot's neighbours in its list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    before: u32,
    after: u32,
}

impl Default for Links {
    fn default() -> Self {
        Self { before: NOBODY, after: NOBODY }
    }
}

/// The first and the last slot of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    pub first: u32,
    last: u32,
}

impl List {
    pub const EMPTY: Self = Self { first: NOBODY, last: NOBODY };

    /// Appends a slot that is in no list.
    pub fn append(&mut self, slots: &mut [Slot], at: u32) {
        let before = core::mem::replace(&mut self.last, at);
        match slots.get_mut(before as usize) {
            Some(last) => last.links.after = at,
            None => self.first = at,
        }
        if let Some(slot) = slots.get_mut(at as usize) {
            slot.links = Links { before, after: NOBODY };
        }
    }

    /// Removes a slot that is in this list.
    pub fn remove(&mut self, slots: &mut [Slot], at: u32) {
        let Some(slot) = slots.get_mut(at as usize) else { return };
        let Links { before, after } = core::mem::take(&mut slot.links);
        match slots.get_mut(before as usize) {
            Some(slot) => slot.links.after = after,
            None => self.first = after,
        }
        match slots.get_mut(after as usize) {
            Some(slot) => slot.links.before = before,
            None => self.last = before,
        }
    }
}
