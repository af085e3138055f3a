//! The engine and the services as a process of the host, with a queue of the TAP for each processor.

use anyhow::Result;

use super::{Lab, iperf, payload, tap};
use crate::hosted;
use crate::machine::{Network, Vmm};
use crate::test::Outcome;

/// The data of the echo service, and iperf3 in both directions, all under swaps; two processors. Then the data once more without offloads.
pub fn process(lab: &Lab) -> Result<Outcome> {
    let namespace = tap::namespace()?;
    namespace.use_several_queues()?;
    let program = hosted::build()?;
    let boot = |without_offloads: bool| {
        lab.boot(|machine| {
            machine.vmm = Vmm::Hosted;
            machine.image = program.clone();
            machine.network = Network::Queues(namespace.name().to_owned(), machine.processors);
            machine.without_offloads = without_offloads;
        })
    };
    boot(false)?.tested(|guest| {
        namespace.inside(|| {
            payload::exchange(guest)?;
            iperf::under_swaps(guest, "-t 12 -R", true)?;
            iperf::under_swaps(guest, "-t 12", false)?;
            tap::nothing_copied(guest)?;
            tap::nothing_forwarded(guest)
        })
    })?;
    // Its own checksums, and no segment for others to cut.
    boot(true)?.tested(|guest| namespace.inside(|| payload::exchange(guest)))
}
