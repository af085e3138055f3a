use alloc::vec::Vec;

use super::TimerWheel;
use crate::time::Instant;

fn at(micros: i64) -> Instant {
    Instant::from_micros(micros)
}

fn drain(wheel: &mut TimerWheel, now: i64) -> Vec<u32> {
    core::iter::from_fn(|| wheel.expired(at(now))).collect()
}

#[test]
fn fires_never_early_and_at_most_a_tick_late() {
    for deadline in [1, 127, 128, 129, 8191, 8192, 8193, 524_288, 1_000_000, 40_000_000, 3_600_000_000, 100_000_000_000]
    {
        let mut wheel = TimerWheel::new();
        wheel.ensure(3, at(deadline));
        assert!(drain(&mut wheel, deadline - 1).is_empty(), "{deadline}");
        assert_eq!(drain(&mut wheel, deadline + 127), [3], "{deadline}");
        assert!(wheel.next_deadline().is_none());
    }
}

#[test]
fn agrees_with_a_sorted_list() {
    // A model: deadlines in a plain list, looked through from end to end.
    let mut model: Vec<Option<i64>> = alloc::vec![None; 64];
    let mut wheel = TimerWheel::new();
    let mut random = 12345u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut now = 0i64;
    for _ in 0..20_000 {
        now += [10, 1000, 100_000, 10_000_000][next(4) as usize] * next(10) as i64;
        for index in drain(&mut wheel, now) {
            let deadline = model[index as usize].take().expect("fired without a deadline");
            assert!(deadline <= now);
        }
        for deadline in model.iter().flatten() {
            assert!(deadline + 127 >= now, "{deadline} is overdue at {now}");
            let promised = wheel.next_deadline().expect("something is pending").total_micros();
            assert!(promised <= deadline + 127);
        }
        let index = next(64) as u32;
        if next(3) == 0 {
            wheel.cancel(index);
            model[index as usize] = None;
        } else {
            let deadline = now + 1 + [100, 10_000, 1_000_000, 1_000_000_000][next(4) as usize] * next(60) as i64;
            wheel.ensure(index, at(deadline));
            model[index as usize] = Some(model[index as usize].map_or(deadline, |old| old.min(deadline)));
        }
    }
}

#[test]
fn an_empty_wheel_follows_the_clock() {
    let mut wheel = TimerWheel::new();
    let now = 1_700_000_000_000_000;
    assert!(drain(&mut wheel, now).is_empty());
    wheel.ensure(0, at(now + 5000));
    assert!(drain(&mut wheel, now + 4999).is_empty());
    assert_eq!(drain(&mut wheel, now + 5127), [0]);
}

#[test]
fn what_lies_beyond_the_span_is_looked_at_at_its_end() {
    let mut wheel = TimerWheel::new();
    wheel.ensure(0, at(i64::MAX / 2));
    let first = wheel.next_deadline().unwrap();
    assert!(first < at(200_000_000_000));
    assert_eq!(drain(&mut wheel, 200_000_000_000), [0]);
}
