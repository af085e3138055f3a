//! The file system of a Linux guest: an archive that its kernel unpacks into memory.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};

use crate::command;

/// A regular file that may be executed, and a directory.
const PROGRAM: u32 = 0o100_755;
const DIRECTORY: u32 = 0o040_755;

/// How every guest's first program begins.
const INIT: &str = include_str!("initramfs/init.sh");

/// An archive in the format `newc`, in memory.
#[derive(Default)]
pub struct Initramfs {
    octets: Vec<u8>,
    names: BTreeSet<String>,
}

impl Initramfs {
    /// Adds the file `from` under the absolute name `to`.
    pub fn add(&mut self, from: &Path, to: &str) -> Result<()> {
        let octets = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        self.add_octets(&octets, to)
    }

    /// Adds a file that holds `octets`, with the directories above it; what is there already stays.
    pub fn add_octets(&mut self, octets: &[u8], to: &str) -> Result<()> {
        let name = to.trim_start_matches('/');
        for (at, _) in name.match_indices('/') {
            self.entry(&name[..at], DIRECTORY, &[])?;
        }
        self.entry(name, PROGRAM, octets)
    }

    /// Adds the first program: the beginning that all share, then `rest`.
    pub fn add_init(&mut self, rest: &str) -> Result<()> {
        self.add_octets(format!("{INIT}{rest}").as_bytes(), "/init")
    }

    /// Adds a program of this host with the libraries that it needs.
    pub fn add_program(&mut self, from: &Path, to: &str) -> Result<()> {
        self.add(from, to)?;
        let libraries = command::output(command::tethered("ldd").arg(from))?;
        for library in libraries.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/'))) {
            self.add(Path::new(library), library)?;
        }
        Ok(())
    }

    fn entry(&mut self, name: &str, mode: u32, octets: &[u8]) -> Result<()> {
        if !self.names.insert(name.to_owned()) {
            return Ok(());
        }
        let length = u32::try_from(octets.len()).with_context(|| format!("{name} is too long"))?;
        let mut writer = cpio::newc::Builder::new(name).mode(mode).nlink(1).write(&mut self.octets, length);
        writer.write_all(octets)?;
        writer.finish()?;
        Ok(())
    }

    /// Writes the archive to `path`.
    pub fn write(mut self, path: &Path) -> Result<()> {
        cpio::newc::trailer(&mut self.octets)?;
        fs::write(path, &self.octets).with_context(|| format!("cannot write {}", path.display()))
    }
}
