//! The image measuring itself in a virtual machine.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::capture::tally;
use crate::machine::{Accel, Machine, Network, Vmm};
use crate::vm::Vm;
use crate::{accel, clock, command, image, paths, provision, ui};

/// What each line of samples begins with.
const SAMPLES: &str = "midflight: bench ";
/// How long it may take; under the translator on a loaded machine it takes longest.
const LIMIT: Duration = Duration::from_secs(280);

/// Boots the image to measure the swapper, and returns the file with its samples: the machine, then a line for each round.
pub fn measure(quick: bool) -> Result<PathBuf> {
    provision::need(&[provision::QEMU])?;
    let mut machine = Machine {
        vmm: Vmm::Qemu,
        image: image::build_bench()?,
        processors: 2,
        // Hundreds of thousands of connections, and room for those that they are swapped for.
        memory: "512M".into(),
        accel: Accel::Tcg,
        tsc_mhz: clock::tsc_mhz(),
        // Nobody connects.
        network: Network::User(Vec::new()),
        without_offloads: false,
        monitor: None,
        options: Vec::new(),
    };
    machine.accel = accel::resolve(accel::Choice::Auto, &machine)?;
    let plan = match (quick, machine.accel) {
        (true, _) => "swapper:quick",
        (false, Accel::Kvm) => "swapper",
        (false, Accel::Tcg | Accel::Counted) => "swapper:translated",
    };
    machine.options = vec![format!("bench={plan}")];
    let about = about(&machine)?;
    ui::step("measuring in the guest");
    let vm = Vm::start(machine, |_| ())?;
    tally::excuse("it measures itself, and nobody connects");
    let limit = vm.end_after(LIMIT);
    let status = vm.wait_end()?;
    drop(limit);
    // A guest's `exit(0)` reaches us as 3, through QEMU's debug-exit device.
    if status.code() != Some(3) {
        bail!("the guest did not measure to the end ({status}); its last lines were:\n{}", vm.tail());
    }
    accel::image_is_good();
    let log = vm.end();
    let samples: Vec<&str> = log.iter().filter_map(|line| line.strip_prefix(SAMPLES)).collect();
    let folder = paths::target().join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let file = folder.join("guest.jsonl");
    fs::write(&file, format!("{about}\n{}\n", samples.join("\n")))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// The machine, for the result.
fn about(machine: &Machine) -> Result<serde_json::Value> {
    let version = command::output(command::tethered("qemu-system-x86_64").arg("--version"))?;
    let version = version.lines().next().unwrap_or_default().replace(" emulator version", "");
    // "(Debian 1:7.2+…)" says no more than the number.
    let qemu = version.split(" (").next().unwrap_or_default();
    Ok(json!({
        "accelerator": if machine.accel == Accel::Kvm { "kvm" } else { "tcg" },
        "qemu": qemu,
        "processors": machine.processors,
        "memory": machine.memory,
        "rustc": image::compiler()?,
    }))
}
