//! What a node asks of the platform: the unikernel, or a process.

use alloc::vec::Vec;

use protocols::handover::Wake;
use protocols::stack::Offloads;
use swapper::ProcessorId;

use super::ready::Ready;

/// The platform.
pub trait Platform: Sync {
    /// Nanoseconds since the start; never decreases, and is one clock for all processors.
    fn now_ns(&self) -> u64;

    /// Makes a processor turn its loop soon. Called from any processor, also for itself. A wake that comes when the
    /// processor is about to sleep must not be lost.
    fn wake(&self, processor: usize);

    /// Called on `processor` while one of its calls is suspended by a swap: returns when it was woken since the last
    /// return, or at `until_ns`, or earlier.
    fn wait(&self, processor: usize, until_ns: Option<u64>);

    /// Called once, on processor 0, when every service listens and the address is known.
    fn ready(&self, ready: &Ready);

    /// Ends the system as done: status 0. Called on processor 0, 0.1 s after a request to shut down was answered.
    fn end(&self);

    /// Memory, for `status`.
    fn memory(&self) -> Memory {
        Memory::default()
    }

    /// Counters of the network card, for `status`.
    fn nic(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// Memory of the system in octets; 0 where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// All.
    pub total: u64,
    /// Free.
    pub free: u64,
}

/// The network card.
#[derive(Clone, Copy, Debug)]
pub struct Nic {
    /// Its address.
    pub mac: [u8; 6],
    /// The largest IP datagram that it carries, octets.
    pub mtu: u16,
    /// What it does for the stack; the same as its `Transmit::offloads` says.
    pub offloads: Offloads,
    /// Its queue pairs: each processor below this number has one of its own, and is given it with [`Node::turn`](super::Node::turn). At least 1.
    pub pairs: usize,
}

/// The platform as the swapper and the hand-over rings see it.
#[derive(Clone, Copy)]
pub(super) struct Adapter(pub(super) &'static dyn Platform);

// Both traits want what is `Send` and `Sync`; a shared reference to what is `Sync` is both.
impl swapper::Platform for Adapter {
    fn now(&self) -> u64 {
        self.0.now_ns()
    }

    fn wake(&self, processor: ProcessorId) {
        self.0.wake(processor.index());
    }

    fn wait(&self, processor: ProcessorId, until: Option<u64>) {
        self.0.wait(processor.index(), until);
    }
}

impl Wake for Adapter {
    fn wake(&self, processor: usize) {
        self.0.wake(processor);
    }
}
