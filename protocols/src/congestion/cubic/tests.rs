//! CUBIC beside the formulas of RFC 9438 in floating point.

extern crate std;

use super::curve::{cubic_root, k, w_cubic};
use super::*;
use crate::congestion::{AckFlags, Cause, INITIAL_SSTHRESH, MAX_WINDOW};
use crate::sim::Rng;

const MSS: u32 = 1_448;
const C: f64 = 0.4;
const BETA: f64 = 0.7;

fn oracle_k(distance: u32, mss: u32) -> f64 {
    (f64::from(distance) / f64::from(mss) / C).cbrt()
}

fn oracle_w_cubic(t: f64, k: f64, w_max: u32, mss: u32) -> f64 {
    C * f64::from(mss) * (t - k).powi(3) + f64::from(w_max)
}

#[test]
fn cubic_root_is_exact() {
    let mut rng = Rng::new(1);
    for _ in 0..10_000 {
        let root = rng.below(1 << 32) as u128 >> rng.below(32);
        let cube = root * root * root;
        assert_eq!(u128::from(cubic_root(cube)), root);
        assert_eq!(u128::from(cubic_root(cube + 3 * root * root)), root);
        if cube > 0 {
            assert_eq!(u128::from(cubic_root(cube - 1)), root - 1);
        }
    }
}

#[test]
fn k_is_the_formula() {
    let mut rng = Rng::new(2);
    for _ in 0..10_000 {
        let mss = 1 + rng.below(65_535) as u32;
        let distance = (rng.below(u64::from(MAX_WINDOW) + 1) >> rng.below(31)) as u32;
        let seconds = k(distance, mss) as f64 / f64::from(1 << 20);
        let wanted = oracle_k(distance, mss);
        assert!((seconds - wanted).abs() < 2e-6, "K of {distance} bytes, mss {mss}: {seconds} s instead of {wanted} s");
    }
}

#[test]
fn the_curve_is_the_formula() {
    let mut rng = Rng::new(3);
    for _ in 0..20_000 {
        let mss = 500 + rng.below(9_000) as u32;
        let w_max = 2 * mss + (rng.below(u64::from(MAX_WINDOW)) >> rng.below(20)) as u32;
        let cwnd = (f64::from(w_max) * (0.3 + 0.7 * rng.below(1_000) as f64 / 1_000.0)) as u32;
        let ticks = k(w_max - cwnd, mss);
        let seconds = oracle_k(w_max - cwnd, mss);
        let micros = rng.below((seconds * 2e6) as u64 + 1_000_000);
        let bytes = w_cubic(micros, ticks, w_max, mss);
        let wanted = oracle_w_cubic(micros as f64 / 1e6, seconds, w_max, mss).min(f64::from(u32::MAX));
        let off = (f64::from(bytes) - wanted).abs();
        assert!(off < wanted * 0.005 || off < f64::from(mss), "W_cubic({micros} µs): {bytes} instead of {wanted}");
    }
}

#[test]
fn the_curve_takes_any_input() {
    let edges = [0, 1, 2, 1_000, 65_535, 1 << 20, (1 << 30) - 1, 1 << 30, u32::MAX];
    for distance in edges {
        for mss in [1, 536, 65_535] {
            let ticks = k(distance, mss);
            for elapsed in [0, 1, 1_000_000, u64::from(u32::MAX), 1 << 40, u64::MAX] {
                for w_max in edges {
                    w_cubic(elapsed, ticks, w_max, mss);
                }
            }
        }
    }
}

/// RFC 9438 in floating point, in segments and seconds, one object for one connection in congestion avoidance.
struct Oracle {
    cwnd: f64,
    w_max: f64,
    w_est: f64,
    cwnd_prior: f64,
    k: f64,
    begun: f64,
}

impl Oracle {
    fn reduced(cwnd: f64, w_max: f64, flight: f64, now: f64) -> Self {
        let next = (flight * BETA).max(2.0);
        Self { cwnd: next, w_max, w_est: next, cwnd_prior: cwnd, k: ((w_max - next) / C).cbrt(), begun: now }
    }

