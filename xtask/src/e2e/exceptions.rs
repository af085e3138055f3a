//! A guest that fails says how and ends; it never hangs.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Lab;
use crate::test::Outcome;

/// How long a failing guest may take to boot and end.
const LIMIT: Duration = Duration::from_secs(60);

/// Each processor exception, a panic and an overflow of the stack, made on purpose by the image's option `test=`.
pub fn reported(lab: &Lab) -> Result<Outcome> {
    for name in ["panic", "fault:pf", "fault:null", "fault:ud", "fault:gp", "fault:de", "fault:stack", "fault:rsp"] {
        let mut machine = lab.machine()?;
        machine.options = vec![format!("test={name}")];
        let reports = |line: &str| line.contains("midflight: exception") || line.contains("panic");
        let reported = lab.start_until(machine, |vm| vm.wait_line(LIMIT, reports));
        let (vm, line) = reported.with_context(|| format!("test={name} is not reported"))?;
        ensure!(line.contains("panic") == (name == "panic"), "test={name} is reported as `{line}`");
        let limit = vm.end_after(LIMIT);
        let status = vm.wait_end()?;
        drop(limit);
        ensure!(status.code().is_some_and(|code| code != 0 && code != 3), "test={name} ended with {status}: {line}");
        if name != "panic" {
            ensure!(
                vm.said(|line| line.contains("rip") || line.contains("RIP")),
                "test={name} shows no registers:\n{}",
                vm.tail()
            );
        }
        vm.end()?;
    }
    Ok(Outcome::PASSED)
}

/// An emulated processor may let an interrupt in between `sti` and `hlt`. It must end the sleep all the same.
pub fn sleep_ends(lab: &Lab) -> Result<Outcome> {
    says(lab, "sleep", "between sti and hlt").context("the image sleeps for ever")
}

/// An emulated processor may deliver an interrupt again while its handler runs. The handler must come to its end all the same.
pub fn handlers_nest(lab: &Lab) -> Result<Outcome> {
    says(lab, "again", "leaves the first one's frame").context("an interrupt overwrites the frame of another")
}

/// Boots an image that tries `test` and says `line` if it went well.
fn says(lab: &Lab, test: &str, line: &str) -> Result<Outcome> {
    let mut machine = lab.machine()?;
    machine.options = vec![format!("test={test}")];
    let (vm, _) = lab.start_until(machine, |vm| vm.wait_line(LIMIT, |said| said.contains(line)))?;
    vm.end()?;
    Ok(Outcome::PASSED)
}
