//! `midflight`: what a running Midflight consists of, and how a person replaces parts of it.

#![forbid(unsafe_code)]

mod client;
mod rules;
mod show;
mod table;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use protocols::control::{PORT, Reply, Verb};

use client::{Client, Failure};

/// Looks at a running Midflight and replaces parts of it while connections use them.
#[derive(Parser)]
#[command(version, after_help = "Exit codes: 0 done, 1 refused, 2 wrong usage, 3 no answer.")]
struct Arguments {
    /// Where the control port is: HOST or HOST:PORT.
    #[arg(long, global = true, default_value = "127.0.0.1")]
    host: String,
    /// Print each reply as one JSON object on a line of its own.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Objects that can be swapped, and their implementations.
    List,
    /// Version, address, counters, memory.
    Status,
    /// TCP connections with their congestion windows and round-trip times.
    Connections,
    /// Replaces an object by another implementation, or undoes it at the deadline.
    Swap {
        /// Name of the object, such as `congestion`.
        object: String,
        /// Name of the implementation, such as `reno`; `midflight list` shows them.
        implementation: String,
        /// Milliseconds after which the swap is undone unless it is done.
        #[arg(long, value_name = "MS")]
        deadline: Option<u32>,
    },
    /// Past swaps, newest first: phases, calls held, connections moved.
    Trace {
        /// How many at most.
        count: Option<u16>,
    },
    /// Rules of the classifier: which frames are accepted, dropped, rejected, limited, and in which class they are.
    #[command(subcommand)]
    Rules(rules::Command),
    /// Ends the machine; connections that are open end with it.
    Shutdown,
    /// Connections with their windows and rates, and the last swaps, again every second until interrupted.
    Watch {
        /// Seconds between two looks.
        #[arg(long, default_value_t = 1.0, value_parser = watch::interval, value_name = "SECONDS")]
        interval: f64,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let client = match Client::new(&arguments.host, PORT) {
        Ok(client) => client,
        Err(failure) => return fail(&failure),
    };
    let verb = match arguments.command {
        Command::List => Verb::List { from: 0 },
        Command::Status => Verb::Status { from: 0 },
        Command::Connections => Verb::Connections { from: 0 },
        Command::Swap { object, implementation, deadline } => {
            Verb::Swap { object, implementation, deadline_ms: deadline }
        }
        Command::Trace { count } => Verb::Trace { count, before: 0 },
        Command::Shutdown => Verb::Shutdown,
        Command::Rules(command) => return rules::run(&client, command, arguments.json),
        Command::Watch { interval } => {
            return match watch::watch(&client, Duration::from_secs_f64(interval), arguments.json) {
                Ok(()) => ExitCode::SUCCESS,
                Err(failure) => fail(&failure),
            };
        }
    };
    match client.whole(&verb) {
        Ok(reply) => answer(&verb, &reply, arguments.json),
        Err(failure) => fail(&failure),
    }
}

fn answer(verb: &Verb, reply: &Reply, json: bool) -> ExitCode {
    if json {
        show::print(&format!("{}\n", reply.encode(true)));
    } else {
        show::print(&show::records(verb, reply.records()));
    }
    match &reply.outcome {
        Ok(_) => ExitCode::SUCCESS,
        Err((refusal, _)) => {
            if !json {
                eprintln!("midflight: {refusal}");
            }
            ExitCode::from(1)
        }
    }
}

fn fail(failure: &Failure) -> ExitCode {
    eprintln!("midflight: {failure}");
    ExitCode::from(failure.exit_code())
}
