//! iperf3 while the congestion controller is swapped under it, and the forms of its tests, datagrams among them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::swaps::{Alternation, connections};
use super::traffic::{Iperf, iperf, received};
use super::{Guest, Lab};
use crate::test::Outcome;

const LIMIT: Duration = Duration::from_secs(90);

/// The guest sends: the controller at work is the one that is swapped.
pub fn download(lab: &Lab) -> Result<Outcome> {
    lab.boot(|_| ())?.tested(|guest| under_swaps(guest, "-t 30 -R", true))
}

/// The guest receives.
pub fn upload(lab: &Lab) -> Result<Outcome> {
    lab.boot(|_| ())?.tested(|guest| under_swaps(guest, "-t 30", false))
}

/// Runs iperf3 with a swap every second. `sends`: the guest's windows grow, so their hand-over can be checked.
pub fn under_swaps(guest: &Guest, arguments: &str, sends: bool) -> Result<()> {
    under_swaps_at_least(10, guest, arguments, sends)
}

/// The same where a machine is so slow that only `least` swaps are sure to be possible.
pub fn under_swaps_at_least(least: usize, guest: &Guest, arguments: &str, sends: bool) -> Result<()> {
    let mut run = Iperf::start(guest, arguments, LIMIT)?;
    let mut swaps = Alternation::new(guest)?;
    while run.runs_for(Duration::from_secs(1)) {
        swaps.swap()?;
    }
    let report = run.report()?;
    received(&report, 1_000_000)?;
    swaps.check(least, sends)?;
    Ok(())
}

/// Streams in parallel, limits by size, and one test after the other, each under another controller; a second client is told that the server is busy.
pub fn variety(lab: &Lab) -> Result<Outcome> {
    // The network of user mode has one queue pair: what lives on the other processor is handed over.
    lab.boot(|machine| machine.options = vec!["rps=on".into()])?.tested(|guest| {
        for arguments in ["-P 4 -t 3", "-P 4 -t 3 -R", "-n 8M", "-n 8M -R", "-t 2 -l 1K", "-t 2 -O 1 -R", "-t 2 -w 64K"]
        {
            received(&iperf(guest, arguments)?, 10_000)?;
        }
        let report = iperf(guest, "-t 2 -R")?;
        let sum = &report["end"]["sum_sent"];
        ensure!(sum["retransmits"].is_u64(), "the server does not report retransmits: {sum}");
        let used = &report["end"]["sender_tcp_congestion"];
        ensure!(
            used.as_str().is_some_and(|name| !name.is_empty()),
            "the server does not say which controller it used: {used}"
        );
        let mut swaps = Alternation::new(guest)?;
        for _ in 0..12 {
            swaps.swap()?;
            iperf(guest, "-n 64K")?;
            iperf(guest, "-n 64K -R")?;
        }
        swaps.check(12, false)?;
        let mut first = Iperf::start(guest, "-t 8 -R", LIMIT)?;
        // The second client comes when the first one's streams are up, which `connections` shows.
        let control = guest.control()?;
        while first.runs_for(Duration::from_millis(100)) {
            if connections(&control)?.len() >= 2 {
                break;
            }
        }
        let refusal = Iperf::start(guest, "-t 1", LIMIT)?.refusal()?;
        ensure!(refusal.contains("busy"), "a second client was told `{refusal}`");
        first.report()?;
        Ok(())
    })
}

/// Without `-l` the client takes the longest segment of its own control connection, which on the host's loopback is far longer than an MTU.
///
/// Datagrams at a rate that loses none, both ways; as fast as they go, which may lose some; and what is not offered.
pub fn datagrams(lab: &Lab) -> Result<Outcome> {
    lab.boot(|_| ())?.tested(|guest| {
        for arguments in [
            "-u -l 1400 -b 4M -t 3",
            "-u -l 1400 -b 4M -t 3 -R",
            "-u -b 2M -t 3 -P 2 -l 200",
            "-u -b 2M -t 3 -P 2 -l 200 -R",
            "-u -l 1400 -b 4M -t 3 --bidir --udp-counters-64bit",
            "-u -l 1400 -b 4M -t 2 -O 1 -R",
            "-u -l 1400 -b 4M -n 500K",
            "-u -l 1400 -b 4M -n 500K -R",
        ] {
            let (packets, lost) = datagrams_of(&iperf(guest, arguments)?)?;
            crate::ui::note(&format!("iperf3 {arguments}: {packets} datagrams, {lost} lost"));
            ensure!(packets > 300, "iperf3 {arguments}: only {packets} datagrams");
            ensure!(lost == 0, "iperf3 {arguments}: {lost} of {packets} datagrams were lost");
        }
        for arguments in ["-u -l 1400 -b 0 -t 2 -R", "-u -l 1400 -b 0 -t 2"] {
            let (packets, lost) = datagrams_of(&iperf(guest, arguments)?)?;
            crate::ui::note(&format!("iperf3 {arguments}: {packets} datagrams, {lost} lost"));
            ensure!(packets > 1000 && lost < packets, "iperf3 {arguments}: {lost} of {packets} datagrams were lost");
        }
        let refusal = Iperf::start(guest, "-u -b 4M -l 4000 -t 1", LIMIT)?.refusal()?;
        ensure!(refusal.contains("block size"), "datagrams that need fragments were refused with `{refusal}`");
        received(&iperf(guest, "-t 1")?, 10_000)?;
        Ok(())
    })
}

/// Datagrams that the guest sends arrive, and nearly all are written straight into the card's buffers: the others are the first of each second, and what
/// came behind them.
pub fn datagrams_sent(guest: &Guest) -> Result<()> {
    let arguments = "-u -l 1400 -b 8M -t 2 -R";
    let (packets, lost) = datagrams_of(&iperf(guest, arguments)?)?;
    crate::ui::note(&format!("iperf3 {arguments}: {packets} datagrams, {lost} lost"));
    ensure!(packets > 1000 && lost == 0, "iperf3 {arguments}: {lost} of {packets} datagrams were lost");
    let records = guest.control()?.all("status")?;
    let written = records.iter().find_map(|record| record.get("stack.datagrams_written"));
    let written: u64 = written.context("the guest wrote no datagram straight into the card's buffers")?.parse()?;
    ensure!(
        written > packets / 2,
        "only {written} of {packets} datagrams were written straight into the card's buffers"
    );
    Ok(())
}

/// How many datagrams a test had, and how many of them were lost.
fn datagrams_of(report: &Value) -> Result<(u64, u64)> {
    let sum = &report["end"]["sum"];
    let number = |key: &str| sum[key].as_u64().with_context(|| format!("the report has no {key}: {sum}"));
    ensure!(sum["jitter_ms"].as_f64().is_some_and(|jitter| jitter < 1e3), "the report has no jitter: {sum}");
    Ok((number("packets")?, number("lost_packets")?))
}
