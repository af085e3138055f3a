use alloc::format;
use alloc::string::ToString;

use proptest::prelude::*;

use super::{Spec, SpecError};
use crate::sim::{Loss, Probability};
use crate::time::Duration;

fn spec(text: &str) -> Spec {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> SpecError {
    text.parse::<Spec>().expect_err(text)
}

#[test]
fn every_key_is_understood() {
    let link = spec(
        "rate=50mbit,delay=20ms,jitter=500us,loss=0.5%,reorder=5%,reorder-by=3ms,gap=4,duplicate=1%,queue=64k,seed=9",
    );
    assert_eq!(link.seed, 9);
    for config in [link.up, link.down] {
        assert_eq!(config.rate, 6_250_000);
        assert_eq!((config.delay, config.jitter), (Duration::from_millis(20), Duration::from_micros(500)));
        assert_eq!(config.loss, Loss::Independent(Probability::from_millionths(5_000)));
        assert_eq!((config.reorder, config.reorder_by), (Probability::from_percent(5), Duration::from_millis(3)));
        assert_eq!(config.reorder_gap, 4);
        assert_eq!(config.duplicate, Probability::from_percent(1));
        assert_eq!((config.queue, config.queue_packets), (65_536, usize::MAX));
    }
}

#[test]
fn an_empty_word_is_a_perfect_link() {
    let link = spec("");
    assert_eq!((link.up.rate, link.up.delay, link.up.loss), (0, Duration::ZERO, Loss::None));
    assert_eq!(link.up.queue_packets, 1000);
}

#[test]
fn a_direction_goes_before_both_wherever_it_stands() {
    for text in ["up.rate=1mbit,rate=10mbit,down.delay=5ms", "rate=10mbit,down.delay=5ms,up.rate=1mbit"] {
        let link = spec(text);
        assert_eq!((link.up.rate, link.down.rate), (125_000, 1_250_000));
        assert_eq!((link.up.delay, link.down.delay), (Duration::ZERO, Duration::from_millis(5)));
    }
}

#[test]
fn bursts_take_two_to_four_parameters() {
    let bursts = |text: &str| spec(text).up.loss;
    let percent = Probability::from_percent;
    let (to_bad, to_good) = (percent(1), percent(25));
    let most = Loss::Bursts { to_bad, to_good, in_good: Probability::NEVER, in_bad: Probability::ALWAYS };
    assert_eq!(bursts("loss=gemodel:1%:25%"), most);
    let all = Loss::Bursts { to_bad, to_good, in_good: percent(2), in_bad: percent(70) };
    assert_eq!(bursts("loss=gemodel:1%:25%:70%:2%"), all);
    for wrong in ["loss=gemodel", "loss=gemodel:1%", "loss=gemodel:1%:2%:3%:4%:5%", "loss=gemodel:1%:x"] {
        assert!(matches!(error(wrong), SpecError::Value { .. }), "{wrong}");
    }
}

#[test]
fn fractions_are_exact() {
    assert_eq!(spec("rate=1.5gbit").up.rate, 187_500_000);
    assert_eq!(spec("rate=8BIT").up.rate, 1);
    assert_eq!(spec("loss=0.0001%").up.loss, Loss::Independent(Probability::from_millionths(1)));
    assert_eq!(spec("queue=1.5k").up.queue, 1536);
    assert_eq!(spec("queue=100p").up.queue_packets, 100);
    assert_eq!(spec("delay=0.25s").up.delay, Duration::from_millis(250));
}

#[test]
fn errors_name_what_is_wrong_and_what_is_possible() {
    for (text, part) in [
        ("rate", "key=value"),
        ("speed=1mbit", "rate, delay, jitter"),
        ("sideways.rate=1mbit", "up. or down."),
        ("up.seed=1", "up.seed"),
        ("rate=1mbit,rate=2mbit", "twice"),
        ("up.rate=5", "up.rate=5 is not possible: up.rate takes bits per second"),
        ("rate=7bit", "bits per second"),
        ("delay=20", "us, ms, s"),
        ("delay=61s", "60s"),
        ("loss=101%", "share"),
        ("loss=0.00001%", "share"),
        ("queue=-1k", "packets"),
        ("queue=65537p", "65536p"),
        ("seed=-1", "2^64"),
        ("gap=0", "1 to 65536"),
        ("gap=5,delay=1ms", "without reorder"),
        ("reorder-by=5ms", "without reorder"),
        ("reorder=5%", "without delay or reorder-by"),
        ("up.delay=1ms,reorder=5%", "without delay or reorder-by"),
    ] {
        let said = error(text).to_string();
        assert!(said.contains(part), "{text}: {said}");
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(text in "\\PC{0,80}") {
        let _ = text.parse::<Spec>();
    }

    #[test]
    fn near_garbage_never_panics(text in "(up\\.|down\\.)?(rate|delay|loss|queue|gap|seed)=[0-9.]{0,25}(mbit|ms|%|k|p|gemodel:)?[0-9%:]{0,9}") {
        let _ = text.parse::<Spec>();
    }

    #[test]
    fn numbers_survive(mbit in 1u64..100_000, micros in 0u64..=60_000_000, millionths in 0u32..=1_000_000, packets in 0usize..=65_536) {
        let percent = format!("{}.{:04}%", millionths / 10_000, millionths % 10_000);
        let link = spec(&format!("rate={mbit}mbit,down.delay={micros}us,loss={percent},queue={packets}p"));
        prop_assert_eq!(link.down.rate, mbit * 125_000);
        prop_assert_eq!(link.down.delay, Duration::from_micros(micros));
        prop_assert_eq!(link.up.loss, Loss::Independent(Probability::from_millionths(millionths)));
        prop_assert_eq!(link.up.queue_packets, packets);
    }
}
