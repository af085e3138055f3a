//! `cargo xtask bench boot`: how soon the image answers and what it takes of the host, by monitor.
//!
//! uhyve needs KVM, so where that is not usable both monitors are compared in the same Linux guest, whose KVM is emulated; QEMU on the host itself
//! stands beside them. The samples are taken in turn.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::run::BOOT_NESTED;
use super::{Inside, Nested};
use crate::command::{self, Guarded};
use crate::e2e::Lab;
use crate::machine::{Network, TAP_GUEST, Vmm};
use crate::netbench::quiet::{Sample, Usage};
use crate::netbench::record::Records;
use crate::netns::Namespace;
use crate::vm::{Vm, kib};
use crate::{paths, ui};

/// The job's name.
pub const NAME: &str = "boot";

/// Samples of each monitor, if nothing else is asked for.
const ROUNDS: usize = 5;
/// The address that QEMU gives to the card, and the Linux guest to uhyve's: known, so that nobody has to ask for it.
const MAC: &str = "52:54:00:12:34:56";

/// One boot.
struct Boot {
    /// From the monitor's start to the image's line of readiness.
    ready: Duration,
    /// To the first answer to a ping.
    ping: Duration,
    /// The most memory that the monitor took until then, in KiB.
    memory: u64,
    /// Cores that others and the machine used meanwhile.
    used: (f64, f64),
}

/// Where the samples are kept until the report is made of them.
pub fn samples() -> PathBuf {
    paths::target().join("uhyve/samples.json")
}

/// Measures, and prints the table of `unikernel/README.md`.
pub fn measure(quick: bool, rounds: Option<usize>) -> Result<()> {
    let lab = Lab::new();
    let image = lab.image()?;
    ui::step("Building the traffic");
    command::run(command::cargo().args(["build", "--release", "--package", "traffic", "--quiet"]))?;
    let traffic = paths::target().join("release/midflight-traffic");
    let mut places = [
        ("qemu", "QEMU, translator, on the host", Vmm::Qemu, Vec::new()),
        ("qemu nested", "QEMU, KVM, in Linux", Vmm::Nested(Arc::new(Nested::new(Inside::Qemu, &image)?)), Vec::new()),
        (
            "uhyve nested",
            "uhyve, KVM, in Linux",
            Vmm::Nested(Arc::new(Nested::new(Inside::Uhyve, &image)?)),
            Vec::new(),
        ),
    ];
    let rounds = rounds.unwrap_or(if quick { 1 } else { ROUNDS });
    let mut records = Records::new(&samples(), NAME, rounds)?;
    for _ in 0..rounds {
        for (peer, name, vmm, boots) in &mut places {
            let boot = boot(&lab, vmm, &traffic.display().to_string()).with_context(|| (*name).to_owned())?;
            let (others, guest) = boot.used;
            let mut add = |name, unit, value| records.add_of(name, peer, unit, &Sample { value, others, guest });
            add("start to readiness", "ms", boot.ready.as_secs_f64() * 1e3);
            add("start to the first answered ping", "ms", boot.ping.as_secs_f64() * 1e3);
            add("memory of the monitor", "MiB", boot.memory as f64 / 1024.0);
            boots.push(boot);
        }
    }
    println!("| | ready, ms | first ping, ms | memory, MiB |\n|---|---|---|---|");
    for (_, name, _, boots) in &places {
        let column = |of: fn(&Boot) -> f64| spread(boots.iter().map(of).collect());
        let [ready, ping] = [|b: &Boot| b.ready.as_secs_f64() * 1e3, |b: &Boot| b.ping.as_secs_f64() * 1e3].map(column);
        println!("| {name} | {ready} | {ping} | {} |", column(|b| b.memory as f64 / 1024.0));
    }
    records.keep(true)
}

/// Boots once, until the first ping is answered.
fn boot(lab: &Lab, vmm: &Vmm, traffic: &str) -> Result<Boot> {
    let namespace = Namespace::new()?;
    let within = |program: &str| {
        let mut command = command::tethered("ip");
        command.args(["netns", "exec", namespace.name(), program]);
        command
    };
    command::run(within("ip").args(["neighbour", "replace", TAP_GUEST, "lladdr", MAC, "dev", "tap0"]))?;
    let mut machine = lab.machine()?;
    machine.network = Network::Tap(namespace.name().to_owned());
    machine.vmm = vmm.clone();
    // It asks before the machine is there, so that its own start does not count.
    let limit = BOOT_NESTED.as_secs().to_string();
    let mut ping = within(traffic);
    let ping =
        Guarded::spawn(ping.args(["first-ping", TAP_GUEST, "--limit", &limit]).stdout(std::process::Stdio::null()))?;
    let mut began = Instant::now();
    let vm = Vm::start(machine, |_| ())?;
    if matches!(vmm, Vmm::Nested(_)) {
        vm.wait_line(BOOT_NESTED, |line| line.starts_with("midflight-nested: starting "))?;
        began = Instant::now();
    }
    let before = Usage::now(&vm, &[&vm])?;
    vm.wait_ready(BOOT_NESTED)?;
    let ready = began.elapsed();
    let ended = ping.wait()?;
    let taken = began.elapsed();
    ensure!(ended.success(), "no ping was answered; the last lines were:\n{}", vm.tail());
    let used = before.since(&vm, &[&vm])?;
    let said = vm.last_line("midflight-nested: VmHWM:").and_then(|text| kib(&text));
    let memory = match said {
        Some(kib) => kib,
        None => vm.memory_peak()?,
    };
    vm.end();
    Ok(Boot { ready, ping: taken, memory, used })
}

/// The median, and the smallest and largest in brackets.
fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or_default();
    format!("{:.0} ({:.0}–{:.0})", at(values.len() / 2), at(0), at(values.len().saturating_sub(1)))
}
