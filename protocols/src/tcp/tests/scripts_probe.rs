//! Tail loss probes, segment by segment (RFC 8985 section 7).

use alloc::vec::Vec;

use super::script::{Script, config};
use super::scripts_rack::{loaded, segments};
use crate::tcp::Flags;
use crate::time::Duration;

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
fn new_data_puts_the_probe_off() {
    let mut script = loaded(0);
    script.advance(40);
    script.ack(10_000);
    script.send(2000);
    script.sent();
    script.advance(60);
    script.send(2000);
    assert_eq!(script.sent_data(), segments(12..14));
    script.advance(60);
    assert_eq!(script.sent_data(), []);
    script.advance(24);
    assert_eq!(script.sent_data(), segments(13..14));
}

#[test]
fn a_probe_never_goes_beyond_the_peers_window() {
    let mut script = loaded(20_000);
    script.segment_with(Flags::ACK, 0, 0, b"", 10_000, &[]);
    script.advance(83);
    assert_eq!(script.sent_data(), [(9000, 1000)]);
}

#[test]
fn what_tells_a_needless_probe_from_one_that_repaired_a_loss() {
    let duplicate = |script: &mut Script| script.sack(10_000, &[(0, 1000)]);
    let plain = |script: &mut Script| script.ack(10_000);
    for (answer, losses) in [(duplicate as fn(&mut Script), 1), (plain, 0)] {
        let mut script = loaded(0);
        script.advance(85);
        assert_eq!(script.sent_data(), [(9000, 1000)]);
        script.ack(10_000);
        answer(&mut script);
        script.send(1000);
        script.sent();
        script.advance(40);
        script.ack(11_000);
        assert_eq!(script.engine.counters().tail_losses, losses);
    }
}
