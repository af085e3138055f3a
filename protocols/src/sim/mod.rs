//! Simulated links: rate, delay, jitter, queue, loss, reordering and duplication, the same each time for the same seed.
//!
//! A [`Link`] carries packets of any type in one direction; a [`Duplex`] is a pair of them. Neither has a clock: whoever
//! uses them passes the time in, simulated in tests or real behind a network device. [`Spec`] reads a link from one word.
//!
//! ```
//! use protocols::sim::{Config, Link};
//! use protocols::time::{Duration, Instant};
//!
//! // 10 Mbit/s, 20 ms, a queue of 32 KiB.
//! let config = Config { rate: 1_250_000, delay: Duration::from_millis(20), queue: 32_768, ..Config::default() };
//! let mut link = Link::new(config, 1);
//! link.send(Instant::ZERO, 1_250, "hello").expect("the queue is empty");
//! // One millisecond to put 1250 bytes on the wire, twenty to arrive.
//! assert_eq!(link.next_delivery(), Some(Instant::from_millis(21)));
//! assert_eq!(link.receive(Instant::from_millis(20)), None);
//! assert_eq!(link.receive(Instant::from_millis(21)), Some("hello"));
//! ```

mod link;
mod loss;
mod rng;
pub mod spec;
mod units;

#[cfg(test)]
mod tests;

pub use link::{Config, Counters, Duplex, Link, Refused};
pub use loss::Loss;
pub use rng::{Probability, Rng};
pub use spec::{Spec, SpecError};
pub use units::rate as parse_rate;
