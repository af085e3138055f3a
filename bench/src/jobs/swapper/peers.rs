//! The peers that need an operating system; the others are in `bench/jobs/`. Each by the way to read that its documentation recommends.

mod left_right;
mod seize;
mod std_and_arc;

pub use std_and_arc::CACHE;

use bench_jobs::{
    Lane,
    peers::{Bare, Caller, Held, Peer, Turn, Writer, held},
};

/// All of them, with new objects.
pub fn all() -> Vec<Box<dyn Peer>> {
    vec![
        Box::new(std_and_arc::Swap::new()),
        Box::new(std_and_arc::Cached::new()),
        Box::new(std_and_arc::Lock::new()),
        Box::new(left_right::LeftRight::new()),
        Box::new(seize::Seize::new()),
    ]
}
