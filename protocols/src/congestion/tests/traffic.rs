//! What the controllers make of a network, with and without swaps.

use alloc::vec::Vec;

use super::sender::{MSS, Network, bottleneck};
use crate::sim::{Config, Loss, Probability};

pub const NAMES: [&str; 3] = ["reno", "cubic", "cubic-nofc"];
const SECOND: u64 = 1_000_000;
/// Share of the wire that is payload.
const PAYLOAD: f64 = 1_448.0 / 1_500.0;

/// Share of the link's rate that arrived as payload in order since `before`.
fn utilization(network: &Network, before: &[u64], rate: u64, seconds: u64) -> f64 {
    let arrived: u64 = network.received().iter().zip(before).map(|(now, before)| now - before).sum();
    arrived as f64 / PAYLOAD / (rate * seconds) as f64
}

/// Jain's index of fairness.
pub fn jain(shares: &[f64]) -> f64 {
    let sum: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|share| share * share).sum();
    sum * sum / (shares.len() as f64 * squares)
}

#[test]
fn a_bottleneck_with_a_full_queue_is_used() {
    // 10 Mbit/s and 40 ms, 50 Mbit/s and 20 ms.
    for (rate, rtt) in [(1_250_000, 40), (6_250_000, 20)] {
        for name in NAMES {
            let mut network = Network::new(name, 1, bottleneck(rate, rtt, 100), 10_000, 1);
            network.run(10 * SECOND);
            let share = utilization(&network, &[0], rate, 10);
            let sender = &network.senders[0];
            assert!(share > 0.9, "{name} at {rate} B/s: {:.1} %", share * 100.0);
            assert!(sender.recoveries > 0, "{name} at {rate} B/s never filled the queue");
            assert_eq!(sender.timeouts, 0, "{name} at {rate} B/s");
        }
    }
}

#[test]
fn two_connections_share_fairly() {
    for name in NAMES {
        let mut network = Network::new(name, 2, bottleneck(1_250_000, 40, 100), 10_000, 1);
        // The second one comes late.
        let mut late = network.senders.pop().unwrap();
        network.run(5 * SECOND);
        late.window.cwnd = 10 * MSS;
        network.senders.push(late);
        network.run(15 * SECOND);
        let before = network.received();
        network.run(60 * SECOND);
        let after = network.received();
        let shares: Vec<f64> = after.iter().zip(&before).map(|(after, before)| (after - before) as f64).collect();
        assert!(jain(&shares) > 0.9, "{name}: {shares:?}");
    }
}

#[test]
fn reno_obeys_the_square_root_law() {
    // Mathis et al. 1997: rate = MSS / RTT * sqrt(3/2) / sqrt(p), with an ACK for every segment.
    for millionths in [500, 2_000] {
        let loss = Loss::Independent(Probability::from_millionths(millionths));
        let link = Config { loss, ..bottleneck(125_000_000, 100, 100) };
        let mut network = Network::new("reno", 1, link, 10_000, 7);
        network.run(20 * SECOND);
        let before = network.received()[0];
        network.run(200 * SECOND);
        let rate = (network.received()[0] - before) as f64 / 200.0;
        let law = f64::from(MSS) / 0.1 * (1.5 / (f64::from(millionths) / 1e6)).sqrt();
        assert!((0.75..1.25).contains(&(rate / law)), "loss {millionths}/10^6: {rate:.0} B/s, the law says {law:.0}");
    }
}

#[test]
fn cubic_obeys_its_law_and_outruns_reno_on_a_long_path() {
    // 200 ms and one loss in 25 000 segments.
    let run = |name| {
        let loss = Loss::Independent(Probability::from_millionths(40));
        let mut network = Network::new(name, 1, Config { loss, ..bottleneck(125_000_000, 200, 100) }, 100_000, 5);
        network.run(50 * SECOND);
        let before = network.received()[0];
        network.run(150 * SECOND);
        (network.received()[0] - before) as f64 / 150.0
    };
    // RFC 9438 section 5.1, equation 6: 1.054 * RTT^(3/4) / p^(3/4) segments on average, for evenly spaced losses.
    let law = f64::from(MSS) / 0.2 * 1.054 * (0.2_f64 / 40e-6).powf(0.75);
    let (reno, cubic) = (run("reno"), run("cubic-nofc"));
    assert!((0.7..1.3).contains(&(cubic / law)), "{cubic:.0} B/s, the law says {law:.0}");
    assert!(cubic > 2.0 * reno, "CUBIC {cubic:.0} B/s, Reno {reno:.0} B/s");
}

/// Swaps once a second through all controllers for some seconds.
fn run_with_swaps(network: &mut Network, seconds: u64) {
    for second in 0..seconds {
        network.run(SECOND);
        let windows: Vec<_> = network.senders.iter().map(|sender| sender.window).collect();
        let report = network.bench.swap(NAMES[second as usize % 3]);
        assert!(report.is_committed() && report.items() == windows.len() as u64);
        assert!(network.senders.iter().map(|sender| sender.window).eq(windows));
    }
}

#[test]
fn swaps_by_themselves_cause_no_retransmission() {
    // The receiver's window is below the path's capacity: nothing is ever lost.
    let mut network = Network::new("cubic", 4, bottleneck(12_500_000, 20, 100), 40, 1);
    run_with_swaps(&mut network, 20);
    for sender in &network.senders {
        assert_eq!((sender.retransmissions, sender.recoveries, sender.timeouts), (0, 0, 0));
    }
    assert!(utilization(&network, &[0; 4], 12_500_000, 20) > 0.8);
}

#[test]
fn swaps_every_second_cost_little() {
    let rate = 2_500_000;
    let run = |swaps: bool| {
        let mut network = Network::new("cubic", 2, bottleneck(rate, 40, 100), 10_000, 1);
        if swaps {
            run_with_swaps(&mut network, 60);
        } else {
            network.run(60 * SECOND);
        }
        assert!(network.senders.iter().all(|sender| sender.timeouts == 0));
        utilization(&network, &[0, 0], rate, 60)
    };
    let (with, without) = (run(true), run(false));
    assert!(with > 0.9 && with > 0.95 * without, "{with:.3} with swaps, {without:.3} without");
}

#[test]
fn a_bad_network_and_swaps_lose_no_byte_and_are_the_same_for_a_seed() {
    let run = |seed| {
        let link = Config {
            loss: Loss::Bursts {
                to_bad: Probability::from_millionths(2_000),
                to_good: Probability::from_percent(30),
                in_good: Probability::from_millionths(500),
                in_bad: Probability::from_percent(50),
            },
            reorder: Probability::from_percent(1),
            reorder_by: crate::time::Duration::from_millis(3),
            duplicate: Probability::from_percent(1),
            jitter: crate::time::Duration::from_millis(2),
            ..bottleneck(2_500_000, 40, 50)
        };
        let mut network = Network::new("reno", 3, link, 10_000, seed);
        run_with_swaps(&mut network, 30);
        let windows: Vec<_> = network.senders.iter().map(|sender| sender.window).collect();
        (network.received(), windows, *network.counters())
    };
    let (received, _, counters) = run(3);
    assert!(counters.lost > 100 && counters.reordered > 100 && counters.duplicated > 100, "{counters:?}");
    assert!(received.iter().all(|&bytes| bytes > 5_000_000), "{received:?}");
    assert_eq!(run(3), run(3));
    assert_ne!(run(3).0, run(4).0);
}
