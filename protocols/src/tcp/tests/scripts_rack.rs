//! Loss found by time, probes at the end of a flight, and what fast recovery sends, segment by segment (RFC 8985, RFC 9937, RFC 2883).

use alloc::vec::Vec;

use super::script::{Script, config};
use crate::tcp::{Info, Options, Timestamps};
use crate::time::Duration;

fn segments(range: core::ops::Range<i64>) -> Vec<(i64, usize)> {
    range.map(|number| (number * 1000, 1000)).collect()
}

/// 60 segments of 1000 octets, which left in one burst, are in flight on a path whose round-trip time is 300 ms and never varies: the
/// timeout is hardly longer. `more` octets wait. No tail loss probe is to come, because the answer to the last one is not clear yet.
fn burst_on_a_long_path(more: usize) -> Script {
    let mut script = Script::accepted(&config(), Script::with_sack());
    for _ in 0..80 {
        script.send(60_000);
        while script.info().send_queued > 0 {
            script.sent();
            script.advance(300);
            let sent = script.info().bytes_out as i64 + i64::from(script.info().flight);
            script.ack(sent);
        }
    }
    script.send(1000);
    script.sent();
    script.advance(301);
    assert_eq!(script.sent_data().len(), 1, "a probe");
    script.ack(script.info().bytes_out as i64 + 1000);
    script.isn = script.isn.wrapping_add(script.info().bytes_out as u32);
    script.send(60_000);
    assert_eq!(script.sent_data(), segments(0..60));
    script.send(more);
    assert_eq!((script.info().rto_us / 1000, script.info().flight), (300, 60_000));
    script
}

/// A connection with SACK and a round-trip time of 40 ms that has sent ten segments of 1000 octets at once, and has `more` octets to send.
fn loaded(more: usize) -> Script {
    let mut script = Script::accepted(&config(), Script::with_sack());
    // The handshake took 10 ms; the smallest round-trip time stays at that.
    for _ in 0..40 {
        script.send(1000);
        script.sent();
        script.advance(40);
        let sent = script.info().bytes_out as i64 + 1000;
        script.ack(sent);
    }
    let start = script.info().bytes_out as u32;
    script.isn = script.isn.wrapping_add(start);
    script.send(10_000 + more);
    assert_eq!(script.sent_data(), segments(0..10));
    script
}

impl Script {
    fn info(&self) -> Info {
        self.engine.info(self.conn()).unwrap()
    }
}

#[test]
fn what_is_overtaken_has_a_quarter_of_the_round_trip_to_arrive() {
    let mut script = loaded(0);
    script.advance(40);
    script.sack(0, &[(1000, 2000)]);
    assert_eq!(script.sent_data(), []);
    script.advance(2);
    assert_eq!(script.sent_data(), [], "10 ms / 4 are not over");
    script.advance(1);
    assert_eq!(script.sent_data(), [(0, 1000)], "the timer says so: no further ACK was needed");
    let info = script.info();
    assert_eq!((info.fast_recoveries, info.reordering_window_us, info.reordering_seen), (1, 2500, false));
}

#[test]
fn what_comes_within_the_window_is_not_sent_again() {
    let mut script = loaded(0);
    script.advance(40);
    script.sack(0, &[(1000, 2000)]);
    script.sent();
    script.advance(1);
    script.ack(2000);
    script.advance(30);
    assert_eq!(script.sent_data(), []);
    assert!(script.info().reordering_seen);
    // From now on three segments that overtake are no proof either.
    script.sack(2000, &[(3000, 7000)]);
    assert_eq!(script.sent_data(), []);
    script.advance(3);
    assert_eq!(script.sent_data()[0], (2000, 1000));
}

#[test]
fn a_needless_retransmission_widens_the_window() {
    let mut script = loaded(0);
    script.advance(40);
    script.sack(0, &[(1000, 4000)]);
    assert_eq!(script.sent_data(), [(0, 1000)]);
    script.advance(1);
    script.ack(4000);
    script.advance(5);
    script.sack(10_000, &[(0, 1000)]);
    let info = script.info();
    assert_eq!((info.reordering_seen, info.reordering_window_us), (true, 5000), "twice a quarter of 10 ms");
    assert_eq!((info.duplicate_reports, info.undone), (1, 1));
}

#[test]
fn a_duplicate_that_the_network_made_widens_nothing() {
    let mut script = loaded(0);
    script.advance(40);
    script.sack(5000, &[(2000, 3000)]);
    let info = script.info();
    assert_eq!((info.reordering_window_us, info.duplicate_reports, info.undone), (2500, 1, 0));
}

