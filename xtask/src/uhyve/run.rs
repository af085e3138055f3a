//! `cargo xtask run --vmm uhyve`.

use std::fs::OpenOptions;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};

use super::{Inside, Nested};
use crate::machine::{Machine, Vmm};
use crate::vm::Vm;
use crate::{Usage, cleanup, provision, run, ui};

/// How long KVM has to boot the image, which takes it well under a second.
const BOOT: Duration = Duration::from_secs(10);
/// How long it may take in the Linux guest, on a loaded machine.
pub const BOOT_NESTED: Duration = Duration::from_secs(180);

/// Fails in one sentence unless uhyve can be tried on this machine itself.
pub fn usable(tap: bool) -> Result<()> {
    match OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            bail!("uhyve needs KVM and this machine has no /dev/kvm: add --nested")
        }
        Err(error) => bail!("uhyve needs KVM and /dev/kvm cannot be opened ({error}): add --nested"),
        Ok(_) if !tap => Err(Usage("uhyve's only network is a TAP: add --tap, or --nested".into()).into()),
        Ok(_) => Ok(()),
    }
}

/// Boots `machine` by uhyve, here or in a Linux guest, and waits for the end; ends with the image's status.
pub fn run(mut machine: Machine, nested: bool) -> Result<()> {
    machine.vmm = match nested {
        true => Vmm::Nested(Arc::new(Nested::new(Inside::Uhyve, &machine.image)?)),
        false => Vmm::Uhyve(provision::uhyve::provide()?),
    };
    if !nested {
        prove(&machine)?;
    }
    ui::step(if nested { "Booting Linux, and the image in it under uhyve" } else { "Booting under uhyve" });
    let vm = Vm::start(machine, |line| println!("{line}"))?;
    let ready = vm.wait_ready(if nested { BOOT_NESTED } else { BOOT })?;
    run::tell(&vm.machine.network, &ready);
    let status = vm.wait_end()?;
    cleanup::park_if_interrupted();
    let code = status_of_image(&vm, status);
    vm.end();
    ui::note(&format!("The image ended with status {code}."));
    cleanup::exit(code)
}

/// Boots `machine` once without showing what uhyve says: on a KVM that does not work it says very much.
fn prove(machine: &Machine) -> Result<()> {
    ui::step("Trying KVM with uhyve and the image");
    let trial = Machine { options: Vec::new(), ..machine.clone() };
    let vm = Vm::start(trial, |_| ())?;
    let ready = vm.wait_ready(BOOT);
    vm.end();
    if ready.is_err() {
        bail!("uhyve did not get the image running on this machine's KVM: add --nested");
    }
    Ok(())
}

/// The status that the image ended with: uhyve's own, which the Linux guest says in its last line.
pub fn status_of_image(vm: &Vm, status: ExitStatus) -> i32 {
    let said = vm.last_line("midflight-nested: ended with ").and_then(|text| text.parse().ok());
    match &vm.machine.vmm {
        Vmm::Nested(_) => said.unwrap_or(1),
        _ => status.code().unwrap_or(1),
    }
}