    fn acknowledged(&mut self, now: f64, rtt: f64, acked: f64) {
        let t = now - self.begun;
        let alpha = if self.w_est < self.cwnd_prior { 3.0 * (1.0 - BETA) / (1.0 + BETA) } else { 1.0 };
        self.w_est += alpha * acked / self.cwnd;
        let at = |t: f64| C * (t - self.k).powi(3) + self.w_max;
        if at(t) < self.w_est {
            self.cwnd = self.cwnd.max(self.w_est);
        } else {
            let target = at(t + rtt).clamp(self.cwnd, 1.5 * self.cwnd);
            self.cwnd += (target - self.cwnd) / self.cwnd * acked;
        }
    }
}

fn ack(now: u64, acked: u32) -> Ack {
    Ack { now, acked, delivered: acked, flags: AckFlags::CWND_LIMITED, ..Ack::default() }
}

/// Feeds both with the same ACKs for some seconds after a loss at `cwnd_segments`; returns the largest deviation that exceeds
/// a segment, and the window at the end.
fn follow(cwnd_segments: u32, rtt: u64, seconds: u64) -> (f64, u32) {
    let cubic = Cubic { fast_convergence: true };
    let mut window =
        Window { cwnd: cwnd_segments * MSS, ssthresh: cwnd_segments * MSS, srtt: rtt as u32, ..Window::new(MSS) };
    let mut state = State::default();
    let mut now = 5_000_000;
    let flight = window.cwnd;
    cubic.congestion(&mut state, &mut window, &CongestionEvent { now, flight, cause: Cause::Loss });
    let segments = f64::from(cwnd_segments);
    now += rtt;
    // The stage begins with the first ACK after recovery.
    let mut oracle = Oracle::reduced(segments, segments, segments, now as f64 / 1e6);
    assert_eq!(f64::from(window.cwnd), (oracle.cwnd * f64::from(MSS)).floor());

    let mut worst: f64 = 0.0;
    let end = now + seconds * 1_000_000;
    while now < end {
        // A round trip: an ACK for every fourth segment, evenly spaced.
        let acks = (window.cwnd / (4 * MSS)).max(1);
        for _ in 0..acks {
            cubic.acknowledged(&mut state, &mut window, &ack(now, 4 * MSS));
            oracle.acknowledged(now as f64 / 1e6, rtt as f64 / 1e6, 4.0);
            let wanted = oracle.cwnd * f64::from(MSS);
            let off = (f64::from(window.cwnd) - wanted).abs();
            if off > f64::from(MSS) {
                worst = worst.max(off / wanted);
            }
            now += (rtt / u64::from(acks)).max(1);
        }
    }
    (worst, window.cwnd / MSS)
}

#[test]
fn growth_follows_the_formula_within_half_a_percent() {
    // Concave, plateau and convex parts of the curve, and the Reno-friendly region of the small ones.
    for (segments, rtt, seconds) in
        [(10, 10_000, 5), (100, 100_000, 20), (1_000, 50_000, 20), (5_000, 20_000, 20), (20_000, 200_000, 35)]
    {
        let (worst, end) = follow(segments, rtt, seconds);
        assert!(worst < 0.005, "cwnd {segments} segments, RTT {rtt} µs: off by {:.3} %", worst * 100.0);
        assert!(end > segments, "cwnd {segments} segments, RTT {rtt} µs: only {end} after {seconds} s");
    }
}

#[test]
fn short_round_trips_grow_as_reno_does() {
    // RFC 9438 section 4.3: with 10 segments and 10 ms the cubic curve is far below Reno's line.
    let (_, end) = follow(10, 10_000, 5);
    let rounds = 500;
    assert!((rounds * 9 / 10..=rounds + 20).contains(&end), "{end} segments after {rounds} round trips");
}

fn lose(cubic: Cubic, state: &mut State, window: &mut Window) {
    let flight = window.cwnd;
    cubic.congestion(state, window, &CongestionEvent { now: 1, flight, cause: Cause::Loss });
}

#[test]
fn fast_convergence_gives_up_more_below_the_last_maximum() {
    for (fast_convergence, wanted) in [(true, 59_500), (false, 70_000)] {
        let cubic = Cubic { fast_convergence };
        let mut window = Window { cwnd: 100_000, ..Window::new(1_000) };
        let mut state = State::default();
        lose(cubic, &mut state, &mut window);
        assert_eq!((window.cwnd, window.ssthresh, state.history.w_max), (70_000, 70_000, 100_000));
        lose(cubic, &mut state, &mut window);
        assert_eq!((window.cwnd, state.history.w_max, state.history.cwnd_prior), (49_000, wanted, 70_000));
    }
}

