use super::bench::ack;
use crate::congestion::*;

const MSS: u32 = 1_000;

fn open() -> (Rep<Reno>, Window) {
    let rep = Rep::new(Reno);
    let mut window = Window::new(MSS);
    rep.open(Flow(0), &mut window, &Open { now: 0, syn_lost: false });
    (rep, window)
}

#[test]
fn an_echo_never_raises_a_window_of_one_segment() {
    let (rep, mut window) = open();
    window.cwnd = MSS;
    rep.congestion(Flow(0), &mut window, &CongestionEvent { now: 0, flight: MSS, cause: Cause::Ecn });
    assert_eq!((window.cwnd, window.ssthresh), (MSS, 2 * MSS));
}

#[test]
fn a_lost_syn_begins_with_one_segment() {
    let (rep, mut window) = open();
    assert_eq!((window.cwnd, window.ssthresh), (10 * MSS, INITIAL_SSTHRESH));
    rep.open(Flow(0), &mut window, &Open { now: 0, syn_lost: true });
    assert_eq!(window.cwnd, MSS);
}

#[test]
fn slow_start_doubles_in_a_round_trip_with_delayed_acks() {
    let (rep, mut window) = open();
    for _ in 0..5 {
        rep.acknowledged(Flow(0), &mut window, &ack(0, 2 * MSS));
    }
    assert_eq!(window.cwnd, 20 * MSS);
    // RFC 9406: not more than eight segments for one ACK; RFC 3465: one after a timeout.
    rep.acknowledged(Flow(0), &mut window, &ack(0, 9 * MSS));
    assert_eq!(window.cwnd, 28 * MSS);
    let mut after_timeout = ack(0, 9 * MSS);
    after_timeout.flags |= AckFlags::TIMEOUT_RECOVERY;
    rep.acknowledged(Flow(0), &mut window, &after_timeout);
    assert_eq!(window.cwnd, 29 * MSS);
}

#[test]
fn slow_start_ends_when_the_round_trip_time_has_risen() {
    let (rep, mut window) = open();
    let mut round = |rtt: u32| {
        for segment in 0..window.cwnd / MSS {
            let mut ack = Ack { rtt, ..ack(0, MSS) };
            if segment == 0 {
                ack.flags |= AckFlags::ROUND_START;
            }
            rep.acknowledged(Flow(0), &mut window, &ack);
        }
        (window.cwnd, window.in_slow_start())
    };
    assert_eq!(round(40_000), (20 * MSS, true));
    assert!(round(60_000).0 < 40 * MSS, "conservative slow start from the eighth sample on");
    for _ in 0..4 {
        assert!(round(60_000).1);
    }
    assert!(!round(60_000).1, "five rounds later: congestion avoidance");
}

#[test]
fn congestion_avoidance_adds_a_segment_in_a_round_trip() {
    let (rep, mut window) = open();
    window.ssthresh = window.cwnd;
    for _ in 0..4 {
        rep.acknowledged(Flow(0), &mut window, &ack(0, 2 * MSS));
        assert_eq!(window.cwnd, 10 * MSS);
    }
    rep.acknowledged(Flow(0), &mut window, &ack(0, 2 * MSS));
    assert_eq!(window.cwnd, 11 * MSS);
}

#[test]
fn a_loss_halves_what_is_in_flight() {
    let (rep, mut window) = open();
    window.cwnd = 40 * MSS;
    rep.congestion(Flow(0), &mut window, &CongestionEvent { now: 0, flight: 30 * MSS, cause: Cause::Loss });
    assert_eq!((window.cwnd, window.ssthresh), (15 * MSS, 15 * MSS));
    // Nothing grows in recovery.
    let mut in_recovery = ack(0, 2 * MSS);
    in_recovery.flags |= AckFlags::FAST_RECOVERY;
    rep.acknowledged(Flow(0), &mut window, &in_recovery);
    assert_eq!(window.cwnd, 15 * MSS);
    rep.recovered(Flow(0), &mut window, 0);
    assert_eq!((window.cwnd, window.ssthresh), (15 * MSS, 15 * MSS));
    // A part of a segment that cwnd has room for cannot be used.
    (window.cwnd, window.ssthresh) = (20 * MSS + 600, 15 * MSS);
    rep.congestion(Flow(0), &mut window, &CongestionEvent { now: 0, flight: 20 * MSS, cause: Cause::Loss });
    assert_eq!(window.cwnd, 10 * MSS + 300);
    // Not below two segments.
    rep.congestion(Flow(0), &mut window, &CongestionEvent { now: 0, flight: MSS, cause: Cause::Loss });
    assert_eq!((window.cwnd, window.ssthresh), (2 * MSS, 2 * MSS));
}

