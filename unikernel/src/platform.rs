//! What the node asks of the machine.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use protocols::time::Instant;
use services::node::{Memory, Platform, Ready};

use crate::arch::exit;
use crate::{allocator, boot, clock, console, nic, processors};

/// The machine that the image runs on.
pub struct Machine;

/// The one and only.
pub static MACHINE: Machine = Machine;

/// Counters of a processor's queue pair, on cache lines of their own.
#[repr(align(128))]
struct Counters([AtomicU64; nic::COUNTERS]);

/// The counters of all queue pairs, as their processors have published them.
static NIC: [Counters; processors::MAXIMUM] =
    [const { Counters([const { AtomicU64::new(0) }; nic::COUNTERS]) }; processors::MAXIMUM];

/// Publishes the counters of the processor's queue pair.
pub fn publish(processor: usize, values: [u64; nic::COUNTERS]) {
    for (to, value) in NIC[processor].0.iter().zip(values) {
        to.store(value, Ordering::Relaxed);
    }
}

/// The time on the node's scale.
pub fn now() -> Instant {
    Instant::from_micros((clock::nanos() / 1_000).cast_signed())
}

/// A time of the node's on the clock's scale.
pub fn micros(time: Instant) -> u64 {
    u64::try_from(time.total_micros()).unwrap_or(0)
}

impl Platform for Machine {
    fn now_ns(&self) -> u64 {
        clock::nanos()
    }

    fn wake(&self, processor: usize) {
        processors::wake(processor);
    }

    fn wait(&self, processor: usize, until_ns: Option<u64>) {
        processors::wait(processor, until_ns.map(|nanos| nanos.div_ceil(1_000)));
    }

    fn ready(&self, ready: &Ready) {
        console::line(format_args!("{ready}"));
    }

    fn end(&self) {
        console::line(format_args!("midflight: shut down"));
        exit::succeed()
    }

    fn memory(&self) -> Memory {
        let total = boot::memory_octets();
        Memory { total, free: total.saturating_sub(allocator::used() as u64) }
    }

    fn nic(&self) -> Vec<(&'static str, u64)> {
        let sum = |counter: usize| NIC.iter().map(|pair| pair.0[counter].load(Ordering::Relaxed)).sum();
        nic::COUNTER_NAMES.iter().enumerate().map(|(counter, name)| (*name, sum(counter))).collect()
    }
}
