//! Swaps of the congestion controller, what they carry over, and what is told of them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::traffic::{Iperf, received};
use super::{Guest, Lab};
use crate::control::{ControlClient, Record};
use crate::test::Outcome;
use crate::ui;

/// Swaps back and forth, comparing the connections before and after each.
pub struct Alternation {
    control: ControlClient,
    ordered: usize,
    compared: usize,
}

impl Alternation {
    pub fn new(guest: &Guest) -> Result<Self> {
        Ok(Self { control: guest.control()?, ordered: 0, compared: 0 })
    }

    /// Orders the next swap, and compares each connection that is there before and after it.
    pub fn swap(&mut self) -> Result<()> {
        let to = if self.ordered.is_multiple_of(2) { "reno" } else { "cubic" };
        let before = connections(&self.control)?;
        self.control.order(&format!("swap congestion {to}"))?;
        self.ordered += 1;
        let after = connections(&self.control)?;
        for (name, old) in &before {
            let Some(new) = after.get(name) else { continue };
            ensure!(
                new.get("congestion").is_none_or(|used| used == to),
                "after a swap to {to}, {name} uses {:?}",
                new.get("congestion")
            );
            self.compare(name, old, new)?;
        }
        Ok(())
    }

    /// A window that was restarted would be at most ten segments again, and its RTT unknown. ssthresh changes only by a loss, by the undoing of what a needless
    /// retransmission did, and when HyStart++ ends the first slow start because the RTT rises (RFC 9406), which may happen between two looks: then it is the
    /// window of that moment.
    fn compare(&mut self, name: &str, old: &Record, new: &Record) -> Result<()> {
        let [before, after] = [old, new].map(Path::of);
        let (before, after) = (before?, after?);
        if before.srtt > 0 {
            ensure!(after.srtt > 0, "{name} lost its RTT in a swap: {old:?} became {new:?}");
        }
        // Only where no segment was lost and nothing undone meanwhile, and the window had grown, does the comparison show anything.
        let same = after.retransmits == before.retransmits && after.undone == before.undone;
        if same && before.cwnd > 12 * before.mss {
            ensure!(after.cwnd >= before.cwnd, "{name} lost its window in a swap: {old:?} became {new:?}");
            let ended = before.ssthresh == u64::from(u32::MAX) && after.ssthresh >= before.cwnd;
            ensure!(
                ended || after.ssthresh == before.ssthresh,
                "{name} lost its ssthresh in a swap: {old:?} became {new:?}"
            );
            self.compared += 1;
        }
        Ok(())
    }

    /// At least `least` swaps took place, each with a well-formed trace; if `compared`, a grown window was seen to be carried over.
    pub fn check(&self, least: usize, compared: bool) -> Result<()> {
        ensure!(self.ordered >= least, "only {} swaps could be ordered", self.ordered);
        let trace = self.control.order("trace")?;
        let records: Vec<Record> = trace.records().into_iter().filter(|record| record.contains_key("swap")).collect();
        ensure!(!records.is_empty(), "trace is empty after {} swaps: {}", self.ordered, trace.text);
        for record in &records {
            well_formed(record).with_context(|| format!("a trace record is malformed: {record:?}"))?;
            ensure!(record["outcome"] == "committed", "a swap was not committed: {record:?}");
        }
        let longest = records.iter().filter_map(|record| record["longest_suspension_ns"].parse::<u64>().ok()).max();
        ui::note(&format!(
            "{} swaps, {} comparisons of grown windows, longest suspension {} µs",
            self.ordered,
            self.compared,
            longest.unwrap_or_default() / 1000
        ));
        ensure!(
            !compared || self.compared > 0,
            "no window had grown when it was looked at: nothing shows that state is carried over"
        );
        Ok(())
    }
}

/// The TCP connections by their two ends.
pub fn connections(control: &ControlClient) -> Result<BTreeMap<String, Record>> {
    let ends = |record: &Record| Some(format!("{} {}", record.get("local")?, record.get("remote")?));
    Ok(control.all("connections")?.into_iter().filter_map(|record| Some((ends(&record)?, record))).collect())
}

/// The part of a connection's state that a swap must not restart.
struct Path {
    cwnd: u64,
    ssthresh: u64,
    srtt: u64,
    mss: u64,
    retransmits: u64,
    undone: u64,
}

impl Path {
    fn of(record: &Record) -> Result<Self> {
        let number = |key: &str| number(record, key);
        Ok(Self {
            cwnd: number("cwnd")?,
            ssthresh: number("ssthresh")?,
            srtt: number("srtt_us")?,
            mss: number("mss")?,
            retransmits: number("retransmits")?,
            undone: number("undone")?,
        })
    }
}

fn number(record: &Record, key: &str) -> Result<u64> {
    let text = record.get(key).with_context(|| format!("{record:?} has no {key}"))?;
    text.parse().with_context(|| format!("{key}={text} is no number"))
}

/// Every field of a swap's record is there, and the times add up.
fn well_formed(record: &Record) -> Result<()> {
    for key in ["object", "from", "to", "protocol"] {
        ensure!(record.get(key).is_some_and(|value| !value.is_empty()), "{key} is missing");
    }
    let phases = ["forward_ns", "block_ns", "transfer_ns", "complete_ns"].map(|key| number(record, key));
    let mut sum = 0;
    for phase in phases {
        sum += phase?;
    }
    let total = number(record, "total_ns")?;
    ensure!(total > 0 && sum <= total + total / 10, "the phases take {sum} ns of {total} ns");
    for key in ["swap", "processors", "forwarded", "suspended", "longest_suspension_ns", "moved"] {
        number(record, key)?;
    }
    let each: u64 = moved_per_processor(record)?.iter().sum();
    ensure!(each == number(record, "moved")?, "moved is not the sum of moved_per_processor");
    Ok(())
}

/// The connections that a swap moved, by processor.
pub fn moved_per_processor(record: &Record) -> Result<Vec<u64>> {
    let text = record.get("moved_per_processor").with_context(|| format!("{record:?} has no moved_per_processor"))?;
    text.split(',').map(|part| part.parse().with_context(|| format!("moved_per_processor={text}"))).collect()
}

/// A swap whose deadline has passed when it begins is undone while iperf3 runs, and iperf3 does not notice.
pub fn undone(lab: &Lab) -> Result<Outcome> {
    lab.boot(|machine| machine.options = vec!["congestion=cubic".into()])?.tested(|guest| {
        let mut run = Iperf::start(guest, "-t 6 -R", Duration::from_secs(60))?;
        let control = guest.control()?;
        let mut undone = 0;
        while run.runs_for(Duration::from_millis(500)) {
            let reply = control.ask("swap congestion reno deadline=0")?;
            ensure!(reply.error() == Some("undone"), "an impossible deadline got `{}`", reply.text.trim());
            undone += 1;
        }
        received(&run.report()?, 1_000_000)?;
        ensure!(undone > 3, "only {undone} swaps were ordered");
        let records = control.order("trace")?.records();
        let last = records.iter().find(|record| record.get("outcome").is_some_and(|outcome| outcome == "undone"));
        let last = last.context("trace does not tell of a swap that was undone")?;
        ensure!(
            last.get("reason").is_some_and(|reason| !reason.is_empty() && reason != "-"),
            "no reason is given: {last:?}"
        );
        let list = control.order("list")?;
        ensure!(list.text.contains("cubic"), "after the undoing the object is {}", list.text);
        // And the next swap, with time, is committed.
        control.order("swap congestion reno")?;
        Ok(())
    })
}
