//! The image under uhyve. KVM that can run it is rare where tests run, so uhyve has a Linux guest whose KVM is emulated.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::tap::namespace;
use super::{Lab, iperf, payload};
use crate::machine::{Network, TAP_GUEST, Vmm};
use crate::netns::Namespace;
use crate::test::Outcome;
use crate::uhyve::run::{BOOT_NESTED, status_of_image};
use crate::uhyve::{Inside, Nested};
use crate::{command, provision, ui};

/// How long a boot may take before the machine is started again, on a loaded host.
const BOOT_AGAIN: Duration = Duration::from_secs(60);

/// Boots again, twice at most, if nothing comes of a boot: on emulated KVM a guest of several processors was seen to stop in the kernel's start,
/// before the image had said anything. What is tested starts with readiness.
fn again<T>(boot: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 0..2 {
        match boot() {
            Ok(booted) => return Ok(booted),
            Err(error) => ui::note(&format!("nested: nothing came of a boot, which is made again: {error:#}")),
        }
    }
    boot()
}

/// What is promised of the image under QEMU holds here too.
pub fn nested(lab: &Lab) -> Result<Outcome> {
    let namespace = match namespace() {
        Ok(namespace) => namespace,
        Err(outcome) => return Ok(outcome),
    };
    let vmm = Vmm::Nested(Arc::new(Nested::new(Inside::Uhyve, &lab.image()?)?));
    let guest = again(|| {
        lab.boot_within(BOOT_AGAIN, |machine| {
            machine.network = Network::Tap(namespace.name().to_owned());
            machine.vmm = vmm.clone();
        })
    })?;
    let status = guest.explained(|guest| {
        ensure!(guest.ready.contains(" processors=2 "), "not two processors: `{}`", guest.ready);
        ping(&namespace)?;
        namespace.inside(|| {
            payload::exchange(guest).context("payload")?;
            iperf::under_swaps_at_least(5, guest, "-t 10 -R", true).context("download")?;
            iperf::under_swaps_at_least(5, guest, "-t 10", false).context("upload")?;
            guest.shut_down()
        })
    })?;
    let code = status_of_image(&guest.vm, status);
    ensure!(code == 0, "the image was shut down, but the status that came out is {code}");
    guest.end()?;
    failure(lab, &namespace, &vmm)
}

/// Three requests, each answered.
fn ping(namespace: &Namespace) -> Result<()> {
    provision::need(&[provision::PING])?;
    let mut ping = command::tethered("ip");
    ping.args(["netns", "exec", namespace.name(), "ping", "-q", "-c", "3", "-W", "10", TAP_GUEST]);
    let said = command::output(&mut ping).context("the image does not answer ping")?;
    ensure!(said.contains(" 3 received"), "ping lost something: {said}");
    Ok(())
}

/// An image that cannot run says why, and its status gets out.
fn failure(lab: &Lab, namespace: &Namespace, vmm: &Vmm) -> Result<Outcome> {
    let (vm, line) = again(|| {
        let mut machine = lab.machine()?;
        machine.network = Network::Tap(namespace.name().to_owned());
        machine.vmm = vmm.clone();
        machine.options = vec!["frobnicate=1".into()];
        lab.start_until(machine, |vm| vm.wait_line(BOOT_AGAIN, |line| line.starts_with("midflight: error:")))
    })?;
    ensure!(line.contains("frobnicate"), "the malformed option was answered by `{line}`");
    let limit = vm.end_after(BOOT_NESTED);
    let status = vm.wait_end()?;
    drop(limit);
    let code = status_of_image(&vm, status);
    ensure!(code == 1, "the image failed, but the status that came out is {code}; its last lines were:\n{}", vm.tail());
    vm.end()?;
    Ok(Outcome::PASSED)
}
