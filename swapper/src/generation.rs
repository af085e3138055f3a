//! Generations of activities, and the proof by two generation swaps that everything that ran has ended (0059, 0060).
//!
//! Every activity belongs to the generation that was current on its processor when it began. One of two generations is
//! current; a *generation swap* makes the other one current and is allowed only when no activity of the other is left.
//! Whoever wants to know when everything that runs now has ended waits for two swaps: the first empties the generation
//! that is not current, the second the one that was current at the start.
//!
//! Nothing here is shared between processors, and nobody spins: the end of an activity that leaves its generation empty
//! performs the swaps that others wait for, and says so to its caller, which then runs the workers.

use core::cell::Cell;

/// The generations of one processor.
pub(crate) struct Generations {
    /// Which of the two is current.
    current: Cell<usize>,
    /// Activities alive in each.
    alive: [Cell<u32>; 2],
    /// Generation swaps so far; rolls over.
    swaps: Cell<u32>,
    /// Waits that have begun and not ended.
    waiting: Cell<u32>,
}

/// The generation that an activity belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Generation(usize);

/// A wait for the end of everything that was alive when it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    /// The count of swaps at which it is over.
    until: u32,
}

impl Generations {
    pub(crate) const fn new() -> Self {
        Self::starting_at(0)
    }

    /// With the count of swaps somewhere else than at zero.
    pub(crate) const fn starting_at(swaps: u32) -> Self {
        Self {
            current: Cell::new(0),
            alive: [Cell::new(0), Cell::new(0)],
            swaps: Cell::new(swaps),
            waiting: Cell::new(0),
        }
    }

    /// An activity begins.
    pub(crate) fn begin(&self) -> Generation {
        let generation = self.current.get();
        self.alive[generation].set(self.alive[generation].get() + 1);
        Generation(generation)
    }

    /// An activity ends; true if that made a generation swap possible that somebody waits for.
    pub(crate) fn end(&self, Generation(generation): Generation) -> bool {
        self.alive[generation].set(self.alive[generation].get() - 1);
        self.advance()
    }

    /// Activities alive on this processor.
    pub(crate) fn alive(&self) -> u32 {
        self.alive[0].get() + self.alive[1].get()
    }

    /// Begins to wait for the end of every activity that is alive now.
    pub(crate) fn wait(&self) -> Wait {
        self.waiting.set(self.waiting.get() + 1);
        let wait = Wait { until: self.swaps.get().wrapping_add(2) };
        self.advance();
        wait
    }

    /// Whether they have all ended.
    pub(crate) fn is_over(&self, wait: Wait) -> bool {
        // The difference as a signed number stays right when the count rolls over, as long as fewer than 2^31 swaps
        // happen during one wait; swaps happen only while somebody waits, and two end each wait's need.
        self.swaps.get().wrapping_sub(wait.until) as i32 >= 0
    }

    /// Ends a wait, over or not.
    pub(crate) fn stop(&self, _wait: Wait) {
        self.waiting.set(self.waiting.get() - 1);
    }

    /// Waits that have begun and not ended.
    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.get()
    }

    /// Swaps generations for as long as somebody waits and the one that is not current is empty; at most twice, which
    /// is enough for everyone who waits now.
    fn advance(&self) -> bool {
        let mut swapped = false;
        for _ in 0..2 {
            let other = 1 - self.current.get();
            if self.waiting.get() == 0 || self.alive[other].get() != 0 {
                break;
            }
            self.current.set(other);
            self.swaps.set(self.swaps.get().wrapping_add(1));
            swapped = true;
        }
        swapped
    }
}

#[cfg(test)]
mod tests;
