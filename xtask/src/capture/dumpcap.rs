//! Wireshark's capturing program on a device of a network namespace: for what QEMU cannot capture.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{ChildStderr, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{self, Guarded};
use crate::provision;

/// How long it may take to begin, and to end.
const LIMIT: Duration = Duration::from_secs(30);
/// Octets of a frame that are kept: all of a segment that the network's card will cut.
const LONGEST: &str = "65600";

/// A capture that has begun.
pub struct Dumpcap {
    process: Guarded,
    errors: BufReader<ChildStderr>,
    until: Until,
}

/// When it ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// It does not.
    Asked,
    /// When it has so many frames, for which [`Dumpcap::end`] waits.
    Frames(u32),
    /// When it has so many octets, if it is not asked before.
    Octets(u32),
}

impl Dumpcap {
    /// Writes the frames of `device` that `filter` accepts (in libpcap's words) to `file`, which may be a FIFO. It captures when this returns.
    pub fn start(namespace: &str, device: &str, filter: &str, file: &Path, until: Until) -> Result<Self> {
        provision::need(&[provision::TSHARK])?;
        let mut dumpcap = command::tethered("ip");
        dumpcap.args(["netns", "exec", namespace, "dumpcap", "-q", "-p", "-P", "-i", device, "-s", LONGEST]);
        dumpcap.args(["-f", filter, "-w"]).arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        match until {
            Until::Asked => &mut dumpcap,
            Until::Frames(frames) => dumpcap.args(["-c", &frames.to_string()]),
            Until::Octets(octets) => dumpcap.args(["-a", &format!("filesize:{}", octets >> 10)]),
        };
        let process = Guarded::spawn(&mut dumpcap)?;
        let errors = process.with(|child| child.stderr.take()).context("dumpcap's pipe is missing")?;
        let mut errors = BufReader::new(errors);
        let limit = process.kill_after(LIMIT);
        let mut said = String::new();
        // It names the file when device, filter and file are open.
        while !said.lines().last().is_some_and(|line| line.starts_with("File:")) {
            if errors.read_line(&mut said)? == 0 {
                bail!("dumpcap does not capture: {}", said.trim());
            }
        }
        drop(limit);
        Ok(Self { process, errors, until })
    }

    /// Ends it, or waits for its end if it counts frames. Of the last quarter of a second before it was asked to end the kernel may not have handed it all.
    pub fn end(mut self) -> Result<()> {
        let limit = self.process.kill_after(LIMIT);
        if !matches!(self.until, Until::Frames(_)) {
            self.process.ask_to_end();
        }
        let mut said = String::new();
        // What it says at its end must be read for it to end.
        while self.errors.read_line(&mut said)? > 0 {}
        let status = self.process.wait()?;
        drop(limit);
        ensure!(status.success(), "dumpcap ended with {status}: {}", said.trim());
        Ok(())
    }
}
