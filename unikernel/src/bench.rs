//! Measuring the swapper in the image (the feature `bench`), with `bench=swapper` on the command line instead of serving: on two processors that are attached
//! and woken as when serving. Samples go out as lines on the console, which `cargo xtask bench` reads; then the machine ends.

use alloc::vec::Vec;

use bench_jobs::{PROCESSORS, Piece, Plan, Suite, pieces};
use swapper::{ProcessorId, System};

use crate::arch::{cpu, exit};
use crate::error::Error;
use crate::{clock, console, local, processors};

/// What `bench=` knows.
pub const NAMES: &str = "swapper, and swapper:translated and swapper:quick with fewer rounds";

/// What the processors share.
struct Bench {
    suite: Suite,
    system: System,
}

static BENCH: spin::Once<Bench> = spin::Once::new();

/// The machine as the swapper sees it: as [`crate::platform`] has it for the node.
struct Machine;

impl swapper::Platform for Machine {
    fn now(&self) -> u64 {
        clock::nanos()
    }

    fn wake(&self, processor: ProcessorId) {
        processors::wake(processor.index());
    }

    fn wait(&self, processor: ProcessorId, until: Option<u64>) {
        processors::wait(processor.index(), until.map(|nanos| nanos.div_ceil(1_000)));
    }
}

/// How much the word `bench=NAME` asks for, if there is one.
pub fn asked(words: &[&str]) -> Result<Option<Plan>, Error> {
    let name = words.iter().find_map(|word| word.strip_prefix("bench="));
    name.map(|name| match name {
        "swapper" => Ok(Plan::FULL),
        "swapper:translated" => Ok(Plan::TRANSLATED),
        "swapper:quick" => Ok(Plan::QUICK),
        _ => Err(Error::UnknownBench),
    })
    .transpose()
}

/// Measures, tells, and ends the machine with status 0.
pub fn run(plan: Plan) -> Result<core::convert::Infallible, Error> {
    if processors::count() < PROCESSORS {
        return Err(Error::FewProcessors(PROCESSORS));
    }
    let system = System::new(processors::count(), Machine).map_err(Error::System)?;
    BENCH.call_once(|| Bench { suite: Suite::new(plan, Vec::new), system });
    processors::start_others(other);
    local::check(0)?;
    let series = lane(0)?;
    for piece in series.iter().flat_map(pieces) {
        tell(&piece);
    }
    exit::succeed()
}

/// What the other processors do: one measures, further ones sleep.
fn other(processor: usize) {
    if processor < PROCESSORS
        && let Err(error) = lane(processor)
    {
        error.end();
    }
    cpu::stop()
}

fn lane(processor: usize) -> Result<Vec<bench_jobs::Series>, Error> {
    // Made before any other processor was started.
    let Bench { suite, system } = BENCH.wait();
    let handle = local::attach(system, processor)?;
    Ok(suite.run(system, &handle, &|_, _, _| ()))
}

fn tell(piece: &Piece) {
    match piece.to_json() {
        Ok(json) => console::line(format_args!("midflight: bench {json}")),
        Err(error) => console::line(format_args!("midflight: error: samples cannot be written: {error}")),
    }
}
