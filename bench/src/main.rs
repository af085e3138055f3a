//! `bench [JOB…] [--guest FILE] [--json FILE] [--save] [--quick]`: the project's figures, each beside its peers, measured in one run.
//!
//! A **job** is a named function that measures something and its peers turn by turn, so that what else the machine does hits
//! all of them, and gives one JSON object: the environment, every sample, and a check for each figure that the project
//! promises. From that object come the table for people, the plots, and what the README says.
#![deny(unsafe_code)]

mod environment;
mod guest;
mod jobs;
mod lane;
mod plot;
mod progress;
mod readme;
mod report;
mod series;
mod statistics;
mod table;

use clap::Parser;
use environment::Environment;
use jobs::{Findings, JOBS, Job, Setting};
use report::Report;
use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

/// Measures what the project promises, beside its peers.
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Cli {
    /// The jobs to run, as `--list` names them; without one: those that this program measures by itself.
    job: Vec<String>,
    /// Writes the results to this file: the JSON object of the job, or an array of them if there are several.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes each job's result and plots to `bench/results/`, where the repository keeps them, and its part of the README.
    #[arg(long)]
    save: bool,
    /// What the image measured in a virtual machine, to go into the same result (job `swapper`).
    #[arg(long, value_name = "FILE")]
    guest: Option<PathBuf>,
    /// Measures nothing: takes the results that are saved, to renew the plots and the README from them.
    #[arg(long, conflicts_with_all = ["guest", "quick", "list", "json"])]
    again: bool,
    /// Takes few samples: shows that everything works, not how fast it is.
    #[arg(long)]
    quick: bool,
    /// Of the job `classifier`, takes these sets only: `acl-1k,fw-10k`.
    #[arg(long, value_name = "SET", value_delimiter = ',', conflicts_with = "save")]
    only: Vec<String>,
    /// Lists the jobs instead of running them.
    #[arg(long)]
    list: bool,
    /// The samples of a job that is measured elsewhere (`network`: by `cargo xtask`, which boots the guests).
    #[arg(long, value_name = "FILE")]
    samples: Option<PathBuf>,
    /// The date to note in the results.
    #[arg(long, default_value = "")]
    date: String,
    /// The commit to note in the results.
    #[arg(long, default_value = "")]
    commit: String,
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

fn run(cli: &Cli) -> Result<(), Box<dyn Error>> {
    let mut jobs = select(&cli.job)?;
    if cli.list {
        jobs.iter().for_each(|job| println!("{:12} {}", job.name, job.summary));
        return Ok(());
    }
    if cli.job.is_empty() && cli.again {
        jobs.retain(|job| results(&format!("{}.json", job.name)).exists());
    } else if cli.job.is_empty() && cli.samples.is_none() {
        jobs.retain(|job| job.measures);
    }
    if !cli.only.is_empty() && cli.job != ["classifier"] {
        return Err("--only is for the job classifier: name that one alone".into());
    }
    if cfg!(debug_assertions) {
        eprintln!("warning: compiled without optimisation: the figures mean nothing (cargo run --release -p bench)");
    }
    let mut objects = Vec::new();
    for job in jobs {
        let report = if cli.again { saved(job)? } else { measure(job, cli)? };
        let object = report.json()?;
        if cli.save || cli.again {
            save(job, &report, &object)?;
        }
        objects.push(object);
    }
    if let Some(file) = &cli.json {
        let text = if objects.len() == 1 { objects.remove(0) } else { format!("[\n{}]\n", objects.join(",\n")) };
        write(file, &text)?;
    }
    Ok(())
}

fn select(names: &[String]) -> Result<Vec<&'static Job>, String> {
    if names.is_empty() { Ok(JOBS.iter().collect()) } else { names.iter().map(|name| jobs::find(name)).collect() }
}

fn measure(job: &Job, cli: &Cli) -> Result<Report, Box<dyn Error>> {
    let begin = Instant::now();
    eprintln!("==> {}: {}", job.name, job.summary);
    let mut environment = Environment::read(&cli.date, &cli.commit);
    let Findings { method, published, mut series } =
        (job.run)(&Setting { quick: cli.quick, only: cli.only.clone(), samples: cli.samples.clone() })?;
    environment.ended();
    if let Some(file) = cli.guest.as_ref().filter(|_| job.in_guest) {
        let (machine, measured) = guest::read(file)?;
        environment.guest = Some(machine);
        series.extend(measured);
    }
    let mut report = Report { job: job.name.into(), method, environment, checks: Vec::new(), published, series };
    report.checks = (job.checks)(&report);
    println!("{}", table::render(&report));
    eprintln!("==> {}: {:.0} s", job.name, begin.elapsed().as_secs_f64());
    Ok(report)
}

/// Where the repository keeps results.
fn results(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/results")).join(name)
}

/// The saved result of a job, its checks made anew.
fn saved(job: &Job) -> Result<Report, Box<dyn Error>> {
    let file = results(&format!("{}.json", job.name));
    let text = fs::read_to_string(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let mut report: Report = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    report.checks = (job.checks)(&report);
    Ok(report)
}

fn save(job: &Job, report: &Report, object: &str) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(results(""))?;
    write(&results(&format!("{}.json", job.name)), object)?;
    for (name, text) in (job.plots)(report) {
        write(&results(&format!("{}-{name}.svg", job.name)), &text)?;
    }
    let Some(markdown) = job.markdown else { return Ok(()) };
    let file = readme::file();
    let text = fs::read_to_string(&file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    write(&file, &readme::renewed(&text, job.name, &markdown(report))?)
}

fn write(file: &Path, text: &str) -> Result<(), Box<dyn Error>> {
    fs::write(file, text).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    eprintln!("    wrote {}", file.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::select;

    #[test]
    fn an_unknown_job_is_named_with_the_known_ones() {
        let error = select(&["swaper".into()]).err().expect("no such job");
        assert!(error.contains("swaper") && error.contains("swapper"), "{error}");
    }

    #[test]
    fn without_a_name_every_job_runs() {
        assert_eq!(select(&[]).map(|jobs| jobs.len()), Ok(crate::jobs::JOBS.len()));
    }
}
