//! The tests with threads under ThreadSanitizer.
//!
//! It takes every access of a library that is not compiled for it for a race or for none, so the standard library is compiled
//! for it too: from the source that the image's compiler has. The runtime is that of rustup's toolchain.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::provision::{self, Prefix};
use crate::test::{self, Outcome};
use crate::{command, paths};

/// The tests of the swapper that run threads.
const THREADED: [&str; 3] = ["storm", "storm_of_futures", "flat_memory"];

/// Runs them, and one with a race, which has to be found.
pub fn step() -> Result<Outcome> {
    let Some(runtime) = runtime()? else {
        return Ok(Outcome::Skipped("this toolchain comes without ThreadSanitizer's runtime: use rustup's".into()));
    };
    let compiler = provision::kit()?.compiler;
    let mut found = false;
    let mut seeded = cargo(&compiler, &runtime, &["races"])?;
    // What it finds there is no failure.
    seeded.env("TSAN_OPTIONS", "exitcode=0").args(["--", "--ignored"]);
    command::watched(&mut seeded, |line| found |= line.contains("WARNING: ThreadSanitizer: data race"))?;
    if !found {
        bail!("ThreadSanitizer does not find the race that it is shown");
    }
    test::cargo_test(&mut cargo(&compiler, &runtime, &THREADED)?)
}

/// The runtime that belongs to the toolchain at hand, if it has one.
fn runtime() -> Result<Option<PathBuf>> {
    let libraries = command::output(command::tethered("rustc").args(["--print", "target-libdir"]))?;
    let Ok(entries) = fs::read_dir(libraries.trim()) else { return Ok(None) };
    Ok(entries.flatten().map(|entry| entry.path()).find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("librustc-") && name.ends_with("_rt.tsan.a")
    }))
}

/// `cargo test` with these tests of the swapper and everything below them compiled for ThreadSanitizer.
fn cargo(compiler: &Prefix, runtime: &Path, tests: &[&str]) -> Result<Command> {
    const TARGET: &str = "x86_64-unknown-linux-gnu";
    let linker = compiler.program("ld.lld");
    let linkers = linker.parent().context("a program lies in a directory")?;
    let flags = [
        "-Zsanitizer=thread".into(),
        "-Zexternal-clangrt".into(),
        format!("-Clink-arg=-B{}", linkers.display()),
        "-Clink-arg=-fuse-ld=lld".into(),
        format!("-Clink-arg=-Wl,--whole-archive,{},--no-whole-archive", runtime.display()),
        // What the runtime needs comes after it.
        "-Clink-args=-lc -lm -ldl -lpthread -lrt".into(),
    ];
    let mut cargo = command::cargo();
    compiler.use_in(&mut cargo)?;
    cargo
        .env("CARGO_TARGET_DIR", paths::target().join("races"))
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .args(["test", "-Zbuild-std", "--target", TARGET, "--package", "swapper"]);
    tests.iter().for_each(|test| {
        cargo.args(["--test", test]);
    });
    Ok(cargo)
}
