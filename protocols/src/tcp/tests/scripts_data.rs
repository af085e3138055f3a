//! Receiving, segment by segment (RFC 9293 section 3.8.6, RFC 2018, RFC 2883, RFC 5681 section 4.2).

use super::script::{Script, config};
use crate::tcp::{Config, Flags, Kinds};

/// A connection past the ACKs without delay of its beginning. The peer has sent 16 octets.
fn warm(config: &Config) -> Script {
    let mut script = Script::accepted(config, Script::with_sack());
    for at in 0..16 {
        script.data(at, 1);
        script.sent();
    }
    script.engine.recv(script.conn(), &mut [0; 100]).unwrap();
    script.events();
    script
}

#[test]
fn octets_arrive() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.data(0, 5);
    let sent = script.sent();
    assert_eq!((sent.len(), sent[0].ack, sent[0].flags), (1, 5, Flags::ACK));
    assert!(script.events()[0].kinds.contains(Kinds::READABLE));
    let mut octets = [0; 9];
    assert_eq!(script.engine.readable(script.conn()), Ok(5));
    assert_eq!(script.engine.recv(script.conn(), &mut octets), Ok(5));
    assert_eq!(octets[..5], [0, 1, 2, 3, 4]);
    assert_eq!(script.engine.recv(script.conn(), &mut octets), Ok(0));
}

#[test]
fn every_second_full_segment_is_acknowledged() {
    let mut script = warm(&config());
    script.data(16, 1000);
    assert_eq!(script.sent(), [], "the first waits");
    script.data(1016, 1000);
    let sent = script.sent();
    assert_eq!((sent.len(), sent[0].ack), (1, 2016));
    script.data(2016, 1000);
    assert_eq!(script.sent(), []);
    script.advance(39);
    assert_eq!(script.sent(), []);
    script.advance(2);
    let sent = script.sent();
    assert_eq!((sent.len(), sent[0].ack), (1, 3016), "at most 40 ms");
    script.advance(1000);
    assert_eq!(script.sent(), []);
}

#[test]
fn a_burst_has_few_acks_and_its_length_is_bounded() {
    let mut script = warm(&Config { max_stretch: 8, ..config() });
    for segment in 0..20 {
        script.data(16 + segment * 1000, 1000);
    }
    let sent = script.sent();
    assert_eq!(sent.iter().map(|seen| seen.ack).collect::<alloc::vec::Vec<_>>(), [8016, 16_016, 20_016]);
}

#[test]
fn frames_of_joined_segments_have_few_acks_and_the_window_bounds_the_burst() {
    let mut script = warm(&Config { max_stretch: 8, initial_buffer: 64 << 10, ..config() });
    for frame in 0..8 {
        script.data(16 + frame * 6000, 6000);
    }
    let sent = script.sent();
    let acks = sent.iter().map(|seen| seen.ack).collect::<alloc::vec::Vec<_>>();
    assert_eq!(acks, [18_016, 36_016, 48_016], "with a quarter of the buffer, and at the end of the burst");
}

#[test]
fn a_service_that_fills_all_it_is_given_gets_a_larger_buffer_as_far_as_cwnd_goes() {
    let mut script = warm(&Config { initial_buffer: 4096, send_buffer: 1 << 20, ..config() });
    let cwnd = script.engine.info(script.conn()).unwrap().cwnd as usize;
    let wrote = script.engine.send_with(script.conn(), |room| room.len()).unwrap();
    assert!(wrote > 4096 && (cwnd..4 * cwnd).contains(&wrote), "{wrote} octets with a cwnd of {cwnd}");
}

#[test]
fn an_ack_goes_with_data() {
    let mut script = warm(&config());
    script.data(16, 100);
    script.send(50);
    let sent = script.sent();
    assert_eq!((sent.len(), sent[0].len, sent[0].ack), (1, 50, 116));
    script.advance(100);
    assert_eq!(script.sent().len(), 0, "no other ACK follows");
}

#[test]
fn out_of_order_segments_are_acknowledged_one_by_one_with_sack() {
    let mut script = warm(&config());
    for (at, blocks) in [
        (1016, &[(1016, 1516)][..]),
        (2016, &[(2016, 2516), (1016, 1516)]),
        (3016, &[(3016, 3516), (2016, 2516), (1016, 1516)]),
        (1516, &[(1016, 2516), (3016, 3516)]), // fills the gap between two
    ] {
        script.data(at, if at == 1516 { 1000 } else { 500 });
        let sent = script.take();
        assert_eq!((sent.len(), sent[0].ack), (1, 16), "at once, without waiting for the end of the burst");
        assert_eq!(sent[0].sack, blocks, "after {at}");
    }
    // The hole is filled in part, then wholly: each is acknowledged at once.
    script.data(16, 500);
    let sent = script.take();
    assert_eq!((sent[0].ack, &sent[0].sack[..]), (516, &[(1016, 2516), (3016, 3516)][..]));
    script.data(516, 500);
    let sent = script.take();
    assert_eq!((sent[0].ack, &sent[0].sack[..]), (2516, &[(3016, 3516)][..]));
    script.data(2516, 500);
    let sent = script.take();
    assert_eq!((sent[0].ack, sent[0].sack.len()), (3516, 0));
    let mut octets = [0; 4000];
    assert_eq!(script.engine.recv(script.conn(), &mut octets), Ok(3500));
    for (position, octet) in (16u32..).zip(&octets[..3500]) {
        assert_eq!(*octet, position as u8);
    }
}

