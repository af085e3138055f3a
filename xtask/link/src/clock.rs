//! Time, and being woken at it.

use std::time::Instant as Host;

use protocols::time::Instant;

/// The host's clock as the emulator takes it.
#[derive(Clone, Copy)]
pub struct Clock(Host);

impl Clock {
    /// Begins at zero.
    pub fn start() -> Self {
        Self(Host::now())
    }

    /// Now.
    pub fn now(self) -> Instant {
        Instant::from_micros(i64::try_from(self.0.elapsed().as_micros()).unwrap_or(i64::MAX))
    }
}

/// Asks the kernel to wake this thread when it said and not 50 µs later, and before others that want the processor. What is refused is
/// done without: the counters tell how late packets were.
pub fn be_punctual() {
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    let _ = rustix::process::setpriority_process(None, -10);
}
