//! Loss found by time, and what fast recovery sends, segment by segment (RFC 8985 section 6, RFC 9937, RFC 2883).

use alloc::vec::Vec;

use super::script::{Script, config};
use crate::tcp::{Info, Options, Timestamps};

pub(super) fn segments(range: core::ops::Range<i64>) -> Vec<(i64, usize)> {
    range.map(|number| (number * 1000, 1000)).collect()
}

/// 60 segments of 1000 octets, which left in one burst, are in flight on a path whose round-trip time is 300 ms and never varies: the
/// timeout is hardly longer. `more` octets wait. No tail loss probe is to come, because the answer to the last one is not clear yet.
fn burst_on_a_long_path(more: usize) -> Script {
    let options = Options { window_scale: Some(2), ..Script::with_sack() };
    let mut script = Script::accepted(&config(), options);
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
pub(super) fn loaded(more: usize) -> Script {
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
    pub(super) fn info(&self) -> Info {
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
fn a_duplicate_above_the_acknowledgement_is_reported_within_the_second_block() {
    let mut script = loaded(0);
    script.advance(40);
    script.sack(0, &[(2000, 3000), (1000, 5000)]);
    assert_eq!(script.info().duplicate_reports, 1);
    script.sack(0, &[(6000, 7000), (1000, 5000)]);
    assert_eq!(script.info().duplicate_reports, 1);
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
fn the_reduction_is_shared_out_over_what_was_in_flight() {
    let mut script = burst_on_a_long_path(0);
    script.advance(300);
    // Two segments have overtaken the first for a moment before two more prove that it is lost.
    script.sack(0, &[(1000, 3000)]);
    assert_eq!(script.sent_data(), []);
    script.sack(0, &[(1000, 5000)]);
    let mut sent = script.sent_data();
    assert_eq!(sent, segments(0..1));
    script.send(60_000);
    for end in 6..24 {
        script.sack(0, &[(1000, end * 1000)]);
        sent.extend(script.sent_data());
    }
    // Of 58 that were left when recovery began 42 are to stay (CUBIC's 0.7 of 60), and 20 have arrived since: 20 * 42 / 58.
    assert_eq!((script.info().ssthresh, sent.len()), (42_000, 14), "{sent:?}");
}

#[test]
fn after_heavy_loss_each_segment_that_arrives_lets_one_go() {
    let mut script = burst_on_a_long_path(0);
    script.advance(300);
    script.sack(0, &[(40_000, 59_000)]);
    assert_eq!(script.sent_data(), segments(0..19));
    script.sack(0, &[(40_000, 60_000)]);
    assert_eq!(script.sent_data(), segments(19..20), "a duplicate ACK adds none");
    script.advance(300);
    script.ack(1000);
    assert_eq!(script.sent_data(), segments(20..22), "an ACK that moves on adds one");
    script.sack(2000, &[(3000, 4000), (40_000, 60_000)]);
    assert_eq!(script.sent_data()[..], [(2000, 1000), (22_000, 1000)], "unless it tells of another loss");
}

#[test]
fn sixteen_recoveries_without_a_report_narrow_the_window() {
    let mut script = loaded(0);
    // Of so many segments in flight the first is lost, or only late.
    let mut recover = |start: i64, segments: i64, needless: bool| {
        let (at, end) = (start as u32, start + segments * 1000);
        script.advance(40);
        script.sack(start, &[(at + 1000, end as u32)]);
        script.advance(6);
        assert_eq!(script.sent_data(), [(start, 1000)]);
        script.advance(34);
        script.sack(end, &[(at, at + 1000)][usize::from(!needless)..]);
        script.send(2000);
        script.sent();
        script.info().reordering_window_us
    };
    assert_eq!(recover(0, 10, true), 5000);
    for recovery in 1..17 {
        let expected = if recovery < 16 { 5000 } else { 2500 };
        assert_eq!(recover(8000 + recovery * 2000, 2, false), expected, "{recovery}");
    }
}

#[test]
fn a_retransmission_that_time_says_is_lost_has_a_timeout_of_its_own() {
    let mut script = loaded(20_000);
    script.advance(40);
    script.sack(0, &[(1000, 2000)]);
    script.advance(1);
    script.ack(2000);
    script.sent();
    assert!(script.info().reordering_seen);
    script.sack(2000, &[(3000, 7000)]);
    script.advance(3);
    assert_eq!(script.sent_data()[0], (2000, 1000));
    script.sack(2000, &[(3000, 10_000)]);
    let new = script.sent_data();
    assert!(new[0].0 > 10_000, "{new:?}");
    // What left after it arrives a round trip later; it does not, nor within the reordering window.
    script.advance(40);
    let at = new[0].0 as u32;
    script.sack(2000, &[(at, at + 1000), (3000, 10_000)]);
    script.sent();
    script.advance(3);
    assert_eq!(script.sent_data()[0], (2000, 1000));
    // 200 ms after the first retransmission, and then after the second.
    script.advance(160);
    assert_eq!(script.sent_data(), []);
    script.advance(42);
    assert_eq!((script.sent_data()[0], script.info().timeouts), ((2000, 1000), 1));
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
fn the_echo_of_the_first_retransmission_is_no_echo_of_an_original() {
    let options = Options { timestamps: Some(Timestamps { value: 5, echo: 0 }), ..Script::with_sack() };
    let mut script = Script::accepted(&crate::tcp::Config { timestamps: true, ..config() }, options);
    script.send(10 * 988);
    script.sent();
    script.advance(10);
    for end in 3..6 {
        script.sack(0, &[(2 * 988, end * 988)]);
    }
    let first = script.sent().remove(0);
    assert_eq!(first.seq, 0);
    script.advance(5);
    script.sack(0, &[(2 * 988, 10 * 988)]);
    assert_eq!(script.sent_data(), [(988, 988)], "the second goes later");
    script.advance(5);
    script.echo = first.header.options.timestamps.unwrap().value;
    script.ack(988);
    assert_eq!(script.engine.counters().undone, 0);
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
