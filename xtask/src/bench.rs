//! `cargo xtask bench`: the jobs of `bench/`, compiled as they are meant to be measured, on the host and in the guest.

mod guest;
mod smoke;

use std::path::PathBuf;

use anyhow::Result;

pub use smoke::smoke;

use crate::{Usage, command, commit, netbench, uhyve, ui};

/// The job that the image can do too.
const IN_GUEST: &str = "swapper";

/// The job that can take some rule sets only.
const SETS: &str = "classifier";

/// Options of `bench`; see `bench/`.
#[derive(clap::Args, Default)]
pub struct Args {
    /// The jobs to run, as `--list` names them; without one: swapper, gate, classifier.
    job: Vec<String>,
    /// Writes the results to this file: the JSON object of the job, or an array of them if there are several.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes each job's result and plots to `bench/results/`, where the repository keeps them, and its part of the README.
    #[arg(long)]
    save: bool,
    /// Takes few samples: shows that everything works, not how fast it is.
    #[arg(long)]
    quick: bool,
    /// Of the job `network`, measures these suites only; the others keep their samples from earlier runs of this checkout. Of the job
    /// `classifier`, takes these sets only: `acl-1k,fw-10k`.
    #[arg(long, value_name = "SUITE", value_delimiter = ',')]
    only: Vec<String>,
    /// Of the jobs `network` and `boot`, takes so many samples of each figure.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    rounds: Option<u16>,
    /// Measures nothing: takes the results that are saved, to renew the plots and the README from them.
    #[arg(long, conflicts_with_all = ["json", "save", "quick", "list"])]
    again: bool,
    /// Lists the jobs instead of running them.
    #[arg(long)]
    list: bool,
}

/// Builds the program that measures and the image, and runs both, one after the other.
pub fn run(args: &Args) -> Result<()> {
    let named = |name: &str| args.job.iter().any(|job| job == name);
    let (network, boot) = (named(netbench::NAME), named(uhyve::bench::NAME));
    let sets = args.job == [SETS] && !args.only.is_empty();
    let wrong = |what: String| Err(Usage(what).into());
    if !network && !sets && !args.only.is_empty() {
        return wrong(format!("--only is for the jobs {} and {SETS}: name one", netbench::NAME));
    }
    if !network && !boot && args.rounds.is_some() {
        return wrong(format!("--rounds is for the jobs {} and {}: name one", netbench::NAME, uhyve::bench::NAME));
    }
    if network && boot && !args.again {
        return wrong(format!("{} and {} are measured one at a time: name one", netbench::NAME, uhyve::bench::NAME));
    }
    if network {
        netbench::known(&args.only)?;
    }
    if args.save {
        commit::require_clean()?;
    }
    let rounds = args.rounds.map(usize::from);
    ui::step("compiling the jobs and their peers");
    let cargo = ["--release", "--package", "bench", "--quiet"];
    command::run(command::cargo().arg("build").args(cargo))?;
    let measures = !args.list && !args.again;
    if network && measures {
        netbench::measure(&args.only, args.quick, rounds)?;
    }
    if boot && measures {
        uhyve::bench::measure(args.quick, rounds)?;
    }
    let date = command::output(command::tethered("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]))?;
    let mut measure = command::cargo();
    measure.arg("run").args(cargo).args(["--", "--date", date.trim(), "--commit", &commit::name()]).args(&args.job);
    if let Some(file) = &args.json {
        // Where the caller is, not where cargo runs.
        measure.arg("--json").arg(std::path::absolute(file)?);
    }
    for (flag, given) in
        [("--save", args.save), ("--quick", args.quick), ("--again", args.again), ("--list", args.list)]
    {
        if given {
            measure.arg(flag);
        }
    }
    if sets {
        measure.arg("--only").arg(args.only.join(","));
    }
    if network && !args.again {
        measure.arg("--samples").arg(netbench::samples());
    }
    if boot && !args.again {
        measure.arg("--samples").arg(uhyve::bench::samples());
    }
    let wanted = args.job.is_empty() || args.job.iter().any(|job| job == IN_GUEST);
    if wanted && measures {
        measure.arg("--guest").arg(guest::measure(args.quick)?);
    }
    command::run(&mut measure)?;
    if args.list {
        println!("the suites of {}:", netbench::NAME);
        netbench::list();
    }
    Ok(())
}
