//! Rules of the classifier: loaded over the control port, seen from the host, and looked up by classifiers that are swapped.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::tap::namespace;
use super::traffic::{Iperf, received};
use super::{Guest, Lab};
use crate::control::{ControlClient, Record};
use crate::machine::{Network, Transport};
use crate::test::Outcome;
use crate::{command, paths, rules, ui};

/// The classifiers that are swapped in one after the other.
const CLASSIFIERS: [&str; 4] = ["tuple-space", "tuple-merge-cached", "tuple-space-cached", "tuple-merge"];

/// Drops, resets and ICMP errors as a Linux host sees them; a batch with an error; a default-drop policy.
pub fn verdicts(lab: &Lab) -> Result<Outcome> {
    let namespace = match namespace() {
        Ok(namespace) => namespace,
        Err(outcome) => return Ok(outcome),
    };
    let guest: Guest = lab.boot(|machine| machine.network = Network::Tap(namespace.name().to_owned()))?;
    guest.tested(|guest| {
        namespace.inside(|| {
            rejections(guest)?;
            batches(guest)?;
            default_drop(guest)
        })
    })
}

fn connect(guest: &Guest, port: u16) -> Result<Result<TcpStream, ErrorKind>> {
    let address = guest.address(Transport::Tcp, port)?;
    Ok(TcpStream::connect_timeout(&address, Duration::from_secs(2)).map_err(|error| error.kind()))
}

fn rejections(guest: &Guest) -> Result<()> {
    let control = guest.control()?;
    for (how, expected) in [
        ("reject with tcp reset", ErrorKind::ConnectionRefused),
        ("reject", ErrorKind::ConnectionRefused),
        ("reject with icmpx admin-prohibited", ErrorKind::HostUnreachable),
        ("drop", ErrorKind::TimedOut),
    ] {
        control.order(&format!("rule add 10 tcp dport 7 {how}"))?;
        let found = connect(guest, 7)?.err();
        ensure!(found == Some(expected), "`{how}` was seen as {found:?}, not {expected:?}");
        let rules = control.all("rules")?;
        ensure!(rules.len() == 1 && number(&rules[0], "packets")? > 0, "`{how}` did not count: {rules:?}");
        control.order("rules flush")?;
    }
    ensure!(connect(guest, 7)?.is_ok(), "without rules the port is closed");
    // UDP: a port unreachable comes back to the socket.
    control.order("rule add 10 udp dport 9 reject")?;
    let socket = UdpSocket::bind(("0.0.0.0", 0))?;
    socket.connect(guest.address(Transport::Udp, 9)?)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.send(b"x")?;
    let error = socket.recv(&mut [0; 16]).err().map(|error| error.kind());
    ensure!(error == Some(ErrorKind::ConnectionRefused), "a rejected datagram was seen as {error:?}");
    control.order("rules flush")?;
    Ok(())
}

/// An upload whose last line is wrong changes nothing, and says which line and why.
fn batches(guest: &Guest) -> Result<()> {
    let control = guest.control()?;
    control.order("rule add 10 tcp dport 9999 drop")?;
    let before = control.order("rules")?.text;
    let reply = rules::upload(&control, "10 tcp dport 7 drop\n20 tcp dport 65536 drop\n")?;
    ensure!(reply.contains("bad-rule") && reply.contains("line 2, column 14"), "the error was `{}`", reply.trim());
    ensure!(control.order("rules")?.text == before, "a batch with an error changed the rules");
    let reply = control.ask("rule add 10 tcp dport seven drop")?;
    ensure!(reply.error() == Some("bad-rule"), "a bad rule got `{}`", reply.text.trim());
    ensure!(control.ask("rule delete 4711")?.error() == Some("bad-rule"), "a rule that is not there was deleted");
    ensure!(connect(guest, 7)?.is_ok(), "a batch with an error took effect");
    control.order("rules flush")?;
    Ok(())
}

fn default_drop(guest: &Guest) -> Result<()> {
    let control = guest.control()?;
    let policy = "10 ct state established,related accept\n20 udp dport 7070 accept\n30 ip protocol icmp accept\n\
                 40 tcp dport 5201 tcp flags syn / syn,ack accept\n90 drop\n";
    let reply = rules::upload(&control, policy)?;
    ensure!(reply.starts_with("ok"), "the rules were refused: `{}`", reply.trim());
    let found = connect(guest, 7)?.err();
    ensure!(found == Some(ErrorKind::TimedOut), "a closed port was seen as {found:?}");
    received(&super::traffic::iperf(guest, "-t 2")?, 100_000)?;
    received(&super::traffic::iperf(guest, "-t 2 -R")?, 100_000)?;
    let tracked = control.order("counters")?.records();
    ensure!(tracked.first().is_some_and(|all| all.contains_key("tracked")), "no connections are tracked: {tracked:?}");
    Ok(())
}

