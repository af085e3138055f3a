//! The platform of an ordinary process: a pinned thread for each processor.

use crate::{Platform, ProcessorId};
use core_affinity::CoreId;
use std::{
    sync::{Condvar, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
    vec::Vec,
};

/// Threads of a process as processors. Waking and waiting use a flag and a condition variable for each.
#[derive(Debug)]
pub struct Host {
    start: Instant,
    bells: Vec<Bell>,
}

#[derive(Debug, Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Host {
    /// A platform for this many processors.
    pub fn new(processors: usize) -> Self {
        Self { start: Instant::now(), bells: (0..processors).map(|_| Bell::default()).collect() }
    }

    /// Pins the calling thread to a core for this processor, if the operating system lets it; processors beyond the number
    /// of cores share them.
    pub fn pin(processor: usize) -> bool {
        // As they were when this was first called: a pinned thread and those that it starts see only their own core.
        static CORES: OnceLock<Vec<CoreId>> = OnceLock::new();
        let cores = CORES.get_or_init(|| core_affinity::get_core_ids().unwrap_or_default());
        !cores.is_empty() && core_affinity::set_for_current(cores[processor % cores.len()])
    }
}

impl Platform for Host {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn wake(&self, processor: ProcessorId) {
        if let Some(bell) = self.bells.get(processor.index()) {
            *bell.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
            bell.changed.notify_all();
        }
    }

    fn wait(&self, processor: ProcessorId, until: Option<u64>) {
        let Some(bell) = self.bells.get(processor.index()) else { return };
        let mut rung = bell.rung.lock().unwrap_or_else(PoisonError::into_inner);
        if !*rung {
            let time = until.map_or(Duration::MAX, |until| Duration::from_nanos(until.saturating_sub(self.now())));
            let time = time.min(Duration::from_secs(3600));
            rung = bell.changed.wait_timeout(rung, time).unwrap_or_else(PoisonError::into_inner).0;
        }
        *rung = false;
    }
}
