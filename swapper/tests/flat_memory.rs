//! The storm of `examples/storm.rs`, shorter: exact accounting of calls, and memory that does not grow.

#![cfg(not(any(loom, miri)))]

#[path = "../examples/storm.rs"]
#[allow(dead_code)]
mod storm;

#[test]
fn memory_stays_flat_while_swaps_rage() {
    storm::run(4_000).unwrap();
}