#[test]
fn a_retransmission_that_is_lost_is_sent_again_without_a_timeout() {
    let mut script = loaded(20_000);
    script.advance(40);
    script.sack(0, &[(1000, 4000)]);
    assert_eq!(script.sent_data()[0], (0, 1000));
    script.advance(1);
    script.sack(0, &[(1000, 10_000)]);
    let new = script.sent_data();
    assert!(!new.is_empty() && new.iter().all(|(seq, _)| *seq >= 10_000), "{new:?}");
    // New data, sent after the retransmission, arrives; the retransmission does not.
    script.advance(40);
    script.sack(0, &[(10_000, 11_000), (1000, 10_000)]);
    assert_eq!(script.sent_data()[0], (0, 1000));
    assert_eq!((script.info().timeouts, script.info().fast_recoveries), (0, 1), "and no second reduction");
}

#[test]
fn silence_brings_a_probe_with_new_data() {
    let mut script = loaded(20_000);
    script.advance(81);
    assert_eq!(script.sent_data(), [], "not before two round trips");
    script.advance(2);
    assert_eq!(script.sent_data(), segments(10..11), "beyond cwnd");
    script.advance(100);
    assert_eq!(script.sent_data(), [], "one probe at a time");
    // It arrives: everything sent so long before it is lost, and that is found out without a timeout.
    script.sack(0, &[(10_000, 11_000)]);
    assert_eq!(script.sent_data()[0], (0, 1000));
    assert_eq!((script.info().tail_probes, script.info().timeouts), (1, 0));
}

#[test]
fn a_peer_close_by_has_the_time_of_some_slices_of_its_scheduler() {
    let mut script = Script::accepted(&config(), Script::with_sack());
    for at in 1..60 {
        script.send(1000);
        script.sent();
        script.now += Duration::from_micros(100);
        script.ack(at * 1000);
    }
    assert!(script.info().srtt_us < 200);
    script.send(10_000);
    script.sent();
    script.advance(39);
    assert_eq!(script.sent_data(), []);
    script.advance(2);
    assert_eq!(script.sent_data(), [(68_000, 1000)]);
}

#[test]
fn without_new_data_the_last_segment_goes_again() {
    let mut script = loaded(0);
    script.advance(85);
    assert_eq!(script.sent_data(), [(9000, 1000)]);
    // Only the last one was lost. The ACK of the probe does not tell...
    script.advance(40);
    script.ack(10_000);
    let before = script.info().cwnd;
    // ...but a later one, without a report of a duplicate, does.
    script.send(1000);
    script.sent();
    script.advance(40);
    script.ack(11_000);
    assert!(script.info().cwnd < before, "a loss is a loss");
    assert_eq!(script.engine.counters().tail_losses, 1);
    assert_eq!((script.info().fast_recoveries, script.info().timeouts), (0, 0));
}

#[test]
fn a_needless_probe_costs_nothing() {
    let mut script = loaded(0);
    script.advance(85);
    assert_eq!(script.sent_data(), [(9000, 1000)]);
    let before = script.info().cwnd;
    script.ack(10_000);
    script.advance(40);
    script.sack(10_000, &[(9000, 10_000)]);
    script.send(1000);
    script.sent();
    script.advance(40);
    script.ack(11_000);
    assert!(script.info().cwnd >= before);
    assert_eq!((script.engine.counters().tail_losses, script.info().reordering_window_us), (0, 2500));
}

#[test]
fn a_probe_that_begins_a_recovery_asks_for_no_second_reduction() {
    let mut script = loaded(0);
    script.advance(40);
    script.ack(8000);
    script.advance(83);
    assert_eq!(script.sent_data(), [(9000, 1000)], "the last two are lost");
    script.advance(40);
    script.sack(8000, &[(9000, 10_000)]);
    assert_eq!(script.sent_data(), segments(8..9));
    script.advance(40);
    script.ack(10_000);
    let reduced = script.info();
    script.send(1000);
    script.sent();
    script.advance(40);
    script.ack(11_000);
    assert_eq!((script.info().fast_recoveries, script.engine.counters().tail_losses), (1, 0));
    assert!(script.info().cwnd >= reduced.cwnd, "{} of {}", script.info().cwnd, reduced.cwnd);
}

#[test]
fn a_timeout_in_vain_sends_one_segment_of_a_burst_again() {
    let mut script = burst_on_a_long_path(0);
    script.advance(301);
    assert_eq!(script.sent_data(), segments(0..1));
    assert_eq!((script.info().timeouts, script.info().cwnd), (1, 1000));
    // The originals were a few milliseconds late, and there is nothing new to ask with (RFC 5682).
    for arrived in 1..60 {
        script.ack(arrived * 1000);
        assert_eq!(script.sent_data(), [], "after segment {arrived}");
    }
    assert_eq!(script.info().retransmitted_segments, 2, "one of them the probe");
}

#[test]
fn a_timeout_that_was_right_sends_the_burst_again_in_slow_start() {
    let mut script = burst_on_a_long_path(0);
    script.advance(301);
    assert_eq!(script.sent_data(), segments(0..1));
    script.advance(300);
    // What was sent before that has had its time.
    script.ack(1000);
    assert_eq!(script.sent_data(), segments(1..3));
    script.advance(300);
    script.ack(3000);
    assert_eq!(script.sent_data(), segments(3..6));
    assert_eq!((script.info().timeouts, script.info().cwnd), (1, 3000));
}

