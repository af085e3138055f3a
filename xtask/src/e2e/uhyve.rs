//! The image under uhyve. KVM that can run it is rare where tests run, so uhyve has a Linux guest whose KVM is emulated.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use super::tap::namespace;
use super::{Lab, iperf, payload};
use crate::machine::{Network, TAP_GUEST, Vmm};
use crate::netns::Namespace;
use crate::test::Outcome;
use crate::uhyve::run::{BOOT_NESTED, status_of_image};
use crate::uhyve::{Inside, Nested};
use crate::{command, provision};

/// What is promised of the image under QEMU holds here too.
pub fn nested(lab: &Lab) -> Result<Outcome> {
    let namespace = namespace()?;
    let vmm = Vmm::Nested(Arc::new(Nested::new(Inside::Uhyve, &lab.image()?)?));
    let guest = lab.boot_within(BOOT_NESTED, |machine| {
        machine.network = Network::Tap(namespace.name().to_owned());
        machine.vmm = vmm.clone();
        // Its card has one queue pair: only so does the second processor have connections, and frames are handed over.
        machine.options = vec!["rps=on".into()];
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
    let mut machine = lab.machine()?;
    machine.network = Network::Tap(namespace.name().to_owned());
    machine.vmm = vmm.clone();
    machine.options = vec!["frobnicate=1".into()];
    let (vm, line) =
        lab.start_until(machine, |vm| vm.wait_line(BOOT_NESTED, |line| line.starts_with("midflight: error:")))?;
    ensure!(line.contains("frobnicate"), "the malformed option was answered by `{line}`");
    let limit = vm.end_after(BOOT_NESTED);
    let status = vm.wait_end()?;
    drop(limit);
    let code = status_of_image(&vm, status);
    ensure!(code == 1, "the image failed, but the status that came out is {code}; its last lines were:\n{}", vm.tail());
    vm.end()?;
    Ok(Outcome::PASSED)
}
