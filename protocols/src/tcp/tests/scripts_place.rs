//! Octets that a service takes or lends where they lie, segment by segment.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::script::{Script, config};
use crate::tcp::{Config, Error, Flags, Kinds};

/// A connection whose service takes at most `most` octets of each segment in place.
fn taking(config: &Config, most: usize) -> Script {
    let mut script = Script::accepted(config, Script::with_sack());
    script.in_place.most = most;
    script
}

fn octets(range: core::ops::Range<usize>) -> Vec<u8> {
    range.map(|offset| offset as u8).collect()
}

#[test]
fn what_is_taken_in_place_needs_no_memory_and_is_acknowledged() {
    let mut script = taking(&config(), usize::MAX);
    script.data(0, 1000);
    script.data(1000, 1000);
    assert_eq!(script.in_place.taken, octets(0..2000));
    assert_eq!(script.sent()[0].ack, 2000);
    assert_eq!(script.engine.buffer_octets(), 0);
    assert_eq!(script.engine.counters().bytes_in_place, 2000);
    assert_eq!(script.engine.counters().bytes_in, 2000);
    assert!(script.events()[0].kinds.contains(Kinds::READABLE));
    assert_eq!(script.engine.recv(script.conn(), &mut [0; 10]), Ok(0));
}

#[test]
fn what_is_left_waits_and_what_comes_behind_it_waits_too() {
    let mut script = taking(&config(), 300);
    script.data(0, 1000);
    script.data(1000, 1000);
    assert_eq!(script.in_place.taken, octets(0..300));
    let mut read = [0; 3000];
    assert_eq!(script.engine.recv(script.conn(), &mut read), Ok(1700));
    assert_eq!(read[..1700], octets(300..2000));
    script.data(2000, 100);
    assert_eq!(script.in_place.taken[300..], octets(2000..2100));
    assert_eq!(script.sent().last().unwrap().ack, 2100);
}

#[test]
fn nothing_is_taken_in_place_while_a_gap_is_open() {
    let mut script = taking(&config(), usize::MAX);
    script.data(1000, 1000);
    script.data(0, 500);
    assert!(script.in_place.taken.is_empty(), "what waits must not be overtaken");
    script.data(500, 500);
    let mut read = [0; 3000];
    assert_eq!(script.engine.recv(script.conn(), &mut read), Ok(2000));
    assert_eq!(read[..2000], octets(0..2000));
    script.data(2000, 7);
    assert_eq!(script.in_place.taken, octets(2000..2007));
    // Old octets are not shown again.
    script.data(2000, 20);
    assert_eq!(script.in_place.taken, octets(2000..2020));
}

#[test]
fn what_is_answered_in_place_goes_out_with_the_ack_and_needs_no_receive_buffer() {
    let mut script = taking(&Config { send_buffer: 4096, ..config() }, usize::MAX);
    script.in_place.echoes = true;
    let conn = script.conn();
    script.engine.set_nagle(conn, false).unwrap();
    let all = |script: &mut Script| sent(script).into_iter().flat_map(|(_, octets)| octets).collect::<Vec<_>>();
    script.data(0, 4000);
    assert_eq!(all(&mut script), octets(0..4000));
    assert_eq!((script.engine.counters().bytes_in_place, script.engine.buffer_octets()), (4000, 4096));
    // What finds no room waits, and so does what comes behind it; the service hears when there is room.
    script.data(4000, 400);
    script.data(4400, 100);
    assert_eq!((script.engine.counters().bytes_in_place, script.engine.readable(conn)), (4096, Ok(404)));
    script.events();
    script.segment(Flags::ACK, 4500, 4000, b"");
    assert!(script.events()[0].kinds.contains(Kinds::WRITABLE));
    assert_eq!(all(&mut script), octets(4000..4096));
    // After its end nothing is sent.
    assert_eq!(script.engine.recv(conn, &mut [0; 1000]), Ok(404));
    script.engine.shutdown(conn).unwrap();
    script.data(4500, 100);
    assert_eq!(script.engine.readable(conn), Ok(100));
}

