//! The two compilers, each with its linker and its own source, unpacked side by side under the shared cache.
//!
//! Hermit's last published kernel needs Rust 1.85; our own code wants a current one. Neither target's `core` is in Debian's packages,
//! so both compile it from source, which cargo calls build-std. The names of the packages differ between Debian 12 (`rustc-web`
//! alone) and Debian 13 (1.85 is its `rustc`, the newer one `rustc-web`): both families are looked at.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::archive::{Archive, Lazy, Package};
use crate::paths::{self, CacheLock, Scratch};
use crate::{command, ui};

/// Raised whenever a prefix made by an older version of this file is not good enough any more.
const RECIPE: u32 = 1;

/// Which compiler is wanted.
pub struct Wanted {
    name: &'static str,
    what: &'static str,
    accepts: fn((u32, u32)) -> bool,
    /// Tools of LLVM that are wanted besides the linker.
    tools: &'static [&'static str],
}

/// For the kernel: it was written for nightly-2025-01-01, which became 1.85.
pub const KERNEL: Wanted = Wanted {
    name: "kernel",
    what: "Rust 1.85 for the kernel",
    accepts: |v| v == (1, 85),
    tools: &["llvm-as", "llvm-objcopy"],
};

/// For the image: the newest there is, and no older than the workspace asks for.
pub const IMAGE: Wanted =
    Wanted { name: "image", what: "a current Rust for the image", accepts: |v| v >= (1, 91), tools: &[] };

/// An unpacked compiler.
pub struct Prefix {
    dir: PathBuf,
}

impl Prefix {
    /// A program of the prefix, by a wrapper that shows it the prefix's libraries.
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join("bin").join(name)
    }

    /// What the prefix consists of: the packages with their versions, one a line.
    pub fn contents(&self) -> Result<String> {
        let path = self.dir.join("packages");
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// A cargo command that compiles with this prefix, `core` and `alloc` included, for the bare x86-64 target.
    pub fn cargo(&self, verb: &str) -> Result<Command> {
        let mut cargo = command::cargo();
        self.use_in(&mut cargo)?;
        cargo.env("CARGO_TARGET_X86_64_UNKNOWN_NONE_LINKER", self.program("ld.lld")).args([
            verb,
            "-Zbuild-std=core,alloc",
            "--target",
            "x86_64-unknown-none",
            "--release",
        ]);
        Ok(cargo)
    }

    /// Makes a cargo command compile with this prefix.
    pub fn use_in(&self, cargo: &mut Command) -> Result<()> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(self.dir.join("bin")).chain(std::env::split_paths(&path)))?;
        cargo
            .env("PATH", path)
            .env("RUSTC", self.program("rustc"))
            .env("RUSTC_BOOTSTRAP", "1")
            // What is meant for the host's compiler is not for this one.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("RUSTC_WRAPPER")
            .env_remove("RUSTC_WORKSPACE_WRAPPER")
            .env_remove("RUSTUP_TOOLCHAIN");
        Ok(())
    }
}