#[test]
fn a_mark_costs_less_than_a_loss_but_for_slow_start() {
    for (ssthresh, left) in [(50_000, 85_000), (INITIAL_SSTHRESH, 70_000)] {
        let mut window = Window { cwnd: 100_000, ssthresh, ..Window::new(1_000) };
        let event = CongestionEvent { now: 1, flight: 100_000, cause: Cause::Ecn };
        Cubic { fast_convergence: true }.congestion(&mut State::default(), &mut window, &event);
        assert_eq!((window.cwnd, window.ssthresh), (left, left));
    }
}

#[test]
fn a_timeout_begins_the_next_stage_on_the_plateau() {
    let cubic = Cubic { fast_convergence: true };
    let mut window = Window { cwnd: 100_000, ssthresh: 50_000, srtt: 50_000, ..Window::new(1_000) };
    let mut state = State::default();
    cubic.timeout(&mut state, &mut window, &Timeout { now: 0, flight: 100_000, repeated: false });
    assert_eq!((window.cwnd, window.ssthresh), (1_000, 70_000));
    cubic.timeout(&mut state, &mut window, &Timeout { now: 1, flight: 1_000, repeated: true });
    assert_eq!((window.cwnd, window.ssthresh, window.prior_cwnd), (1_000, 70_000, 100_000));
    while window.in_slow_start() {
        cubic.acknowledged(&mut state, &mut window, &ack(10, 2_000));
    }
    assert_eq!(window.cwnd, 70_000);
    cubic.acknowledged(&mut state, &mut window, &ack(10, 2_000));
    assert_eq!((state.epoch.k, state.epoch.w_max), (0, 70_000));
    assert!(window.cwnd < 71_000);
}

#[test]
fn undo_gives_the_curve_back() {
    let cubic = Cubic { fast_convergence: true };
    let mut window = Window { cwnd: 100_000, ssthresh: 100_000, srtt: 50_000, ..Window::new(1_000) };
    let mut state = State::default();
    lose(cubic, &mut state, &mut window);
    for i in 0..200 {
        cubic.acknowledged(&mut state, &mut window, &ack(100_000 + i * 10_000, 2_000));
    }
    let (before, window_before) = (state, window);
    lose(cubic, &mut state, &mut window);
    assert!(window.cwnd < window_before.cwnd);
    cubic.undo(&mut state, &mut window);
    assert_eq!((window.cwnd, window.ssthresh), (window_before.cwnd, window_before.ssthresh));
    assert_eq!(state.history.w_max, before.history.w_max);
    assert_eq!(state.epoch, Epoch { paused: true, ..before.epoch });
    // Nothing is left to undo.
    let again = (state, window);
    cubic.undo(&mut state, &mut window);
    assert_eq!((state, window), again);
    // Ten seconds in recovery are not time on the curve.
    cubic.acknowledged(&mut state, &mut window, &ack(12_000_000, 2_000));
    assert!(window.cwnd - window_before.cwnd < 2_000);
}

#[test]
fn time_without_need_of_the_window_does_not_count() {
    let cubic = Cubic { fast_convergence: true };
    let mut window = Window { cwnd: 100_000, ssthresh: 100_000, srtt: 50_000, ..Window::new(1_000) };
    let mut state = State::default();
    lose(cubic, &mut state, &mut window);
    cubic.acknowledged(&mut state, &mut window, &ack(0, 2_000));
    let cwnd = window.cwnd;
    // A minute in which the application sends a little.
    for second in 1..60 {
        let little = Ack { flags: AckFlags::NONE, prior_in_flight: 2_000, ..ack(second * 1_000_000, 2_000) };
        cubic.acknowledged(&mut state, &mut window, &little);
    }
    assert_eq!(window.cwnd, cwnd);
    cubic.restart(&mut state, &mut window, &Restart { now: 60_000_000, idle: 100_000, rto: 200_000 });
    cubic.acknowledged(&mut state, &mut window, &ack(60_050_000, 2_000));
    cubic.acknowledged(&mut state, &mut window, &ack(60_100_000, 2_000));
    assert!(state.epoch.elapsed <= 100_000, "{} µs counted", state.epoch.elapsed);
    assert!(window.cwnd - cwnd < 2_000, "grew by {}", window.cwnd - cwnd);
}