#[test]
fn the_end_follows_what_was_taken_in_place() {
    let mut script = taking(&config(), usize::MAX);
    script.segment(Flags::ACK.with(Flags::FIN), 0, 0, &[7; 100]);
    assert_eq!((script.sent()[0].ack, script.in_place.taken.len()), (101, 100));
    let conn = script.conn();
    assert_eq!(script.engine.recv(conn, &mut [0; 10]), Err(Error::Finished(conn)));
}

#[test]
fn what_finds_no_memory_after_a_part_was_taken_comes_again_without_that_part() {
    let mut script = taking(&Config { buffer_bytes: 0, ..config() }, 300);
    script.data(0, 1000);
    assert_eq!((script.sent()[0].ack, script.engine.counters().drop_no_memory), (300, 1));
    script.data(0, 1000);
    assert_eq!((script.sent()[0].ack, script.in_place.taken.clone()), (600, octets(0..600)));
}

#[test]
fn the_window_opens_for_a_service_that_takes_in_place_as_far_as_memory_would_go() {
    for (buffer_bytes, most) in [(64 << 20, 4 << 20), (2 << 20, 512 << 10)] {
        let mut script = taking(&Config { buffer_bytes, ..config() }, usize::MAX);
        let mut at = 0;
        for _ in 0..20 {
            for _ in 0..(2 << 20) / 60_000 {
                script.data(at, 60_000);
                at += 60_000;
            }
            script.advance(11);
            script.sent();
        }
        assert_eq!(script.in_place.taken.len() as i64, at);
        assert_eq!(
            (script.engine.info(script.conn()).unwrap().receive_window, script.engine.buffer_octets()),
            (most, 0)
        );
    }
}

/// The data that the engine sends now: where it begins, and the octets.
fn sent(script: &mut Script) -> Vec<(usize, Vec<u8>)> {
    script.engine.poll(script.now, &mut script.outbox);
    let first = script.isn.wrapping_add(1);
    let data = script.outbox.sent.drain(..).filter_map(|(header, packet)| {
        let octets = packet.octets[header.len()..].to_vec();
        (!octets.is_empty()).then(|| (header.sequence.wrapping_sub(first) as usize, octets))
    });
    data.collect()
}

#[test]
fn what_is_lent_is_sent_from_where_it_lies_each_time_and_goes_back_when_acknowledged() {
    let mut script = Script::accepted(&config(), Script::plain());
    let (conn, octets): (_, Arc<[u8]>) = (script.conn(), (0..=250).collect());
    let expected = |range: core::ops::Range<usize>| range.map(|at| octets[(at + 5) % 251]).collect::<Vec<_>>();
    assert_eq!(script.engine.send_lent(conn, &octets, 5, 2000), Ok(2000));
    assert_eq!(script.engine.send_lent(conn, &octets, 2005, 1000), Ok(1000));
    assert_eq!(script.engine.send(conn, b"the end"), Ok(7));
    script.engine.shutdown(conn).unwrap();
    let data = sent(&mut script);
    assert!(data.iter().all(|(at, octets)| octets[..] == expected(*at..*at + octets.len()) || *at >= 2500));
    let all = data.iter().flat_map(|(_, octets)| octets).copied().collect::<Vec<_>>();
    assert_eq!((&all[..3000], &all[3000..]), (&expected(0..3000)[..], &b"the end"[..]));
    script.advance(3000);
    let again = sent(&mut script);
    assert_eq!(again[0].0, 0);
    assert_eq!(again[0].1, expected(0..again[0].1.len()));
    assert_eq!(Arc::strong_count(&octets), 2);
    script.ack(3000);
    assert_eq!(Arc::strong_count(&octets), 1);
    script.ack(3008);
    assert_eq!(script.engine.info(conn).unwrap().send_queued, 0);
}
