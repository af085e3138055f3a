//! Sending, segment by segment: windows, loss and time (RFC 5681, RFC 6582, RFC 6298, RFC 3042, RFC 6928, RFC 9937).

use alloc::vec::Vec;

use super::script::{PEER_PORT, PORT, Script, config};
use crate::tcp::{CloseReason, Config, Flags, Options, State, Timestamps};

fn segments(range: core::ops::Range<i64>) -> Vec<(i64, usize)> {
    range.map(|number| (number * 1000, 1000)).collect()
}

/// A connection that has sent its initial window of ten segments of 1000 octets, and has 50 more to send.
fn loaded(options: Options) -> Script {
    loaded_with(options, 60_000)
}

fn loaded_with(options: Options, octets: usize) -> Script {
    let mut script = Script::accepted(&config(), options);
    script.send(octets);
    assert_eq!(script.sent_data(), segments(0..10), "IW10");
    script.advance(10);
    script
}

#[test]
fn slow_start_adds_what_is_acknowledged() {
    let mut script = loaded(Script::plain());
    script.ack(2000);
    assert_eq!(script.sent_data(), segments(10..14));
    script.ack(4000);
    assert_eq!(script.sent_data(), segments(14..18));
}

#[test]
fn three_duplicate_acks_with_sack_bring_a_retransmission() {
    let mut script = loaded(Script::with_sack());
    // Segments 1..10 arrive, 0 is lost. Each SACK lets one new segment out (limited transmit).
    script.sack(0, &[(1000, 2000)]);
    assert_eq!(script.sent_data(), segments(10..11));
    script.sack(0, &[(1000, 3000)]);
    assert_eq!(script.sent_data(), segments(11..12));
    script.sack(0, &[(1000, 4000)]);
    let sent = script.sent_data();
    assert_eq!(sent[0], (0, 1000), "the first lost one");
    assert_eq!(sent.len(), 1, "the window was reduced");
    let info = script.engine.info(script.conn()).unwrap();
    assert_eq!(info.fast_recoveries, 1);
    assert_eq!(info.cwnd, info.ssthresh);
    // CUBIC: 0.7 of the ten segments that were in flight without limited transmit.
    assert_eq!(info.cwnd, 7000);
    // pipe falls below cwnd with the next SACKs: 12 sent - 3 SACKed = 9 in the network.
    script.sack(0, &[(1000, 5000)]);
    script.sack(0, &[(1000, 6000)]);
    assert_eq!(script.sent_data(), []);
    script.sack(0, &[(1000, 7000)]);
    assert_eq!(script.sent_data(), segments(12..13));
    // The end of recovery.
    script.advance(10);
    script.sack(12_000, &[]);
    let info = script.engine.info(script.conn()).unwrap();
    assert_eq!((info.timeouts, info.retransmitted_segments, info.fast_recoveries), (0, 1, 1));
    assert!(info.cwnd >= 7000);
}

#[test]
fn one_ack_that_sacks_enough_is_enough() {
    let mut script = loaded(Script::with_sack());
    // Three segments SACKed at once: more than two segments' worth above the hole (IsLost).
    script.sack(1000, &[(4000, 7000)]);
    let sent = script.sent_data();
    assert_eq!(sent[0], (1000, 1000));
    // All three lost ones go out as the window permits, none twice.
    script.sack(1000, &[(4000, 10_000)]);
    script.sack(1000, &[(4000, 10_000)]);
    let again = script.sent_data();
    let all: Vec<_> = sent.iter().chain(&again).filter(|(seq, _)| *seq < 10_000).copied().collect();
    assert_eq!(all, segments(1..4));
}

#[test]
fn two_segments_sacked_are_not_enough() {
    let mut script = loaded(Script::with_sack());
    script.sack(0, &[(2000, 4000)]);
    assert!(script.sent_data().iter().all(|(seq, _)| *seq >= 10_000));
    // Three separate ranges are.
    script.sack(0, &[(9000, 9500), (6000, 6500), (2000, 4000)]);
    assert_eq!(script.sent_data()[0], (0, 1000));
}

#[test]
fn recovery_begins_once_per_window() {
    let mut script = loaded(Script::with_sack());
    script.sack(0, &[(1000, 4000)]);
    assert_eq!(script.sent_data()[0], (0, 1000));
    // Another hole in the same window: sent again, without another reduction.
    script.sack(4000, &[(5000, 10_000)]);
    assert_eq!(script.sent_data()[0], (4000, 1000));
    let info = script.engine.info(script.conn()).unwrap();
    assert_eq!((info.fast_recoveries, info.cwnd), (1, 7000));
}

