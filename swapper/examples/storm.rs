//! A storm of swaps under load: two pinned processors call an object without a pause while it is swapped again and
//! again. Every call is accounted for, and memory is looked at all along.
//!
//! `cargo run --release -p swapper --example storm -- 1000000`
//!
//! Fails if a call was lost or doubled, a swap did not commit, or memory in use grew from the first tenth to the last.

use std::{
    alloc::{GlobalAlloc, Layout, System as Allocator},
    cell::Cell,
    error::Error,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    thread,
    time::Instant,
};
use swapper::{
    Coid, Component, Distributed, Failure, Host, ProcessorId, Protocol, Report, State, SwapOptions, System, Transfer,
};

/// Octets in use; every allocation and release counts.
struct Counting;

static IN_USE: AtomicI64 = AtomicI64::new(0);

fn octets(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

// SAFETY: everything is passed on to the system's allocator; the count changes nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(octets(layout.size()), Ordering::Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { Allocator.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(octets(layout.size()), Ordering::Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { Allocator.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Counts calls.
#[swapper::interface]
pub trait Tally {
    /// Counts one, and returns how many there were on this processor.
    fn count(&self) -> u64;
}

/// The count itself goes over.
const COUNT: Protocol = Protocol::new(1, "count");

struct Counter;

struct Rep(Cell<Option<Box<u64>>>);

impl Component for Counter {
    type Interface = dyn Tally;
    type Rep = Rep;

    fn rep(_: &Arc<Self>, _: ProcessorId) -> Rep {
        Rep(Cell::new(Some(Box::new(0))))
    }

    fn protocols(&self) -> &'static [Protocol] {
        &[COUNT]
    }
}

impl Tally for Rep {
    fn count(&self) -> u64 {
        let mut count = self.0.take().expect("a call came while the state was elsewhere");
        *count += 1;
        let now = *count;
        self.0.set(Some(count));
        now
    }
}

impl Transfer for Rep {
    fn export(&self, _: Protocol) -> Result<State, Failure> {
        self.0.take().map(|count| State::new(count, 1)).ok_or_else(|| Failure::Refused("exported twice".into()))
    }

    fn import(&self, _: Protocol, state: &State) -> Result<(), Failure> {
        state.get::<Box<u64>>().map(|_| ())
    }

    fn adopt(&self, _: Protocol, state: State) {
        self.0.set(state.take().ok());
    }

    fn restore(&self, _: Protocol, state: State) {
        self.0.set(state.take().ok());
    }
}

const PROCESSORS: usize = 2;
const SAMPLES: u64 = 100;
/// Octets by which the curve of memory may wave: less than one octet for each swap of the shortest storm in use.
const WAVE: i64 = 1536;

/// A processor: calls in activities and runs workers between them until told to stop; returns its calls.
fn serve(
    system: &System,
    number: usize,
    coid: Coid,
    (ready, stop): (&Barrier, &AtomicBool),
    mut between: impl FnMut(),
) -> u64 {
    /// Stops the other processor too, if this one fails.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let _stop = Stop(stop);
    Host::pin(number);
    // SAFETY: workers are run between activities.
    let processor = unsafe { system.attach(number) }.expect("nobody else is this processor");
    let tally = processor.bind::<dyn Tally>(coid).expect("the object exists");
    let mut calls = processor.activity(|| tally.count());
    ready.wait();
    while !stop.load(Ordering::Acquire) {
        processor.activity(|| {
            for _ in 0..8 {
                calls += 1;
                assert_eq!(tally.count(), calls, "a call was lost or doubled");
            }
        });
        processor.run_workers(system.now());
        between();
    }
    calls
}

/// What the storm looks at.
#[derive(Default)]
struct Storm {
    ordered: u64,
    forwarded: u64,
    suspended: u64,
    total: Vec<u64>,
    memory: Vec<i64>,
}

impl Storm {
    fn take(&mut self, report: &Report, every: u64) {
        assert!(report.is_committed(), "{report:?}");
        self.forwarded += report.forwarded();
        self.suspended += report.suspended();
        if self.ordered.is_multiple_of(every) && self.memory.len() < self.memory.capacity() {
            self.total.push(report.total());
            self.memory.push(IN_USE.load(Ordering::Relaxed));
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let swaps = match std::env::args().nth(1) {
        Some(word) => word.parse().map_err(|_| format!("`{word}` is no number of swaps, such as 1000000"))?,
        None => 1_000_000,
    };
    run(swaps)
}

/// The storm; also run by a test.
pub fn run(swaps: u64) -> Result<(), Box<dyn Error>> {
    if swaps < SAMPLES {
        return Err(format!("at least {SAMPLES} swaps, not {swaps}").into());
    }
    let system = System::new(PROCESSORS, Host::new(PROCESSORS))?;
    // SAFETY: makes no calls.
    let creator = unsafe { system.attach(0)? };
    let coid = creator.create(Distributed::new(Counter))?;
    drop(creator);
    let (stop, ready) = (AtomicBool::new(false), Barrier::new(PROCESSORS));
    let samples = usize::try_from(SAMPLES)?;
    // Everything that the storm keeps is allocated before it begins.
    let mut storm =
        Storm { total: Vec::with_capacity(samples), memory: Vec::with_capacity(samples), ..Storm::default() };
    let start = Instant::now();
    let calls = thread::scope(|scope| {
        let other = scope.spawn(|| serve(&system, 1, coid, (&ready, &stop), || ()));
        let mut swap: Option<swapper::Swap> = None;
        let own = serve(&system, 0, coid, (&ready, &stop), || {
            if let Some(under_way) = &swap {
                let Some(report) = under_way.poll() else { return };
                // The old object, the Mediator and its Reps are gone when the handle is.
                swap = None;
                storm.take(&report, swaps / SAMPLES);
                if storm.ordered == swaps {
                    stop.store(true, Ordering::Release);
                    return;
                }
            }
            storm.ordered += 1;
            let options = SwapOptions { time_limit: u64::MAX, notify: None };
            swap = Some(system.swap(coid, Distributed::new(Counter), options).expect("no other swap is under way"));
        });
        [own, other.join().expect("the other processor served to the end")]
    });
    let time = start.elapsed();
    let tenth = samples / 10;
    let most = |part: &[i64]| part.iter().copied().max().unwrap_or(0);
    let (first, last) = (most(&storm.memory[..tenth]), most(&storm.memory[samples - tenth..]));
    storm.total.sort_unstable();
    println!("swaps committed   {} in {:.1} s", storm.ordered, time.as_secs_f64());
    println!("calls             {} on processor 0, {} on processor 1, each accounted for", calls[0], calls[1]);
    println!("forwarded         {}", storm.forwarded);
    println!("suspended         {}", storm.suspended);
    println!("swap, median      {} ns of {samples} sampled", storm.total[samples / 2]);
    println!("octets in use     {first} at most in the first tenth, {last} in the last");
    // What the other processor has not let go of yet makes the curve wave by one Mediator, however long the storm lasts.
    if last > first + WAVE {
        return Err(format!("memory grew by {} octets over {swaps} swaps", last - first).into());
    }
    system.destroy(coid)?;
    Ok(())
}
