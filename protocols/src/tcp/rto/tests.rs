use super::Rtt;
use crate::tcp::Config;
use crate::time::Duration;

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
    rtt.sample(400_000, &config);
    assert_eq!((rtt.srtt, rtt.rttvar), (400_000, 200_000));
    assert_eq!(rtt.timeout(&config), Duration::from_millis(1200));
    rtt.sample(480_000, &config);
    assert_eq!((rtt.srtt, rtt.rttvar), (410_000, 170_000));
    assert_eq!(rtt.timeout(&config), Duration::from_millis(410 + 680));
    assert_eq!(rtt.min, 400_000);
}

#[test]
fn timeout_has_a_floor_a_ceiling_and_backs_off() {
    let config = config();
    let mut rtt = Rtt::new(&config);
    for _ in 0..100 {
        rtt.sample(100, &config);
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
    rtt.sample(100, &config);
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
        rtt.sample(sample, &config);
        assert!(rtt.timeout(&config) <= Duration::from_secs(60));
    }
}
