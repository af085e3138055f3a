//! Where a job ran.

use crate::guest::Machine;
use serde::{Deserialize, Serialize};
use std::{fs, thread};

/// The machine, the compiler and the moment. What cannot be found out is empty.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
pub struct Environment {
    /// As given on the command line: a program that measures does not read the calendar.
    pub date: String,
    /// The commit of what was measured, likewise; `-dirty` behind it: with changes. Empty in results from before it was noted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub commit: String,
    /// The processor's model.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Whether the machine is a guest of a hypervisor: others then share its hardware.
    pub virtualised: bool,
    /// The kernel's name and version.
    pub kernel: String,
    /// The compiler.
    pub rustc: String,
    /// How it compiled.
    pub profile: String,
    /// Load averages over 1, 5 and 15 minutes when the job began.
    pub load_before: String,
    /// The same when it ended, its own load included.
    pub load_after: String,
    /// The virtual machine of what was measured in the guest, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<Machine>,
}

impl Environment {
    /// Finds out.
    pub fn read(date: &str, commit: &str) -> Self {
        let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = processor.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let kernel = ["ostype", "osrelease"].map(|name| first_line(&format!("/proc/sys/kernel/{name}")));
        Self {
            date: date.into(),
            commit: commit.into(),
            cpu: format!("{} (family {}, model {})", field("model name"), field("cpu family"), field("model")),
            cores: thread::available_parallelism().map_or(1, usize::from),
            virtualised: field("flags").split_whitespace().any(|flag| flag == "hypervisor"),
            kernel: kernel.join(" "),
            rustc: env!("BENCH_RUSTC").into(),
            profile: env!("BENCH_PROFILE").into(),
            load_before: load(),
            load_after: String::new(),
            guest: None,
        }
    }

    /// Notes the load again.
    pub fn ended(&mut self) {
        self.load_after = load();
    }
}

fn load() -> String {
    first_line("/proc/loadavg").split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

fn first_line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().lines().next().unwrap_or_default().trim().to_owned()
}
