//! Pure reordering: how much is sent again for nothing.

use super::world::{World, delay};
use crate::sim::{self, Probability};
use crate::tcp::{Config, Info};
use crate::time::Duration;

const OCTETS: u64 = 8_000_000;

/// A transfer over a link of 50 Mbit/s and 40 ms on which `percent` of the packets arrive `late` ms late, and none is lost.
fn transfer(config: &Config, percent: u32, late: u64, seed: u64) -> (Info, f64) {
    let link = sim::Config {
        rate: 6_250_000,
        queue: 2_000_000,
        reorder: Probability::from_percent(percent),
        reorder_by: Duration::from_millis(late),
        ..delay(20)
    };
    let mut world = World::new([config, config], link, seed);
    world.sides[0].to_send = OCTETS;
    world.sides[0].keep_open = true;
    world.run_until(Duration::from_secs(600), |world| world.sides[1].received == OCTETS);
    let info = world.info(0).unwrap();
    assert_eq!(info.timeouts, 0, "{info:?}");
    let seconds = world.now.total_micros() as f64 / 1e6 - 1.0;
    (info, OCTETS as f64 / seconds)
}

#[test]
fn few_segments_are_sent_again_for_nothing() {
    let (_, undisturbed) = transfer(&Config::default(), 0, 0, 1);
    for late in [2, 5, 15, 30] {
        for seed in 1..4 {
            let (info, rate) = transfer(&Config::default(), 5, late, seed);
            let spurious = info.retransmitted_segments as f64 / info.segments_out as f64;
            assert!(spurious < 0.005, "{late} ms late: {:.2} % sent again: {info:?}", spurious * 100.0);
            assert!(rate > 0.8 * undisturbed, "{late} ms late: {rate:.0} of {undisturbed:.0} octets/s: {info:?}");
        }
    }
}

#[test]
fn counting_duplicates_would_be_slower() {
    // Without SACK three duplicate ACKs count as loss; without timestamps nothing tells that it was none.
    let time = Config { timestamps: false, ..Config::default() };
    let (by_time, fast) = transfer(&time, 5, 15, 1);
    let (by_count, slow) = transfer(&Config { sack: false, ..time }, 5, 15, 1);

    assert!(fast > 1.5 * slow, "{fast:.0} octets/s by time, {slow:.0} by count: {by_time:?} {by_count:?}");
}
