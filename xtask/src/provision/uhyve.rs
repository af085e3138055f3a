//! uhyve, Hermit's own virtual machine monitor, from its published crate.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::paths::{self, Scratch};
use crate::{command, ui};

/// The version whose network device the driver has been checked against.
pub const VERSION: &str = "0.10.0";
/// Raised whenever this file makes another program from the same crate.
const RECIPE: u32 = 1;
/// Crates that are compiled, for the bar.
const CRATES: u64 = 150;
/// A program without libraries of the system's, which also runs in a guest that has none. Named, so that build scripts are not made so too.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The program, built if no run has built it before.
pub fn provide() -> Result<PathBuf> {
    let lock = paths::lock_cache()?;
    let dir = paths::cache()?.join(format!("uhyve-{VERSION}-{RECIPE}"));
    if !dir.exists() {
        ui::step(&format!("Building uhyve {VERSION}, once (1 to 2 minutes)"));
        let scratch = Scratch::new(&lock, "uhyve")?;
        let root = scratch.path().join("root");
        let mut cargo = command::cargo();
        cargo.args(["install", "--locked", "uhyve", "--version", &format!("={VERSION}"), "--target", TARGET, "--root"]);
        cargo.arg(&root).env("CARGO_TARGET_DIR", scratch.path().join("target"));
        // It hands work to the kernel and waits: what it would gain by more optimising is less than that takes.
        cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1").env("CARGO_PROFILE_RELEASE_STRIP", "true");
        cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", "-Ctarget-feature=+crt-static");
        let bar = ui::bar(CRATES, ui::Unit::Things);
        command::watched(&mut cargo, |line| {
            if let Some(name) = line.trim_start().strip_prefix("Compiling ") {
                bar.inc(1);
                bar.set_message(name.to_owned());
            }
        })
        .context("uhyve does not build: is there a network?")?;
        bar.finish_and_clear();
        fs::rename(&root, &dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    Ok(dir.join("bin/uhyve"))
}
