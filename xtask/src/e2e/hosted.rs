//! The engine and the services as a process of the host.

use anyhow::Result;

use super::{Lab, iperf, payload, tap};
use crate::hosted;
use crate::machine::{Network, Vmm};
use crate::test::Outcome;

/// The data of the echo service, and iperf3 in both directions, all under swaps; two processors.
pub fn process(lab: &Lab) -> Result<Outcome> {
    let namespace = match tap::namespace() {
        Ok(namespace) => namespace,
        Err(outcome) => return Ok(outcome),
    };
    let program = hosted::build()?;
    let guest = lab.boot(|machine| {
        machine.vmm = Vmm::Hosted;
        machine.image = program.clone();
        machine.network = Network::Tap(namespace.name().to_owned());
    })?;
    guest.tested(|guest| {
        namespace.inside(|| {
            payload::exchange(guest)?;
            iperf::under_swaps(guest, "-t 12 -R", true)?;
            iperf::under_swaps(guest, "-t 12", false)
        })
    })
}
