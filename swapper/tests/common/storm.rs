//! What the storms share: two pinned threads, and swaps one after the other of which some must fail, by their number.

use std::sync::atomic::{AtomicBool, Ordering};
use swapper::{Coid, Distributed, Outcome, Reason, Report, Swap, SwapOptions, System};

use super::{Alive, Branch, COPY, MOVE};

pub const THREADS: usize = 2;

/// What has become of the swaps.
#[derive(Debug, Default)]
pub struct Tally {
    pub committed: u64,
    pub undone: u64,
    pub suspended: u64,
    pub forwarded: u64,
}

/// The object of an order: it may take no state from its predecessor, and know one protocol only.
pub fn branch(order: u64, roots: &Alive, reps: &Alive) -> Branch {
    let mut next = Branch::new(order, if order.is_multiple_of(3) { &[COPY] } else { &[COPY, MOVE] }, roots, reps);
    next.bad_import = u64::from(order % 11 == 3) << (order % 2);
    next
}

/// Orders a swap to it, which may be short of time or cancelled.
pub fn order(system: &System, coid: Coid, order: u64, next: Branch) -> Swap {
    let time_limit = if order % 17 == 7 { 500 * (order % 5) } else { u64::MAX };
    let swap = system.swap(coid, Distributed::new(next), SwapOptions { time_limit, notify: None }).unwrap();
    if order % 19 == 9 {
        swap.cancel();
    }
    swap
}

impl Tally {
    /// Adds the end of a swap, which must be one that its order can have.
    pub fn add(&mut self, order: u64, report: &Report) {
        match &report.outcome {
            Outcome::Committed => self.committed += 1,
            Outcome::Undone(Reason::Deadline(_)) => assert_eq!(order % 17, 7, "{report:?}"),
            Outcome::Undone(Reason::Cancelled) => assert_eq!(order % 19, 9, "{report:?}"),
            Outcome::Undone(Reason::Import { .. }) => assert_eq!(order % 11, 3, "{report:?}"),
            // The predecessor's doing.
            Outcome::Undone(Reason::Export { .. }) => {}
            Outcome::Undone(_) => panic!("{report:?}"),
        }
        self.undone += u64::from(!report.is_committed());
        self.suspended += report.suspended();
        self.forwarded += report.forwarded();
    }
}

/// If a thread fails, the other one stops as well.
pub struct SetOnDrop<'a>(pub &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
