//! Bulk transfers over links of many kinds: every octet arrives, in order, and the connection ends in order.

use super::world::{World, delay};
use crate::sim::{self, Loss, Probability};
use crate::tcp::Config;
use crate::time::Duration;

fn transfer(configs: [&Config; 2], link: sim::Config, seed: u64, octets: [u64; 2]) -> World {
    let mut world = World::new(configs, link, seed);
    world.sides[0].to_send = octets[0];
    world.sides[1].to_send = octets[1];
    world.run_to_the_end(Duration::from_secs(3600));
    world
}

fn lossy(percent: u32) -> sim::Config {
    sim::Config { loss: Loss::Independent(Probability::from_percent(percent)), ..delay(5) }
}

#[test]
fn a_clean_link_needs_no_retransmission() {
    let config = Config::default();
    let world = transfer([&config, &config], delay(5), 1, [2_000_000, 1_000_000]);
    for engine in &world.engines {
        assert_eq!(engine.counters().retransmitted, 0);
        assert_eq!(engine.counters().timeouts, 0);
    }
    assert!(world.now < crate::time::Instant::from_secs(3), "{}", world.now);
}

#[test]
fn one_direction_both_ways_round() {
    let config = Config::default();
    transfer([&config, &config], delay(1), 1, [1_000_000, 0]);
    transfer([&config, &config], delay(1), 1, [0, 1_000_000]);
    transfer([&config, &config], delay(1), 1, [0, 0]);
}

#[test]
fn losses_up_to_a_fifth() {
    let config = Config::default();
    for percent in [1, 2, 5, 10, 20] {
        for seed in 0..2 {
            transfer([&config, &config], lossy(percent), seed, [150_000, 100_000]);
        }
    }
}

#[test]
fn losses_without_sack_without_timestamps_without_scaling() {
    let config = Config { sack: false, timestamps: false, window_scaling: false, ..Config::default() };
    for percent in [0, 1, 5, 20] {
        for seed in 0..2 {
            transfer([&config, &Config::default()], lossy(percent), seed, [150_000, 100_000]);
        }
    }
}

#[test]
fn reordering_and_duplication() {
    let config = Config::default();
    let link = sim::Config {
        reorder: Probability::from_percent(10),
        reorder_by: Duration::from_millis(3),
        duplicate: Probability::from_percent(5),
        ..lossy(2)
    };
    for seed in 0..4 {
        transfer([&config, &config], link, seed, [300_000, 200_000]);
    }
}

#[test]
fn bursts_of_loss() {
    let config = Config::default();
    let loss = Loss::Bursts {
        to_bad: Probability::from_millionths(5000),
        to_good: Probability::from_percent(20),
        in_good: Probability::NEVER,
        in_bad: Probability::from_percent(80),
    };
    for seed in 0..4 {
        transfer([&config, &config], sim::Config { loss, ..delay(10) }, seed, [500_000, 100_000]);
    }
}

#[test]
fn a_bottleneck_with_a_short_queue() {
    let config = Config::default();
    let link = sim::Config { rate: 6_250_000, queue: 64_000, ..delay(20) };
    let world = transfer([&config, &config], link, 3, [20_000_000, 0]);
    let counters = world.engines[0].counters();
    assert!(counters.fast_recoveries > 0, "the queue overflows");
    assert_eq!(counters.timeouts, 0, "SACK makes timeouts unnecessary");
    // 20 MB at 6.25 MB/s are 3.2 s; the loss of slow start costs some.
    assert!(world.now < crate::time::Instant::from_secs(1 + 8), "{} {counters:?}", world.now);
}

#[test]
fn tiny_buffers_and_small_mtu() {
    let config =
        Config { initial_buffer: 4096, send_buffer: 4096, receive_buffer: 4096, mtu: 576, ..Config::default() };
    transfer([&config, &config], lossy(5), 7, [100_000, 100_000]);
}

#[test]
fn runs_that_the_link_cuts() {
    let config = Config::default();
    for percent in [0, 3] {
        let mut world = World::new([&config, &config], lossy(percent), 5);
        world.segments = 40;
        world.sides[0].to_send = 2_000_000;
        world.sides[1].to_send = 1_000_000;
        world.run_to_the_end(Duration::from_secs(600));
    }
}

#[test]
fn buffers_grow_when_the_path_is_long() {
    let config = Config { initial_buffer: 16 << 10, ..Config::default() };
    let world = transfer([&config, &config], delay(50), 1, [10_000_000, 0]);
    // With 16 KiB per 100 ms round trip this would take a minute.
    assert!(world.now < crate::time::Instant::from_secs(10), "{}", world.now);
    for engine in &world.engines {
        assert!(engine.buffer_octets() <= 2 * (512 << 10) + (32 << 10));
    }
}

#[test]
fn a_slow_reader_closes_the_window_and_opens_it_again() {
    let config = Config { initial_buffer: 8192, receive_buffer: 8192, ..Config::default() };
    let mut world = World::new([&config, &config], delay(2), 1);
    world.sides[0].to_send = 200_000;
    world.sides[1].reads = Some(0);
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.info(0).unwrap().send_window, 0, "the window is full");
    assert!(world.engines[0].counters().probes >= 3, "{:?}", world.engines[0].counters());
    assert_eq!(world.engines[0].counters().timeouts, 0, "a probe is no timeout");
    world.sides[1].reads = Some(700);
    world.run_until(Duration::from_secs(600), |world| world.sides[1].received > 50_000);
    world.sides[1].reads = None;
    world.run_to_the_end(Duration::from_secs(600));
    // No silly windows: hardly a segment is small.
    let data = world.engines[0].counters().segments_out;
    assert!(data < 600, "{data} segments for 200000 octets");
}
