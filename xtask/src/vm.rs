//! A running virtual machine: its serial log, its readiness, its end.

use std::io::{BufRead, BufReader, Read};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::capture::{Capture, tally};
use crate::command::Guarded;
use crate::machine::Machine;

/// What the image says when all its services listen.
const READY: &str = "midflight: ready";
/// Lines of serial log that are kept; a guest that writes more loses its oldest.
const KEPT: usize = 20_000;
/// Octets of one line that are kept: a guest that never ends its line must not fill our memory.
const LONGEST: u64 = 4096;
/// Lines shown when something fails.
const SHOWN: usize = 40;

/// A started machine; dropping it ends it.
pub struct Vm {
    process: Guarded,
    log: Arc<Log>,
    readers: Vec<JoinHandle<()>>,
    /// What was started.
    pub machine: Machine,
}

#[derive(Default)]
struct Log {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    dropped: usize,
    open: usize,
}

impl Vm {
    /// Starts `machine`; each line of its serial log (and of QEMU's own complaints) is also given to `echo`.
    pub fn start(machine: Machine, echo: fn(&str)) -> Result<Self> {
        Self::start_captured(machine, echo, None)
    }

    /// The same with a capture of what its card sends and receives.
    pub fn start_captured(machine: Machine, echo: fn(&str), capture: Option<&Capture>) -> Result<Self> {
        let mut command = machine.command();
        command.args(capture.iter().flat_map(|capture| capture.arguments()));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let process = Guarded::spawn(&mut command)?;
        let (stdout, stderr) = process.with(|child| (child.stdout.take(), child.stderr.take()));
        let log = Arc::new(Log::default());
        log.lock().open = 2;
        let pipes: [Option<Box<dyn Read + Send>>; 2] =
            [stdout.map(|pipe| Box::new(pipe) as _), stderr.map(|pipe| Box::new(pipe) as _)];
        let readers = pipes.into_iter().map(|pipe| {
            let log = Arc::clone(&log);
            std::thread::spawn(move || log.fill(pipe, echo))
        });
        let readers = readers.collect();
        tally::started();
        Ok(Self { process, log, readers, machine })
    }

    /// Waits for the line that begins `midflight: ready`, and returns it.
    pub fn wait_ready(&self, limit: Duration) -> Result<String> {
        self.wait_line(limit, |line| line.starts_with(READY)).context("the image did not become ready")
    }

    /// Waits for a line of the serial log that `wanted` accepts, from the log's beginning, and returns it.
    pub fn wait_line(&self, limit: Duration, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let end = Instant::now() + limit;
        let mut state = self.log.lock();
        let mut seen = 0;
        loop {
            let from = seen - seen.min(state.dropped);
            if let Some(line) = state.lines[from.min(state.lines.len())..].iter().find(|line| wanted(line)) {
                return Ok(line.clone());
            }
            seen = state.dropped + state.lines.len();
            if state.open == 0 {
                drop(state);
                bail!("the machine ended first; its last lines were:\n{}", self.tail());
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                bail!("nothing within {} s; its last lines were:\n{}", limit.as_secs(), self.tail());
            }
            state = self.log.changed.wait_timeout(state, left).unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }

    /// Kills it after `limit` if it still runs then and what is returned is still there: a machine that hangs must not hang us.
    pub fn end_after(&self, limit: Duration) -> std::sync::mpsc::Sender<()> {
        self.process.kill_after(limit)
    }

    /// Waits until the machine ends by itself.
    pub fn wait_end(&self) -> Result<ExitStatus> {
        self.process.wait()
    }

    /// Whether it still runs.
    pub fn runs(&self) -> bool {
        self.process.with(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// The end of the serial log, indented.
    pub fn tail(&self) -> String {
        let state = self.log.lock();
        let from = state.lines.len().saturating_sub(SHOWN);
        let lines: Vec<_> = state.lines[from..].iter().map(|line| format!("    | {line}")).collect();
        if lines.is_empty() { "    | (nothing)".into() } else { lines.join("\n") }
    }

    /// Whether a line of the log so far is accepted by `wanted`.
    pub fn said(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.log.lock().lines.iter().any(|line| wanted(line))
    }

    /// The last line of the log so far that begins with `start`, without it.
    pub fn last_line(&self, start: &str) -> Option<String> {
        self.log.lock().lines.iter().rev().find_map(|line| line.strip_prefix(start)).map(str::to_owned)
    }

    /// The most memory that the monitor has had of the host, in KiB.
    pub fn memory_peak(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.pid()));
        let peak = |text: String| text.lines().find_map(|line| kib(line.strip_prefix("VmHWM:")?));
        status.ok().and_then(peak).context("the machine is gone")
    }

    /// The monitor's process.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Processor time that QEMU has used, all threads, user and system.
    pub fn cpu_time(&self) -> Result<Duration> {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.process.pid())).context("the machine is gone")?;
        // Fields are counted after the program's name, which is in parentheses and may hold spaces: state is field 3.
        let fields: Vec<&str> =
            stat.rsplit_once(')').context("/proc/PID/stat has no name")?.1.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field - 3).and_then(|text| text.parse::<u64>().ok());
        let ticks =
            ticks(14).zip(ticks(15)).map(|(user, system)| user + system).context("/proc/PID/stat is too short")?;
        Ok(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
    }

    /// Ends it, if it has not ended, and gives what is kept of its serial log.
    pub fn end(self) -> Vec<String> {
        let Self { process, readers, log, .. } = self;
        drop(process);
        for reader in readers {
            let _ = reader.join();
        }
        std::mem::take(&mut log.lock().lines)
    }
}

/// `  1234 kB` as Linux writes it.
pub fn kib(text: &str) -> Option<u64> {
    text.trim().strip_suffix(" kB")?.parse().ok()
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn fill(&self, pipe: Option<Box<dyn Read + Send>>, echo: fn(&str)) {
        if let Some(pipe) = pipe {
            let mut pipe = BufReader::new(pipe);
            let mut octets = Vec::new();
            while matches!(pipe.by_ref().take(LONGEST).read_until(b'\n', &mut octets), Ok(1..)) {
                let line = String::from_utf8_lossy(&octets).trim_end().to_owned();
                octets.clear();
                echo(&line);
                let mut state = self.lock();
                if state.lines.len() == KEPT {
                    state.lines.drain(..KEPT / 2);
                    state.dropped += KEPT / 2;
                }
                state.lines.push(line);
                self.changed.notify_all();
            }
        }
        self.lock().open -= 1;
        self.changed.notify_all();
    }
}