#[test]
fn bogus_sack_blocks_change_nothing() {
    let mut script = loaded(Script::with_sack());
    for block in [(10_000, 12_000), (5000, 5000), (6000, 5000), (9000, 10_001), (0x8000_0000, 0x8000_1000)] {
        script.sack(0, &[block]);
    }
    assert_eq!(script.sent_data(), []);
    assert_eq!(script.engine.info(script.conn()).unwrap().fast_recoveries, 0);
}

#[test]
fn newreno_recovers_hole_by_hole() {
    let mut script = loaded(Script::plain());
    // Segments 0 and 3 are lost.
    script.ack(0);
    assert_eq!(script.sent_data(), segments(10..11), "limited transmit");
    script.ack(0);
    assert_eq!(script.sent_data(), segments(11..12));
    script.ack(0);
    assert_eq!(script.sent_data()[0], (0, 1000), "fast retransmit");
    for _ in 0..7 {
        script.ack(0);
    }
    script.sent();
    // A partial ACK: the next hole goes out at once, and there is no second reduction.
    script.ack(3000);
    assert_eq!(script.sent_data(), [(3000, 1000), (17_000, 1000)], "and the window deflates to 17 - 3 + 1 segments");
    let info = script.engine.info(script.conn()).unwrap();
    assert_eq!((info.fast_recoveries, info.cwnd, info.timeouts), (1, 7000, 0));
    // A full ACK ends it.
    script.ack(12_000);
    script.sent();
    let info = script.engine.info(script.conn()).unwrap();
    assert_eq!(info.retransmitted_segments, 2);
    assert!(info.cwnd >= 7000, "{}", info.cwnd);
    // Duplicates of what was sent before that may be echoes of the retransmissions (RFC 6582 section 3.2 step 1).
    let mut new = 0;
    for _ in 0..6 {
        script.ack(12_000);
        new += script.sent_data().len();
    }
    assert_eq!(new, 2, "limited transmit");
    assert_eq!(script.engine.info(script.conn()).unwrap().fast_recoveries, 1);
}

#[test]
fn a_timeout_forgets_duplicates_and_counts_without_limited_transmit() {
    let mut script = loaded(Script::plain());
    script.ack(0);
    script.ack(0);
    assert_eq!(script.sent_data(), segments(10..12), "limited transmit");
    script.advance(200);
    assert_eq!(script.sent_data(), [(0, 1000)]);
    let info = script.engine.info(script.conn()).unwrap();
    assert_eq!((info.timeouts, info.ssthresh), (1, 7000), "CUBIC's 0.7 of ten segments");
    script.advance(401);
    assert_eq!(script.sent_data(), [(0, 1000)]);
    let info = script.engine.info(script.conn()).unwrap();
    assert_eq!((info.timeouts, info.ssthresh), (2, 7000), "once for a segment");
    let mut script = loaded(Script::plain());
    for _ in 0..6 {
        script.ack(0);
    }
    script.sent();
    script.advance(250);
    assert_eq!(script.sent_data(), [(0, 1000)]);
    script.ack(1000);
    assert_eq!(script.sent_data(), segments(1..3), "cwnd is two segments");
}

#[test]
fn an_ack_for_new_data_starts_the_timer_anew() {
    let mut script = loaded(Script::plain());
    script.advance(140);
    script.ack(1000);
    script.sent();
    script.advance(199);
    assert_eq!(script.sent_data(), [], "RFC 6298 section 5.3");
    script.advance(2);
    assert_eq!(script.sent_data(), [(1000, 1000)]);
}

#[test]
fn the_service_limits_the_rate_only_where_the_window_does_not_and_nothing_is_lost() {
    let limited = |script: &Script| script.engine.info(script.conn()).unwrap().service_limited;
    let mut script = loaded_with(Script::with_sack(), 12_500);
    script.ack(1000);
    script.sent();
    assert!(!limited(&script), "half a segment waits, because of cwnd");
    let mut script = loaded_with(Script::with_sack(), 12_000);
    script.ack(1000);
    assert_eq!(script.sent_data(), segments(10..12));
    script.sack(1000, &[(7000, 12_000)]);
    assert_eq!(script.sent_data()[0], (1000, 1000));
    assert!(!limited(&script), "more goes again with the next ACK");
}

