//! `cargo xtask bench boot`: how soon the image answers and what it takes of the host, by monitor.
//!
//! uhyve needs KVM, so where that is not usable both monitors are compared in the same Linux guest, whose KVM is emulated; QEMU on the host itself
//! stands beside them. The samples are taken in turn.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::run::BOOT_NESTED;
use super::{Inside, Nested};
use crate::command::{self, Guarded};
use crate::e2e::Lab;
use crate::machine::{Network, TAP_GUEST, Vmm};
use crate::netns::Namespace;
use crate::vm::{Vm, kib};
use crate::{paths, ui};

/// The job's name.
pub const NAME: &str = "boot";
/// What it shows.
pub const WHAT: &str = "how soon the image answers a ping and what memory it takes, under QEMU and under uhyve";

/// Samples of each monitor.
const ROUNDS: usize = 5;
/// The address that QEMU gives to the card, and the Linux guest to uhyve's: known, so that nobody has to ask for it.
const MAC: &str = "52:54:00:12:34:56";

/// One boot.
struct Sample {
    /// From the monitor's start to the image's line of readiness, in milliseconds.
    ready: f64,
    /// To the first answer to a ping.
    ping: f64,
    /// The most memory that the monitor took until then, in MiB.
    memory: f64,
}

/// Measures, prints the table, and writes the samples to `file`.
pub fn run(quick: bool, file: Option<&Path>) -> Result<()> {
    let lab = Lab::new();
    let image = lab.image()?;
    ui::step("Building the traffic");
    command::run(command::cargo().args(["build", "--release", "--package", "traffic", "--quiet"]))?;
    let traffic = paths::target().join("release/midflight-traffic");
    let places = [
        ("QEMU, translator, on the host", Vmm::Qemu),
        ("QEMU, KVM, in Linux", Vmm::Nested(Arc::new(Nested::new(Inside::Qemu, &image)?))),
        ("uhyve, KVM, in Linux", Vmm::Nested(Arc::new(Nested::new(Inside::Uhyve, &image)?))),
    ];
    let mut samples: [Vec<Sample>; 3] = Default::default();
    for round in 0..if quick { 1 } else { ROUNDS } {
        ui::step(&format!("Round {}", round + 1));
        for ((name, vmm), samples) in places.iter().zip(&mut samples) {
            samples.push(boot(&lab, vmm, &traffic).with_context(|| (*name).to_owned())?);
        }
    }
    println!("| | ready, ms | first ping, ms | memory, MiB |\n|---|---|---|---|");
    for ((name, _), samples) in places.iter().zip(&samples) {
        let column = |of: fn(&Sample) -> f64| spread(samples.iter().map(of).collect());
        println!("| {name} | {} | {} | {} |", column(|s| s.ready), column(|s| s.ping), column(|s| s.memory));
    }
    if let Some(file) = file {
        let text = serde_json::to_string_pretty(&results(&places, &samples)?)? + "\n";
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// Boots once, until the first ping is answered.
fn boot(lab: &Lab, vmm: &Vmm, traffic: &Path) -> Result<Sample> {
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
    let mut ping = within(&traffic.display().to_string());
    let ping =
        Guarded::spawn(ping.args(["first-ping", TAP_GUEST, "--limit", &limit]).stdout(std::process::Stdio::null()))?;
    let mut began = Instant::now();
    let vm = Vm::start(machine, |_| ())?;
    if matches!(vmm, Vmm::Nested(_)) {
        vm.wait_line(BOOT_NESTED, |line| line.starts_with("midflight-nested: starting "))?;
        began = Instant::now();
    }
    vm.wait_ready(BOOT_NESTED)?;
    let ready = began.elapsed();
    let ended = ping.wait()?;
    let taken = began.elapsed();
    ensure!(ended.success(), "no ping was answered; the last lines were:\n{}", vm.tail());
    let said = vm.last_line("midflight-nested: VmHWM:").and_then(|text| kib(&text));
    let memory = match said {
        Some(kib) => kib,
        None => vm.memory_peak()?,
    };
    vm.end();
    let milliseconds = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    Ok(Sample { ready: milliseconds(ready), ping: milliseconds(taken), memory: memory as f64 / 1024.0 })
}

/// The median, and the smallest and largest in brackets.
fn spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or_default();
    let last = values.len().saturating_sub(1);
    format!("{:.0} ({:.0}–{:.0})", at(last / 2), at(0), at(last))
}

/// Every sample, with what it was taken on.
fn results(places: &[(&str, Vmm); 3], samples: &[Vec<Sample>; 3]) -> Result<Value> {
    let first = |path: &str, key: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        value.trim_start_matches([' ', '\t', ':']).to_owned()
    };
    let date = command::output(command::tethered("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]))?;
    let qemu = command::output(command::tethered("qemu-system-x86_64").arg("--version"))?;
    let series = places.iter().zip(samples).map(|((name, _), samples)| {
        let column = |of: fn(&Sample) -> f64| samples.iter().map(of).collect::<Vec<f64>>();
        json!({"monitor": name, "ready_ms": column(|s| s.ready), "first_ping_ms": column(|s| s.ping), "memory_mib": column(|s| s.memory)})
    });
    Ok(json!({
        "job": NAME,
        "environment": {
            "date": date.trim(),
            "cpu": first("/proc/cpuinfo", "model name"),
            "kernel": format!("Linux {}", first("/proc/sys/kernel/osrelease", "")),
            "load_after": first("/proc/loadavg", ""),
            "qemu": qemu.lines().next().unwrap_or_default(),
            "uhyve": crate::provision::uhyve::VERSION,
            "processors": 2,
            "memory_mib": 256,
        },
        "series": series.collect::<Vec<_>>(),
    }))
}