/// Acknowledges a round trip's worth of segments one by one with this RTT.
fn round(window: &mut Window, state: &mut State, rtt: u32) {
    let cubic = Cubic { fast_convergence: true };
    for i in 0..window.cwnd / MSS {
        let mut ack = Ack { rtt, ..ack(0, MSS) };
        if i == 0 {
            ack.flags |= AckFlags::ROUND_START;
        }
        cubic.acknowledged(state, window, &ack);
    }
}

#[test]
fn slow_start_ends_five_rounds_after_the_round_trip_time_rose() {
    let (mut window, mut state) = (Window::new(MSS), State::default());
    round(&mut window, &mut state, 40_000);
    round(&mut window, &mut state, 44_999);
    assert_eq!(window.cwnd, 40 * MSS, "a rise below an eighth does not count");
    // It counts from the eighth sample on; the four rounds after this one grow by a quarter.
    round(&mut window, &mut state, 50_624);
    assert!((54..56).contains(&(window.cwnd / MSS)), "{}", window.cwnd / MSS);
    for _ in 0..4 {
        let before = window.cwnd;
        round(&mut window, &mut state, 60_000);
        assert!((before * 6 / 5..=before * 5 / 4).contains(&window.cwnd));
    }
    assert!(window.in_slow_start());
    let before = window.cwnd;
    round(&mut window, &mut state, 60_000);
    assert_eq!(window.ssthresh, before);
    assert!(window.cwnd - before <= MSS, "congestion avoidance");
}

#[test]
fn the_rise_that_counts_lies_between_4_and_16_ms() {
    for (before, after, counts) in
        [(8_000, 11_999, false), (8_000, 12_000, true), (400_000, 415_999, false), (400_000, 416_000, true)]
    {
        let (mut window, mut state) = (Window::new(MSS), State::default());
        round(&mut window, &mut state, before);
        round(&mut window, &mut state, after);
        assert_eq!(window.cwnd < 40 * MSS, counts, "from {before} to {after} µs");
    }
}

#[test]
fn slow_start_resumes_if_the_round_trip_time_falls_again() {
    let (mut window, mut state) = (Window::new(MSS), State::default());
    for rtt in [40_000, 50_000, 45_000] {
        round(&mut window, &mut state, rtt);
    }
    let before = window.cwnd;
    round(&mut window, &mut state, 45_000);
    assert_eq!(window.cwnd, 2 * before);
    assert_eq!(window.ssthresh, INITIAL_SSTHRESH);
    // The next rise has five rounds of its own.
    for _ in 0..5 {
        round(&mut window, &mut state, 60_000);
    }
    assert_eq!(window.ssthresh, INITIAL_SSTHRESH);
    round(&mut window, &mut state, 60_000);
    assert!(window.ssthresh < INITIAL_SSTHRESH);
}

#[test]
fn few_samples_and_later_slow_starts_are_not_judged() {
    let (mut window, mut state) = (Window { cwnd: 7 * MSS, ..Window::new(MSS) }, State::default());
    round(&mut window, &mut state, 10_000);
    window.cwnd = 7 * MSS;
    round(&mut window, &mut state, 100_000);
    assert_eq!(window.cwnd, 14 * MSS);
    let (mut window, mut state) = (Window { ssthresh: 1_000 * MSS, ..Window::new(MSS) }, State::default());
    for rtt in [10_000, 20_000, 40_000, 80_000] {
        round(&mut window, &mut state, rtt);
    }
    assert_eq!(window.cwnd, 160 * MSS);
}

#[test]
fn one_ack_for_many_segments_counts_for_eight() {
    let (mut window, mut state) = (Window::new(MSS), State::default());
    Cubic { fast_convergence: true }.acknowledged(&mut state, &mut window, &ack(0, 10 * MSS));
    assert_eq!(window.cwnd, 18 * MSS);
}
