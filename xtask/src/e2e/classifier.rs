//! Rules of the classifier: loaded over the control port, seen from the host, and looked up by classifiers that are swapped.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::tap::{self, namespace};
use super::traffic::{Iperf, received};
use super::{Guest, Lab, echoes};
use crate::control::{ControlClient, Record};
use crate::machine::{Accel, Network, Transport};
use crate::rules::number;
use crate::test::Outcome;
use crate::{command, paths, rules, ui};

/// The classifiers that are swapped in one after the other.
const CLASSIFIERS: [&str; 4] = ["tuple-space", "tuple-merge-cached", "tuple-space-cached", "tuple-merge"];

/// Drops, resets and ICMP errors as a Linux host sees them; a batch with an error; a default-drop policy.
pub fn verdicts(lab: &Lab) -> Result<Outcome> {
    let namespace = namespace()?;
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
    datagram_is_refused(guest, "0.0.0.0")?;
    control.order("rules flush")?;
    Ok(())
}

/// A datagram to port 9, sent from a socket of `family`'s unspecified address, is answered by a port unreachable.
pub(super) fn datagram_is_refused(guest: &Guest, family: &str) -> Result<()> {
    let socket = UdpSocket::bind((family, 0))?;
    socket.connect(guest.address(Transport::Udp, 9)?)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.send(b"x")?;
    let error = socket.recv(&mut [0; 16]).err().map(|error| error.kind());
    ensure!(error == Some(ErrorKind::ConnectionRefused), "a rejected datagram was seen as {error:?}");
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

/// Nanoseconds that a packet may wait for a swap, and for a turn's work on its tables.
const PAUSE: u64 = 1_000_000;

/// Swaps with 100,000 rules in 256 MiB while iperf3 runs: no packet is lost, and none waits for long. The guest's clock counts its own instructions, so
/// that it does not matter who else uses the host's processors.
pub fn many_rules(lab: &Lab) -> Result<Outcome> {
    let counted = lab.boot(|machine| {
        machine.memory = "256M".into();
        machine.accel = Accel::Counted;
        // The clock is that of all processors together.
        machine.processors = 1;
    })?;
    counted.tested(|guest| {
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
        ensure!(trace.len() >= 2, "only {} swaps were ordered", trace.len());
        let (pause, turn) = (longest(&trace, rules::pause_ns)?, longest(&trace, turn_ns)?);
        ensure!(pause <= PAUSE, "a packet waited {} µs for a swap", pause / 1000);
        ensure!(turn <= PAUSE, "a packet waited {} µs for a turn's work on tables", turn / 1000);
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
    let (port, ended) = (guest.address(Transport::Udp, 7)?, AtomicBool::new(false));
    let echoes = thread::scope(|scope| {
        let echoes = scope.spawn(|| echoes::until(&ended, port));
        let mut next = CLASSIFIERS.iter().cycle();
        let mut swaps = || {
            while run.runs_for(Duration::from_secs(1)) {
                let reply = control.order(&format!("swap classifier {}", next.next().unwrap_or(&"tuple-space")))?;
                trace.extend(reply.records().into_iter().filter(|record| record.contains_key("swap")));
            }
            anyhow::Ok(())
        };
        let swapped = swaps();
        ended.store(true, Ordering::Relaxed);
        let echoes = echoes.join().map_err(|_| anyhow::anyhow!("the datagrams panicked"))?;
        swapped.and(echoes)
    })?;
    ensure!(echoes.lost == 0 && echoes.answered > 0, "datagrams were lost while classifiers were swapped: {echoes:?}");
    received(&run.report()?, 1_000_000)?;
    ensure!(trace.iter().all(|record| record["outcome"] == "committed"), "a swap was not committed: {trace:?}");
    ui::note(&format!(
        "{} swaps, a packet waited {} µs at most, a swap took {} µs, a turn before it worked for {} µs on tables; {} datagrams came back, none was lost",
        trace.len(),
        longest(&trace, rules::pause_ns)? / 1000,
        longest(&trace, |record| number(record, "total_ns"))? / 1000,
        longest(&trace, turn_ns)? / 1000,
        echoes.answered
    ));
    for record in &trace {
        let time = |key| number(record, key).unwrap_or(0) / 1000;
        let times = ["prepare_ns", "prepare_turn_ns", "forward_ns", "block_ns", "transfer_ns", "complete_ns"].map(time);
        ui::note(&format!("{} to {}: {times:?} us", record["from"], record["to"]));
    }
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

/// The longest of a time that each record has.
fn longest(trace: &[Record], time: impl Fn(&Record) -> Result<u64>) -> Result<u64> {
    trace.iter().try_fold(0, |longest, record| anyhow::Ok(longest.max(time(record)?)))
}

/// How long a turn worked on the tables of a swap at most.
fn turn_ns(record: &Record) -> Result<u64> {
    number(record, "prepare_turn_ns")
}

/// Two downloads in classes with weights of 3 and 1 share the guest's rate 3 to 1; what waits is not dropped.
pub fn weights(lab: &Lab) -> Result<Outcome> {
    // Wherever the two streams live, they share.
    let (namespace, guest) = tap::handing_over(lab)?;
    guest.tested(|guest| {
        namespace.inside(|| {
            let control = guest.control()?;
            let rules = "10 oif 0 tcp dport 40001 class 1 accept\n10 oif 0 tcp dport 40002 class 2 accept\n\
                         class 1 weight 3\nclass 2 weight 1\negress rate 40mbit\n";
            rules::load(&control, rules)?;
            // The second stream has the next port.
            let report = super::traffic::iperf(guest, "-t 8 -R -P 2 --cport 40001")?;
            let (first, second) = (goodput(&report, 40_001)?, goodput(&report, 40_002)?);
            let (ratio, sum) = (first / second, first + second);
            ui::note(&format!("{first:.1} and {second:.1} Mbit/s of 40, {ratio:.2} to 1"));
            ensure!((2.7..=3.3).contains(&ratio), "weights of 3 to 1 gave {first:.1} and {second:.1} Mbit/s");
            ensure!((28.0..=41.0).contains(&sum), "of a rate of 40 Mbit/s {sum:.1} were used");
            let all = control.order("counters")?.records();
            for class in ["1", "2"] {
                let found = all.iter().find(|record| record.get("class").is_some_and(|found| found == class));
                let record = found.with_context(|| format!("class {class} counted nothing: {all:?}"))?;
                ensure!(number(record, "backlogs")? > 0 && number(record, "dropped")? == 0, "{record:?}");
            }
            // A host that pauses may be probed; what waits for its turn is not lost.
            let again = control.all("status")?.iter().find_map(|record| record.get("tcp.retransmitted").cloned());
            ui::note(&format!("{} segments were sent again", again.as_deref().unwrap_or("no")));
            Ok(())
        })
    })
}

/// Mbit/s that the client received by the stream of this port of its own.
fn goodput(report: &serde_json::Value, port: u16) -> Result<f64> {
    let streams = |list: &serde_json::Value| list.as_array().cloned().unwrap_or_default();
    let connected = streams(&report["start"]["connected"]);
    let stream = connected.iter().find(|stream| stream["local_port"] == port);
    let socket = &stream.with_context(|| format!("no stream has port {port}: {connected:?}"))?["socket"];
    let ended = streams(&report["end"]["streams"]);
    let received = ended.iter().map(|stream| &stream["receiver"]).find(|stream| stream["socket"] == *socket);
    let rate = received.and_then(|received| received["bits_per_second"].as_f64());
    Ok(rate.with_context(|| format!("nothing was received by port {port}"))? / 1e6)
}

/// Two processors with a queue pair each, another classifier twice a second: what the rules counted on both adds up to what came in.
pub fn queues(lab: &Lab) -> Result<Outcome> {
    let (namespace, guest) = tap::with_queues(lab)?;
    guest.tested(|guest| namespace.inside(|| adds_up(guest)))
}

fn adds_up(guest: &Guest) -> Result<()> {
    let control = guest.control()?;
    let frames = || -> Result<u64> {
        let all = control.all("status")?;
        let sum = |key: &str| -> u64 {
            all.iter().filter_map(|record| record.get(key)).filter_map(|value| value.parse::<u64>().ok()).sum()
        };
        // A frame that was handed over came in twice, and met the rules once.
        Ok(sum("stack.frames_in") - sum("stack.handed_over"))
    };
    rules::load(
        &control,
        "10 tcp dport 5201 counter 1 accept\n20 meta l4proto udp counter 1 accept\n30 counter 1 accept\n",
    )?;
    let before = frames()?;
    let mut run = Iperf::start(guest, "-t 6 -P 4 -R", Duration::from_secs(60))?;
    let mut next = CLASSIFIERS.iter().cycle();
    let mut swaps = 0;
    while run.runs_for(Duration::from_millis(500)) {
        let records = control.order(&format!("swap classifier {}", next.next().unwrap_or(&"linear")))?.records();
        for swap in records.iter().filter(|record| record.contains_key("swap")) {
            ensure!(swap["outcome"] == "committed" && swap["processors"] == "2", "{swap:?}");
            swaps += 1;
        }
    }
    received(&run.report()?, 1_000_000)?;
    ensure!(swaps >= 5, "only {swaps} swaps were ordered");
    let counters = control.order("counters")?.records();
    let shared = counters.iter().find(|record| record.get("counter").is_some_and(|found| found == "1"));
    let shared = number(shared.context("nothing was mirrored to counter 1")?, "packets")?;
    let class = counters.iter().find(|record| record.get("class").is_some_and(|found| found == "0"));
    let class = number(class.context("class 0 counted nothing")?, "packets_in")?;
    let rules = control
        .all("rules")?
        .iter()
        .filter(|record| record.contains_key("handle"))
        .try_fold(0, |sum, rule| anyhow::Ok(sum + number(rule, "packets")?))?;
    let came = frames()? - before;
    ui::note(&format!("{swaps} swaps: {rules} packets met a rule, {came} frames came in"));
    // Each look at them is a few packets more; ARP meets no rules.
    let is_near = |one: u64, other: u64| one.abs_diff(other) < 100;
    ensure!(shared == class && is_near(class, rules), "rules counted {rules}, the class {class}, counter 1 {shared}");
    ensure!(is_near(rules, came), "rules counted {rules} of {came} frames");
    Ok(())
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
