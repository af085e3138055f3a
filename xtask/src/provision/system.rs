//! Programs of the host, installed from Debian's packages when they are missing.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::{command, ui};

/// A program of the host and the package that has it.
#[derive(Clone, Copy)]
pub struct Program {
    name: &'static str,
    package: &'static str,
}

/// The machine that the image boots in.
pub const QEMU: Program = Program { name: "qemu-system-x86_64", package: "qemu-system-x86" };
/// The traffic of the tests, and of the lines that `run` suggests.
pub const IPERF3: Program = Program { name: "iperf3", package: "iperf3" };
/// Speaks to the control port in the lines that `run` suggests.
pub const NETCAT: Program = Program { name: "nc", package: "netcat-openbsd" };
/// Compiles the fuzzer's own run-time library, which is C++.
pub const CXX: Program = Program { name: "g++", package: "g++" };
/// Asks whether the guest is there.
pub const PING: Program = Program { name: "ping", package: "iputils-ping" };
/// Debian 13 compresses the kernel's modules.
pub const XZ: Program = Program { name: "xz", package: "xz-utils" };
/// Judges what the guests of the tests send.
pub const TSHARK: Program = Program { name: "tshark", package: "tshark" };
/// Makes a virtual cable of the host compute checksums.
pub const ETHTOOL: Program = Program { name: "ethtool", package: "ethtool" };
/// Makes network namespaces and TAP devices.
pub const ROUTES: Program = Program { name: "ip", package: "iproute2" };

/// Installs those of `programs` that are missing, or says in one sentence what to install by hand.
pub fn need(programs: &[Program]) -> Result<()> {
    let missing: Vec<_> = programs.iter().filter(|program| command::find(program.name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = missing.iter().map(|program| program.package).collect();
    let packages = packages.join(" ");
    if command::find("apt-get").is_none() {
        bail!("this is not Debian: install by hand what Debian calls {packages}");
    }
    let Some(become_root) = root_prefix() else {
        bail!("neither root nor sudo is available: have the packages {packages} installed by hand");
    };
    ui::step(&format!("Installing {packages} (apt-get)"));
    let install = || {
        let mut words = vec!["apt-get", "install", "-y", "-q", "--no-install-recommends"];
        words.extend(packages.split(' '));
        apt(become_root, &words)
    };
    // The lists of a fresh system are empty or old: they are fetched if the first attempt fails, not each time.
    let installed = install() || (apt(become_root, &["apt-get", "update", "-q"]) && install());
    if !installed {
        bail!("apt-get could not install {packages}: install by hand what it names above");
    }
    match missing.iter().find(|program| command::find(program.name).is_none()) {
        Some(program) => bail!("{} is still missing: install the package {} by hand", program.name, program.package),
        None => Ok(()),
    }
}

/// As [`need`], for what is only convenient: where it cannot be had, that is said and the command goes on.
pub fn want(programs: &[Program]) {
    if let Err(error) = need(programs) {
        ui::note(&format!("{error:#}"));
    }
}

/// The words that make a command run as root: none for root itself; `None` where that is not possible.
fn root_prefix() -> Option<&'static [&'static str]> {
    if rustix::process::geteuid().is_root() {
        Some(&[])
    } else if command::find("sudo").is_some() {
        Some(&["sudo"])
    } else {
        None
    }
}

/// Runs apt-get to its end: killing it half-way would leave the system's packages half-configured.
fn apt(become_root: &[&str], words: &[&str]) -> bool {
    let mut all =
        become_root.iter().copied().chain(["env", "DEBIAN_FRONTEND=noninteractive"]).chain(words.iter().copied());
    let mut command = Command::new(all.next().unwrap_or("env"));
    command.args(all).stdin(Stdio::null());
    // Standard output is for results; what apt-get tells belongs beside our own steps.
    command.stdout(std::io::stderr());
    command.status().is_ok_and(|status| status.success())
}
