//! What a swap does to connections: nothing to their windows, nothing abrupt to their growth.

use alloc::vec::Vec;

use super::bench::{Bench, ack};
use crate::congestion::*;

const MSS: u32 = 1_000;
const NAMES: [&str; 3] = ["reno", "cubic", "cubic-nofc"];

/// A connection in some phase, on processor 0 of a bench.
struct Connection {
    window: Window,
    now: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    SlowStart,
    Avoidance,
    Recovery,
    AfterTimeout,
}

const PHASES: [Phase; 4] = [Phase::SlowStart, Phase::Avoidance, Phase::Recovery, Phase::AfterTimeout];

impl Connection {
    fn in_phase(bench: &Bench, flow: Flow, phase: Phase) -> Self {
        Self::with_window(bench, flow, phase, 100)
    }

    fn with_window(bench: &Bench, flow: Flow, phase: Phase, segments: u32) -> Self {
        let mut c = Self { window: Window { srtt: 50_000, ..Window::new(MSS) }, now: 1_000_000 };
        bench.on(0, |controller| {
            controller.open(flow, &mut c.window, &Open { now: c.now, syn_lost: false });
            while c.window.cwnd < segments * MSS {
                c.window_full(controller, flow, AckFlags::NONE);
            }
            let flight = c.window.cwnd;
            match phase {
                Phase::SlowStart => {}
                Phase::Avoidance => {
                    controller.congestion(
                        flow,
                        &mut c.window,
                        &CongestionEvent { now: c.now, flight, cause: Cause::Loss },
                    );
                    c.window_full(controller, flow, AckFlags::FAST_RECOVERY);
                    controller.recovered(flow, &mut c.window, c.now);
                    for _ in 0..10 {
                        c.window_full(controller, flow, AckFlags::NONE);
                    }
                }
                Phase::Recovery => {
                    controller.congestion(
                        flow,
                        &mut c.window,
                        &CongestionEvent { now: c.now, flight, cause: Cause::Loss },
                    );
                }
                Phase::AfterTimeout => {
                    controller.timeout(flow, &mut c.window, &Timeout { now: c.now, flight, repeated: false });
                }
            }
        });
        c
    }

    /// A round trip's worth of ACKs.
    fn window_full(&mut self, controller: &dyn Congestion, flow: Flow, flags: AckFlags) {
        let acks = (self.window.cwnd / (2 * MSS)).max(1);
        for _ in 0..acks {
            let mut ack = ack(self.now, 2 * MSS);
            ack.flags |= flags;
            controller.acknowledged(flow, &mut self.window, &ack);
            self.now += 50_000 / u64::from(acks);
        }
    }
}

fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    NAMES.into_iter().flat_map(|from| NAMES.into_iter().map(move |to| (from, to)))
}

#[test]
fn the_best_common_protocol_is_chosen() {
    for (from, to) in pairs() {
        let bench = Bench::new(from, 1);
        for flow in 0..5 {
            Connection::in_phase(&bench, Flow(flow), Phase::Avoidance);
        }
        let report = bench.swap(to);
        assert!(report.is_committed());
        let wanted = match (from, to) {
            ("reno", "reno") => transfer::RENO_TABLE,
            ("reno", _) | (_, "reno") => transfer::COMMON_WINDOW,
            _ => transfer::CUBIC_TABLE,
        };
        assert_eq!((report.protocol, report.items()), (wanted, 5), "{from} to {to}");
    }
}

#[test]
fn a_swap_does_not_touch_the_window_and_growth_goes_on() {
    for (from, to) in pairs() {
        for phase in PHASES {
            let bench = Bench::new(from, 1);
            let mut c = Connection::in_phase(&bench, Flow(3), phase);
            let before = c.window;
            assert!(bench.swap(to).is_committed());
            assert_eq!(c.window, before);
            let flags = if phase == Phase::Recovery { AckFlags::FAST_RECOVERY } else { AckFlags::NONE };
            bench.on(0, |controller| c.window_full(controller, Flow(3), flags));
            if phase == Phase::Avoidance {
                bench.on(0, |controller| c.window_full(controller, Flow(3), flags));
            }
            let grown = c.window.cwnd - before.cwnd;
            let case = alloc::format!("{from} to {to} in {phase:?}: cwnd {} grew by {grown}", before.cwnd);
            match phase {
                Phase::SlowStart => assert_eq!(grown, before.cwnd / (2 * MSS) * 2 * MSS, "{case}"),
                // Two round trips: a segment or two for Reno; CUBIC near its plateau a few at most.
                Phase::Avoidance => assert!((1..=5 * MSS).contains(&grown), "{case}"),
                Phase::Recovery => assert_eq!(grown, 0, "{case}"),
                Phase::AfterTimeout => assert_eq!(grown, 2 * MSS, "{case}"),
            }
            assert_eq!(c.window.ssthresh, before.ssthresh);
        }
    }
}

