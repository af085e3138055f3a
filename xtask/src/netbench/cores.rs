//! Cores of the host for a guest's processors alone: who shares them makes no noise then.

use std::fs;

use anyhow::{Context, Result, ensure};
use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

use crate::vm::Vm;

/// While this is there, the thread that made it, and what it starts, stays off the host's last core.
pub struct Apart {
    before: CpuSet,
    last: CpuSet,
}

impl Apart {
    /// Keeps this thread, and what it starts from now on, off the last core that it may use; with one core only it stays there.
    pub fn new() -> Result<Self> {
        let before = sched_getaffinity(None).context("cannot read which cores may be used")?;
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&core| before.is_set(core)).collect();
        let (mut last, mut rest) = (CpuSet::new(), before);
        if let Some(&core) = cores.last() {
            last.set(core);
            rest.unset(core);
        }
        if cores.len() > 1 {
            sched_setaffinity(None, &rest).context("cannot choose the cores to use")?;
        }
        Ok(Self { before, last })
    }

    /// Gives the guest's processors the last core.
    pub fn give(&self, vm: &Vm) -> Result<()> {
        let tasks = format!("/proc/{}/task", vm.pid());
        let mut found = 0;
        for task in fs::read_dir(&tasks).with_context(|| format!("cannot read {tasks}"))? {
            let task = task?;
            // As QEMU calls them with `debug-threads=on`.
            let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            let id = task.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
            if let Some(id) = id.filter(|_| name.starts_with("CPU ")) {
                sched_setaffinity(Some(id), &self.last).with_context(|| format!("cannot move {}", name.trim()))?;
                found += 1;
            }
        }
        ensure!(found > 0, "no thread in {tasks} is a processor of the guest");
        Ok(())
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // Nothing depends on it but how fast the rest goes.
        let _ = sched_setaffinity(None, &self.before);
    }
}
