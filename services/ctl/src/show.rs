//! Replies as a person reads them.

use std::io::Write;

use protocols::control::{ConnectionRecord, Record, RulesVerb, TraceRecord, Value, Verb};

use crate::table::Table;

/// Writes to standard output, and says whether somebody still reads it. A reader that has gone is no error: `midflight … | head`.
pub fn print(text: &str) -> bool {
    let mut stdout = std::io::stdout();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_ok()
}

/// The records of a reply to this verb.
pub fn records(verb: &Verb, records: &[Record]) -> String {
    match verb {
        Verb::Connections { .. } => connections(records),
        Verb::Trace { .. } | Verb::Swap { .. } => traces(records),
        Verb::List { .. } => list(records),
        Verb::Rules(RulesVerb::List { .. }) => rules(records),
        Verb::Status { .. } | Verb::Help | Verb::Rules(_) | Verb::Shutdown => pairs(records),
    }
}

fn rules(records: &[Record]) -> String {
    let mut table = Table::new(&["handle", "packets", "octets", "rule"]);
    for record in records {
        let number = |key: &str| record.number(key).unwrap_or(0);
        let rule = record.text("rule").unwrap_or("-").to_string();
        table.line(vec![number("handle").to_string(), number("packets").to_string(), octets(number("octets")), rule]);
    }
    table.text()
}

fn list(records: &[Record]) -> String {
    let mut table = Table::new(&["object", "", "implementation", "summary"]);
    for record in records {
        let text = |key: &str| record.text(key).unwrap_or("-").to_string();
        let mark = if record.text("in_place") == Some("yes") { "->" } else { "" };
        table.line(vec![text("object"), mark.into(), text("implementation"), text("summary")]);
    }
    table.text()
}

/// A connection's cells, the same for `connections` and `watch`.
pub fn connection(record: &ConnectionRecord) -> Vec<String> {
    vec![
        record.processor.to_string(),
        record.local.clone(),
        record.remote.clone(),
        record.state.clone(),
        record.congestion.clone(),
        record.cwnd.to_string(),
        if record.ssthresh >= 1 << 30 { "-".into() } else { record.ssthresh.to_string() },
        time(record.srtt_us * 1000),
        time(record.min_rtt_us * 1000),
        record.retransmits.to_string(),
    ]
}

/// The headings of these cells.
pub const CONNECTION: [&str; 10] =
    ["cpu", "local", "remote", "state", "congestion", "cwnd", "ssthresh", "srtt", "min rtt", "retransmits"];

fn connections(records: &[Record]) -> String {
    let mut table = Table::new(&[&CONNECTION[..], &["in", "out"]].concat());
    for record in records.iter().filter_map(|record| ConnectionRecord::try_from(record).ok()) {
        let mut cells = connection(&record);
        cells.extend([octets(record.bytes_in), octets(record.bytes_out)]);
        table.line(cells);
    }
    table.text()
}

fn traces(records: &[Record]) -> String {
    let headings = [
        "swap",
        "object",
        "from",
        "to",
        "outcome",
        "protocol",
        "total",
        "forward",
        "block",
        "transfer",
        "complete",
        "forwarded",
        "suspended",
        "longest",
        "moved",
    ];
    let mut table = Table::new(&headings);
    let (mut found, mut rest) = (false, String::new());
    for record in records {
        let Ok(trace) = TraceRecord::try_from(record) else {
            rest += &pairs(std::slice::from_ref(record));
            continue;
        };
        found = true;
        table.line(vec![
            trace.swap.to_string(),
            trace.object,
            trace.from,
            trace.to,
            trace.outcome,
            trace.protocol,
            time(trace.total_ns),
            time(trace.forward_ns),
            time(trace.block_ns),
            time(trace.transfer_ns),
            time(trace.complete_ns),
            trace.forwarded.to_string(),
            trace.suspended.to_string(),
            time(trace.longest_suspension_ns),
            trace.moved_per_processor,
        ]);
        if trace.reason != "-" {
            rest += &format!("swap {}: {}\n", trace.swap, trace.reason);
        }
    }
    if found { table.text() + &rest } else { rest }
}

/// One line per pair; pairs that name a processor stand behind it.
fn pairs(records: &[Record]) -> String {
    let mut table = Table::default();
    for record in records {
        let processor = record.number("processor").map(|processor| format!("processor {processor} "));
        let prefix = processor.unwrap_or_default();
        for (key, value) in record.pairs().filter(|(key, _)| *key != "processor") {
            let value = match value {
                Value::Number(number) => number.to_string(),
                Value::Text(text) => text.clone(),
            };
            table.line(vec![format!("{prefix}{key}"), value]);
        }
    }
    table.text()
}

/// Nanoseconds with a unit that suits them.
pub fn time(ns: u64) -> String {
    match ns {
        0 => "-".into(),
        1..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} us", ns as f64 / 1e3),
        1_000_000..10_000_000_000 => format!("{:.2} ms", ns as f64 / 1e6),
        _ => format!("{:.1} s", ns as f64 / 1e9),
    }
}

/// Octets with a unit that suits them.
pub fn octets(octets: u64) -> String {
    match octets {
        0..10_000 => octets.to_string(),
        10_000..10_000_000 => format!("{:.1} KB", octets as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.1} MB", octets as f64 / 1e6),
        _ => format!("{:.1} GB", octets as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests;