#[test]
fn acks_that_are_no_duplicates() {
    let mut script = loaded(Script::plain());
    script.segment_with(Flags::ACK, 0, 0, b"", 60_000, &[]);
    script.segment_with(Flags::ACK, 0, 0, b"", 60_001, &[]);
    script.segment_with(Flags::ACK, 0, 0, b"", 60_002, &[]);
    for at in 0..3 {
        script.segment_with(Flags::ACK, at, 0, b"x", 60_002, &[]);
    }
    assert!(script.sent_data().is_empty(), "window updates and data are no duplicate ACKs");
    assert_eq!(script.engine.info(script.conn()).unwrap().fast_recoveries, 0);
}

#[test]
fn the_timer_backs_off_and_gives_up() {
    let mut script = Script::accepted(&Config { max_retries: 4, ..config() }, Script::plain());
    script.send(500);
    assert_eq!(script.sent_data(), [(0, 500)]);
    // One sample of 10 ms: RTO is the floor, 200 ms.
    for wait in [200, 400, 800, 1600] {
        script.advance(wait - 2);
        assert_eq!(script.sent_data(), []);
        script.advance(4);
        assert_eq!(script.sent_data(), [(0, 500)], "after {wait} ms");
    }
    assert_eq!(script.engine.info(script.conn()).unwrap().timeouts, 4);
    script.advance(3300);
    let sent = script.sent();
    assert!(sent[0].flags.contains(Flags::RST));
    assert_eq!(script.events().last().unwrap().reason, Some(CloseReason::TimedOut));
    assert_eq!(script.engine.connection_count(), 0);
}

#[test]
fn after_a_timeout_everything_unsacked_goes_again_in_slow_start() {
    let mut script = loaded_with(Script::with_sack(), 11_000);
    script.advance(42);
    assert_eq!(script.sent_data(), segments(10..11), "a tail loss probe");
    script.advance(300);
    assert_eq!(script.sent_data(), [(0, 1000)], "one segment");
    assert_eq!(script.engine.info(script.conn()).unwrap().cwnd, 1000);
    script.sack(1000, &[(8000, 9000)]);
    assert_eq!(script.sent_data(), segments(1..3));
    script.sack(3000, &[(8000, 9000)]);
    assert_eq!(script.sent_data(), segments(3..6), "after a timeout an ACK adds one segment at most");
    script.sack(6000, &[(8000, 9000)]);
    let sent = script.sent_data();
    assert_eq!(sent[..3], [(6000, 1000), (7000, 1000), (9000, 1000)], "what is SACKed is left out");
}

#[test]
fn a_peer_that_reneges_gets_everything() {
    let mut script = loaded(Script::with_sack());
    script.sack(0, &[(1000, 3000)]);
    script.sent();
    // The ACK reaches the SACKed octets but does not count them.
    script.ack(1000);
    script.sent();
    script.advance(500);
    assert_eq!(script.sent_data()[0], (1000, 1000));
}

#[test]
fn karn_takes_no_sample_of_what_was_sent_twice() {
    let mut script = Script::accepted(&config(), Script::plain());
    let before = script.engine.info(script.conn()).unwrap().srtt_us;
    script.send(500);
    script.sent();
    script.advance(250);
    assert_eq!(script.sent_data(), [(0, 500)]);
    script.advance(90);
    script.ack(500);
    let info = script.engine.info(script.conn()).unwrap();
    assert_eq!((info.srtt_us, info.rto_us), (before, 400_000), "the back-off stays until a sample comes");
    script.send(500);
    script.sent();
    script.advance(10);
    script.ack(1000);
    assert_eq!(script.engine.info(script.conn()).unwrap().rto_us, 200_000);
}

#[test]
fn timestamps_measure_what_was_sent_twice() {
    let options = Options { timestamps: Some(Timestamps { value: 5, echo: 0 }), ..Script::plain() };
    let mut script = Script::accepted(&Config { timestamps: true, ..config() }, options);
    script.send(500);
    script.sent();
    script.advance(250);
    script.echo = script.sent()[0].header.options.timestamps.unwrap().value;
    script.advance(90);
    script.ack(500);
    let info = script.engine.info(script.conn()).unwrap();
    assert_eq!(info.srtt_us, 10_000 - 10_000 / 8 + 90_000 / 8);
}

