//! Midflight's unikernel image.
//!
//! [`boot`] takes the machine from its first instruction to Hermit's kernel, which calls [`main`]; that brings up the processors and runs a
//! loop on each. Everything that needs `unsafe` is in the modules below; this file and the loops are safe code.

#![no_std]
#![no_main]

extern crate alloc;

mod allocator;
mod arch;
mod boot;
mod clock;
mod console;
mod hermit;
mod local;
mod panic;
mod processors;
mod start;
mod test;

use log::{LevelFilter, info};

/// Everything, on the boot processor, in a task of the kernel.
fn run(words: &[&str]) -> Result<(), local::LocalError> {
    console::log_up_to(LevelFilter::Info);
    processors::set_up_first()?;
    info!("hello, {} processors, {words:?}", processors::count());
    processors::start_others(other);
    local::check(0)?;
    info!("{} processors up", processors::count());
    for word in words {
        if let Some(what) = word.strip_prefix("test=") {
            test::fail(what);
        }
    }
    loop {
        processors::sleep(0, Some(clock::micros() + 1_000_000), || true);
        info!("awake");
        processors::wake(1);
    }
}

fn other(processor: usize) {
    local::check(processor).unwrap();
    info!("processor {processor} up");
    loop {
        processors::sleep(processor, None, || true);
        info!("awake");
    }
}
