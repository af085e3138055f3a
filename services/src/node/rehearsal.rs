//! What a swap runs, run once before there are packets: under an emulator code that was never run takes many times as long, and packets wait for
//! what a swap runs.

use protocols::classification::classifier::{self, Classifier, Rulebook};
use swapper::{ObjectError, Processor, SwapOptions, System};

/// Runs of the workers, at most: on one processor, where no call is under way, one or two swap an object.
const RUNS: usize = 16;

/// Swaps an object of which nobody else knows. A swap that fails is none that packets wait for.
pub(super) fn rehearse(system: &System, processor: &Processor) -> Result<(), ObjectError> {
    let object = || Rulebook::new(classifier::at_start(), [0; 16]).object();
    let coid = processor.create(object())?;
    let reference = processor.bind::<dyn Classifier>(coid)?;
    processor.activity(|| reference.refresh());
    if let Ok(swap) = system.swap(coid, object(), SwapOptions::default()) {
        let _ = (0..RUNS).find(|_| {
            processor.run_workers(system.now());
            swap.poll().is_some()
        });
    }
    drop(reference);
    system.destroy(coid)
}
