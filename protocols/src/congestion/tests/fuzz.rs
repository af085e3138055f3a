//! Random events, with the limits checked after each.

use super::bench::Bench;
use crate::congestion::*;
use crate::sim::Rng;

/// A number with a random number of bits: small ones and absurd ones alike.
fn any(rng: &mut Rng) -> u64 {
    rng.next_u64() >> rng.below(64)
}

fn any_u32(rng: &mut Rng) -> u32 {
    any(rng) as u32
}

/// What an event must leave behind.
fn check(window: &Window, what: &str) {
    let smss = window.smss();
    assert!((smss..=MAX_WINDOW).contains(&window.cwnd), "{what}: cwnd {} with SMSS {smss}", window.cwnd);
    assert!(window.ssthresh >= 2 * smss, "{what}: ssthresh {} with SMSS {smss}", window.ssthresh);
}

fn event(rng: &mut Rng, controller: &dyn Congestion, flow: Flow, window: &mut Window, now: u64) {
    let before = *window;
    let smss = window.smss();
    match rng.below(100) {
        0..70 => {
            let flags = AckFlags(any_u32(rng) & 0x1f);
            let acked = if rng.below(2) == 0 { any_u32(rng) } else { 2 * smss };
            let rtt = any_u32(rng);
            let prior_in_flight = any_u32(rng);
            let ack = Ack { now, acked, delivered: acked, prior_in_flight, rtt, flags, ..Ack::default() };
            controller.acknowledged(flow, window, &ack);
            assert!(
                window.cwnd >= before.cwnd.min(MAX_WINDOW),
                "an ACK reduced the window: {before:?}, {ack:?}, {window:?}"
            );
            assert!(!flags.contains(AckFlags::FAST_RECOVERY) || window.cwnd == before.cwnd, "growth in recovery");
        }
        70..78 => {
            let cause = if rng.below(4) == 0 { Cause::Ecn } else { Cause::Loss };
            let event = CongestionEvent { now, flight: any_u32(rng), cause };
            controller.congestion(flow, window, &event);
            assert!(
                window.cwnd <= before.cwnd.max(2 * smss),
                "a loss raised the window: {before:?}, {event:?}, {window:?}"
            );
            assert!(window.ssthresh <= before.cwnd.max(before.ssthresh), "a loss raised ssthresh");
            assert!(cause == Cause::Ecn || window.cwnd >= 2 * smss, "less than two segments after a loss");
            assert!(cause == Cause::Loss || window.cwnd <= before.cwnd.max(smss), "an echo raised the window");
        }
        78..83 => {
            let repeated = rng.below(2) == 0;
            controller.timeout(flow, window, &Timeout { now, flight: any_u32(rng), repeated });
            assert_eq!(window.cwnd, smss, "a timeout leaves one segment");
            assert!(window.ssthresh <= before.cwnd.max(before.ssthresh), "a timeout raised ssthresh");
            assert!(!repeated || window.ssthresh == before.ssthresh, "ssthresh fell twice for one segment");
        }
        83..88 => {
            controller.undo(flow, window, &Undo { now });
            assert!(window.cwnd >= before.cwnd && window.ssthresh >= before.ssthresh);
            let once = *window;
            controller.undo(flow, window, &Undo { now });
            assert_eq!(*window, once, "a second undo did something");
        }
        88..92 => controller.recovered(flow, window, now),
        92..96 => controller.restart(flow, window, &Restart { now, idle: any(rng), rto: any_u32(rng) }),
        96..98 => {
            controller.close(flow);
            controller.open(flow, window, &Open { now, syn_lost: rng.below(2) == 0 });
        }
        _ => controller.close(flow),
    }
}

fn run(seed: u64, swaps: bool) -> [Window; 3] {
    let names = ["reno", "cubic", "cubic-nofc"];
    let mut rng = Rng::new(seed);
    let bench = Bench::new(names[rng.below(3) as usize], 1);
    let mut windows = [Window::new(1_448); 3];
    let mut now = 0;
    for step in 0..20_000 {
        let index = rng.below(3) as usize;
        let window = &mut windows[index];
        // Mostly milliseconds, at times an eternity, at times backwards.
        now = match rng.below(200) {
            0 => any(&mut rng),
            _ => rng.below(50_000).saturating_add(now),
        };
        // What the engine writes may be anything.
        if rng.below(20) == 0 {
            window.srtt = any_u32(&mut rng);
            window.min_rtt = any_u32(&mut rng);
            window.in_flight = any_u32(&mut rng);
        }
        if rng.below(500) == 0 {
            window.mss = any_u32(&mut rng);
            bench.on(0, |controller| controller.recovered(Flow(index as u32), window, now));
        }
        // A connection that has grown for hours.
        if rng.below(300) == 0 {
            window.cwnd = MAX_WINDOW - rng.below(10_000) as u32;
        }
        bench.on(0, |controller| event(&mut rng, controller, Flow(index as u32), window, now));
        check(window, "after an event");
        if swaps && step % 100 == 0 {
            let before = windows;
            assert!(bench.swap(names[rng.below(3) as usize]).is_committed());
            assert_eq!(windows, before, "a swap touched a window");
        }
    }
    windows
}

#[test]
fn random_events_keep_the_limits() {
    for seed in 0..30 {
        run(seed, false);
    }
}

#[test]
fn random_events_and_swaps_keep_the_limits() {
    for seed in 100..115 {
        assert_eq!(run(seed, true), run(seed, true), "the same seed gave two results");
    }
}
