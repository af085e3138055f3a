//! Choosing how the guest's instructions are executed. KVM is believed only when it has booted the image: there are machines whose
//! `/dev/kvm` makes a virtual machine and then never gets it anywhere.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};

use crate::capture::tally;
use crate::machine::{Accel, Machine, Network, forwards};
use crate::paths;
use crate::ui;
use crate::vm::Vm;

/// What the person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// KVM if it boots the image, else TCG.
    Auto,
    /// The processor, and failure if it cannot.
    Kvm,
    /// QEMU's translator: slower, works everywhere.
    Tcg,
}

/// Changes whenever the host boots.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// In the shared cache: the boot during which KVM failed.
const MEMORY: &str = "kvm-failed";

/// How long KVM has to boot the image, which takes it well under a second.
const LIMIT: Duration = Duration::from_secs(6);

/// The acceleration for `machine`, said in one sentence.
pub fn resolve(choice: Choice, machine: &Machine) -> Result<Accel> {
    match choice {
        Choice::Tcg => Ok(Accel::Tcg),
        Choice::Kvm => match prove(machine) {
            Ok(()) => Ok(Accel::Kvm),
            Err(reason) => bail!("KVM was asked for but {reason}"),
        },
        Choice::Auto => match known_or_proven(machine) {
            Ok(()) => {
                ui::note("Using KVM: it has booted the image.");
                Ok(Accel::Kvm)
            }
            Err(reason) => {
                ui::note(&format!("Using TCG, QEMU's translator, which is slower: {reason}."));
                Ok(Accel::Tcg)
            }
        },
    }
}

/// Whether this process has seen KVM fail.
static FAILED: AtomicBool = AtomicBool::new(false);

/// As [`prove`], but a failure is remembered until the host boots again: each proof of it would cost the whole limit.
fn known_or_proven(machine: &Machine) -> Result<(), String> {
    usable()?;
    let boot = fs::read_to_string(BOOT_ID).unwrap_or_default();
    let memory = paths::cache().map_err(|error| error.to_string())?.join(MEMORY);
    if !boot.is_empty() && fs::read_to_string(&memory).is_ok_and(|failed| failed == boot) {
        return Err("KVM did not boot the image when it was tried since this machine started".into());
    }
    let proof = prove(machine);
    FAILED.store(proof.is_err(), Ordering::Relaxed);
    proof
}

/// Called when the image is ready under TCG: if KVM failed before, it was KVM's fault and not the image's, and is remembered.
pub fn image_is_good() {
    if FAILED.swap(false, Ordering::Relaxed)
        && let (Ok(boot), Ok(cache)) = (fs::read_to_string(BOOT_ID), paths::cache())
    {
        // Only a convenience: without it the next run tries again.
        let _ = fs::write(cache.join(MEMORY), boot);
    }
}

fn usable() -> Result<(), String> {
    match fs::OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err("this machine has no /dev/kvm".into()),
        Err(error) => Err(format!("/dev/kvm cannot be opened ({error})")),
    }
}

/// Boots `machine` with KVM on a network of its own until it is ready.
fn prove(machine: &Machine) -> Result<(), String> {
    usable()?;
    ui::step("Trying KVM with the image");
    let forwards = forwards(false).map_err(|error| error.to_string())?;
    let trial = Machine { accel: Accel::Kvm, network: Network::User(forwards), options: Vec::new(), ..machine.clone() };
    let vm = Vm::start(trial, |_| ()).map_err(|error| error.to_string())?;
    let ready = vm.wait_ready(LIMIT);
    vm.end();
    tally::excuse("KVM was tried with it");
    ready.map(drop).map_err(|_| format!("KVM did not boot the image within {} s", LIMIT.as_secs()))
}
