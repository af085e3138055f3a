//! Midflight's unikernel image.
//!
//! [`boot`] takes the machine from its first instruction to Hermit's kernel, which calls [`start`]; [`run`] brings everything up, and then each
//! processor runs its loop ([`turns`]). `unsafe` is confined to `arch`, `boot`, `hermit`, `allocator`, `device`, `local`, `start` and `test`.

#![no_std]
#![no_main]

extern crate alloc;

mod allocator;
mod arch;
#[cfg(feature = "bench")]
mod bench;
mod boot;
mod clock;
mod console;
mod device;
mod error;
mod hermit;
mod local;
mod nic;
mod panic;
mod platform;
mod processors;
mod start;
mod test;
mod turns;

use alloc::sync::Arc;
use alloc::vec::Vec;

use arch::cpu;
use error::Error;
use log::{LevelFilter, info};
use nic::Nic;
use platform::MACHINE;
use services::node::{self, Node, Shared};
use services::options::Options;
use spin::mutex::SpinMutex;

/// What a processor needs to begin.
struct Start {
    shared: Arc<Shared>,
    /// The processor's queue pair of the card, until it takes it.
    nics: Vec<SpinMutex<Option<Nic>>>,
}

/// Everything is set up, the first node made.
static START: spin::Once<Start> = spin::Once::new();

/// What shall fail on purpose.
static TEST: spin::Once<test::Test> = spin::Once::new();

/// Everything, on the boot processor, with the words of the command line. Returns only on failure.
fn run(words: &[&str]) -> Result<core::convert::Infallible, Error> {
    processors::set_up_first()?;
    console::log_up_to(LevelFilter::Info);
    #[cfg(feature = "bench")]
    if let Some(plan) = bench::asked(words)? {
        return bench::run(plan);
    }
    let (test, words) = test::split(words)?;
    let options = Options::parse(words)?;
    console::log_up_to(options.log);
    if let Some(test) = test {
        test.run_on(0);
        TEST.call_once(|| test);
    }

    let count = processors::count();
    processors::start_others(other);
    local::check(0)?;
    let mut card = nic::open(&processors::apics(), &options)?;
    let pairs = card.pairs.len();
    let mac = match card.mac {
        Some(mac) => mac,
        None => virtio::net::random_mac(cpu::random().ok_or(Error::NoEntropy)?),
    };
    let facts = node::Nic { mac, mtu: card.mtu, offloads: card.offloads, pairs };
    let mut seed = [0; 32];
    for word in seed.chunks_exact_mut(8) {
        word.copy_from_slice(&cpu::random().ok_or(Error::NoEntropy)?.to_le_bytes());
    }
    let shared = Shared::new(&options, count, facts, seed, &MACHINE)?;
    info!("{count} processors, {} MiB of memory", boot::memory_octets() >> 20);
    // The first node makes the objects that the others refer to.
    let node = node(&shared, 0)?;
    if let Some(test) = test {
        card.pairs.iter_mut().enumerate().for_each(|(processor, nic)| test.run_with(nic, processor));
    }
    let nics = card.pairs.into_iter().map(|nic| SpinMutex::new(Some(nic))).collect();
    let start = START.call_once(|| Start { shared, nics });
    (1..count).for_each(processors::wake);
    turn(start, node, 0)
}

/// What each other processor runs.
fn other(processor: usize) {
    let Err(error) = run_other(processor);
    error.end()
}

fn run_other(processor: usize) -> Result<core::convert::Infallible, Error> {
    local::check(processor)?;
    if let Some(test) = TEST.get() {
        test.run_on(processor);
    }
    let start = loop {
        match START.get() {
            Some(start) => break start,
            None => processors::sleep(processor, None, || true),
        };
    };
    turn(start, node(&start.shared, processor)?, processor)
}

/// Turns a processor's loop for ever.
fn turn(start: &Start, node: Node, processor: usize) -> ! {
    match start.nics.get(processor).and_then(|nic| nic.lock().take()) {
        Some(nic) => turns::run(node, nic, processor),
        None => turns::run_detached(node, processor),
    }
}

/// The node of this processor.
fn node(shared: &Arc<Shared>, processor: usize) -> Result<Node, Error> {
    let handle = local::attach(shared.system(), processor)?;
    Ok(Node::new(Arc::clone(shared), handle)?)
}
