//! `unikernel/hosted`: the same engine and services as a process on the TAP, in place of the virtual machine.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::machine::Machine;
use crate::{command, paths, ui};

/// The address of its end of the TAP.
pub const MAC: [u8; 6] = [2, 0x4d, 0x66, 0, 0, 2];

/// Builds the process, optimised, and returns its path.
pub fn build() -> Result<PathBuf> {
    ui::step("Building the hosted process");
    command::run(command::cargo().args(["build", "--release", "--package", "hosted", "--quiet"]))?;
    Ok(paths::target().join("release/midflight-hosted"))
}

/// The command that starts `machine` as a process; its network is a TAP.
pub fn command(machine: &Machine) -> Command {
    let mut command = command::tethered("ip");
    command.args(["netns", "exec", machine.network.namespace().unwrap_or_default()]).arg(&machine.image);
    command.args(["--smp", &machine.processors.to_string()]);
    if machine.without_offloads {
        command.arg("--no-offloads");
    }
    command.arg("--").args(machine.image_options());
    command
}
