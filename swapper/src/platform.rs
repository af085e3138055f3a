//! What the swapper asks of the platform: a clock, waking a processor, and waiting to be woken.

use crate::ProcessorId;

/// A platform: the unikernel's, a process with a thread per processor, or a test's.
pub trait Platform: Send + Sync + 'static {
    /// Nanoseconds since a moment of the platform's choice, the same for all processors; never decreases.
    fn now(&self) -> u64;

    /// Makes `processor` call [`run_workers`](crate::Processor::run_workers) soon: an inter-processor interrupt, an
    /// unpark. Must not be lost if it comes before the processor goes to sleep. Called without any lock held.
    fn wake(&self, processor: ProcessorId);

    /// A call on `processor` is suspended and nothing is left to run there: returns when the processor was woken since
    /// the last return, or at `until` (the platform's clock), or earlier. An event loop may serve other activities here.
    fn wait(&self, processor: ProcessorId, until: Option<u64>);
}
