//! First figures, to be run with `--release`: a call beside a `&dyn` call, and null swaps on one processor and on two.

use std::{
    hint::black_box,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Instant,
};
use swapper::{Coid, Component, Distributed, Host, Processor, ProcessorId, SwapOptions, System, Transfer};

/// Adds.
#[swapper::interface]
pub trait Adder {
    /// Adds two numbers.
    fn add(&self, left: u64, right: u64) -> u64;
}

struct Plain;

impl Adder for Plain {
    fn add(&self, left: u64, right: u64) -> u64 {
        left.wrapping_add(right)
    }
}

impl Transfer for Plain {}

impl Component for Plain {
    type Interface = dyn Adder;
    type Rep = Self;

    fn rep(_: &Arc<Self>, _: ProcessorId) -> Self {
        Self
    }
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// Nanoseconds of a call, the median of 51 rounds.
fn per_call(adder: &impl Fn(u64) -> u64) -> f64 {
    const CALLS: u32 = 100_000;
    median(
        (0..51)
            .map(|_| {
                let start = Instant::now();
                (0..u64::from(CALLS)).fold(0, |sum, _| adder(black_box(sum)));
                start.elapsed().as_nanos() as f64 / f64::from(CALLS)
            })
            .collect(),
    )
}

/// Nanoseconds of null swaps ordered by `processor`, which calls the object meanwhile.
fn null_swaps(system: &System, processor: &Processor, coid: Coid) -> Result<f64, Box<dyn std::error::Error>> {
    let adder = processor.bind::<dyn Adder>(coid)?;
    let mut times = Vec::new();
    for _ in 0..2_000 {
        let swap = system.swap(coid, Distributed::new(Plain), SwapOptions::default())?;
        let report = loop {
            processor.run_workers(system.now());
            if let Some(report) = swap.poll() {
                break report;
            }
            processor.activity(|| (0..32).fold(0, |sum, _| adder.add(sum, 1)));
        };
        times.push(report.total() as f64);
    }
    Ok(median(times))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::new(2, Host::new(2))?;
    Host::pin(0);
    // SAFETY: workers are run between activities.
    let processor = unsafe { system.attach(0)? };
    let coid = processor.create(Distributed::new(Plain))?;
    let adder = processor.bind::<dyn Adder>(coid)?;
    let plain: &dyn Adder = black_box(&Plain);
    processor.activity(|| {
        println!("call, &dyn:            {:8.2} ns", per_call(&|sum| plain.add(sum, 1)));
        println!("call, reference:       {:8.2} ns", per_call(&|sum| adder.add(sum, 1)));
    });
    println!("null swap, 1 processor: {:7.0} ns", null_swaps(&system, &processor, coid)?);
    let (stop, ready) = (AtomicBool::new(false), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            Host::pin(1);
            // SAFETY: workers are run between activities.
            let processor = unsafe { system.attach(1) }.expect("processor 1 is free");
            let adder = processor.bind::<dyn Adder>(coid).expect("the object exists");
            processor.activity(|| adder.add(0, 0));
            ready.wait();
            while !stop.load(Ordering::Acquire) {
                processor.activity(|| (0..32).fold(0, |sum, _| adder.add(sum, 1)));
                processor.run_workers(system.now());
            }
        });
        ready.wait();
        let time = null_swaps(&system, &processor, coid);
        stop.store(true, Ordering::Release);
        println!("null swap, 2 processors:{:7.0} ns", time?);
        Ok(())
    })
}