#[test]
fn a_needless_timeout_is_taken_back_by_timestamps() {
    let options = Options { timestamps: Some(Timestamps { value: 5, echo: 0 }), ..Script::plain() };
    let mut script = Script::accepted(&Config { timestamps: true, ..config() }, options);
    script.send(60_000);
    let sent = script.sent();
    let (count, original) = (sent.len(), sent[0].header.options.timestamps.unwrap().value);
    let before = script.engine.info(script.conn()).unwrap();
    script.advance(250);
    assert_eq!(script.sent_data().len(), 1);
    assert!(script.engine.info(script.conn()).unwrap().cwnd < before.cwnd);
    // The ACK of the original comes late: it echoes the original's timestamp.
    script.echo = original;
    script.ack(988);
    let sent = script.sent_data();
    let info = script.engine.info(script.conn()).unwrap();
    assert!(info.cwnd >= before.cwnd, "{}", info.cwnd);
    assert_eq!(script.engine.counters().undone, 1);
    assert!(sent.iter().all(|(seq, _)| *seq >= count as i64 * 988), "nothing else goes again: {sent:?}");
}

#[test]
fn a_needless_fast_retransmission_is_taken_back_by_duplicate_reports() {
    let mut script = loaded(Script::with_sack());
    // Segment 0 is late, not lost.
    script.sack(0, &[(1000, 4000)]);
    assert_eq!(script.sent_data()[0], (0, 1000));
    assert_eq!(script.engine.info(script.conn()).unwrap().cwnd, 7000);
    script.sack(4000, &[]);
    script.sent();
    script.sack(4000, &[(0, 1000)]);
    assert_eq!(script.engine.counters().undone, 1);
    assert!(script.engine.info(script.conn()).unwrap().cwnd >= 10_000);
}

#[test]
fn a_retransmission_into_a_closed_window_has_nothing_to_take_back() {
    let options = Options { timestamps: Some(Timestamps { value: 5, echo: 0 }), ..Script::with_sack() };
    let mut script = Script::accepted(&Config { timestamps: true, ..config() }, options);
    script.send(10 * 988);
    script.sent();
    script.advance(10);
    script.sack(0, &[(988, 4 * 988)]);
    script.sent();
    script.advance(10);
    script.echo = script.echo.wrapping_add(20);
    script.ack(10 * 988);
    script.send(988);
    let original = script.sent()[0].header.options.timestamps.unwrap().value;
    let reduced = script.engine.info(script.conn()).unwrap();
    assert_eq!(reduced.fast_recoveries, 1);
    script.segment_with(Flags::ACK, 0, 10 * 988, b"", 0, &[]);
    script.advance(300);
    assert_eq!(script.sent_data(), [(10 * 988, 988)]);
    script.echo = original;
    script.ack(11 * 988);
    let info = script.engine.info(script.conn()).unwrap();
    assert_eq!((info.undone, info.timeouts), (0, 0));
    assert!(info.cwnd <= reduced.cwnd + 988, "{} of {}", info.cwnd, reduced.cwnd);
}

#[test]
fn one_segment_goes_again_into_a_closed_window() {
    let mut script = loaded(Script::plain());
    script.outbox.segments = 40;
    script.segment_with(Flags::ACK, 0, 0, b"", 0, &[]);
    script.advance(250);
    assert_eq!(script.sent_data(), [(0, 1000)]);
}

#[test]
fn a_window_of_zero_is_probed_with_back_off_for_ever() {
    let mut script = Script::accepted(&Config { max_retries: 5, ..config() }, Script::plain());
    script.segment_with(Flags::ACK, 0, 0, b"", 0, &[]);
    script.send(3000);
    assert_eq!(script.sent_data(), []);
    for wait in [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000] {
        script.advance(wait + 1);
        assert_eq!(script.sent_data(), [(0, 1)], "after {wait} ms");
        script.segment_with(Flags::ACK, 0, 0, b"", 0, &[]);
    }
    assert_eq!(script.engine.info(script.conn()).unwrap().timeouts, 0);
    // The window opens, and the peer has taken the probe's octet.
    script.segment_with(Flags::ACK, 0, 1, b"", 5000, &[]);
    assert_eq!(script.sent_data(), [(1, 1000), (1001, 1000), (2001, 999)]);
    script.ack(3000);
    assert_eq!(script.engine.info(script.conn()).unwrap().flight, 0);
}

#[test]
fn unanswered_probes_end_the_connection() {
    let mut script = Script::accepted(&Config { max_retries: 3, ..config() }, Script::plain());
    script.segment_with(Flags::ACK, 0, 0, b"", 0, &[]);
    script.send(3000);
    for _ in 0..6 {
        script.sent();
        script.advance(60_001);
    }
    assert_eq!(script.events().last().unwrap().reason, Some(CloseReason::TimedOut));
}

