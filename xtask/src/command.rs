//! Running other programs: each child ends with the command that started it, and a failure says which program failed and how.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use crate::{cleanup, paths};

/// A command that the kernel kills should this process die without ending it (SIGKILL, say).
pub fn tethered(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// This toolchain's own cargo, in an environment without what `cargo xtask` put there.
pub fn cargo() -> Command {
    let mut command = tethered(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(paths::root());
    // `cargo run` adds the directories of its own toolchain's libraries; a compiler of another version must not find them.
    command.env_remove("LD_LIBRARY_PATH");
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// Where `program` is on PATH or in the administrator's directories, which an ordinary user's PATH lacks.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

/// A child in a process group of its own, which is killed with its descendants when dropped or when the command is interrupted.
///
/// The group keeps the terminal's Ctrl-C away from it: what it was doing is undone after its end, not while it is ending.
pub struct Guarded {
    child: Arc<Mutex<Child>>,
    pid: Pid,
    _undo: cleanup::Undo,
}

impl Guarded {
    /// Starts `command`.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let child = command.process_group(0).spawn().map_err(|error| missing(command, &error))?;
        let pid = Pid::from_child(&child);
        let child = Arc::new(Mutex::new(child));
        let doomed = Arc::clone(&child);
        let undo = cleanup::register(move || {
            kill(&mut doomed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        });
        Ok(Self { child, pid, _undo: undo })
    }

    /// Its process ID.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// The child itself, to take its pipes.
    pub fn with<T>(&self, f: impl FnOnce(&mut Child) -> T) -> T {
        f(&mut self.child.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// Kills it after `limit`, unless it has ended or what is returned has been dropped.
    pub fn kill_after(&self, limit: Duration) -> mpsc::Sender<()> {
        let (keep, kept) = mpsc::channel();
        let child = Arc::clone(&self.child);
        std::thread::spawn(move || {
            if kept.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
                kill(&mut child.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
            }
        });
        keep
    }

    /// Asks it to end in its own way (SIGTERM).
    pub fn ask_to_end(&self) {
        self.with(|child| {
            if matches!(child.try_wait(), Ok(None)) {
                // Fails only when it is gone already.
                let _ = rustix::process::kill_process(self.pid, Signal::TERM);
            }
        });
    }

    /// Waits for its end.
    pub fn wait(&self) -> Result<ExitStatus> {
        // Waits without reaping and without the lock, so that an interruption can kill it meanwhile.
        let _ = rustix::process::waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        self.with(Child::wait).context("cannot wait for a child process")
    }
}

/// Kills and reaps the group of `child`, if `child` has not been reaped: only until then are its ID and its group's surely its own.
fn kill(child: &mut Child) {
    if matches!(child.try_wait(), Ok(None)) {
        // Both fail only when it is gone already.
        let _ = rustix::process::kill_process_group(Pid::from_child(child), Signal::KILL);
        let _ = child.wait();
    }
}

/// Runs `command` with our own output, and fails unless it succeeds.
pub fn run(command: &mut Command) -> Result<()> {
    let status = Guarded::spawn(command.stdin(Stdio::null()))?.wait()?;
    check(command, status)
}

/// Runs `command` and returns what it wrote on standard output; on failure the error carries the end of its standard error.
pub fn output(command: &mut Command) -> Result<String> {
    let child = Guarded::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let stderr = child.with(|child| child.stderr.take());
    let errors = std::thread::spawn(move || stderr.map(|pipe| tail(pipe, |_| ())).unwrap_or_default());
    let mut text = Vec::new();
    if let Some(mut pipe) = child.with(|child| child.stdout.take()) {
        pipe.read_to_end(&mut text).with_context(|| format!("cannot read the output of {}", name(command)))?;
    }
    let status = child.wait()?;
    let errors = errors.join().unwrap_or_default();
    check(command, status).with_context(|| errors.trim().to_owned())?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Runs `command` and returns what it wrote on standard output, whether it succeeded or not.
pub fn output_whatever(command: &mut Command) -> Result<String> {
    let child = Guarded::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()))?;
    let mut text = Vec::new();
    if let Some(mut pipe) = child.with(|child| child.stdout.take()) {
        pipe.read_to_end(&mut text).with_context(|| format!("cannot read the output of {}", name(command)))?;
    }
    child.wait()?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Runs `command` with its output hidden, giving each line of standard error to `line`; the end of it is shown on failure.
pub fn watched(command: &mut Command, line: impl FnMut(&str)) -> Result<()> {
    let child = Guarded::spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()))?;
    let pipe = child.with(|child| child.stderr.take()).context("a child's pipe is missing")?;
    let errors = tail(pipe, line);
    let status = child.wait()?;
    if !status.success() {
        eprintln!("{errors}");
    }
    check(command, status)
}

/// Runs `command` with its standard error shown, giving each line of standard output to `line`.
pub fn lines(command: &mut Command, line: impl FnMut(&str)) -> Result<()> {
    let child = Guarded::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let pipe = child.with(|child| child.stdout.take()).context("a child's pipe is missing")?;
    tail(pipe, line);
    let status = child.wait()?;
    check(command, status)
}

/// The last 40 lines of what `pipe` carries until its end.
fn tail(pipe: impl Read, mut line: impl FnMut(&str)) -> String {
    let mut last = VecDeque::new();
    for text in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
        let text = String::from_utf8_lossy(&text).into_owned();
        line(&text);
        if last.len() == 40 {
            last.pop_front();
        }
        last.push_back(text);
    }
    Vec::from(last).join("\n")
}

/// The program that `command` runs, without the tether.
pub fn name(command: &Command) -> String {
    let mut words = std::iter::once(command.get_program()).chain(command.get_args());
    let mut first = words.next().unwrap_or_default();
    if first == "setpriv" {
        first = words.nth(3).unwrap_or(first);
    }
    Path::new(first).file_name().unwrap_or(first).to_string_lossy().into_owned()
}

fn check(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("{} failed ({status})", name(command));
    }
    Ok(())
}

fn missing(command: &Command, error: &std::io::Error) -> anyhow::Error {
    anyhow!("cannot start {}: {error}", command.get_program().to_string_lossy())
}