#[test]
fn a_mark_costs_less_than_a_loss_but_for_slow_start() {
    for (ssthresh, left) in [(20 * MSS, 32 * MSS), (INITIAL_SSTHRESH, 20 * MSS)] {
        let (rep, mut window) = open();
        (window.cwnd, window.ssthresh) = (40 * MSS, ssthresh);
        rep.congestion(Flow(0), &mut window, &CongestionEvent { now: 0, flight: 40 * MSS, cause: Cause::Ecn });
        assert_eq!((window.cwnd, window.ssthresh), (left, left));
    }
}

#[test]
fn a_timeout_leaves_one_segment_and_reduces_ssthresh_once() {
    let (rep, mut window) = open();
    window.cwnd = 40 * MSS;
    rep.timeout(Flow(0), &mut window, &Timeout { now: 0, flight: 40 * MSS, repeated: false });
    assert_eq!((window.cwnd, window.ssthresh), (MSS, 20 * MSS));
    rep.timeout(Flow(0), &mut window, &Timeout { now: 1, flight: MSS, repeated: true });
    assert_eq!((window.cwnd, window.ssthresh), (MSS, 20 * MSS));
    rep.undo(Flow(0), &mut window, &Undo { now: 2 });
    assert_eq!((window.cwnd, window.ssthresh), (40 * MSS, INITIAL_SSTHRESH));
    // Undone in recovery: its end does not raise the window to ssthresh.
    rep.recovered(Flow(0), &mut window, 3);
    assert_eq!(window.cwnd, 40 * MSS);
}

#[test]
fn a_window_that_is_not_used_does_not_grow() {
    let (rep, mut window) = open();
    let little = Ack { flags: AckFlags::NONE, prior_in_flight: 5 * MSS, ..ack(0, MSS) };
    rep.acknowledged(Flow(0), &mut window, &little);
    assert_eq!(window.cwnd, 10 * MSS);
    // More than half of it in use in slow start: by the next round trip it would be short.
    rep.acknowledged(Flow(0), &mut window, &Ack { prior_in_flight: 5 * MSS + 1, ..little });
    assert_eq!(window.cwnd, 11 * MSS);
    window.ssthresh = window.cwnd;
    for _ in 0..100 {
        rep.acknowledged(Flow(0), &mut window, &Ack { prior_in_flight: 10 * MSS, ..little });
    }
    assert_eq!(window.cwnd, 11 * MSS);
}

#[test]
fn an_idle_connection_restarts_with_the_initial_window() {
    let (rep, mut window) = open();
    window.cwnd = 40 * MSS;
    rep.restart(Flow(0), &mut window, &Restart { now: 0, idle: 300_000, rto: 300_000 });
    assert_eq!(window.cwnd, 40 * MSS);
    rep.restart(Flow(0), &mut window, &Restart { now: 0, idle: 300_001, rto: 300_000 });
    assert_eq!(window.cwnd, 10 * MSS);
}

#[test]
fn a_timeout_in_recovery_does_not_raise_ssthresh() {
    let (rep, mut window) = open();
    window.cwnd = 40 * MSS;
    rep.congestion(Flow(0), &mut window, &CongestionEvent { now: 0, flight: 40 * MSS, cause: Cause::Loss });
    // A round trip later: the lost segment holds SND.UNA, SACK has let 20 more out.
    rep.timeout(Flow(0), &mut window, &Timeout { now: 0, flight: 60 * MSS, repeated: false });
    assert_eq!((window.cwnd, window.ssthresh), (MSS, 10 * MSS));
}
