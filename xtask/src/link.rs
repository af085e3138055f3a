//! The link emulator between a guest and the host (`midflight-link`, see `xtask/link`): its process, its counters, its end.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;

use crate::command::{self, Guarded};
use crate::netns::Namespace;
use crate::{Usage, cleanup, paths, ui};

/// How long it may take to say something.
const ANSWER: Duration = Duration::from_secs(10);
/// How long it may take to end when it has refused its arguments, with status 2.
const ENDING: Duration = Duration::from_secs(1);

/// A running emulator; dropping it ends it and removes its sockets.
pub struct Link {
    // In the order in which they go.
    _said: cleanup::Undo,
    control: Arc<Control>,
    _process: Guarded,
    _sockets: cleanup::Undo,
    dir: PathBuf,
}

/// How it is spoken to.
struct Control {
    input: Mutex<Option<ChildStdin>>,
    lines: Mutex<mpsc::Receiver<String>>,
}

/// Builds the emulator, optimised: in a debug build it would be the bottleneck itself.
pub fn build() -> Result<PathBuf> {
    ui::step("Building the link emulator");
    command::run(command::cargo().args(["build", "--release", "--package", "link", "--quiet"]))?;
    Ok(paths::target().join("release/midflight-link"))
}

impl Link {
    /// Starts the emulator `program` on `tap0` of `namespace`. `tell`: its counters are shown when it ends.
    pub fn start(program: &Path, namespace: &Namespace, spec: &str, tell: bool) -> Result<Self> {
        let dir = std::env::temp_dir().join(namespace.name());
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let doomed = dir.clone();
        let sockets = cleanup::register(move || {
            // A directory of temporary files that stays is only untidy.
            let _ = std::fs::remove_dir_all(doomed);
        });
        let mut emulator = command::tethered("ip");
        emulator.args(["netns", "exec", namespace.name()]).arg(program).args(["--link", spec]);
        emulator.arg("--local").arg(dir.join("link")).arg("--remote").arg(dir.join("guest"));
        emulator.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let process = Guarded::spawn(&mut emulator)?;
        let (input, output) = process.with(|child| (child.stdin.take(), child.stdout.take()));
        let output = output.context("the emulator has no output")?;
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(std::result::Result::ok) {
                let _ = send.send(line);
            }
        });
        let control = Arc::new(Control { input: Mutex::new(input), lines: Mutex::new(lines) });
        if control.line().as_deref() != Some("ready") {
            let _limit = process.kill_after(ENDING);
            let wrong = process.wait()?.code() == Some(2);
            let what = format!("the link `{spec}` cannot be had: see above");
            return Err(if wrong { Usage(what).into() } else { anyhow!(what) });
        }
        let last = Arc::clone(&control);
        // Registered after the process, so done before it is killed.
        let said = cleanup::register(move || last.end(tell));
        Ok(Self { _said: said, control, _process: process, _sockets: sockets, dir })
    }

    /// Where its two sockets are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Lets its randomness begin anew with the next packet.
    pub fn reseed(&self, seed: u64) -> Result<()> {
        let request = format!("seed {seed}");
        let answer = self.control.ask(&format!("{request}\n")).context("the emulator does not answer")?;
        ensure!(answer == request, "the emulator takes no seed, it says: {answer}");
        Ok(())
    }

    /// Its counters now: `up` and `down`.
    pub fn counters(&self) -> Result<Value> {
        let line = self.control.ask("counters\n").context("the emulator does not answer")?;
        serde_json::from_str(&line).with_context(|| format!("the emulator's counters are no JSON: {line}"))
    }
}

impl Control {
    fn ask(&self, request: &str) -> Option<String> {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        input.as_mut()?.write_all(request.as_bytes()).ok()?;
        self.line()
    }

    fn line(&self) -> Option<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(ANSWER).ok()
    }

    /// Ends it: its input ends, and it says its counters for the last time.
    fn end(&self, tell: bool) {
        drop(self.input.lock().unwrap_or_else(PoisonError::into_inner).take());
        let counters = self.line().and_then(|line| serde_json::from_str::<Value>(&line).ok());
        if let Some(counters) = counters.filter(|_| tell) {
            ui::step("The link");
            for (way, from) in [("up", "from the guest"), ("down", "to the guest")] {
                ui::note(&describe(way, from, &counters[way]));
            }
        }
    }
}

/// One direction for people.
fn describe(way: &str, from: &str, counters: &Value) -> String {
    let number = |name: &str| counters[name].as_u64().unwrap_or_default();
    let mut text = format!("{way:4} ({from}): {} of {} packets delivered", number("delivered"), number("offered"));
    for (name, what) in [
        ("overflowed", "dropped by the full queue"),
        ("lost", "lost on the way"),
        ("reordered", "reordered"),
        ("duplicated", "duplicated"),
        ("refused", "refused by the receiver"),
    ] {
        if number(name) > 0 {
            text += &format!(", {} {what}", number(name));
        }
    }
    text + &format!(
        "; longest queue {} octets; late by {} µs on average, {} µs at most",
        number("longest_queue"),
        number("late_us_mean"),
        number("late_us_max")
    )
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn counters_that_are_zero_are_left_out() {
        let counters = serde_json::json!({"offered": 10, "delivered": 8, "lost": 2, "late_us_max": 70});
        let text = describe("up", "from the guest", &counters);
        assert!(text.contains("8 of 10 packets delivered, 2 lost on the way;"), "{text}");
        assert!(!text.contains("duplicated") && text.contains("70 µs at most"), "{text}");
    }
}
