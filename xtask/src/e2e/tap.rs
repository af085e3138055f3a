//! The guest on a TAP: no user-mode network between it and Linux's own TCP.

use anyhow::Result;

use super::{Guest, Lab, iperf};
use crate::machine::Network;
use crate::netns::Namespace;
use crate::test::Outcome;

/// Both directions against the kernel's TCP, with swaps.
pub fn download(lab: &Lab) -> Result<Outcome> {
    let namespace = match namespace() {
        Ok(namespace) => namespace,
        Err(outcome) => return Ok(outcome),
    };
    let guest: Guest = lab.boot(|machine| machine.network = Network::Tap(namespace.name().to_owned()))?;
    guest.tested(|guest| {
        namespace.inside(|| {
            iperf::under_swaps(guest, "-t 12 -R", true)?;
            iperf::under_swaps(guest, "-t 12", false)
        })
    })
}

/// A network namespace, or the reason why there can be none here.
pub fn namespace() -> Result<Namespace, Outcome> {
    if !rustix::process::geteuid().is_root() || !std::path::Path::new("/dev/net/tun").exists() {
        return Err(Outcome::Skipped("a TAP needs root and /dev/net/tun".into()));
    }
    Namespace::new().map_err(|error| Outcome::Skipped(format!("no network namespace can be made here: {error:#}")))
}