#[test]
fn a_duplicate_is_acknowledged_and_reported() {
    let mut script = warm(&config());
    script.data(16, 500);
    script.data(516, 500);
    script.sent();
    script.data(16, 500);
    let sent = script.take();
    assert_eq!((sent.len(), sent[0].ack, &sent[0].sack[..]), (1, 1016, &[(16, 516)][..]));
    assert_eq!(script.engine.readable(script.conn()), Ok(1000));
}

#[test]
fn no_sack_unless_agreed_on() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.data(1000, 500);
    let sent = script.take();
    assert_eq!((sent.len(), sent[0].ack, sent[0].sack.len()), (1, 0, 0));
}

#[test]
fn the_window_closes_and_opens_in_steps_worth_it() {
    let small = Config { initial_buffer: 8192, receive_buffer: 8192, ..config() };
    let mut script = warm(&small);
    for segment in 0..8 {
        script.data(16 + segment * 1000, 1000);
    }
    script.data(8016, 192);
    script.sent();
    script.advance(41);
    let sent = script.sent();
    assert_eq!((sent.last().unwrap().ack, sent.last().unwrap().window), (8208, 0));
    // A probe is not taken, and answered.
    script.data(8208, 1);
    let sent = script.sent();
    assert_eq!((sent[0].ack, sent[0].window), (8208, 0));
    // Reading a little opens nothing (silly window), reading more does.
    let conn = script.conn();
    script.engine.recv(conn, &mut [0; 500]).unwrap();
    assert_eq!(script.sent(), []);
    script.engine.recv(conn, &mut [0; 3000]).unwrap();
    let sent = script.sent();
    assert_eq!((sent.len(), sent[0].ack, sent[0].window), (1, 8208, 3500));
    script.data(8208, 1000);
    script.sent();
    assert_eq!(script.engine.readable(conn), Ok(8192 - 3500 + 1000));
}

#[test]
fn the_window_is_four_times_what_is_read_in_a_round_trip() {
    let mut script = warm(&Config { initial_buffer: 8192, ..config() });
    let conn = script.conn();
    let mut read = |wait, at: i64, len| {
        script.advance(wait);
        script.data(at, len);
        script.engine.recv(conn, &mut [0; 4096]).unwrap();
        script.sent().last().map(|seen| seen.window)
    };
    // A round trip takes 10 ms.
    read(11, 16, 1);
    assert_eq!(read(0, 17, 2000), Some(8192));
    assert_eq!(read(6, 2017, 2000), Some(8192));
    read(5, 4017, 1);
    assert_eq!(read(0, 4018, 2000), Some(16_384));
}

#[test]
fn a_window_that_is_almost_closed_opens_by_two_segments() {
    let mut script = warm(&config());
    for segment in 0..65 {
        script.data(16 + segment * 1000, 1000);
    }
    script.sent();
    script.advance(41);
    assert_eq!(script.sent()[0].window, 519);
    let conn = script.conn();
    script.engine.recv(conn, &mut [0; 1982]).unwrap();
    assert_eq!(script.sent(), []);
    script.engine.recv(conn, &mut [0; 1]).unwrap();
    assert_eq!(script.sent()[0].window, 2519);
}

#[test]
fn an_overtaken_segment_says_nothing_of_the_peers_window() {
    let mut script = warm(&config());
    script.segment_with(Flags::ACK, 1016, 0, &[0; 100], 3000, &[]);
    script.segment_with(Flags::ACK, 16, 0, &[0; 100], 9000, &[]);
    assert_eq!(script.engine.info(script.conn()).unwrap().send_window, 3000);
    script.segment_with(Flags::ACK, 1116, 0, &[0; 100], 9000, &[]);
    assert_eq!(script.engine.info(script.conn()).unwrap().send_window, 9000);
}

#[test]
fn what_lies_beyond_the_window_is_cut_off() {
    let small = Config { initial_buffer: 4096, receive_buffer: 4096, ..config() };
    let mut script = warm(&small);
    for segment in 0..5 {
        script.data(16 + segment * 1000, 1000);
    }
    assert_eq!(script.sent().last().unwrap().ack, 4112);
    assert_eq!(script.engine.readable(script.conn()), Ok(4096));
}

#[test]
fn urgent_data_is_data() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.segment(Flags::ACK.with(Flags::URG), 0, 0, b"urgent");
    assert_eq!(script.engine.readable(script.conn()), Ok(6));
}

#[test]
fn ranges_out_of_order_are_bounded() {
    let mut script = warm(&config());
    for range in 0..300 {
        script.data(1000 + range * 20, 10);
    }
    assert_eq!(script.engine.counters().drop_reassembly, 300 - 256);
}