#[test]
fn new_data_asks_although_the_burst_may_fill_the_window() {
    let mut script = burst_on_a_long_path(2000);
    script.advance(301);
    assert_eq!(script.sent_data(), segments(0..1));
    script.ack(1000);
    assert_eq!(script.sent_data(), segments(60..62));
    script.ack(2000);
    assert_eq!((script.info().undone, script.sent_data()), (1, Vec::new()));
}

#[test]
fn the_timer_waits_for_the_end_of_the_reordering_window() {
    let mut script = burst_on_a_long_path(0);
    script.advance(300);
    script.sack(0, &[(58_000, 60_000)]);
    script.advance(1);
    assert_eq!(script.sent_data(), [], "the timeout is over, a quarter of 10 ms is not");
    script.advance(2);
    assert_eq!(script.sent_data()[0], (0, 1000));
    assert_eq!((script.info().timeouts, script.info().fast_recoveries), (0, 1));
    // What goes again has its time, too.
    script.advance(298);
    assert_eq!(script.sent_data(), []);
    script.advance(5);
    assert_eq!((script.sent_data()[0], script.info().timeouts), ((0, 1000), 1));
}

#[test]
fn no_probe_follows_another_before_a_round_trip_was_measured() {
    let mut script = loaded(0);
    script.advance(85);
    assert_eq!(script.sent_data(), [(9000, 1000)]);
    // It was needless, and as it went twice its ACK measures nothing.
    script.ack(10_000);
    script.sack(10_000, &[(9000, 10_000)]);
    script.send(10_000);
    script.sent();
    script.advance(150);
    assert_eq!((script.sent_data(), script.info().tail_probes), (Vec::new(), 1));
    script.ack(20_000);
    script.send(10_000);
    script.sent();
    script.advance(112);
    assert_eq!((script.sent_data(), script.info().tail_probes), (Vec::from([(29_000, 1000)]), 2));
}

#[test]
fn a_single_segment_waits_for_a_delayed_ack() {
    let mut script = loaded(0);
    script.advance(40);
    script.ack(10_000);
    script.send(500);
    assert_eq!(script.sent_data(), [(10_000, 500)]);
    // Two round trips and 200 ms for the peer's delayed ACK are more than the timeout: the probe goes at the timeout, in its place.
    script.advance(199);
    assert_eq!(script.sent_data(), []);
    script.advance(30);
    assert_eq!(script.sent_data(), [(10_000, 500)]);
    assert_eq!((script.info().tail_probes, script.info().timeouts), (1, 0));
    script.advance(300);
    assert_eq!(script.sent_data(), [(10_000, 500)]);
    assert_eq!((script.info().tail_probes, script.info().timeouts), (1, 1), "after that the timer");
}

#[test]
fn recovery_sends_in_proportion_to_what_arrives() {
    let mut script = loaded(50_000);
    script.advance(40);
    script.sack(0, &[(1000, 4000)]);
    let mut sent = script.sent_data();
    assert_eq!(sent, [(0, 1000)]);
    // Six more arrive one by one, and one may be sent for each: seven segments (CUBIC's ssthresh) stay in flight.
    for segment in 4..10 {
        script.sack(0, &[(1000, segment * 1000 + 1000)]);
        let now = script.sent_data();
        assert_eq!(now.len(), 1, "neither a burst nor a pause: {now:?}");
        sent.extend(now);
    }
    assert_eq!(sent[1..], segments(10..16));
    let info = script.info();
    assert_eq!((info.flight - 9000, info.cwnd, info.ssthresh), (7000, 7000, 7000));
}

#[test]
fn an_echo_from_before_the_retransmission_proves_nothing_of_it() {
    let options = Options { timestamps: Some(Timestamps { value: 5, echo: 0 }), ..Script::with_sack() };
    let mut script = Script::accepted(&crate::tcp::Config { timestamps: true, ..config() }, options);
    script.send(60_000);
    let original = script.sent()[0].header.options.timestamps.unwrap().value;
    script.advance(10);
    script.echo = original;
    script.sack(0, &[(988, 4 * 988)]);
    assert_eq!(script.sent_data(), [(0, 988)]);
    script.advance(15);
    // The original arrives after all: the ACK echoes its time. What was sent after the retransmission is not lost because of that.
    script.ack(4 * 988);
    let again: Vec<_> = script.sent_data().into_iter().filter(|(seq, _)| *seq < 9880).collect();
    assert_eq!(again, []);
    assert_eq!(script.info().undone, 1);
}

#[test]
fn the_delivery_rate_is_measured() {
    let mut script = loaded(50_000);
    script.advance(40);
    script.ack(10_000);
    let info = script.info();
    assert_eq!(info.delivery_rate, 250_000, "10 segments in 40 ms");
    assert!(!info.service_limited);
    assert_eq!(info.delivered, info.bytes_out);
}
