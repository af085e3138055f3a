use super::{Rate, Snapshot};
use crate::time::Instant;

fn at(micros: i64) -> Instant {
    Instant::from_micros(micros)
}

#[test]
fn a_steady_flow_has_its_rate() {
    // 1000 octets each millisecond, each acknowledged 10 ms later: a million octets per second.
    let mut rate = Rate::new(at(0));
    let mut flying = alloc::collections::VecDeque::new();
    let mut delivered = 0;
    for tick in 0..100 {
        let now = at(tick * 1000);
        if tick >= 10 {
            let (left, before): (Instant, Snapshot) = flying.pop_front().unwrap();
            delivered += 1000;
            let sample = rate.sample(now, left, &before, delivered, 0, 10_000);
            if tick >= 20 {
                assert_eq!((sample.delivery_rate, sample.interval, sample.delivered), (1_000_000, 10_000, 10_000));
                assert_eq!((sample.tx_in_flight, sample.app_limited), (10_000, false));
            }
        }
        let in_flight = flying.len() as u32 * 1000;
        flying.push_back((now, rate.sending(now, 1000, in_flight, delivered, 0)));
    }
    assert_eq!(rate.latest, 1_000_000);
}

#[test]
fn acks_in_a_bunch_do_not_raise_it() {
    let mut rate = Rate::new(at(0));
    // Ten segments leave over 9 ms, and all their ACKs come at once.
    let flying = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|tick| {
        let now = at(i64::from(tick) * 1000);
        rate.sending(now, 1000, tick * 1000, 0, 0)
    });
    let sample = rate.sample(at(10_000), at(9000), &flying[9], 10_000, 0, 1000);
    assert_eq!(sample.delivery_rate, 1_000_000, "10 ms, not the 1 ms since the last one left");
}

#[test]
fn idle_time_is_not_part_of_an_interval() {
    let mut rate = Rate::new(at(0));
    let first = rate.sending(at(0), 1000, 0, 0, 0);
    rate.sample(at(10_000), at(0), &first, 1000, 0, 10_000);
    let later = at(5_000_000);
    let second = rate.sending(later, 1000, 0, 1000, 0);
    assert_eq!(rate.sample(at(5_010_000), later, &second, 2000, 0, 10_000).interval, 10_000);
}

#[test]
fn an_interval_below_the_round_trip_time_is_no_sample() {
    let mut rate = Rate::new(at(0));
    let first = rate.sending(at(0), 1000, 0, 0, 0);
    assert_eq!(rate.sample(at(500), at(0), &first, 1000, 0, 10_000).delivery_rate, 0);
    assert_eq!(rate.latest, 0);
}

#[test]
fn what_the_service_limits_is_only_a_lower_bound() {
    let mut rate = Rate::new(at(0));
    let first = rate.sending(at(0), 1000, 0, 0, 0);
    rate.limited_by_service(0, 1000);
    let second = rate.sending(at(1), 1000, 1000, 0, 0);
    assert!(!rate.sample(at(10_000), at(0), &first, 1000, 0, 10_000).app_limited);
    assert!(rate.is_limited(), "the second is still under way");
    assert!(rate.sample(at(40_000), at(1), &second, 2000, 0, 10_000).app_limited);
    assert!(!rate.is_limited(), "everything sent then has arrived");
    assert_eq!(rate.latest, 100_000, "the lower one does not replace it");
}

#[test]
fn losses_of_the_interval_are_in_the_sample() {
    let mut rate = Rate::new(at(0));
    let first = rate.sending(at(0), 1000, 0, 0, u32::MAX - 500);
    assert_eq!(rate.sample(at(10_000), at(0), &first, 1000, 499, 10_000).lost, 1000);
}
