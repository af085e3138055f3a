//! Calls that go on on another processor (0063): the mark of a forwarded call travels with the message.

use crate::{Processor, local::Inside};

/// What a processor was in the middle of, for a message to carry; see [`Processor::mark`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a mark does something only when the processor that goes on is given it"]
pub struct Mark {
    forwarded: bool,
}

impl Mark {
    /// Whether the message comes from inside a call that a swap forwarded and waits for.
    pub const fn is_forwarded(self) -> bool {
        self.forwarded
    }
}

impl Processor {
    /// The mark of what runs on this processor now.
    ///
    /// A call that sends a message to another processor and does not return before the answer is there sends its mark as
    /// well. Else a swap could suspend there what this call waits for, and wait here for this call, until its deadline.
    pub fn mark(&self) -> Mark {
        Mark { forwarded: self.local().forwarded.get() > 0 }
    }

    /// As [`activity`](Self::activity), for what goes on with a call of another processor: calls made in it pass through
    /// Block as they would on the processor where the mark was taken.
    pub fn activity_for<R>(&self, mark: Mark, run: impl FnOnce() -> R) -> R {
        self.activity(|| {
            let _inside = mark.forwarded.then(|| Inside::enter(&self.local().forwarded));
            run()
        })
    }
}