/// The prefix of `wanted`, downloaded if no run has done so before.
pub fn provide(lock: &CacheLock, archive: &mut Lazy, wanted: &Wanted) -> Result<Prefix> {
    let dir = paths::cache()?.join(format!("{}-compiler-{RECIPE}", wanted.name));
    if !dir.exists() {
        let archive = archive.get(lock)?;
        let packages = choose(archive, wanted)?;
        ui::step(&format!("Downloading {} (Debian's {} {}), once", wanted.what, packages[0].name, packages[0].version));
        let scratch = Scratch::new(lock, wanted.name)?;
        let prefix = scratch.path().join("prefix");
        archive.unpack(&packages, &prefix)?;
        finish(&prefix, wanted, &packages)?;
        fs::rename(&prefix, &dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    Ok(Prefix { dir })
}

/// The packages of the newest compiler that `wanted` accepts and whose parts the archive has at one version; the compiler is first.
fn choose(archive: &Archive, wanted: &Wanted) -> Result<Vec<Package>> {
    let mut best: Option<((u32, u32), Vec<Package>)> = None;
    for family in ["-web", ""] {
        let compiler = format!("rustc{family}");
        for version in archive.versions(&compiler)? {
            let Some(release) = release(&version).filter(|release| (wanted.accepts)(*release)) else { continue };
            let source = format!("rust{family}-src");
            let parts = [
                format!("libstd-rust{family}-{}.{}", release.0, release.1),
                format!("libstd-rust{family}-dev"),
                source,
            ];
            let mut packages = vec![Package { name: compiler.clone(), version: version.clone() }];
            for name in parts {
                let same = archive
                    .versions(&name)?
                    .into_iter()
                    .find(|other| source_version(other) == source_version(&version));
                packages.extend(same.map(|version| Package { name, version }));
            }
            if packages.len() == 4 && best.as_ref().is_none_or(|(other, _)| *other < release) {
                best = Some((release, packages));
            }
        }
    }
    let Some((_, mut packages)) = best else {
        bail!(
            "{} is not in Debian's archive, as far as its indexes were fetched: run this on Debian 12 or 13, with its main and security archives",
            wanted.what
        );
    };
    let llvm =
        archive.depends(&packages[1])?.into_iter().find_map(|name| Some(name.strip_prefix("libllvm")?.to_owned()));
    let llvm = llvm.context("Debian's Rust no longer says which LLVM it uses")?;
    let mut names = vec![format!("lld-{llvm}"), format!("libllvm{llvm}")];
    if !wanted.tools.is_empty() {
        names.push(format!("llvm-{llvm}"));
    }
    add_libraries(archive, &mut packages, names)?;
    Ok(packages)
}

/// Adds the packages `names` and the libraries that the libraries among them need, except those that every Debian has.
fn add_libraries(archive: &Archive, packages: &mut Vec<Package>, mut names: Vec<String>) -> Result<()> {
    const EVERYWHERE: [&str; 8] =
        ["libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libzstd1", "liblzma5", "libtinfo6", "libcrypt1"];
    while let Some(name) = names.pop() {
        if packages.iter().any(|package| package.name == name) || EVERYWHERE.contains(&name.as_str()) {
            continue;
        }
        let version = archive.versions(&name)?.into_iter().next();
        let version = version.with_context(|| format!("Debian's archive lacks {name}"))?;
        let package = Package { name, version };
        if package.name.starts_with("lib") {
            names.extend(archive.depends(&package)?.into_iter().filter(|name| name.starts_with("lib")));
        }
        packages.push(package);
    }
    Ok(())
}

/// `1.85.0+dfsg3-1` is release 1.85.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// A version without the mark of a rebuild (`+b1`), which packages for all architectures do not bear.
fn source_version(version: &str) -> &str {
    match version.rsplit_once("+b") {
        Some((source, number)) if number.bytes().all(|octet| octet.is_ascii_digit()) => source,
        _ => version,
    }
}

/// Adds to an unpacked prefix the wrappers and what the kernel's build script looks for, checks that it works, and lists its packages.
fn finish(prefix: &Path, wanted: &Wanted, packages: &[Package]) -> Result<()> {
    let llvm = packages.iter().find_map(|package| package.name.strip_prefix("lld-")).context("no linker was chosen")?;
    let bin = prefix.join("bin");
    fs::create_dir_all(&bin)?;
    wrap(&bin, "rustc", "usr/bin/rustc")?;
    wrap(&bin, "ld.lld", &format!("usr/bin/ld.lld-{llvm}"))?;
    for tool in wanted.tools {
        wrap(&bin, tool, &format!("usr/bin/{tool}-{llvm}"))?;
    }
    if wanted.name == KERNEL.name {
        // Hermit's build script takes the directory that has an `llvm-objdump` for that of rustup's LLVM tools, and uses the other two.
        let tools = prefix.join("usr/lib/rustlib/x86_64-unknown-linux-gnu/bin");
        fs::create_dir_all(&tools)?;
        let up = "../../../../../bin";
        script(&tools.join("llvm-as"), &format!("exec \"${{0%/*}}/{up}/llvm-as\" \"$@\""))?;
        script(&tools.join("rust-lld"), &format!("shift 2 # -flavor gnu\nexec \"${{0%/*}}/{up}/ld.lld\" \"$@\""))?;
        symlink("llvm-as", tools.join("llvm-objdump"))?;
    }
    for program in ["rustc", "ld.lld"] {
        command::output(command::tethered(bin.join(program)).arg("--version"))
            .with_context(|| format!("Debian's {program} does not start here"))?;
    }
    let list: String = packages.iter().map(|package| format!("{} {}\n", package.name, package.version)).collect();
    fs::write(prefix.join("packages"), list).context("cannot write the list of packages")
}

/// A script `name` that runs `program` of the same prefix with the prefix's libraries, wherever the prefix lies.
fn wrap(bin: &Path, name: &str, program: &str) -> Result<()> {
    let libraries = "$prefix/usr/lib/x86_64-linux-gnu:$prefix/lib/x86_64-linux-gnu";
    let text = format!(
        "prefix=${{0%/*}}/..\nexport LD_LIBRARY_PATH=\"{libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\nexec \"$prefix/{program}\" \"$@\""
    );
    script(&bin.join(name), &text)
}

fn script(path: &Path, text: &str) -> Result<()> {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).with_context(|| format!("cannot write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("cannot mark {}", path.display()))
}

#[cfg(test)]
mod tests;
