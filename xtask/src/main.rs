//! The developer's commands of Midflight: `cargo xtask run`, `cargo xtask test`, `cargo xtask bench`, `cargo xtask build`.
//!
//! Each command provides what it needs (see [`provision`]) before it does its work, and leaves nothing behind when it is interrupted
//! (see [`cleanup`]).
#![deny(unsafe_code)]

mod accel;
mod bench;
mod capture;
mod cleanup;
mod clock;
mod command;
mod commit;
mod control;
mod e2e;
mod hosted;
mod image;
mod initramfs;
mod link;
mod machine;
mod netbench;
mod netns;
mod paths;
mod provision;
mod races;
mod record;
mod rules;
mod run;
mod test;
mod tidy;
mod uhyve;
mod ui;
mod vm;

use clap::{Parser, Subcommand};

/// The developer's commands of Midflight.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds the image and boots it under QEMU until Ctrl-C.
    Run(run::Args),
    /// Runs everything that the project tests, or the steps whose name contains a FILTER.
    Test(test::Args),
    /// Measures what the project promises, beside its peers.
    Bench(bench::Args),
    /// Records swaps under iperf3 from real runs, for the README.
    Record(record::Args),
    /// Builds the image and prints where it is.
    Build,
    /// Checks the tree: length of files, unsafe code, sleeps in tests, names of machines.
    Tidy,
}

/// Options that do not go together, or a name that there is not: ends with status 2, as what clap finds itself does.
#[derive(Debug)]
pub struct Usage(pub String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

fn main() {
    cleanup::install();
    let done = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Build => image::build().map(|path| println!("{}", path.display())),
        Command::Tidy => tidy::command(),
    };
    // A command that ends because it is being interrupted has nothing to report, and must not end before everything is undone.
    cleanup::park_if_interrupted();
    if let Err(error) = done {
        eprintln!("error: {error:#}");
        std::process::exit(if error.is::<Usage>() { 2 } else { 1 });
    }
}
