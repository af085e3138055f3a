//! The Linux guest: Debian's kernel for virtual machines, and an initial file system with iperf3 and `midflight-peer`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::initramfs::Initramfs;
use crate::machine::{Accel, Machine, WITHOUT_OFFLOADS};
use crate::provision::linux;
use crate::{command, paths, provision};

/// What it says when it is ready.
pub const READY: &str = "linux-guest: ready";

/// What is booted.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The kernel.
    pub kernel: PathBuf,
    /// The initial file system.
    pub initramfs: PathBuf,
}

/// Provides the kernel and makes the file system, with the services from `peer`.
pub fn provide(peer: &Path) -> Result<Guest> {
    provision::need(&[provision::QEMU, provision::IPERF3])?;
    let linux = linux::provide()?;
    let mut archive = Initramfs::default();
    archive.add_init(include_str!("init.sh"))?;
    archive.add(&linux.busybox(), "/bin/busybox")?;
    for module in linux.modules()? {
        let name = module.file_name().context("a module has no name")?.to_string_lossy().into_owned();
        // Other guests need more of them; each would cost this one time to boot.
        if name.contains("virtio") || name.contains("failover") {
            archive.add(&module, &format!("/modules/{name}"))?;
        }
    }
    let iperf3 = command::find("iperf3").context("iperf3 is missing")?;
    archive.add_program(&iperf3, "/bin/iperf3")?;
    archive.add_program(peer, "/bin/midflight-peer")?;
    let dir = paths::target().join("netbench");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let initramfs = dir.join("initramfs.cpio");
    archive.write(&initramfs)?;
    Ok(Guest { kernel: linux.kernel(), initramfs })
}

/// The command that starts it in place of the image, on the same machine.
pub fn command(machine: &Machine, initramfs: &Path) -> Command {
    let mut command = command::tethered("ip");
    command.args(["netns", "exec", machine.network.namespace().unwrap_or_default(), "qemu-system-x86_64"]);
    // Tuned: without ERMS Linux copies by loads and stores, which the translator runs three times faster than `rep movsb`.
    let (accel, cpu) = match machine.accel {
        Accel::Kvm => ("kvm", "max"),
        Accel::Tcg | Accel::Counted => ("tcg,thread=multi", "max,-erms"),
    };
    command.args(["-M", "q35", "-accel", accel, "-cpu", cpu]);
    command.args(["-smp", &machine.smp(), "-m", &machine.memory]);
    command.args(["-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"]);
    command.args(machine.network.arguments());
    let offloads = if machine.without_offloads { WITHOUT_OFFLOADS } else { "" };
    let pairs = machine.network.pairs();
    command.args(["-device", &format!("virtio-net-pci,netdev=n0,disable-legacy=on,romfile={offloads}{pairs}")]);
    command.arg("-kernel").arg(&machine.image).arg("-initrd").arg(initramfs);
    command.args(["-append", "console=ttyS0 quiet panic=-1 mitigations=off"]);
    command
}
