//! What the program tells of the link.

use std::fmt;

use protocols::sim;

/// Everything that is counted.
#[derive(Clone, Copy, Default)]
pub struct Counters {
    /// From the guest.
    pub up: Direction,
    /// To the guest.
    pub down: Direction,
}

/// One direction.
#[derive(Clone, Copy, Default)]
pub struct Direction {
    /// The emulator's own.
    pub link: sim::Counters,
    /// Frames that their receiver refused: it was not there, or the kernel found them wrong.
    pub refused: u64,
    /// Microseconds by which deliveries came after their time: the sum.
    pub late_sum: u64,
    /// The most of one.
    pub late_most: u64,
}

impl fmt::Display for Counters {
    /// One line of JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{\"up\":{},\"down\":{}}}", self.up, self.down)
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sim::Counters { offered, overflowed, lost, reordered, duplicated, delivered, longest_queue } = self.link;
        let late_mean = self.late_sum.checked_div(delivered).unwrap_or(0);
        write!(
            f,
            "{{\"offered\":{offered},\"overflowed\":{overflowed},\"lost\":{lost},\"reordered\":{reordered},\
             \"duplicated\":{duplicated},\"delivered\":{delivered},\"longest_queue\":{longest_queue},\
             \"refused\":{},\"late_us_mean\":{late_mean},\"late_us_max\":{}}}",
            self.refused, self.late_most
        )
    }
}
