//! Slow cores: a part of the host's time for each thread, so that a host of few cores has one for each.
//!
//! Linux's CPU bandwidth control (`Documentation/scheduler/sched-bwc.rst`): the group of a thread may run for its quota of each period, and waits for the
//! rest of it.

use std::path::PathBuf;
use std::{fs, process};

use anyhow::{Context, Result, ensure};
use rustix::thread::gettid;

use crate::cleanup::{self, Undo};
use crate::vm::Vm;

/// Where the controller is, of cgroup version 1: there any thread may be in any group.
const CONTROLLER: &str = "/sys/fs/cgroup/cpu";
/// Of the client's group, in microseconds, and by how much that of each thread of a machine is longer than that of the one before. With one period for all, it
/// would be chance when each begins, and stay so: a machine would be faster or slower by a tenth than another, for as long as both run.
const PERIOD: u32 = 4_000;
const STEP: u32 = 37;
/// In each, how much time a group has: of QEMU's three threads and the client four take 1.2 cores.
const fn quota(period: u32) -> u32 {
    period * 3 / 10
}

/// While this is there, threads given to it are slow.
pub struct Slow {
    /// Where this process belongs.
    home: PathBuf,
    /// Give each group's threads back, and remove it.
    groups: Vec<Undo>,
}

impl Slow {
    /// None yet.
    ///
    /// # Errors
    /// The host has no such controller, or this process belongs to none of its groups.
    pub fn new() -> Result<Self> {
        let missing = || format!("slow cores need the cpu controller of cgroup version 1 at {CONTROLLER}");
        fs::metadata(format!("{CONTROLLER}/tasks")).with_context(missing)?;
        let groups = fs::read_to_string("/proc/self/cgroup").with_context(missing)?;
        let own = own(&groups).with_context(missing)?;
        Ok(Self { home: PathBuf::from(format!("{CONTROLLER}{own}")), groups: Vec::new() })
    }

    /// Makes each thread of the guest's process slow, by itself.
    pub fn each_thread(&mut self, vm: &Vm) -> Result<()> {
        let tasks = format!("/proc/{}/task", vm.pid());
        let mut threads = Vec::new();
        for task in fs::read_dir(&tasks).with_context(|| format!("cannot read {tasks}"))? {
            let name = task?.file_name();
            threads.extend(name.to_str().and_then(|thread| thread.parse::<u32>().ok()));
        }
        // In the order in which they began, which is the same for each machine.
        threads.sort_unstable();
        (1..).zip(threads).try_for_each(|(place, thread)| self.add(&thread.to_string(), PERIOD + STEP * place))
    }

    /// Makes this thread slow, and what it starts from now on: all of that together.
    pub fn client(&mut self) -> Result<()> {
        self.add(&gettid().as_raw_nonzero().to_string(), PERIOD)
    }

    fn add(&mut self, thread: &str, period: u32) -> Result<()> {
        let group = self.home.join(format!("midflight-{}-{thread}", process::id()));
        fs::create_dir(&group).with_context(|| format!("cannot make the group {}", group.display()))?;
        let (home, doomed) = (self.home.join("tasks"), group.clone());
        self.groups.push(cleanup::register(move || {
            // A thread that has ended meanwhile is in none.
            for thread in fs::read_to_string(doomed.join("tasks")).unwrap_or_default().lines() {
                let _ = fs::write(&home, thread);
            }
            let _ = fs::remove_dir(doomed);
        }));
        for (file, value) in [
            ("cpu.cfs_period_us", period.to_string()),
            ("cpu.cfs_quota_us", quota(period).to_string()),
            ("tasks", thread.into()),
        ] {
            let file = group.join(file);
            fs::write(&file, &value).with_context(|| format!("cannot write {value} to {}", file.display()))?;
        }
        let inside = fs::read_to_string(group.join("tasks"))?;
        ensure!(inside.lines().any(|line| line == thread), "thread {thread} is not in the group {}", group.display());
        Ok(())
    }
}

/// The group of the cpu controller in `/proc/PID/cgroup`, of which a line is `number:controller,controller:group`.
fn own(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| {
        let (controllers, group) = line.split_once(':')?.1.split_once(':')?;
        controllers.split(',').any(|name| name == "cpu").then_some(group)
    })
}

#[cfg(test)]
mod tests {
    use super::own;

    #[test]
    fn the_group_of_the_cpu_controller_is_found_among_those_of_others() {
        let groups = "5:cpuset:/a\n4:cpu,cpuacct:/b:c\n2:cpuacct:/d\n0::/e\n";
        assert_eq!(own(groups), Some("/b:c"));
        assert_eq!(own("0::/e\n"), None, "version 2 alone");
    }
}
