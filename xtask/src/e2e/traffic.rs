//! Real iperf3 against a guest.

use std::io::Read;
use std::process::Stdio;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Guest;
use crate::command::{self, Guarded};
use crate::machine::Transport;
use crate::provision;

/// A run of iperf3 in the background.
pub struct Iperf {
    process: Guarded,
    _limit: mpsc::Sender<()>,
    ended: mpsc::Receiver<Vec<u8>>,
    output: Option<Vec<u8>>,
    line: String,
}

impl Iperf {
    /// Starts `iperf3 -c GUEST … -J` with `arguments`; it is killed after `limit`.
    pub fn start(guest: &Guest, arguments: &str, limit: Duration) -> Result<Self> {
        provision::need(&[provision::IPERF3])?;
        let server = guest.address(Transport::Tcp, 5201)?;
        let mut command = match guest.vm.machine.network.namespace() {
            Some(name) => {
                let mut command = command::tethered("ip");
                command.args(["netns", "exec", name, "iperf3"]);
                command
            }
            None => command::tethered("iperf3"),
        };
        command
            .args(["-J", "-c", &server.ip().to_string(), "-p", &server.port().to_string()])
            .args(arguments.split_whitespace());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let process = Guarded::spawn(&mut command)?;
        let mut pipe = process.with(|child| child.stdout.take()).context("iperf3 has no output")?;
        let (send, ended) = mpsc::channel();
        std::thread::spawn(move || {
            let mut output = Vec::new();
            // A broken pipe ends the output; what is missing shows when it is parsed.
            let _ = pipe.read_to_end(&mut output);
            let _ = send.send(output);
        });
        let _limit = process.kill_after(limit);
        Ok(Self { process, _limit, ended, output: None, line: format!("iperf3 {arguments}") })
    }

    /// Waits until it ends, at most `time`; whether it still runs.
    pub fn runs_for(&mut self, time: Duration) -> bool {
        if self.output.is_none() {
            match self.ended.recv_timeout(time) {
                Ok(output) => self.output = Some(output),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => self.output = Some(Vec::new()),
            }
        }
        false
    }

    /// Its report, once it has ended; exit code 0 is demanded.
    pub fn report(mut self) -> Result<Value> {
        while self.runs_for(Duration::from_secs(60)) {}
        let status = self.process.wait()?;
        let text = self.output.take().unwrap_or_default();
        let report: Value = serde_json::from_slice(&text)
            .with_context(|| format!("{} ({status}) wrote no report: {}", self.line, String::from_utf8_lossy(&text)))?;
        if !status.success() || report.get("error").is_some() {
            bail!("{} failed ({status}): {}", self.line, report["error"]);
        }
        Ok(report)
    }

    /// What it said, when it is to fail: its error text.
    pub fn refusal(mut self) -> Result<String> {
        while self.runs_for(Duration::from_secs(60)) {}
        // The exit code says nothing here: with -J iperf3 3.12 ends with 0 when it is refused.
        self.process.wait()?;
        let report: Value = serde_json::from_slice(&self.output.take().unwrap_or_default()).unwrap_or_default();
        let error = report["error"].as_str().with_context(|| format!("{} was not refused", self.line))?;
        Ok(error.to_owned())
    }
}

/// Runs iperf3 to its end.
pub fn iperf(guest: &Guest, arguments: &str) -> Result<Value> {
    Iperf::start(guest, arguments, Duration::from_secs(120))?.report()
}

/// Octets received in the whole test, which must be more than `least`; the rate as a remark.
pub fn received(report: &Value, least: u64) -> Result<u64> {
    let sum = &report["end"]["sum_received"];
    let octets = sum["bytes"].as_u64().with_context(|| format!("the report has no sum: {}", report["end"]))?;
    let rate = sum["bits_per_second"].as_f64().unwrap_or_default();
    crate::ui::note(&format!("{} MB received, {:.0} Mbit/s", octets / 1_000_000, rate / 1e6));
    ensure!(octets > least, "only {octets} octets arrived");
    Ok(octets)
}
