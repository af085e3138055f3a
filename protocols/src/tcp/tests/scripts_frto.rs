//! Timeouts that were for nothing, and such that were not, told apart without timestamps (RFC 5682).

use alloc::vec::Vec;

use super::script::{Script, config};
use crate::tcp::{Config, Flags, Info, Options, Timestamps};

fn segments(range: core::ops::Range<i64>) -> Vec<(i64, usize)> {
    range.map(|number| (number * 1000, 1000)).collect()
}

fn info(script: &Script) -> Info {
    script.engine.info(script.conn()).unwrap()
}

/// Ten segments of 1000 octets are under way, of `octets`, and the timer has expired: the first went again. Gives the number of the next new one.
fn timed_out(options: Options, octets: usize) -> (Script, i64) {
    let mut script = Script::accepted(&config(), options);
    script.send(octets);
    assert_eq!(script.sent_data(), segments(0..10));
    script.advance(42);
    // With SACK: a tail loss probe.
    let probes = script.sent_data().len() as i64;
    script.advance(300);
    assert_eq!(script.sent_data(), [(0, 1000)]);
    assert_eq!((info(&script).timeouts, info(&script).cwnd), (1, 1000));
    (script, 10 + probes)
}

#[test]
fn originals_that_still_arrive_take_the_timeout_back() {
    for options in [Script::with_sack(), Script::plain()] {
        let (mut script, next) = timed_out(options, 60_000);
        // The ACK of two late originals; it might as well be that of the retransmission.
        script.ack(2000);
        assert_eq!(script.sent_data(), segments(next..next + 2), "two new segments and nothing again");
        assert_eq!(info(&script).undone, 0);
        script.ack(4000);
        let sent = script.sent_data();
        assert!(sent.iter().all(|(seq, _)| *seq >= (next + 2) * 1000), "nothing again: {sent:?}");
        assert!(info(&script).cwnd >= 10_000, "{}", info(&script).cwnd);
        assert_eq!((info(&script).undone, info(&script).retransmitted_segments), (1, 1));
    }
}

#[test]
fn an_original_that_is_sacked_does_too() {
    let (mut script, next) = timed_out(Script::with_sack(), 60_000);
    script.ack(1000);
    assert_eq!(script.sent_data(), segments(next..next + 2));
    script.sack(1000, &[(2000, 3000)]);
    script.sent();
    assert_eq!((info(&script).undone, info(&script).retransmitted_segments), (1, 1));
}

#[test]
fn new_data_that_arrives_alone_says_that_the_timeout_was_right() {
    let (mut script, next) = timed_out(Script::with_sack(), 60_000);
    script.ack(1000);
    assert_eq!(script.sent_data(), segments(next..next + 2));
    let new = (next as u32) * 1000;
    script.sack(1000, &[(new, new + 1000)]);
    assert_eq!(script.sent_data(), segments(1..2), "recovery goes on");
    script.ack(2000);
    let sent = script.sent_data();
    assert_eq!(sent[0], (2000, 1000), "{sent:?}");
    assert_eq!((info(&script).undone, info(&script).timeouts), (0, 1));
}

#[test]
fn without_sack_a_duplicate_says_so() {
    let (mut script, next) = timed_out(Script::plain(), 60_000);
    script.ack(1000);
    assert_eq!(script.sent_data(), segments(next..next + 2));
    script.ack(1000);
    assert_eq!(script.sent_data()[0], (1000, 1000), "recovery goes on");
    script.ack(2000);
    assert_eq!(script.sent_data()[0], (2000, 1000));
    assert_eq!(info(&script).undone, 0);
}

#[test]
fn without_sack_one_before_the_answer_does_too() {
    let (mut script, _) = timed_out(Script::plain(), 60_000);
    script.ack(0);
    script.ack(1000);
    assert_eq!(script.sent_data(), segments(1..3), "recovery is the usual one");
    let (mut script, next) = timed_out(Script::with_sack(), 60_000);
    script.sack(0, &[(2000, 3000)]);
    script.sent();
    script.ack(1000);
    assert_eq!(script.sent_data(), segments(next..next + 2), "SACK tells what overtook it");
}

#[test]
fn where_the_peers_window_is_full_there_is_no_question() {
    let (mut script, next) = timed_out(Script::with_sack(), 60_000);
    script.segment_with(Flags::ACK, 0, 1000, b"", (next as u16 - 1) * 1000, &[]);
    assert_eq!(script.sent_data(), segments(1..3));
}

#[test]
fn without_anything_new_there_is_no_question() {
    let (mut script, _) = timed_out(Script::plain(), 10_000);
    script.ack(1000);
    assert_eq!(script.sent_data(), segments(1..3));
    script.ack(3000);
    assert_eq!(info(&script).undone, 0);
}

#[test]
fn a_report_of_a_duplicate_takes_it_back_and_the_back_off_too() {
    let (mut script, _) = timed_out(Script::with_sack(), 10_000);
    assert_eq!(info(&script).rto_us, 400_000);
    script.ack(10_000);
    assert_eq!((info(&script).undone, info(&script).rto_us), (0, 400_000), "no answer, and nothing to measure");
    script.sack(10_000, &[(0, 1000)]);
    assert_eq!((info(&script).undone, info(&script).rto_us), (1, 200_000));
}

#[test]
fn where_timestamps_tell_there_is_no_question() {
    let options = Options { timestamps: Some(Timestamps { value: 5, echo: 0 }), ..Script::plain() };
    let mut script = Script::accepted(&Config { timestamps: true, ..config() }, options);
    script.send(60_000);
    script.sent();
    script.advance(250);
    let again = script.sent().remove(0);
    script.advance(10);
    script.echo = again.header.options.timestamps.unwrap().value;
    script.ack(988);
    assert_eq!(script.sent_data(), [(988, 988), (2 * 988, 988)]);
}

#[test]
fn in_the_middle_of_another_recovery_there_is_no_question() {
    let mut script = Script::accepted(&config(), Script::with_sack());
    script.send(60_000);
    script.sent();
    script.advance(10);
    script.sack(0, &[(1000, 4000)]);
    assert_eq!(script.sent_data()[0], (0, 1000), "fast recovery");
    script.advance(400);
    assert_eq!(script.sent_data(), [(0, 1000)]);
    script.ack(4000);
    assert_eq!(script.sent_data()[0], (4000, 1000));
}

#[test]
fn a_question_without_an_answer_ends_with_the_timer() {
    let (mut script, next) = timed_out(Script::with_sack(), 60_000);
    script.ack(1000);
    assert_eq!(script.sent_data(), segments(next..next + 2));
    script.advance(1000);
    assert_eq!(script.sent_data(), [(1000, 1000)]);
    script.ack(2000);
    assert_eq!(script.sent_data()[0], (2000, 1000), "no second question in the same recovery");
}
