//! The controllers under the real TCP engine, with and without swaps.

use alloc::vec::Vec;

use super::hosts::Hosts;
use super::sender::bottleneck;
use super::traffic::{NAMES, jain};
use crate::sim::{self, Loss, Probability};
use crate::tcp::{Config, Info};
use crate::time::Duration;

/// 10 Mbit/s.
const RATE: u64 = 1_250_000;
/// Payload of a full frame of 1500 + 14 octets with timestamps.
const PAYLOAD: f64 = 1_448.0 / 1_514.0;

/// A bottleneck of 10 Mbit/s and 40 ms, with a queue of one bandwidth-delay product, and a way back without limit.
fn hosts(controller: &str, connections: usize) -> Hosts {
    let link = bottleneck(RATE, 40, 100);
    let back = sim::Config { delay: link.delay, ..sim::Config::default() };
    let mut hosts = Hosts::new(controller, &Config::default(), link, back, 1);
    (0..connections).for_each(|_| hosts.connect());
    hosts
}

/// Runs, with a swap to the next controller each second if asked for; returns the share of the bottleneck that was used.
fn run(hosts: &mut Hosts, seconds: u64, swaps: bool) -> f64 {
    let before: u64 = hosts.received().iter().sum();
    for second in 0..seconds {
        hosts.run(Duration::from_secs(1));
        if swaps {
            swap(hosts, NAMES[second as usize % NAMES.len()]);
        }
    }
    let after: u64 = hosts.received().iter().sum();
    (after - before) as f64 / PAYLOAD / (RATE * seconds) as f64
}

/// Swaps, and checks that nothing of the connections changed by it.
pub(super) fn swap(hosts: &Hosts, to: &str) {
    let before = hosts.senders();
    let report = hosts.bench.swap(to);
    assert!(report.is_committed());
    // Both ends of each connection.
    assert_eq!(report.items(), 2 * before.len() as u64);
    assert_eq!(hosts.senders(), before);
}

#[test]
fn the_bottleneck_is_used() {
    for name in NAMES {
        let mut hosts = hosts(name, 1);
        let share = run(&mut hosts, 20, false);
        let sender = hosts.senders()[0];
        assert!(share > 0.9, "{name}: {:.1} %, {sender:?}", share * 100.0);
        // The timer is needed only where the full queue took a retransmission too (RFC 6675 section 5).
        assert!(sender.fast_recoveries > 0 && sender.timeouts * 4 <= sender.fast_recoveries, "{name}: {sender:?}");
    }
}

#[test]
fn two_reno_connections_share_fairly() {
    let mut hosts = hosts("reno", 1);
    run(&mut hosts, 5, false);
    hosts.connect();
    run(&mut hosts, 10, false);
    let before = hosts.received();
    run(&mut hosts, 40, false);
    let shares: Vec<f64> =
        hosts.received().iter().zip(&before).map(|(after, before)| (after - before) as f64).collect();
    assert!(jain(&shares) > 0.9, "{shares:?}");
}

#[test]
fn swaps_cause_no_retransmission() {
    // Small windows: the path is never full.
    let config = Config { initial_buffer: 16 << 10, receive_buffer: 16 << 10, ..Config::default() };
    let link = bottleneck(RATE, 40, 100);
    let mut hosts = Hosts::new("cubic", &config, link, link, 1);
    (0..3).for_each(|_| hosts.connect());
    let share = run(&mut hosts, 12, true);
    assert!(share > 0.8, "{share}");
    for sender in hosts.senders() {
        assert_eq!((sender.retransmitted_segments, sender.timeouts, sender.fast_recoveries), (0, 0, 0));
    }
}

#[test]
fn swaps_every_second_cost_little() {
    let without = run(&mut hosts("cubic", 2), 30, false);
    let mut swapped = hosts("cubic", 2);
    let with = run(&mut swapped, 30, true);
    assert!(with > 0.9 && with > 0.95 * without, "{with:.3} with swaps, {without:.3} without");
    let seldom = |sender: &Info| sender.timeouts * 10 <= sender.fast_recoveries;
    assert!(swapped.senders().iter().all(seldom), "{:?}", swapped.senders());
}

#[test]
fn a_bad_network_and_swaps_lose_no_octet_and_are_the_same_for_a_seed() {
    let run = |seed| {
        let link = sim::Config {
            loss: Loss::Bursts {
                to_bad: Probability::from_millionths(2_000),
                to_good: Probability::from_percent(30),
                in_good: Probability::from_millionths(500),
                in_bad: Probability::from_percent(50),
            },
            reorder: Probability::from_percent(1),
            reorder_by: Duration::from_millis(3),
            duplicate: Probability::from_percent(1),
            jitter: Duration::from_millis(2),
            ..bottleneck(RATE, 40, 50)
        };
        let mut hosts = Hosts::new("reno", &Config::default(), link, link, seed);
        (0..3).for_each(|_| hosts.connect());
        run(&mut hosts, 15, true);
        (hosts.received(), hosts.senders())
    };
    let (received, senders): (Vec<u64>, Vec<Info>) = run(3);
    assert!(received.iter().all(|&octets| octets > 1_000_000), "{received:?}");
    assert!(senders.iter().all(|sender| sender.retransmitted_segments > 10), "{senders:?}");
    assert_eq!(run(3), (received, senders));
    assert_ne!(run(3), run(4));
}

#[test]
fn losses_on_a_long_path_are_repaired_without_a_timeout() {
    // 300 ms hardly ever more nor less: the retransmission timeout is little more than a round trip, recovery takes two.
    let loss = Loss::Independent(Probability::from_millionths(1_000));
    let link = sim::Config { loss, ..bottleneck(125_000_000, 300, 100) };
    let back = sim::Config { delay: link.delay, ..sim::Config::default() };
    let mut hosts = Hosts::new("reno", &Config::default(), link, back, 1);
    hosts.connect();
    run(&mut hosts, 60, false);
    let sender = hosts.senders()[0];
    assert!(sender.fast_recoveries > 2 && sender.timeouts == 0, "{sender:?}");
}