/// The round-trip time rises in the third round: HyStart++ (RFC 9406) leaves slow start five conservative rounds later, also if none of the controllers
/// sees a whole round.
#[test]
fn the_first_slow_start_is_the_same_whoever_serves_it() {
    let run = |swaps: bool| {
        let bench = Bench::new("reno", 1);
        let mut window = Window::new(MSS);
        let open = Open { now: 0, syn_lost: false };
        bench.on(0, |controller| controller.open(Flow(0), &mut window, &open));
        let mut windows = Vec::new();
        for round in 0..12 {
            let rtt = if round < 2 { 40_000 } else { 60_000 };
            for segment in 0..window.cwnd / MSS {
                if swaps && segment % 7 == 3 {
                    assert!(bench.swap(NAMES[(segment / 7 + 1) as usize % 3]).is_committed());
                }
                let mut ack = Ack { rtt, ..ack(0, MSS) };
                if segment == 0 {
                    ack.flags |= AckFlags::ROUND_START;
                }
                bench.on(0, |controller| controller.acknowledged(Flow(0), &mut window, &ack));
                if !window.in_slow_start() {
                    windows.push(window.cwnd);
                    return windows;
                }
            }
            windows.push(window.cwnd);
        }
        windows
    };
    let windows = run(false);
    assert_eq!(windows.len(), 8, "{windows:?}");
    assert_eq!(run(true), windows);
}

