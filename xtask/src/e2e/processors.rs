//! Several processors: connections on each, and swaps that move all.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Lab;
use super::swaps::{connections, moved_per_processor};
use super::traffic::{Iperf, received};
use crate::test::Outcome;

/// Eight streams fall on both processors (all on one is 1 in 128 at worst); a swap during the test moves connections of both.
pub fn both(lab: &Lab) -> Result<Outcome> {
    // The network of user mode has one queue pair.
    lab.boot(|machine| machine.options = vec!["rps=on".into()])?.tested(|guest| {
        let control = guest.control()?;
        let mut seen = BTreeSet::new();
        let mut moved = [0; 2];
        // Another attempt draws other ports, so chance cannot fail the test.
        for _ in 0..3 {
            let mut run = Iperf::start(guest, "-P 8 -t 5 -R", Duration::from_secs(60))?;
            let mut to = ["reno", "cubic"].into_iter().cycle();
            while run.runs_for(Duration::from_millis(500)) {
                let all = connections(&control)?;
                seen.extend(all.values().filter_map(|record| record.get("processor").cloned()));
                control.order(&format!("swap congestion {}", to.next().unwrap_or("reno")))?;
                let trace = control.order("trace")?.records();
                for record in trace.iter().filter(|record| record.contains_key("swap")) {
                    let each = moved_per_processor(record)?;
                    for (sum, one) in moved.iter_mut().zip(each) {
                        *sum += one;
                    }
                }
            }
            received(&run.report()?, 1_000_000).context("eight streams")?;
            if seen.len() == 2 && moved.iter().all(|count| *count > 0) {
                return Ok(());
            }
        }
        ensure!(seen.len() == 2, "connections were only seen on the processors {seen:?}");
        anyhow::bail!("swaps moved {moved:?} connections by processor")
    })
}
