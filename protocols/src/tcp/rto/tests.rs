use super::Rtt;
use crate::tcp::Config;
use crate::time::{Duration, Instant};

fn config() -> Config {
    Config {
        min_rto: Duration::from_millis(200),
        max_rto: Duration::from_secs(60),
        initial_rto: Duration::from_secs(1),
        ..Config::default()
    }
}

#[test]
fn first_and_later_samples_follow_the_equations() {
    let config = config();
    let mut rtt = Rtt::new(&config);
    assert_eq!(rtt.timeout(&config), Duration::from_secs(1));
    rtt.sample(400_000, Instant::ZERO, &config);
    assert_eq!((rtt.srtt, rtt.rttvar), (400_000, 200_000));
    assert_eq!(rtt.timeout(&config), Duration::from_millis(1200));
    rtt.sample(480_000, Instant::ZERO, &config);
    assert_eq!((rtt.srtt, rtt.rttvar), (410_000, 170_000));
    assert_eq!(rtt.timeout(&config), Duration::from_millis(410 + 680));
    assert_eq!(rtt.min, 400_000);
}

#[test]
fn timeout_has_a_floor_a_ceiling_and_backs_off() {
    let config = config();
    let mut rtt = Rtt::new(&config);
    for _ in 0..100 {
        rtt.sample(100, Instant::ZERO, &config);
    }
    assert_eq!(rtt.timeout(&config), Duration::from_millis(200));
    rtt.back_off();
    assert_eq!(rtt.timeout(&config), Duration::from_millis(400));
    rtt.back_off();
    assert_eq!(rtt.timeout(&config), Duration::from_millis(800));
    for _ in 0..300 {
        rtt.back_off();
    }
    assert_eq!(rtt.timeout(&config), Duration::from_secs(60));
    rtt.sample(100, Instant::ZERO, &config);
    assert_eq!(rtt.timeout(&config), Duration::from_millis(200));
}

#[test]
fn a_lost_syn_makes_the_first_timeout_three_seconds() {
    let config = config();
    let mut rtt = Rtt::new(&config);
    rtt.back_off();
    rtt.syn_was_lost();
    assert_eq!(rtt.timeout(&config), Duration::from_secs(3));
}

#[test]
fn absurd_samples_do_no_harm() {
    let config = config();
    let mut rtt = Rtt::new(&config);
    for sample in [0, u32::MAX, 0, u32::MAX, 1] {
        rtt.sample(sample, Instant::ZERO, &config);
        assert!(rtt.timeout(&config) <= Duration::from_secs(60));
    }
}

#[test]
fn a_path_that_became_longer_does_not_look_short_for_ever() {
    let config = config();
    let mut rtt = Rtt::new(&config);
    let mut at = |second, micros| {
        rtt.sample(micros, Instant::from_secs(second), &config);
        rtt.min
    };
    assert_eq!([at(10, 10_000), at(20, 12_000), at(100, 80_000)], [10_000; 3]);
    assert_eq!(
        [at(159, 90_000), at(160, 90_000), at(309, 85_000)],
        [10_000, 10_000, 10_000],
        "the period before counts"
    );
    assert_eq!([at(310, 95_000), at(320, 70_000)], [85_000, 70_000]);
    assert_eq!([at(2000, 99_000), at(2010, 98_000)], [70_000, 70_000]);
    assert_eq!(at(2150, 97_000), 97_000);
}
