//! The guest on a TAP: no user-mode network between it and Linux's own TCP.

use anyhow::{Result, ensure};

use super::{Guest, Lab, iperf, lent};
use crate::machine::Network;
use crate::netns::Namespace;
use crate::test::{CannotRun, Outcome};

/// Both directions against the kernel's TCP, with swaps; and datagrams, whose checksums the card completes. The second processor has no queue pair, so what it
/// sends is handed over.
pub fn download(lab: &Lab) -> Result<Outcome> {
    let (namespace, guest) = handing_over(lab)?;
    guest.tested(|guest| {
        both_ways(guest, &namespace, "-t 12")?;
        namespace.inside(|| {
            nothing_copied(guest)?;
            iperf::datagrams_sent(guest)
        })
    })
}

/// The same with a queue pair for each processor.
pub fn queues(lab: &Lab) -> Result<Outcome> {
    let (namespace, guest) = with_queues(lab)?;
    guest.tested(|guest| {
        both_ways(guest, &namespace, "-t 11 -P 4")?;
        namespace.inside(|| {
            nothing_copied(guest)?;
            nothing_forwarded(guest)
        })
    })
}

/// Each processor sends by a queue of its own.
pub fn nothing_forwarded(guest: &Guest) -> Result<()> {
    let counters = guest.control()?.all("status")?;
    let counter = |name: &str| counters.iter().find_map(|record| record.get(name));
    ensure!(counter("stack.frames_out").is_some(), "the guest does not say what it has sent: {counters:?}");
    let forwarded = counter("stack.forwarded");
    ensure!(forwarded.is_none(), "processor 0 sent {forwarded:?} frames of others, which have queues");
    Ok(())
}

/// What a service lends is read where it lies, whatever processor the connection is on.
pub fn nothing_copied(guest: &Guest) -> Result<()> {
    let (lent, arrived) = lent::downloads(guest)?;
    // What finds no descriptor is copied, and a short end that is handed over.
    ensure!(lent > arrived / 100 * 99, "of {arrived} octets that a service lent, only {lent} were not copied");
    Ok(())
}

fn both_ways(guest: &Guest, namespace: &Namespace, load: &str) -> Result<()> {
    namespace.inside(|| {
        iperf::under_swaps(guest, &format!("{load} -R"), true)?;
        iperf::under_swaps(guest, load, false)
    })
}

/// A network namespace, or why the step cannot run here.
pub fn namespace() -> Result<Namespace> {
    if !rustix::process::geteuid().is_root() || !std::path::Path::new("/dev/net/tun").exists() {
        return Err(CannotRun("a TAP needs root and /dev/net/tun".into()).into());
    }
    Namespace::new().map_err(|error| CannotRun(format!("no network namespace can be made here: {error:#}")).into())
}

/// A guest with one queue pair for two processors, which both have connections, in a namespace of its own.
pub fn handing_over(lab: &Lab) -> Result<(Namespace, Guest)> {
    let namespace = namespace()?;
    let guest = lab.boot(|machine| {
        machine.network = Network::Tap(namespace.name().to_owned());
        machine.options = vec!["rps=on".into()];
    })?;
    Ok((namespace, guest))
}

/// A guest with a queue pair for each processor, in a namespace of its own.
pub fn with_queues(lab: &Lab) -> Result<(Namespace, Guest)> {
    let namespace = namespace()?;
    namespace.use_several_queues()?;
    let guest = lab.boot(|machine| {
        machine.network = Network::Queues(namespace.name().to_owned(), machine.processors);
    })?;
    Ok((namespace, guest))
}