#[test]
fn swapping_by_reference_changes_nothing_at_all() {
    // The same ACKs with and without swaps between the two implementations that share their state.
    let run = |swaps: bool| {
        let bench = Bench::new("cubic", 1);
        let mut c = Connection::in_phase(&bench, Flow(0), Phase::Avoidance);
        let mut windows = Vec::new();
        for round in 0..40 {
            if swaps {
                assert!(bench.swap(["cubic-nofc", "cubic"][round % 2]).is_committed());
            }
            bench.on(0, |controller| c.window_full(controller, Flow(0), AckFlags::NONE));
            windows.push(c.window);
        }
        windows
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn reno_keeps_its_place_through_cubic_and_back() {
    // Bytes counted towards the next segment survive a swap to CUBIC and back without traffic.
    let run = |swaps: bool| {
        let bench = Bench::new("reno", 1);
        let mut c = Connection::in_phase(&bench, Flow(0), Phase::Avoidance);
        let mut windows = Vec::new();
        for _ in 0..200 {
            if swaps {
                assert!(bench.swap("cubic").is_committed());
                assert!(bench.swap("reno").is_committed());
            }
            bench.on(0, |controller| controller.acknowledged(Flow(0), &mut c.window, &ack(c.now, MSS)));
            windows.push(c.window.cwnd);
        }
        windows
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn cubic_goes_on_to_w_max_after_reno() {
    let bench = Bench::new("cubic", 1);
    // So large that Reno's line stays below the curve.
    let mut c = Connection::with_window(&bench, Flow(0), Phase::Recovery, 1_000);
    let w_max = c.window.prior_cwnd;
    assert!(bench.swap("reno").is_committed());
    bench.on(0, |controller| {
        controller.recovered(Flow(0), &mut c.window, c.now);
        c.window_full(controller, Flow(0), AckFlags::NONE);
    });
    assert!(bench.swap("cubic").is_committed());
    // K seconds after the stage's beginning the window is W_max, whatever it was when CUBIC took over.
    let k = (f64::from(w_max - c.window.cwnd) / f64::from(MSS) / 0.4).cbrt();
    let end = c.now + (k * 1e6) as u64;
    bench.on(0, |controller| {
        while c.now < end {
            c.window_full(controller, Flow(0), AckFlags::NONE);
        }
    });
    assert!(c.window.cwnd.abs_diff(w_max) < 2 * MSS, "{} instead of W_max = {w_max}", c.window.cwnd);
}

#[test]
fn undo_after_a_swap_gives_the_window_back() {
    for (from, to) in pairs() {
        for phase in [Phase::Recovery, Phase::AfterTimeout] {
            let bench = Bench::new(from, 1);
            let mut c = Connection::in_phase(&bench, Flow(0), phase);
            let cwnd = c.window.prior_cwnd;
            assert!(c.window.cwnd < cwnd);
            assert!(bench.swap(to).is_committed());
            bench.on(0, |controller| controller.undo(Flow(0), &mut c.window, &Undo { now: c.now }));
            assert_eq!((c.window.cwnd, c.window.ssthresh), (cwnd, INITIAL_SSTHRESH), "{from} to {to} in {phase:?}");
            // Slow start goes on as before the reduction.
            bench.on(0, |controller| c.window_full(controller, Flow(0), AckFlags::NONE));
            assert_eq!(c.window.cwnd, 2 * cwnd);
        }
    }
}

#[test]
fn connections_of_every_processor_move() {
    for to in NAMES {
        let bench = Bench::new("cubic", 3);
        for processor in 0..3 {
            for flow in 0..=processor {
                let mut window = Window::new(MSS);
                let open = Open { now: 0, syn_lost: false };
                bench.on(processor, |controller| controller.open(Flow(flow as u32), &mut window, &open));
            }
        }
        let report = bench.swap(to);
        let items: Vec<u64> = report.processors.iter().map(|p| p.items).collect();
        assert_eq!(items, [1, 2, 3], "to {to}");
        // Closed connections do not move.
        bench.on(1, |controller| controller.close(Flow(0)));
        assert_eq!(bench.swap("reno").items(), 5);
    }
}

#[test]
fn ten_thousand_connections_move_each_with_its_own_state() {
    let bench = Bench::new("cubic", 1);
    let mut windows: Vec<Window> = (0..10_000).map(|_| Window::new(MSS)).collect();
    bench.on(0, |controller| {
        for (index, window) in windows.iter_mut().enumerate() {
            let flow = Flow(index as u32);
            controller.open(flow, window, &Open { now: 0, syn_lost: false });
            window.cwnd = (100 + index as u32) * MSS;
            let flight = window.cwnd;
            controller.congestion(flow, window, &CongestionEvent { now: 0, flight, cause: Cause::Loss });
        }
    });
    for to in ["cubic-nofc", "reno", "cubic"] {
        assert_eq!(bench.swap(to).items(), 10_000);
    }
    // Without fast convergence or with it, a loss below W_max or above it: what each connection aims at shows its state.
    let k = |window: &Window| (f64::from(window.prior_cwnd - window.cwnd) / f64::from(MSS) / 0.4).cbrt();
    for index in [0, 1, 4_999, 9_999] {
        let window = &mut windows[index];
        let (w_max, end) = (window.prior_cwnd, (k(window) * 1e6) as u64);
        window.srtt = 1_000_000;
        bench.on(0, |controller| {
            let mut now = 0;
            while now < end {
                for _ in 0..window.cwnd / (4 * MSS) {
                    controller.acknowledged(Flow(index as u32), window, &ack(now, 4 * MSS));
                }
                now += 1_000_000;
            }
        });
        assert!(window.cwnd.abs_diff(w_max) < w_max / 50, "{index}: {} instead of {w_max}", window.cwnd);
    }
}

#[test]
fn a_swap_that_is_cancelled_leaves_everything_as_it_was() {
    for to in NAMES {
        for turns in 0..4 {
            let bench = Bench::new("cubic", 1);
            let mut c = Connection::in_phase(&bench, Flow(0), Phase::Avoidance);
            let untouched = Bench::new("cubic", 1);
            let mut twin = Connection::in_phase(&untouched, Flow(0), Phase::Avoidance);
            let swap = bench.order(to);
            (0..turns).for_each(|_| bench.turn());
            swap.cancel();
            let report = loop {
                bench.turn();
                if let Some(report) = swap.poll() {
                    break report;
                }
            };
            if report.is_committed() {
                continue;
            }
            for _ in 0..20 {
                bench.on(0, |controller| c.window_full(controller, Flow(0), AckFlags::NONE));
                untouched.on(0, |controller| twin.window_full(controller, Flow(0), AckFlags::NONE));
                assert_eq!(c.window, twin.window, "to {to}, cancelled after {turns} turns");
            }
        }
    }
}

#[test]
fn what_was_exported_can_be_restored() {
    use swapper::Transfer;
    let cubic = Rep::new(Cubic { fast_convergence: true });
    let mut window = Window::new(MSS);
    cubic.open(Flow(7), &mut window, &Open { now: 0, syn_lost: false });
    for protocol in [transfer::CUBIC_TABLE, transfer::COMMON_WINDOW] {
        let state = cubic.export(protocol).unwrap();
        assert_eq!(state.items(), 1);
        cubic.restore(protocol, state);
        assert_eq!(cubic.export(transfer::COMMON_WINDOW).unwrap().items(), 1, "after {protocol:?}");
    }
    // Protocols and forms that are not its own are refused.
    assert!(cubic.export(transfer::RENO_TABLE).is_err());
    assert!(cubic.import(transfer::RENO_TABLE, &swapper::State::nothing()).is_err());
    assert!(cubic.import(transfer::CUBIC_TABLE, &swapper::State::nothing()).is_err());
    assert!(cubic.import(transfer::COMMON_WINDOW, &swapper::State::nothing()).is_err());
}
