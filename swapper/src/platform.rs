//! What the swapper asks of the platform: a clock, waking a processor, and waiting to be woken.

use crate::ProcessorId;

/// A step of a swap that can go wrong, for [`Platform::fault`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum SwapStep {
    /// The order is taken. Wrong: no memory for a Mediator ([`SwapError::NoMemory`](crate::SwapError::NoMemory)).
    Order,
    /// A processor is told to take part. Wrong: no memory for the message.
    Post,
    /// Its worker begins. Wrong: it is late.
    Interpose,
    /// Its worker looks whether what ran before has ended. Wrong: it is late.
    Forward,
    /// Its worker looks whether forwarded calls have returned. Wrong: it is late.
    Block,
    /// Its worker transfers the state. Wrong: it is late.
    Transfer,
    /// The new Rep is made. Wrong: no memory for it.
    Rep,
    /// The old Rep exports. Wrong: no memory for the state.
    Export,
    /// The new Rep imports. Wrong: no memory for the state.
    Import,
}

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

    /// Whether a step of a swap shall go wrong on `processor`: fault injection for tests, `false` everywhere else. Asked
    /// before the step, on no call's way, at times with a lock held: must not call the swapper.
    fn fault(&self, processor: ProcessorId, step: SwapStep) -> bool {
        let _ = (processor, step);
        false
    }
}