/// iperf3 through 10,000 rules, with another classifier every second.
pub fn under_swaps(lab: &Lab) -> Result<Outcome> {
    lab.boot(|_| ())?.tested(|guest| {
        load(guest, 10_000)?;
        for arguments in ["-t 10 -R", "-t 10"] {
            let trace = swapped_under(guest, arguments)?;
            ensure!(trace.len() >= 3, "only {} swaps were ordered", trace.len());
        }
        Ok(())
    })
}

/// A swap with 100,000 rules in 256 MiB while iperf3 runs: nothing is lost, and how long a packet waited is reported.
pub fn many_rules(lab: &Lab) -> Result<Outcome> {
    lab.boot(|machine| machine.memory = "256M".into())?.tested(|guest| {
        let control = guest.control()?;
        let free = |control: &ControlClient| number(&control.order("status")?.records()[0], "memory_free");
        let (began, before) = (Instant::now(), free(&control)?);
        load(guest, 100_000)?;
        let all = control.order("counters")?.records();
        let octets = number(&all[0], "table_octets")?;
        let after = free(&control)?;
        ui::note(&format!(
            "100000 rules in {:.1} s, {} octets of memory a rule, {} of them the table; {} MiB are free",
            began.elapsed().as_secs_f64(),
            before.saturating_sub(after) / 100_000,
            octets / 100_000,
            after >> 20
        ));
        let trace = swapped_under(guest, "-t 12 -R")?;
        ensure!(trace.iter().all(|record| record.get("moved").is_some_and(|moved| moved == "100000")), "{trace:?}");
        let handle = control.order("rules")?.records()[0]["handle"].clone();
        control.order(&format!("rule delete {handle}"))?;
        control.order("rule add 1 ip saddr 192.0.2.1 drop")?;
        Ok(())
    })
}

/// Swaps the classifier every second while iperf3 runs; the swaps' records. No frame may be dropped by a rule, as all are accepted by one.
fn swapped_under(guest: &Guest, arguments: &str) -> Result<Vec<Record>> {
    let mut run = Iperf::start(guest, arguments, Duration::from_secs(90))?;
    let control = guest.control()?;
    let mut trace = Vec::new();
    let mut next = CLASSIFIERS.iter().cycle();
    while run.runs_for(Duration::from_secs(1)) {
        let record = control.order(&format!("swap classifier {}", next.next().unwrap_or(&"tuple-space")))?.records();
        trace.extend(record.into_iter().filter(|record| record.contains_key("swap")));
    }
    received(&run.report()?, 1_000_000)?;
    ensure!(trace.iter().all(|record| record["outcome"] == "committed"), "a swap was not committed: {trace:?}");
    let pause = trace.iter().map(rules::pause_ns).collect::<Result<Vec<_>>>()?.into_iter().max().unwrap_or(0);
    let total = trace.iter().filter_map(|record| number(record, "total_ns").ok()).max().unwrap_or(0);
    ui::note(&format!(
        "{} swaps, a packet waited {} µs at most, a swap took {} µs",
        trace.len(),
        pause / 1000,
        total / 1000
    ));
    let dropped: u64 = control
        .all("status")?
        .iter()
        .flat_map(|record| record.iter())
        .filter(|(key, _)| key.starts_with("stack.rule_") || *key == "stack.handover_dropped")
        .filter_map(|(_, value)| value.parse::<u64>().ok())
        .sum();
    ensure!(dropped == 0, "{dropped} frames were lost");
    Ok(trace)
}

/// Loads so many rules with the real program: ClassBench-like drops that nothing here meets, and at the end one that accepts.
fn load(guest: &Guest, count: usize) -> Result<()> {
    let file = TemporaryFile::new(&rules::some(count))?;
    let address: SocketAddr = guest.address(Transport::Udp, 7070)?;
    let mut program = command::cargo();
    program.args(["run", "--quiet", "--package", "midflight", "--", "--host", &address.to_string(), "rules", "load"]);
    command::run(program.arg(&file.0)).with_context(|| format!("{count} rules could not be loaded"))?;
    let all = guest.control()?.order("counters")?.records();
    ensure!(number(&all[0], "rules")? == count as u64, "not all rules are there: {:?}", all[0]);
    Ok(())
}

fn number(record: &Record, key: &str) -> Result<u64> {
    let Some(text) = record.get(key) else { bail!("{record:?} has no {key}") };
    text.parse().with_context(|| format!("{key}={text} is no number"))
}

/// A file that is removed with this.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new(text: &str) -> Result<Self> {
        let path = paths::target().join(format!("rules-{}-{}.txt", std::process::id(), text.len()));
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
