//! `cargo xtask bench`: the jobs of `bench/`, compiled as they are meant to be measured.

use std::path::PathBuf;

use anyhow::Result;

use crate::{command, ui};

/// Options of `bench`; see `bench/`.
#[derive(clap::Args)]
pub struct Args {
    /// The jobs to run; all, if none is named.
    job: Vec<String>,
    /// Writes the results to this file: the JSON object of the job, or an array of them if there are several.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes each job's result and plots to `bench/results/`, where the repository keeps them.
    #[arg(long)]
    save: bool,
    /// Takes few samples: shows that everything works, not how fast it is.
    #[arg(long)]
    quick: bool,
    /// Lists the jobs instead of running them.
    #[arg(long)]
    list: bool,
}

/// Builds the program that measures, and runs it.
pub fn run(args: &Args) -> Result<()> {
    ui::step("compiling the jobs and their peers");
    let cargo = ["--release", "--package", "bench", "--quiet"];
    command::run(command::cargo().arg("build").args(cargo))?;
    let date = command::output(command::tethered("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]))?;
    let mut measure = command::cargo();
    measure.arg("run").args(cargo).args(["--", "--date", date.trim()]).args(&args.job);
    if let Some(file) = &args.json {
        // Where the caller is, not where cargo runs.
        measure.arg("--json").arg(std::path::absolute(file)?);
    }
    for (flag, given) in [("--save", args.save), ("--quick", args.quick), ("--list", args.list)] {
        if given {
            measure.arg(flag);
        }
    }
    command::run(&mut measure)
}
