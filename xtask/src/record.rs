//! `cargo xtask record`: swaps under iperf3 from real runs, as text and as pictures for the README.

mod picture;
mod plot;
mod window;

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command::{self, Guarded};
use crate::control::{ControlClient, Record};
use crate::e2e::{Guest, Lab};
use crate::machine::Transport;
use crate::{commit, paths, provision, ui};

/// How long iperf3 runs, in seconds.
const LENGTH: u64 = 12;
/// What is ordered, and after how many seconds.
const ORDERS: &[(u64, &str)] = &[(3, "cubic"), (6, "cubic-nofc"), (9, "reno")];

/// Which of the two terminals a line was on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Terminal {
    /// That of iperf3.
    Traffic,
    /// That of the control port.
    Control,
}

/// A line and when it appeared.
pub struct Line {
    pub at: Duration,
    pub terminal: Terminal,
    pub text: String,
}

/// Options of `record`.
#[derive(clap::Args)]
pub struct Args {
    /// What to record.
    #[arg(value_enum)]
    what: What,
}

/// The recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Two terminals, iperf3 and the control port: `bench/results/session.{txt,svg}`.
    Session,
    /// The window of a connection through an emulated link, for a minute (needs root): `bench/results/window.{json,svg}`.
    Window,
}

/// Boots the image, runs iperf3 with swaps in the middle, and writes the recording to `bench/results/`.
pub fn run(args: &Args) -> Result<()> {
    commit::require_clean()?;
    let lab = Lab::new();
    match args.what {
        What::Session => session(&lab),
        What::Window => {
            let run = window::run(&lab)?;
            write("window.json", &(serde_json::to_string(&run.json()?)? + "\n"))?;
            write("window.svg", &plot::draw(&run))
        }
    }
}

fn session(lab: &Lab) -> Result<()> {
    let guest = lab.boot(|machine| machine.options = vec!["congestion=reno".into()])?;
    ui::step(&format!("Recording: iperf3 for {LENGTH} s, {} swaps", ORDERS.len()));
    let lines = record(&guest)?;
    guest.finish()?;
    write("session.txt", &transcript(&lines))?;
    write("session.svg", &picture::draw(&lines))
}

fn write(name: &str, content: &str) -> Result<()> {
    let file = paths::root().join("bench/results").join(name);
    std::fs::write(&file, content).with_context(|| format!("cannot write {}", file.display()))?;
    ui::note(&format!("wrote {}", file.display()));
    Ok(())
}

fn record(guest: &Guest) -> Result<Vec<Line>> {
    provision::need(&[provision::IPERF3])?;
    let server = guest.address(Transport::Tcp, 5201)?;
    let control = guest.control()?;
    let mut iperf = command::tethered("iperf3");
    iperf.args(["-c", &server.ip().to_string(), "-p", &server.port().to_string(), "-R", "--forceflush"]);
    iperf.args(["-t", &LENGTH.to_string()]).stdin(Stdio::null()).stdout(Stdio::piped());
    let start = Instant::now();
    let mut lines = Vec::new();
    let mut say = |terminal, text: &str| {
        println!("{}", text);
        lines.push(Line { at: start.elapsed(), terminal, text: text.to_owned() });
    };
    say(Terminal::Traffic, &format!("$ iperf3 -c 127.0.0.1 -t {LENGTH} -R"));
    let process = Guarded::spawn(&mut iperf)?;
    let pipe = process.with(|child| child.stdout.take()).context("iperf3 has no output")?;
    let (send, said) = mpsc::channel();
    std::thread::spawn(move || BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
    let mut orders = ORDERS.iter().peekable();
    loop {
        let next = orders.peek().map_or(Duration::MAX, |(second, _)| Duration::from_secs(*second));
        match said.recv_timeout(next.saturating_sub(start.elapsed()).min(Duration::from_secs(60))) {
            // The port is the one that was free; what a person types is the usual one.
            Ok(line) => say(Terminal::Traffic, &line.replace(&server.port().to_string(), "5201")),
            Err(RecvTimeoutError::Timeout) => match orders.next() {
                Some((_, implementation)) => swap(&control, implementation, &mut |text| say(Terminal::Control, text))?,
                None => bail!("iperf3 said nothing for a minute"),
            },
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = process.wait()?;
    say(Terminal::Traffic, &format!("$ echo $?\n{}", status.code().unwrap_or(-1)));
    if !status.success() {
        bail!("iperf3 failed: {status}");
    }
    Ok(lines)
}

/// The connection before, the order with its reply, the connection after.
fn swap(control: &ControlClient, implementation: &str, say: &mut dyn FnMut(&str)) -> Result<()> {
    shown(control, say)?;
    let request = format!("swap congestion {implementation}");
    say(&format!("$ echo '{request}' | nc -u -w1 127.0.0.1 7070"));
    let reply = control.order(&request)?;
    say("ok");
    for record in reply.records() {
        for keys in [
            ["from", "to", "outcome", "protocol"].as_slice(),
            &["forward_ns", "block_ns", "transfer_ns", "complete_ns"],
            &["forwarded", "suspended", "longest_suspension_ns", "moved"],
        ] {
            say(&format!("  {}", pairs(&record, keys)));
        }
    }
    shown(control, say)?;
    say("");
    Ok(())
}

/// The connection that sends, as `connections` shows it.
fn shown(control: &ControlClient, say: &mut dyn FnMut(&str)) -> Result<()> {
    let sent = |record: &Record| record.get("bytes_out").and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    let busiest = control.all("connections")?.into_iter().max_by_key(sent).context("there is no connection")?;
    say("$ echo connections | nc -u -w1 127.0.0.1 7070");
    say(&format!("  {}", pairs(&busiest, &["congestion", "cwnd", "ssthresh", "srtt_us", "retransmits"])));
    Ok(())
}

fn pairs(record: &Record, keys: &[&str]) -> String {
    let pair = |key: &&str| Some(format!("{key}={}", record.get(*key)?));
    keys.iter().filter_map(pair).collect::<Vec<_>>().join(" ")
}

/// Both terminals in the order of time; the control port's lines are indented.
fn transcript(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let indent = if line.terminal == Terminal::Control { "                    " } else { "" };
        text += format!("{:6.2}s {indent}{}", line.at.as_secs_f64(), line.text.replace('\n', "\n        ")).trim_end();
        text.push('\n');
    }
    text
}
