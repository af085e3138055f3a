//! What the network card says of itself: that it gave up, that its link went down.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Lab, tap};
use crate::machine::Network;
use crate::test::Outcome;

/// How long the image may take to boot and say something.
const LIMIT: Duration = Duration::from_secs(60);

/// A card that met an error from which it cannot recover (`DEVICE_NEEDS_RESET`): by the option `test=card` it is sent to read where there is no memory, in the queue of
/// either processor.
pub fn gave_up(lab: &Lab) -> Result<Outcome> {
    for test in ["card", "card@1"] {
        let namespace = tap::namespace()?;
        namespace.use_several_queues()?;
        let mut machine = lab.machine()?;
        machine.network = Network::Queues(namespace.name().to_owned(), machine.processors);
        machine.options = vec![format!("test={test}")];
        let says = |line: &str| line.contains("midflight: error") && line.contains("DEVICE_NEEDS_RESET");
        let said = lab.start_until(machine, |vm| vm.wait_line(LIMIT, says));
        let (vm, line) = said.with_context(|| format!("after test={test} the image goes on without its card"))?;
        let limit = vm.end_after(LIMIT);
        let status = vm.wait_end()?;
        drop(limit);
        ensure!(status.code() == Some(1), "test={test} ended with {status}: {line}");
        vm.end()?;
    }
    Ok(Outcome::PASSED)
}

/// The cable is pulled out and put in again, by QEMU's monitor.
pub fn link(lab: &Lab) -> Result<Outcome> {
    let path = std::env::temp_dir().join(format!("midflight-{}.monitor", std::process::id()));
    let guest = lab.boot(|machine| machine.monitor = Some(path.clone()))?;
    let monitor = UnixStream::connect(&path);
    std::fs::remove_file(&path)?;
    guest.tested(|guest| {
        let mut monitor = monitor.context("QEMU's monitor")?;
        for word in ["off", "on"] {
            writeln!(monitor, "set_link n0 {word}")?;
            let state = if word == "on" { "link is up" } else { "link is down" };
            guest.vm.wait_line(LIMIT, |line| line.contains(state))?;
        }
        guest.control()?.order("status")?;
        Ok(())
    })
}
