//! The imperfect links that the image is measured on beside a Linux guest (`cargo xtask bench network`), in simulated time: goodput against
//! what is known of each, and how much is sent for nothing.

extern crate std;

use super::world::World;
use crate::sim::{Counters, Duplex, Spec};
use crate::tcp::{Config, Info};
use crate::time::Duration;

const SECONDS: u64 = 10;
/// Octets of payload in a full segment with timestamps.
const SEGMENT: f64 = 1448.0;
/// What the links carry of it, Mbit/s: 70 of 1518 octets on the wire are headers.
const CAPACITY: f64 = 50.0 * SEGMENT / 1518.0;

struct Outcome {
    /// Mbit/s.
    goodput: f64,
    sender: Info,
    link: Counters,
}

impl Outcome {
    /// The part of the segments that was sent again although nothing had dropped it.
    fn in_vain(&self) -> f64 {
        let dropped = self.link.lost + self.link.overflowed;
        self.sender.retransmitted_segments.saturating_sub(dropped) as f64 / self.sender.segments_out as f64
    }
}

/// Side 0 sends for [`SECONDS`] over the link `spec`.
fn transfer(spec: &str, seed: u64) -> Outcome {
    let spec: Spec = spec.parse().unwrap();
    let config = Config::default();
    let mut world = World::new([&config, &config], spec.up, seed);
    world.link = Duplex::new(spec.up, spec.down, seed);
    world.sides.iter_mut().for_each(|side| side.keep_open = true);
    world.sides[0].to_send = u64::MAX / 2;
    world.run_for(Duration::from_secs(SECONDS));
    let goodput = world.sides[1].received as f64 * 8e-6 / SECONDS as f64;
    Outcome { goodput, sender: world.info(0).unwrap(), link: *world.link.forward.counters() }
}

/// What a window reaches that grows by 9/17 of a segment in each round trip of 40 ms and falls to 0.7 with probability `p` for each segment,
/// Mbit/s: CUBIC's Reno-friendly region, which small windows stay in (RFC 9438 section 4.3, AVG_AIMD).
fn response(p: f64) -> f64 {
    let (alpha, beta) = (9.0 / 17.0, 0.7);
    let window = (alpha * (1.0 + beta) / (2.0 * (1.0 - beta) * p)).sqrt();
    window * SEGMENT * 8e-6 / 0.04
}

/// The mean goodput over some seeds, each of which needs no timeout and sends nothing for nothing.
fn mean(spec: &str, seeds: u64) -> f64 {
    let sum: f64 = (0..seeds)
        .map(|seed| {
            let outcome = transfer(spec, seed);
            assert_eq!(outcome.sender.timeouts, 0, "seed {seed}: {:?}", outcome.sender);
            assert!(outcome.in_vain() < 0.001, "seed {seed}: {:.3} % in vain", 100.0 * outcome.in_vain());
            outcome.goodput
        })
        .sum();
    sum / seeds as f64
}

#[test]
fn independent_losses_cost_what_the_response_function_says() {
    let goodput = mean("rate=50mbit,delay=20ms,queue=250k,up.loss=1%", 12);
    assert!(goodput > 1.2 * response(0.01), "{goodput:.2} Mbit/s, the response function says {:.2}", response(0.01));
}

#[test]
fn a_burst_of_losses_counts_as_one() {
    let goodput = mean("rate=50mbit,delay=20ms,queue=250k,up.loss=gemodel:0.25%:25%", 12);
    assert!(goodput > 1.2 * response(0.0025), "{goodput:.2} Mbit/s of {:.2}", response(0.0025));
}

#[test]
fn pure_reordering_costs_nothing() {
    let outcome = transfer("rate=50mbit,delay=20ms,queue=1000p,up.reorder=5%,up.reorder-by=5ms", 13);
    assert_eq!((outcome.link.lost, outcome.link.overflowed), (0, 0));
    assert!(outcome.link.reordered > 1000);
    assert!(outcome.in_vain() < 0.005, "{:.3} % in vain", 100.0 * outcome.in_vain());
    assert!(outcome.goodput > 0.97 * CAPACITY, "{:.2} of {CAPACITY:.2} Mbit/s: {:?}", outcome.goodput, outcome.sender);
}
