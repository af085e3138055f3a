//! `midflight-traffic`: what iperf3 cannot measure. Each command prints one line of JSON.
#![forbid(unsafe_code)]

mod connections;
mod datagrams;
mod ping;
mod requests;
mod times;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// Small traffic against a guest.
#[derive(Parser)]
#[command(name = "midflight-traffic")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Requests of SIZE octets to a TCP echo service, one after the other, on one connection.
    Requests {
        to: SocketAddrV4,
        #[arg(long, default_value_t = 1)]
        size: usize,
        #[arg(long, default_value_t = 3.0)]
        seconds: f64,
    },
    /// Datagrams of SIZE octets to a UDP echo service, WINDOW of them under way.
    Datagrams {
        to: SocketAddrV4,
        #[arg(long, default_value_t = 64)]
        size: usize,
        #[arg(long, default_value_t = 1)]
        window: usize,
        #[arg(long, default_value_t = 3.0)]
        seconds: f64,
    },
    /// Connections to a TCP service that closes when its peer does, one after the other: opened and closed in order.
    Connections {
        to: SocketAddrV4,
        #[arg(long, default_value_t = 3.0)]
        seconds: f64,
    },
    /// COUNT connections to a TCP echo service at once, an octet there and back on each.
    Hold {
        to: SocketAddrV4,
        #[arg(long)]
        count: usize,
    },
    /// Pings every few milliseconds until the first answer.
    FirstPing {
        to: Ipv4Addr,
        #[arg(long, default_value_t = 60.0)]
        limit: f64,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> std::io::Result<String> {
    let time = |seconds: f64| Duration::from_secs_f64(seconds.clamp(0.0, 3600.0));
    match *command {
        Command::Requests { to, size, seconds } => requests::run(to, size, time(seconds)),
        Command::Datagrams { to, size, window, seconds } => datagrams::run(to, size, window, time(seconds)),
        Command::Connections { to, seconds } => connections::in_turn(to, time(seconds)),
        Command::Hold { to, count } => connections::hold(to, count),
        Command::FirstPing { to, limit } => ping::first(to, time(limit)),
    }
}
