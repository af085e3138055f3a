//! Hermit's kernel as one relocatable object.
//!
//! The published crate is compiled with the compiler it was written for, apart from our code, which so stays on a current compiler and
//! owns the panic handler and the allocator. Of the object's symbols only the entry and the system calls stay global: the two parts
//! bring different versions of `core`, whose symbols must not meet.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::archive::Lazy;
use super::compilers::{self, KERNEL, Prefix};
use crate::paths::{self, CacheLock, Scratch};
use crate::{command, ui};

/// The newest published crate that contains the kernel and that a compiler of Debian's archive can build.
const VERSION: &str = "0.10.0";
/// No network of its own: the NIC is ours.
const FEATURES: &str = "acpi,pci,fsgsbase,nostd,smp";
/// What the kernel itself may say on the serial line; it reads this when it is built.
const LOG_LEVEL: &str = "warn";
/// Raised whenever this file makes another object from the same inputs.
const RECIPE: &[u8] = b"1";

/// The kernel's object, built if no run has built the same before.
pub fn provide(lock: &CacheLock, archive: &mut Lazy) -> Result<PathBuf> {
    let compiler = compilers::provide(lock, archive, &KERNEL)?;
    let contents = compiler.contents()?;
    let parts = [RECIPE, VERSION.as_bytes(), FEATURES.as_bytes(), LOG_LEVEL.as_bytes(), contents.as_bytes()];
    let object = paths::cache()?.join(format!("hermit-{VERSION}-{}.o", paths::content_key(parts)));
    if !object.exists() {
        let scratch = Scratch::new(lock, "hermit")?;
        let source = fetch(scratch.path())?;
        let built = build(&compiler, scratch.path(), &source)?;
        fs::rename(&built, &object).with_context(|| format!("cannot create {}", object.display()))?;
    }
    Ok(object)
}

/// The crate's source in a directory under `scratch`: cargo downloads and verifies it as a dependency of an empty crate.
fn fetch(scratch: &Path) -> Result<PathBuf> {
    ui::step(&format!("Fetching the Hermit kernel {VERSION}"));
    let user = scratch.join("user");
    fs::create_dir_all(user.join("src"))?;
    fs::write(user.join("src/lib.rs"), "")?;
    let manifest = format!(
        "[package]\nname = \"user\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\nhermit-kernel = {{ version = \"={VERSION}\", default-features = false }}\n"
    );
    fs::write(user.join("Cargo.toml"), manifest)?;
    let mut metadata = command::cargo();
    metadata.current_dir(&user).args([
        "metadata",
        "--format-version=1",
        "--quiet",
        "--filter-platform",
        "x86_64-unknown-none",
    ]);
    let metadata =
        command::output(&mut metadata).context("the Hermit kernel could not be fetched: is there a network?")?;
    let metadata: serde_json::Value =
        serde_json::from_str(&metadata).context("cargo metadata wrote something else than JSON")?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let kernel = packages.iter().find(|package| package["name"] == "hermit-kernel");
    let manifest =
        kernel.and_then(|package| package["manifest_path"].as_str()).context("cargo did not fetch the kernel")?;
    let source = scratch.join("source");
    copy(Path::new(manifest).parent().context("the kernel's manifest has no directory")?, &source)?;
    // It asks rustup for a nightly of its own, and its configuration is for its own development.
    for name in ["rust-toolchain.toml", ".cargo"] {
        let path = source.join(name);
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else if path.exists() {
            fs::remove_file(path)?;
        }
    }
    // It must not be taken for a member of a workspace that the cache directory happens to lie in.
    let manifest = source.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)?;
    fs::write(&manifest, text + "\n[workspace]\n")?;
    Ok(source)
}

/// Compiles and links the object under `scratch`.
fn build(compiler: &Prefix, scratch: &Path, source: &Path) -> Result<PathBuf> {
    ui::step(&format!("Building the Hermit kernel {VERSION}, once (1 to 3 minutes)"));
    let crates = fs::read_to_string(source.join("Cargo.lock"))?.matches("[[package]]").count() as u64;
    let bar = ui::bar(crates, ui::Unit::Things);
    let target = scratch.join("target");
    let mut cargo = compiler.cargo("rustc")?;
    cargo.current_dir(source).env("CARGO_TARGET_DIR", &target).env("HERMIT_LOG_LEVEL_FILTER", LOG_LEVEL);
    cargo.args(["--locked", "--lib", "--crate-type", "staticlib", "--no-default-features", "--features", FEATURES]);
    command::watched(&mut cargo, |line| {
        if let Some(name) = line.trim_start().strip_prefix("Compiling ") {
            bar.inc(1);
            bar.set_message(name.to_owned());
        }
    })
    .context("the Hermit kernel does not build")?;
    bar.finish_and_clear();
    let library = target.join("x86_64-unknown-none/release/libhermit.a");
    let (whole, object) = (scratch.join("whole.o"), scratch.join("hermit.o"));
    let mut link = command::tethered(compiler.program("ld.lld"));
    command::output(link.args(["-r", "--whole-archive"]).arg(&library).arg("-o").arg(&whole))?;
    let mut localise = command::tethered(compiler.program("llvm-objcopy"));
    command::output(localise.args(["--wildcard", "-G", "sys_*", "-G", "_start"]).args([&whole, &object]))?;
    Ok(object)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
