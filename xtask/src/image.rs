//! Building the image: one ELF that QEMU and uhyve boot as it is.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::{command, paths, provision, ui};

/// The package and the binary of the image, in a workspace of its own under `unikernel/`.
const NAME: &str = "midflight-image";

/// Builds the image and returns its path.
pub fn build() -> Result<PathBuf> {
    cargo("Building the image", &[])
}

/// Builds the image that measures itself, and returns its path.
pub fn build_bench() -> Result<PathBuf> {
    let built = cargo("Building the image that measures", &["--features", "bench"])?;
    // Cargo has one place for both, which the next build takes.
    let image = built.with_file_name("midflight-bench");
    fs::copy(&built, &image).with_context(|| format!("cannot write {}", image.display()))?;
    Ok(image)
}

fn cargo(step: &str, options: &[&str]) -> Result<PathBuf> {
    let manifest = paths::root().join("unikernel/Cargo.toml");
    if !manifest.exists() {
        bail!("this checkout has no image to build: {} is missing", manifest.display());
    }
    let kit = provision::kit()?;
    ui::step(step);
    let target = paths::target().join("image");
    let mut cargo = kit.compiler.cargo("build")?;
    cargo.current_dir(paths::root().join("unikernel")).env("CARGO_TARGET_DIR", &target);
    cargo.env("MIDFLIGHT_KERNEL_OBJECT", &kit.kernel);
    cargo.args(["-Zbuild-std-features=compiler-builtins-mem", "--bin", NAME]).args(options);
    command::run(&mut cargo).context("the image does not build")?;
    Ok(target.join("x86_64-unknown-none/release").join(NAME))
}

/// The compiler of the image, as it calls itself.
pub fn compiler() -> Result<String> {
    let rustc = provision::kit()?.compiler.program("rustc");
    Ok(command::output(command::tethered(rustc).arg("--version"))?.trim().to_owned())
}
