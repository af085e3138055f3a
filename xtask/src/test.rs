//! `cargo xtask test`: everything that the project tests, as named steps in an order that finds cheap failures first.

use std::time::Instant;

use anyhow::{Context, Result, anyhow};

use crate::capture::tally;
use crate::e2e::{self, Lab};
use crate::{Usage, cleanup, command, paths, provision, races, tidy, ui};

/// Options of `test`.
#[derive(clap::Args)]
pub struct Args {
    /// Runs only the steps whose name contains one of these.
    filter: Vec<String>,
    /// Lists the steps instead of running them.
    #[arg(long)]
    list: bool,
}

/// What a step found, if it did not fail as a whole.
pub enum Outcome {
    /// So many tests passed and failed; a step without tests of its own counts as one.
    Counted { passed: u64, failed: u64 },
    /// It could not run here, and why.
    Skipped(String),
}

impl Outcome {
    /// A step that is one test.
    pub const PASSED: Self = Self::Counted { passed: 1, failed: 0 };
}

/// Why a step cannot run here, as the error that it ends with: it is skipped.
#[derive(Debug)]
pub struct CannotRun(pub String);

impl std::fmt::Display for CannotRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CannotRun {}

/// A named step.
pub struct Step {
    /// What the filter looks at.
    pub name: &'static str,
    /// What it shows when it passes.
    pub what: &'static str,
    /// Does it.
    pub run: fn(&Lab) -> Result<Outcome>,
}

const HOST_STEPS: [Step; 8] = [
    Step { name: "format", what: "the sources are as rustfmt writes them", run: format },
    Step { name: "tidy", what: "the tree's own rules hold", run: tidy_tree },
    Step { name: "lint", what: "clippy has nothing to say", run: lint },
    Step { name: "unit", what: "the tests of all crates pass on the host", run: unit },
    Step {
        name: "model",
        what: "swaps, hand-overs between processors, wake-ups and rings hold in every order that loom explores",
        run: model,
    },
    Step {
        name: "races",
        what: "ThreadSanitizer finds a race where there is one, and none in the swapper",
        run: races,
    },
    Step {
        name: "fuzz",
        what: "a minute of malformed frames, rules and requests, and of random rules and headers finds nothing",
        run: fuzz,
    },
    Step { name: "image", what: "the image builds", run: |lab| lab.image().map(|_| Outcome::PASSED) },
];

/// Runs the steps that the filter selects, all of them even when one fails, and ends with the line `N passed, N failed`.
pub fn run(args: &Args) -> Result<()> {
    let selected =
        |step: &&Step| args.filter.is_empty() || args.filter.iter().any(|word| step.name.contains(word.as_str()));
    let steps: Vec<&Step> = HOST_STEPS.iter().chain(e2e::STEPS).filter(selected).collect();
    if steps.is_empty() {
        let words = args.filter.join(" or ");
        return Err(Usage(format!("no step has a name that contains {words}: see `cargo xtask test --list`")).into());
    }
    if args.list {
        for step in steps {
            println!("{:24} {}", step.name, step.what);
        }
        return Ok(());
    }
    let lab = Lab::new();
    let start = Instant::now();
    let (mut passed, mut failed) = (0, 0);
    let mut remarks = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        ui::step(&format!("[{}/{}] {}: {}", number + 1, steps.len(), step.name, step.what));
        let began = Instant::now();
        tally::take();
        let result = (step.run)(&lab);
        let captured = tally::take();
        let result = result.and_then(|outcome| captured.complete().map(|()| outcome));
        let result = result.or_else(|error| error.downcast().map(|CannotRun(why)| Outcome::Skipped(why)));
        let verdict = match result {
            Ok(Outcome::Counted { passed: p, failed: f }) => {
                passed += p;
                failed += f;
                if f == 0 {
                    "passed".into()
                } else {
                    remarks.push(format!("FAILED {}: {f} of its tests", step.name));
                    "FAILED".into()
                }
            }
            Ok(Outcome::Skipped(why)) => {
                remarks.push(format!("skipped {}: {why}", step.name));
                format!("skipped: {why}")
            }
            Err(error) => {
                cleanup::park_if_interrupted();
                failed += 1;
                eprintln!("error: {error:#}");
                remarks.push(format!("FAILED {}: {}", step.name, first_line(&error)));
                "FAILED".into()
            }
        };
        ui::note(&format!("{} {verdict} ({}){captured}", step.name, ui::seconds(began.elapsed())));
    }
    ui::step(&format!("{} steps in {}", steps.len(), ui::seconds(start.elapsed())));
    for remark in &remarks {
        ui::note(remark);
    }
    println!("{passed} passed, {failed} failed");
    if failed > 0 {
        std::process::exit(1);
    }
    Ok(())
}

fn first_line(error: &anyhow::Error) -> String {
    format!("{error:#}").lines().next().unwrap_or_default().to_owned()
}

/// Whether cargo has the subcommand `name` (a component of rustup that the minimal profile lacks).
fn has_component(name: &str) -> bool {
    command::output(command::cargo().args([name, "--version"])).is_ok()
}

