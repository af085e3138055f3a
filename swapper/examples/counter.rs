//! A counter whose implementation is replaced while it is being called.

use std::{cell::Cell, sync::Arc};
use swapper::{Component, Distributed, Failure, Host, ProcessorId, Protocol, State, SwapOptions, System, Transfer};

/// Counts things.
#[swapper::interface]
pub trait Counter {
    /// Adds, and returns the sum.
    fn add(&self, amount: u64) -> u64;
}

/// The form in which counters hand their sum over.
const SUM: Protocol = Protocol::new(1, "sum");

/// Shared data of an object: the step that its Reps multiply with.
struct Scaled {
    scale: u64,
}

/// The portion of one processor.
struct ScaledRep {
    root: Arc<Scaled>,
    sum: Cell<u64>,
}

impl Counter for ScaledRep {
    fn add(&self, amount: u64) -> u64 {
        self.sum.set(self.sum.get() + amount * self.root.scale);
        self.sum.get()
    }
}

impl Transfer for ScaledRep {
    fn export(&self, _: Protocol) -> Result<State, Failure> {
        Ok(State::new(self.sum.get(), 1))
    }

    fn import(&self, _: Protocol, state: &State) -> Result<(), Failure> {
        self.sum.set(*state.get::<u64>()?);
        Ok(())
    }
}

impl Component for Scaled {
    type Interface = dyn Counter;
    type Rep = ScaledRep;

    fn rep(root: &Arc<Self>, _: ProcessorId) -> ScaledRep {
        ScaledRep { root: Arc::clone(root), sum: Cell::new(0) }
    }

    fn protocols(&self) -> &'static [Protocol] {
        &[SUM]
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::new(1, Host::new(1))?;
    // SAFETY: workers are run below between activities only.
    let processor = unsafe { system.attach(0)? };
    let coid = processor.create(Distributed::new(Scaled { scale: 1 }))?;
    let counter = processor.bind::<dyn Counter>(coid)?;
    processor.activity(|| println!("before: {}", counter.add(5)));

    let swap = system.swap(coid, Distributed::new(Scaled { scale: 10 }), SwapOptions::default())?;
    let report = loop {
        processor.activity(|| counter.add(0));
        processor.run_workers(system.now());
        if let Some(report) = swap.poll() {
            break report;
        }
    };
    println!("{:?} in {} ns by protocol {:?}", report.outcome, report.total(), report.protocol.name());
    processor.activity(|| println!("after: {}", counter.add(5)));
    Ok(())
}
