//! Time as the protocols see it: microseconds on a clock that the platform owns. It is always passed in, never read, so that the
//! same code runs on a core, in a process and in a simulation.

pub use smoltcp::time::{Duration, Instant};
