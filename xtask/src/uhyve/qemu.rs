//! QEMU in the place of uhyve, with the host's own program and libraries, so that the two can be compared.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command;
use crate::initramfs::Initramfs;
use crate::machine::{Accel, Machine, Network};

/// Its name.
const PROGRAM: &str = "qemu-system-x86_64";
/// Where it is in the guest: it looks for its firmware from there.
pub const PLACE: &str = "/usr/bin/qemu-system-x86_64";
/// What it loads to start an ELF file by PVH on this machine.
const FIRMWARE: [&str; 4] = ["bios-256k.bin", "kvmvapic.bin", "linuxboot_dma.bin", "pvh.bin"];
const FIRMWARE_DIRECTORIES: [&str; 2] = ["/usr/share/qemu", "/usr/share/seabios"];

/// Adds QEMU, its libraries and its firmware.
pub fn add(archive: &mut Initramfs) -> Result<()> {
    let program = command::find(PROGRAM).context("QEMU is missing")?;
    archive.add_program(&program, PLACE)?;
    for name in FIRMWARE {
        let file = FIRMWARE_DIRECTORIES.iter().map(|dir| Path::new(dir).join(name)).find(|file| file.exists());
        let file: PathBuf = file.with_context(|| format!("QEMU's firmware {name} is missing"))?;
        archive.add(&file, &format!("/usr/share/qemu/{name}"))?;
    }
    Ok(())
}

/// QEMU's arguments in the guest, on its KVM and its TAP. The image's address is that of the network outside.
pub fn words(machine: &Machine, image: &Path) -> Vec<String> {
    let inner = Machine { accel: Accel::Kvm, ..machine.clone() };
    inner.qemu_words(image, &Network::Tap(String::new()))
}