#[test]
fn nagle_holds_small_segments_back() {
    let mut script = Script::accepted(&config(), Script::plain());
    let conn = script.conn();
    script.engine.set_nagle(conn, true).unwrap();
    script.send(10);
    assert_eq!(script.sent_data(), [(0, 10)], "nothing is in flight");
    script.send(10);
    script.send(20);
    assert_eq!(script.sent_data(), []);
    script.send(1000);
    assert_eq!(script.sent_data(), [(10, 1000)], "a full segment goes");
    script.ack(1010);
    assert_eq!(script.sent_data(), [(1010, 30)]);
    script.engine.set_nagle(conn, false).unwrap();
    script.send(5);
    assert_eq!(script.sent_data(), [(1040, 5)]);
}

#[test]
fn no_silly_segments_into_a_small_window() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.segment_with(Flags::ACK, 0, 0, b"", 3000, &[]);
    script.send(10_000);
    assert_eq!(script.sent_data(), segments(0..3));
    // 100 octets more: not worth a segment, until the override timer says so.
    script.segment_with(Flags::ACK, 0, 3000, b"", 100, &[]);
    assert_eq!(script.sent_data(), []);
    script.advance(250);
    assert_eq!(script.sent_data(), [(3000, 100)]);
}

#[test]
fn the_peers_window_bounds_what_is_in_flight() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.segment_with(Flags::ACK, 0, 0, b"", 2500, &[]);
    script.send(10_000);
    assert_eq!(script.sent_data(), [(0, 1000), (1000, 1000)]);
    script.segment_with(Flags::ACK, 0, 1000, b"", 2500, &[]);
    assert_eq!(script.sent_data(), [(2000, 1000)]);
}

#[test]
fn a_smaller_path_mtu_makes_smaller_segments() {
    let mut script = loaded(Script::plain());
    let path = script.path();
    let isn = script.isn;
    let ports = (PORT, PEER_PORT);
    assert!(!script.engine.packet_too_big(&path, ports.0, ports.1, isn.wrapping_add(20_001), 700), "not in flight");
    assert!(script.engine.packet_too_big(&path, ports.0, ports.1, isn.wrapping_add(1), 700));
    assert_eq!(script.sent_data()[0], (0, 660));
    assert!(!script.engine.packet_too_big(&path, ports.0, ports.1, isn.wrapping_add(1), 900), "never larger");
    assert_eq!(script.engine.info(script.conn()).unwrap().timeouts, 0);
}

/// Of a link that carries less than IPv6's least, a fragment header would be the answer; segments stay as long as every link carries
/// them (RFC 8201 section 4).
#[test]
fn over_ipv6_no_path_mtu_is_below_1280() {
    for (said, len) in [(1400, 1340), (1280, 1220), (1279, 1220), (68, 1220), (0, 1220)] {
        let mut script = Script::over_ipv6(&config());
        script.engine.listen(PORT, 4).unwrap();
        script.handshake(Options { mss: Some(1440), ..Options::default() });
        script.send(60_000);
        assert_eq!(script.sent_data()[1], (1440, 1440));
        let (path, isn) = (script.path(), script.isn);
        let mut too_big =
            |at: u32, mtu| script.engine.packet_too_big(&path, PORT, PEER_PORT, isn.wrapping_add(at), mtu);
        assert!(!too_big(60_001, said), "not in flight");
        assert!(too_big(1, said));
        assert!(!too_big(1, 1401) && !too_big(1, said), "no more than once, and never larger");
        assert_eq!(script.sent_data()[..2], [(0, len), (len as i64, len)], "a link of {said} octets");
        assert_eq!(script.engine.info(script.conn()).unwrap().timeouts, 0);
    }
}

#[test]
fn the_window_does_not_grow_while_the_service_is_slow() {
    let mut script = Script::accepted(&config(), Script::plain());
    for round in 0..20 {
        script.send(1000);
        assert_eq!(script.sent_data(), [(round * 1000, 1000)]);
        script.advance(10);
        script.ack((round + 1) * 1000);
    }
    let info = script.engine.info(script.conn()).unwrap();
    assert_eq!((info.cwnd, info.state), (10_000, State::Established));
    // Nor when it once was fast.
    script.send(20_000);
    script.sent();
    script.ack(30_000);
    script.sent();
    script.ack(40_000);
    let before = script.engine.info(script.conn()).unwrap().cwnd;
    assert!(before > 10_000);
    for round in 40..50 {
        script.send(1000);
        script.sent();
        script.ack((round + 1) * 1000);
    }
    assert_eq!(script.engine.info(script.conn()).unwrap().cwnd, before);
}
