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
/// How often the emulated KVM may stop a monitor's boot. It was seen to end one in QEMU's firmware, as an internal error of KVM; that it delivers
/// interrupts twice now and then (`unikernel/README.md`) is the likely cause.
const STOPPED: usize = 5;
/// Within which a monitor has the image ready that is not stopped.
const READY: Duration = Duration::from_secs(60);
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
    let nested = |inside| anyhow::Ok(Vmm::Nested(Arc::new(Nested::new(inside, &image)?)));
    let mut places = [
        ("qemu", "QEMU, translator, on the host", Vmm::Qemu, Boots::default()),
        ("qemu nested", "QEMU, KVM, in Linux", nested(Inside::Qemu)?, Boots::default()),
        ("uhyve nested", "uhyve, KVM, in Linux", nested(Inside::Uhyve)?, Boots::default()),
    ];
    let rounds = rounds.unwrap_or(if quick { 1 } else { ROUNDS });
    let mut records = Records::new(&samples(), NAME, rounds)?;
    for _ in 0..rounds {
        for (peer, name, vmm, boots) in &mut places {
            let boot = boots.one(&lab, vmm, &traffic.display().to_string()).with_context(|| (*name).to_owned())?;
            let (others, guest) = boot.used;
            let mut add = |name, unit, value| records.add_of(name, peer, unit, &Sample { value, others, guest });
            add("start to readiness", "ms", boot.ready.as_secs_f64() * 1e3);
            add("start to the first answered ping", "ms", boot.ping.as_secs_f64() * 1e3);
            add("memory of the monitor", "MiB", boot.memory as f64 / 1024.0);
            boots.ended.push(boot);
        }
    }
    println!("| | ready, ms | first ping, ms | memory, MiB | stopped |\n|---|---|---|---|---|");
    for (peer, name, _, boots) in &places {
        let value = boots.stopped as f64;
        records.add_of("boots that the emulated KVM stopped", peer, "", &Sample { value, others: 0.0, guest: 0.0 });
        let column = |of: fn(&Boot) -> f64| spread(boots.ended.iter().map(of).collect());
        let [ready, ping] = [|b: &Boot| b.ready.as_secs_f64() * 1e3, |b: &Boot| b.ping.as_secs_f64() * 1e3].map(column);
        let memory = column(|b| b.memory as f64 / 1024.0);
        println!("| {name} | {ready} | {ping} | {memory} | {} |", boots.stopped);
    }
    records.keep(true)
}

/// The boots of a monitor.
#[derive(Default)]
struct Boots {
    ended: Vec<Boot>,
    /// How many did not come to an end.
    stopped: usize,
}

impl Boots {
    /// The next that the emulated KVM does not stop.
    fn one(&mut self, lab: &Lab, vmm: &Vmm, traffic: &str) -> Result<Boot> {
        loop {
            match boot(lab, vmm, traffic) {
                Err(error) if matches!(vmm, Vmm::Nested(_)) && self.stopped < STOPPED => {
                    self.stopped += 1;
                    ui::note(&format!("stopped, and tried again: {error:#}"));
                }
                result => return result,
            }
        }
    }
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
    vm.wait_ready(READY)?;
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
