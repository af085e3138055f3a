//! Midflight as a Linux process: the engine and the services of the image on a TAP device, a pinned thread for each processor. For
//! debuggers, sanitizers, profilers, and figures without a virtual machine between.
//!
//! Each processor has a queue of the device, if it has several, as in the image; else processor 0 has the only one, and the others get their connections'
//! frames by the hand-over rings. `cargo xtask run --hosted` starts it in a network namespace of its own.
#![deny(unsafe_code)]

mod logger;
mod nic;
mod platform;
mod turns;

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::thread;

use clap::Parser;
use nic::Nic;
use platform::Process;
use services::node::{self, Node, Platform, Shared};
use services::options::Options;
use tap::{Form, Tap, TapError};

/// Midflight's engine and services as a process on a TAP device.
#[derive(Parser)]
#[command(name = "midflight-hosted")]
struct Cli {
    /// The TAP device.
    #[arg(long, default_value = "tap0", value_name = "NAME")]
    tap: String,
    /// Processors: pinned threads.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64), value_name = "N")]
    smp: u16,
    /// Complete checksums and whole segments only, in both directions.
    #[arg(long)]
    no_offloads: bool,
    /// Options as the image takes them, such as `ip=10.77.0.2/24` or `log=debug`.
    #[arg(last = true, value_name = "OPTION")]
    options: Vec<String>,
}

type Error = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("midflight: error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Everything, with the main thread as processor 0. Returns only on failure.
fn run(cli: &Cli) -> Result<(), Error> {
    let options = Options::parse(cli.options.iter().map(String::as_str))?;
    logger::install(options.log);
    let processors = usize::from(cli.smp);
    let process: &'static Process = Box::leak(Box::new(Process::new(processors)?));
    let form = if cli.no_offloads { Form::Plain } else { Form::Offloads };
    let mut nics = queues(&cli.tap, form, processors)?.into_iter().map(Nic::new);
    let pairs = nics.len();
    let mut nic = nics.next().ok_or("the device has no queue")?;
    let card = node::Nic { mac: nic::MAC, mtu: mtu(&cli.tap), offloads: nic.offloads(), pairs };
    let mut seed = [0; 32];
    rustix::rand::getrandom(&mut seed[..], rustix::rand::GetRandomFlags::empty())?;
    let shared = Shared::new(&options, processors, card, seed, process)?;
    process.pin(0);
    // The first node makes the objects that the others refer to.
    let node = node(&shared, 0)?;
    let (failed, failure) = mpsc::channel();
    for processor in 1..processors {
        let (shared, failed, nic) = (Arc::clone(&shared), failed.clone(), nics.next());
        thread::Builder::new().name(format!("processor {processor}")).spawn(move || {
            process.pin(processor);
            let Err(error) = self::node(&shared, processor).map(|node| match nic {
                Some(mut nic) => turns::run_queue(node, process, processor, &mut nic),
                None => turns::run_detached(node, process, processor),
            });
            // Processor 0 is told, or has ended before.
            let _ = failed.send(error.to_string());
            process.wake(0);
        })?;
    }
    turns::run_first(node, process, &mut nic, &failure)
}

/// A queue for each processor where the device has several, else its only one.
fn queues(tap: &str, form: Form, processors: usize) -> Result<Vec<Tap>, TapError> {
    if processors > 1
        && let Ok(queues) = Tap::open_queues(tap, form, processors)
    {
        return Ok(queues);
    }
    Ok(vec![Tap::open(tap, form)?])
}

/// The node of this thread.
fn node(shared: &Arc<Shared>, processor: usize) -> Result<Node, Error> {
    // SAFETY: a node runs its workers between activities only.
    #[allow(unsafe_code)]
    let handle = unsafe { shared.system().attach(processor) }?;
    Ok(Node::new(Arc::clone(shared), handle)?)
}

/// The MTU of the device as the host has it, which is its peer's; 1500 if it does not say.
fn mtu(tap: &str) -> u16 {
    let text = std::fs::read_to_string(Path::new("/sys/class/net").join(tap).join("mtu")).unwrap_or_default();
    text.trim().parse().unwrap_or(1500)
}