fn format(_: &Lab) -> Result<Outcome> {
    if !has_component("fmt") {
        return Ok(Outcome::Skipped("rustfmt is not installed (rustup component add rustfmt)".into()));
    }
    command::run(command::cargo().args(["fmt", "--all", "--check"]))?;
    let image = paths::root().join("unikernel");
    if image.join("Cargo.toml").exists() {
        command::run(command::cargo().current_dir(image).args(["fmt", "--check"]))?;
    }
    Ok(Outcome::PASSED)
}

fn tidy_tree(_: &Lab) -> Result<Outcome> {
    tidy::command()?;
    Ok(Outcome::PASSED)
}

fn lint(_: &Lab) -> Result<Outcome> {
    if !has_component("clippy") {
        return Ok(Outcome::Skipped("clippy is not installed (rustup component add clippy)".into()));
    }
    command::run(command::cargo().args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
    // The image's code as the host's compiler sees it; nothing is linked, so any file serves as the kernel.
    let mut image = command::cargo();
    image.current_dir(paths::root().join("unikernel")).env("MIDFLIGHT_KERNEL_OBJECT", "/dev/null");
    image.env("CARGO_TARGET_DIR", paths::target().join("lint"));
    command::run(image.args(["clippy", "--all-features", "--quiet", "--", "-D", "warnings"]))?;
    Ok(Outcome::PASSED)
}

fn unit(_: &Lab) -> Result<Outcome> {
    cargo_test(command::cargo().args(["test", "--workspace", "--no-fail-fast"]))
}

/// The models of the swapper, of the hand-over between processors, and of the rings between driver and device.
const MODELS: [&[&str]; 3] = [
    &["--package", "swapper", "--lib", "model"],
    &["--package", "protocols", "--test", "handover_model"],
    &["--package", "virtio", "--lib", "model"],
];

/// The model checker replaces the atomics of whole crates, so they are compiled apart.
fn model(_: &Lab) -> Result<Outcome> {
    let (mut passed, mut failed) = (0, 0);
    for model in MODELS {
        let mut cargo = command::cargo();
        cargo.args(["test", "--release"]).args(model).env("RUSTFLAGS", "--cfg loom");
        if let Outcome::Counted { passed: p, failed: f } =
            cargo_test(cargo.env("CARGO_TARGET_DIR", paths::target().join("loom")))?
        {
            passed += p;
            failed += f;
        }
    }
    Ok(Outcome::Counted { passed, failed })
}

fn races(_: &Lab) -> Result<Outcome> {
    races::step()
}

/// Runs `cargo test` and counts what passed and failed.
pub fn cargo_test(cargo: &mut std::process::Command) -> Result<Outcome> {
    let (mut passed, mut failed) = (0, 0);
    let ended = command::lines(cargo, |line| {
        println!("{line}");
        let count = counts(line);
        passed += count.0;
        failed += count.1;
    });
    match ended {
        Ok(()) if passed > 0 => Ok(Outcome::Counted { passed, failed }),
        Ok(()) => Err(anyhow!("cargo test ran no tests")),
        Err(_) if failed > 0 => Ok(Outcome::Counted { passed, failed }),
        // It did not get as far as running tests, or a test binary crashed.
        Err(error) => Err(error),
    }
}

/// The numbers of `test result: ok. 12 passed; 0 failed; …`.
fn counts(line: &str) -> (u64, u64) {
    let Some(result) = line.trim_start().strip_prefix("test result:") else { return (0, 0) };
    let before = |word: &str| {
        let words: Vec<&str> = result.split([' ', ';']).collect();
        let at = words.iter().position(|w| *w == word)?;
        words.get(at.checked_sub(1)?)?.parse().ok()
    };
    (before("passed").unwrap_or(0), before("failed").unwrap_or(0))
}

/// The fuzzer's arguments: a target, its seconds, and libFuzzer's own.
const FUZZED: [&[&str]; 4] = [
    &["frame", "40"],
    &["rules", "6"],
    &["control", "8"],
    // Rules meet where there are many: long inputs from the beginning.
    &["lookup", "12", "-len_control=0"],
];

fn fuzz(_: &Lab) -> Result<Outcome> {
    let script = paths::root().join("protocols/fuzz/run.sh");
    if !script.exists() {
        return Ok(Outcome::Skipped("protocols/fuzz/run.sh is not there".into()));
    }
    provision::need(&[provision::CXX])?;
    for arguments in FUZZED {
        command::run(command::tethered(&script).args(arguments).env_remove("LD_LIBRARY_PATH"))
            .with_context(|| format!("the fuzzer found something with its target {}", arguments[0]))?;
    }
    Ok(Outcome::PASSED)
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn cargos_summaries_are_counted() {
        assert_eq!(counts("test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out"), (12, 0));
        assert_eq!(counts("test result: FAILED. 1 passed; 2 failed; 0 ignored"), (1, 2));
        assert_eq!(counts("test passed ... ok"), (0, 0));
    }
}
