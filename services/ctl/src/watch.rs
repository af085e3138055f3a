//! The connections, refreshed on the terminal.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use protocols::control::{ConnectionRecord, Reply, Verb};

use crate::client::{Client, Failure};
use crate::show;
use crate::table::Table;

/// Home, and clear to the end of the screen.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Reads the option `--interval`.
pub fn interval(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("seconds from 0.1 to 3600".into()),
    }
}

/// What was seen of a connection: octets in and out, and when.
type Seen = HashMap<(String, String), (u64, u64, Instant)>;

/// Shows the connections until the program is interrupted or nobody reads it; as JSON one object a line, for each look.
pub fn watch(client: &Client, interval: Duration, json: bool) -> Result<(), Failure> {
    let mut seen = Seen::new();
    loop {
        let begin = Instant::now();
        let reply = client.whole(&Verb::Connections { from: 0 })?;
        let page = if json { reply.encode(true) + "\n" } else { screen(client, &reply, &mut seen, begin)? };
        if !show::print(&page) {
            return Ok(());
        }
        std::thread::sleep(interval.saturating_sub(begin.elapsed()));
    }
}

/// The connections and the last swaps, for a terminal.
fn screen(client: &Client, reply: &Reply, seen: &mut Seen, now: Instant) -> Result<String, Failure> {
    let swaps = client.ask(Verb::Trace { count: Some(3), before: 0 })?;
    let records: Vec<ConnectionRecord> =
        reply.records().iter().filter_map(|record| ConnectionRecord::try_from(record).ok()).collect();
    let page = page(client.host(), &records, seen, now);
    let past = show::records(&Verb::Trace { count: None, before: 0 }, swaps.records());
    Ok(format!("{CLEAR}{page}\n{past}"))
}

fn page(host: &str, records: &[ConnectionRecord], seen: &mut Seen, now: Instant) -> String {
    let mut table = Table::new(&[&show::CONNECTION[..], &["in bit/s", "out bit/s"]].concat());
    let mut current = Seen::new();
    for record in records {
        let key = (record.local.clone(), record.remote.clone());
        let rates = match seen.get(&key) {
            Some((bytes_in, bytes_out, then)) => {
                let seconds = (now - *then).as_secs_f64().max(1e-3);
                [rate(record.bytes_in, *bytes_in, seconds), rate(record.bytes_out, *bytes_out, seconds)]
            }
            None => ["-".into(), "-".into()],
        };
        let mut cells = show::connection(record);
        cells.extend(rates);
        table.line(cells);
        current.insert(key, (record.bytes_in, record.bytes_out, now));
    }
    *seen = current;
    format!("{} connections at {host}\n\n{}", records.len(), table.text())
}

fn rate(now: u64, before: u64, seconds: f64) -> String {
    let bits = now.saturating_sub(before) as f64 * 8.0 / seconds;
    match bits {
        ..1e3 => format!("{bits:.0}"),
        ..1e6 => format!("{:.1} k", bits / 1e3),
        ..1e9 => format!("{:.1} M", bits / 1e6),
        _ => format!("{:.2} G", bits / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goodput_is_what_was_added_since_the_last_look() {
        let mut seen = Seen::new();
        let begin = Instant::now();
        let mut record = ConnectionRecord { local: "a".into(), remote: "b".into(), ..ConnectionRecord::default() };
        assert!(page("h", &[record.clone()], &mut seen, begin).contains("0  -  -") || !seen.is_empty());
        record.bytes_in = 1_000_000;
        let text = page("h", &[record.clone()], &mut seen, begin + Duration::from_secs(2));
        assert!(text.contains("4.0 M"), "{text}");
        page("h", &[], &mut seen, begin + Duration::from_secs(3));
        assert!(seen.is_empty(), "a connection that is gone is forgotten");
    }

    #[test]
    fn intervals_are_bounded() {
        assert!(
            interval("1").is_ok() && interval("0.05").is_err() && interval("x").is_err() && interval("NaN").is_err()
        );
    }
}
