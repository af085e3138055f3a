//! Memory of buffers, segment by segment: taken when needed, given back when idle, and what happens when there is none.

use super::script::{Script, config};
use crate::tcp::memory::PIECE;
use crate::tcp::{Config, Kinds};

fn octets(script: &Script) -> usize {
    script.engine.buffer_octets()
}

#[test]
fn buffers_come_with_the_first_octet_and_go_with_idleness() {
    let mut script = Script::accepted(&config(), Script::plain());
    assert_eq!(octets(&script), 0, "an open connection has none");
    let before = script.engine.info(script.conn()).unwrap().receive_window;
    script.data(0, 1000);
    assert_eq!(octets(&script), PIECE);
    script.send(1000);
    assert_eq!(octets(&script), 2 * PIECE);
    script.sent();
    script.segment(crate::tcp::Flags::ACK, 1000, 1000, b"");
    for _ in 0..3 {
        script.advance(1001);
        script.sent();
    }
    assert_eq!(octets(&script), PIECE, "what is not read stays");
    script.engine.recv(script.conn(), &mut [0; 2000]).unwrap();
    script.sent();
    for _ in 0..3 {
        script.advance(1001);
        script.sent();
    }
    assert_eq!(octets(&script), 0);
    let after = script.engine.info(script.conn()).unwrap().receive_window;
    assert!(after + 1000 >= before, "the window stays open: {after}");
    // And on it goes.
    script.segment(crate::tcp::Flags::ACK, 1000, 1000, &[7; 3000]);
    let mut read = [0; 4000];
    assert_eq!(script.engine.recv(script.conn(), &mut read), Ok(3000));
    assert_eq!(read[..3000], [7; 3000]);
}

#[test]
fn buffers_in_use_are_not_given_back() {
    let mut script = Script::accepted(&config(), Script::plain());
    for round in 0..10 {
        script.data(round * 10, 10);
        script.engine.recv(script.conn(), &mut [0; 10]).unwrap();
        script.advance(600);
        script.sent();
        assert_eq!(octets(&script), PIECE);
    }
}

#[test]
fn memory_grows_with_what_lies_in_it() {
    let mut script = Script::accepted(&config(), Script::plain());
    for round in 0..10 {
        script.data(round * 1000, 1000);
    }
    assert_eq!(octets(&script), 16 * PIECE);
    // Out of order: there has to be room for the gap as well, and what waits moves along.
    script.data(30_000, 1000);
    assert_eq!(octets(&script), 32 * PIECE);
    script.data(40_000, 1000);
    assert_eq!(octets(&script), 64 * PIECE);
    for round in 10..40 {
        script.data(round * 1000, 1000);
    }
    let mut read = [0; 65_536];
    assert_eq!(script.engine.recv(script.conn(), &mut read), Ok(41_000));
    assert!(read[..41_000].iter().zip(0_u32..).all(|(&octet, at)| octet == at as u8), "all as it was sent");
}

#[test]
fn when_memory_is_scarce_empty_buffers_do_not_wait() {
    let mut script = Script::accepted(&Config { buffer_bytes: 3 * PIECE, ..config() }, Script::plain());
    script.data(0, 1000);
    script.send(1000);
    assert_eq!(octets(&script), 2 * PIECE);
    script.engine.recv(script.conn(), &mut [0; 2000]).unwrap();
    assert_eq!(octets(&script), PIECE, "what was read needs none");
    script.data(1000, 1000);
    script.sent();
    assert_eq!(octets(&script), 2 * PIECE);
    script.segment(crate::tcp::Flags::ACK, 2000, 1000, b"");
    assert_eq!(octets(&script), PIECE, "nor does what is acknowledged");
}

#[test]
fn received_data_for_which_there_is_no_memory_comes_again() {
    let mut script = Script::accepted(&Config { buffer_bytes: PIECE, ..config() }, Script::plain());
    script.send(100);
    script.sent();
    script.data(0, 1000);
    let sent = script.sent();
    assert_eq!((sent[0].ack, script.engine.counters().drop_no_memory), (0, 1));
    // The send buffer is given back in time.
    script.segment(crate::tcp::Flags::ACK, 0, 100, b"");
    for _ in 0..3 {
        script.advance(1001);
        script.sent();
    }
    script.segment(crate::tcp::Flags::ACK, 0, 100, &[1; 1000]);
    assert_eq!(script.sent()[0].ack, 1000);
}

