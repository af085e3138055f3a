//! A Linux guest under QEMU's translator, with virtualisation of its own, in which a virtual machine monitor runs the image.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::MTU;
use crate::initramfs::Initramfs;
use crate::machine::Machine;
use crate::provision::linux;
use crate::{cleanup, paths, provision};

/// Octets of memory that Linux, its file system and the monitor take besides the image's own, in MiB.
const LINUX: u64 = 512;
/// Where things are in the guest.
const IMAGE: &str = "/image";

/// What runs the image in the Linux guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// uhyve.
    Uhyve,
    /// QEMU on KVM, to compare.
    Qemu,
}

/// A Linux guest that is ready to be started; its file system is removed when dropped.
#[derive(Debug)]
pub struct Nested {
    inside: Inside,
    kernel: PathBuf,
    initramfs: PathBuf,
    _undo: Removal,
}

struct Removal(#[allow(dead_code, reason = "acts when it is dropped")] cleanup::Undo);

impl std::fmt::Debug for Removal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Removal")
    }
}

impl Nested {
    /// Provides the guest's parts and makes its file system, with `image` in it.
    pub fn new(inside: Inside, image: &Path) -> Result<Self> {
        provision::need(&[provision::QEMU, provision::XZ])?;
        let linux = linux::provide()?;
        let dir = paths::target().join("uhyve");
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let path = dir.join(format!("initramfs-{}-{inside:?}.cpio", std::process::id()));
        let doomed = path.clone();
        let undo = cleanup::register(move || drop(std::fs::remove_file(doomed)));
        let mut archive = Initramfs::default();
        archive.add_init(include_str!("init.sh"))?;
        archive.add(&linux.busybox(), "/bin/busybox")?;
        for module in linux.modules()? {
            let name = module.file_name().context("a module has no name")?.to_string_lossy();
            archive.add(&module, &format!("/modules/{name}"))?;
        }
        match inside {
            Inside::Uhyve => archive.add(&provision::uhyve::provide()?, "/bin/uhyve")?,
            Inside::Qemu => super::qemu::add(&mut archive)?,
        }
        archive.add(image, IMAGE)?;
        archive.write(&path)?;
        Ok(Self { inside, kernel: linux.kernel(), initramfs: path, _undo: Removal(undo) })
    }

    /// The arguments of the outer QEMU, for the machine that `machine` would be.
    pub fn words(&self, machine: &Machine) -> Vec<String> {
        let image = Path::new(IMAGE);
        // Linux calibrates its counter while it is being emulated, so uhyve does not know the rate either.
        let frequency = ["-freq".to_owned(), machine.tsc_mhz.to_string()];
        let (mtu, program, inner) = match self.inside {
            Inside::Uhyve => (MTU, "uhyve", super::words(machine, image, &frequency)),
            Inside::Qemu => (1500, super::qemu::PLACE, super::qemu::words(machine, image)),
        };
        let command: Vec<String> = [mtu.to_string(), program.to_owned()].into_iter().chain(inner).collect();
        let processors = machine.processors.max(2).to_string();
        let memory = format!("{}M", machine.memory_mib() + LINUX);
        let line = format!("console=ttyS0 quiet panic=-1 mitigations=off tsc_early_khz={}", machine.tsc_mhz * 1000);
        let mut words: Vec<String> = Vec::new();
        let mut add = |some: &[&str]| words.extend(some.iter().map(|word| (*word).to_owned()));
        // One thread of the translator for all processors. With one for each, now and then the guest's processor was shut down under load
        // (unikernel/README.md says what is known of it).
        // Without ERMS Linux copies by loads and stores, which the translator runs several times faster than `rep movsb`.
        add(&["-M", "q35", "-accel", "tcg,thread=single", "-cpu", "max,+svm,+npt,-erms", "-smp", &processors]);
        add(&["-m", &memory, "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"]);
        add(&machine.network.arguments().iter().map(String::as_str).collect::<Vec<_>>());
        add(&["-device", "virtio-net-pci,netdev=n0,mac=02:00:00:00:00:01,romfile=", "-append", &line]);
        add(&["-kernel", &self.kernel.display().to_string(), "-initrd", &self.initramfs.display().to_string()]);
        // In an option's value a comma is written twice.
        add(&["-fw_cfg", &format!("name=opt/midflight/command,string={}\n", command.join("\n").replace(',', ",,"))]);
        words
    }
}
