//! Pacing: what leaves when, and what that is good for.

use alloc::vec::Vec;

use super::script::{Script, config};
use super::world::{World, delay};
use crate::sim;
use crate::tcp::{Config, Info};
use crate::time::Duration;

#[test]
fn a_window_leaves_over_the_round_trip() {
    [1, 40].into_iter().for_each(a_window_leaves_in_quanta);
}

/// The link takes so many segments at once.
fn a_window_leaves_in_quanta(at_once: usize) {
    let mut script = Script::accepted(&Config { pacing: true, ..config() }, Script::plain());
    script.outbox.segments = at_once;
    script.send(60_000);
    // 10 segments per 10 ms, twice as fast in slow start: 2 segments each millisecond.
    let mut sent = Vec::new();
    for _ in 0..6 {
        sent.push(script.sent_data().len());
        script.advance(1);
    }
    assert_eq!(sent, [2, 2, 2, 2, 2, 0], "then cwnd is used up");
    let info = script.engine.info(script.conn()).unwrap();
    assert_eq!((info.pacing_rate, info.flight), (2_000_000, 10_000));
    // ACKs let more leave, at the same rate.
    script.ack(10_000);
    let (mut total, mut most) = (0, 0);
    for _ in 0..20 {
        let now = script.sent_data().len();
        (total, most) = (total + now, most.max(now));
        script.advance(1);
    }
    assert_eq!((total, most), (18, 4), "a quantum of the new rate at a time");
}

#[test]
fn the_timer_wakes_a_paced_connection() {
    let mut script = Script::accepted(&Config { pacing: true, ..config() }, Script::plain());
    script.send(60_000);
    script.sent();
    let next = script.engine.next_deadline().unwrap().total_micros() - script.now.total_micros();
    assert!((1..=640).contains(&next), "{next} µs");
}

#[test]
fn the_first_retransmission_of_a_recovery_is_not_paced() {
    let mut script = Script::accepted(&Config { pacing: true, ..config() }, Script::with_sack());
    script.send(60_000);
    for _ in 0..6 {
        script.sent();
        script.advance(1);
    }
    script.advance(5);
    script.ack(1000);
    assert!(!script.sent_data().is_empty(), "that is paid for");
    script.sack(1000, &[(2000, 5000)]);
    assert_eq!(script.sent_data(), [(1000, 1000)]);
}

#[test]
fn an_ack_is_not_paced() {
    let mut script = Script::accepted(&Config { pacing: true, ..config() }, Script::plain());
    script.send(60_000);
    script.sent();
    script.data(0, 1000);
    script.data(1000, 1000);
    assert_eq!(script.sent().iter().map(|seen| (seen.len, seen.ack)).collect::<Vec<_>>(), [(0, 2000)]);
}

/// A transfer over 100 Mbit/s and 20 ms with a queue of `queue` octets; what the sender knows, and its octets per second.
fn transfer(config: &Config, queue: usize, octets: u64) -> (Info, f64) {
    let link = sim::Config { rate: 12_500_000, queue, ..delay(10) };
    let mut world = World::new([config, config], link, 1);
    world.segments = 40;
    world.sides[0].to_send = octets;
    world.sides[0].keep_open = true;
    world.run_until(Duration::from_secs(600), |world| world.sides[1].received == octets);
    (world.info(0).unwrap(), octets as f64 / (world.now.total_micros() as f64 / 1e6 - 1.0))
}

#[test]
fn a_short_queue_is_enough_for_a_paced_window() {
    let bursty = Config { pacing: false, ..Config::default() };
    // A quarter of the bandwidth-delay product: bursts overflow it long before the path is full.
    let (paced, fast) = transfer(&Config::default(), 62_500, 20_000_000);
    let (unpaced, slow) = transfer(&bursty, 62_500, 20_000_000);
    assert!(fast > 1.1 * slow, "{fast:.0} octets/s paced, {slow:.0} not: {paced:?} {unpaced:?}");
}

#[test]
fn pacing_costs_no_rate_where_there_is_room() {
    let bursty = Config { pacing: false, ..Config::default() };
    let (_, paced) = transfer(&Config::default(), 1_000_000, 20_000_000);
    let (_, unpaced) = transfer(&bursty, 1_000_000, 20_000_000);
    assert!(paced > 0.98 * unpaced, "{paced:.0} octets/s paced, {unpaced:.0} not");
}