#[test]
fn a_service_is_told_when_there_is_memory_to_send_from() {
    let mut script = Script::accepted(&Config { buffer_bytes: PIECE, ..config() }, Script::plain());
    script.data(0, 1000);
    let conn = script.conn();
    assert_eq!(script.engine.send(conn, b"hello"), Ok(0));
    assert_eq!(script.engine.send_with(conn, |_| panic!("there is no room")), Ok(0));
    assert_eq!(script.engine.counters().no_memory, 2);
    script.events();
    script.engine.recv(conn, &mut [0; 1000]).unwrap();
    for _ in 0..4 {
        script.advance(1001);
        script.sent();
    }
    assert!(script.events().iter().any(|event| event.kinds.contains(Kinds::WRITABLE)));
    assert_eq!(script.engine.send(conn, b"hello"), Ok(5));
    assert_eq!(script.sent_data(), [(0, 5)]);
}

#[test]
fn what_does_not_fit_is_sent_in_parts() {
    let mut script = Script::accepted(&Config { buffer_bytes: PIECE, ..config() }, Script::plain());
    let conn = script.conn();
    let mut sent = 0;
    for _ in 0..3 {
        sent += script.engine.send(conn, &[7; 5000]).unwrap();
        assert_eq!(script.sent_data().iter().map(|(_, len)| len).sum::<usize>(), PIECE);
        script.segment(crate::tcp::Flags::ACK, 0, sent as i64, b"");
        assert!(script.events().iter().any(|event| event.kinds.contains(Kinds::WRITABLE)));
    }
    assert_eq!(sent, 3 * PIECE);
}

/// A buffer grows to a quarter of what is free at most.
#[test]
fn the_send_buffer_grows_as_far_as_memory_permits() {
    for (memory, grown) in [(1 << 20, 65_536), (200 << 10, 32_768), (64 << 10, 8192)] {
        let config = Config { buffer_bytes: memory, initial_buffer: 8192, send_buffer: 65_536, ..config() };
        let mut script = Script::accepted(&config, Script::plain());
        let (mut sent, mut most) = (0, 0);
        for _ in 0..12 {
            // All is acknowledged, so what is taken is what the buffer may hold.
            let taken = script.engine.send(script.conn(), &[7; 65_536]).unwrap();
            most = most.max(taken);
            sent += taken as i64;
            while script.engine.info(script.conn()).unwrap().send_queued > 0 {
                let end = script.sent_data().last().map_or(sent, |(seq, len)| seq + *len as i64);
                script.advance(10);
                script.ack(end);
            }
        }
        assert_eq!(most, grown, "of {memory} octets of memory");
    }
}

#[test]
fn the_receive_buffer_grows_as_far_as_memory_permits() {
    for (memory, grown) in [(1 << 20, 65_536), (200 << 10, 32_768), (64 << 10, 8192)] {
        let config = Config { buffer_bytes: memory, initial_buffer: 8192, receive_buffer: 65_536, ..config() };
        let mut script = Script::accepted(&config, Script::plain());
        let mut at = 0;
        for _ in 0..20 {
            script.advance(11);
            let window = script.engine.info(script.conn()).unwrap().receive_window;
            for _ in 0..window / 1000 {
                script.data(at, 1000);
                at += 1000;
                script.engine.recv(script.conn(), &mut [0; 1000]).unwrap();
            }
            script.sent();
        }
        let window = script.engine.info(script.conn()).unwrap().receive_window;
        assert!((grown - 2000..=grown).contains(&window), "{window} instead of {grown}, of {memory} octets of memory");
    }
}

#[test]
fn transmissions_on_record_are_bounded() {
    let mut script = Script::accepted(&Config { send_buffer: 1 << 20, ..config() }, Script::plain());
    for _ in 0..3000 {
        script.send(1);
        script.sent();
        script.now += crate::time::Duration::from_micros(10);
    }
    assert_eq!(script.engine.info(script.conn()).unwrap().flight, 2048);
    script.ack(1000);
    assert!(script.sent_data().iter().map(|(_, len)| len).sum::<usize>() >= 952);
}
