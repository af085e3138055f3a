use super::{Pace, Pacer};
use crate::congestion::Window;
use crate::time::Instant;

/// 100 segments of 1000 octets per 10 ms.
fn window() -> Window {
    Window { cwnd: 100_000, ssthresh: 50_000, srtt: 10_000, min_rtt: 9_000, ..Window::new(1000) }
}

#[test]
fn the_rate_follows_the_window() {
    let calm = Pace::of(&window(), true).unwrap();
    assert_eq!((calm.rate, calm.quantum), (12_000_000, 12_000), "1.2 windows per round trip, a millisecond at once");
    let slow_start = Window { ssthresh: u32::MAX, ..window() };
    assert_eq!(Pace::of(&slow_start, true).unwrap().rate, 20_000_000);
    assert_eq!(Pace::of(&window(), false), None);
    assert_eq!(Pace::of(&Window { min_rtt: 999, ..window() }, true), None, "too short a path");
}

#[test]
fn a_controller_decides_rate_and_quantum() {
    let asked = Window { pacing_rate: 5_000_000, send_quantum: 40_000, srtt: 100, min_rtt: 90, ..window() };
    assert_eq!(Pace::of(&asked, false), Some(Pace { rate: 5_000_000, quantum: 40_000 }));
    let slow = Window { pacing_rate: 1, ..window() };
    assert_eq!(Pace::of(&slow, false), Some(Pace { rate: 1, quantum: 2000 }), "two segments at least");
}

#[test]
fn the_quantum_of_a_high_rate_is_what_the_wheel_can_time() {
    let fast = Window { pacing_rate: 1_000_000_000, ..window() };
    assert_eq!(Pace::of(&fast, false).unwrap().quantum, 256_000);
    let gigabit = Window { pacing_rate: 125_000_000, ..window() };
    assert_eq!(Pace::of(&gigabit, false).unwrap().quantum, 65_536);
}

#[test]
fn late_timers_cost_no_rate() {
    // Quanta of 10,000 octets at 10,000,000 octets/s, each sent up to 200 µs late.
    let pace = Pace { rate: 10_000_000, quantum: 10_000 };
    let mut pacer = Pacer::default();
    let mut random = crate::sim::Rng::new(1);
    let mut now = Instant::from_secs(1);
    for _ in 0..1000 {
        assert_eq!(pacer.wait(now), None);
        pacer.sent(10_000, &pace, now);
        let next = pacer.wait(now).unwrap();
        now = Instant::from_micros(next.total_micros() + random.below(200) as i64);
    }
    let took = now.total_micros() - 1_000_000;
    assert!((999_000..1_001_000).contains(&took), "{took} µs for a second's worth");
}

#[test]
fn idle_time_is_worth_half_a_quantum() {
    let pace = Pace { rate: 10_000_000, quantum: 10_000 };
    let mut pacer = Pacer::default();
    let now = Instant::from_secs(100);
    pacer.sent(10_000, &pace, now);
    assert_eq!(pacer.wait(now), Some(Instant::from_micros(100_000_501)));
}

#[test]
fn no_number_overflows() {
    let pace = Pace { rate: 1, quantum: u32::MAX };
    let mut pacer = Pacer::default();
    for _ in 0..10 {
        pacer.sent(u32::MAX, &pace, Instant::from_secs(1));
        pacer.wait(Instant::from_secs(1));
    }
}
