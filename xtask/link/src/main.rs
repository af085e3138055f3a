//! `midflight-link`: the link emulator between QEMU's network card (its `dgram` back end: one datagram a frame, on a Unix socket) and a
//! TAP device. It is the simulator's own code with the host's clock.
//!
//! Neither end has offloads: QEMU's `dgram` has no header for them, so the guest is offered none, and the TAP device is opened without,
//! so the host's kernel cuts its segments and completes their checksums. Every packet at the bottleneck is one of the wire's.
//!
//! A line `counters` on standard input is answered by the counters as one line of JSON. `seed N` lets randomness begin anew with the next
//! packet, so that two links can be given the same fate, and is answered by itself. The end of the input ends the program, after the counters.
#![forbid(unsafe_code)]

mod clock;
mod forward;
mod report;

use std::io::{BufRead, Write};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use clap::Parser;
use forward::Forwarder;
use protocols::sim::Spec;
use tap::{Form, Tap};

/// A link of a given rate, delay, loss, … between a virtual machine and a TAP device.
#[derive(Parser)]
#[command(name = "midflight-link")]
struct Cli {
    /// What the link is like, such as rate=50mbit,delay=20ms,loss=0.5%,queue=64k. Named as the option of `cargo xtask run`, whose errors it tells.
    #[arg(long, value_name = "SPEC")]
    link: Spec,
    /// The TAP device; the host is behind it.
    #[arg(long, default_value = "tap0")]
    tap: String,
    /// Our Unix socket.
    #[arg(long)]
    local: PathBuf,
    /// The virtual machine's Unix socket.
    #[arg(long)]
    remote: PathBuf,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), Box<dyn std::error::Error>> {
    clock::be_punctual();
    let tap = Tap::open(&cli.tap, Form::Plain)?;
    let socket = UnixDatagram::bind(&cli.local).map_err(|error| format!("{}: {error}", cli.local.display()))?;
    socket.set_nonblocking(true)?;
    let counters = Arc::new(Mutex::new(report::Counters::default()));
    let published = Arc::clone(&counters);
    let (seed, seeds) = mpsc::channel();
    let mut forwarder = Forwarder::new(&cli.link, tap, socket, cli.remote.clone(), counters, seeds)?;
    // Readiness for whoever starts the machine next.
    println!("ready");
    let stop = forwarder.stopper()?;
    let asking = std::thread::spawn(move || {
        let mut stdout = std::io::stdout();
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if line == "counters" {
                let now = *published.lock().unwrap_or_else(PoisonError::into_inner);
                // Whoever asked may be gone already.
                let _ = writeln!(stdout, "{now}");
            } else if let Some(Ok(number)) = line.strip_prefix("seed ").map(str::parse) {
                let _ = seed.send(number);
                let _ = writeln!(stdout, "{line}");
            }
        }
        stop.stop();
    });
    let last = forwarder.run();
    // It ends with standard input, which is what has stopped the forwarder, or the whole program ends here.
    if last.is_ok() {
        let _ = asking.join();
    }
    println!("{}", last?);
    Ok(())
}
