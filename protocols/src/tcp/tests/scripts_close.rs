//! Closing, segment by segment (RFC 9293 section 3.6, RFC 6191, RFC 1122 section 4.2.2.13).

use super::script::{PEER_ISN, Script, config};
use crate::tcp::{CloseReason, Config, Error, Flags, Header, Kinds, Options, State, Timestamps};

const FIN: Flags = Flags(0x11);

fn state(script: &Script) -> Option<State> {
    let waits = (script.engine.time_wait_count() > 0).then_some(State::TimeWait);
    script.engine.connections().map(|(_, info)| info.state).next().or(waits)
}

/// We close first: the connection is in TIME-WAIT.
fn time_wait(config: &Config, options: Options) -> Script {
    let mut script = Script::accepted(config, options);
    script.engine.shutdown(script.conn()).unwrap();
    let sent = script.sent();
    assert_eq!((sent.len(), sent[0].flags, sent[0].seq), (1, FIN, 0));
    assert_eq!(state(&script), Some(State::FinWait1));
    script.ack(1);
    assert_eq!(state(&script), Some(State::FinWait2));
    script.segment(FIN, 0, 1, b"");
    let sent = script.sent();
    assert_eq!((sent.len(), sent[0].flags, sent[0].ack), (1, Flags::ACK, 1));
    assert_eq!(state(&script), Some(State::TimeWait));
    script
}

#[test]
fn we_close_first() {
    let mut script = time_wait(&config(), Script::plain());
    let event = script.events().remove(0);
    assert!(event.kinds.contains(Kinds::CLOSED));
    assert_eq!(event.reason, Some(CloseReason::Finished));
    assert_eq!(script.engine.buffer_octets(), 0, "TIME-WAIT has no buffers");
    // The peer did not get our ACK: its FIN comes again, and the time begins anew.
    script.advance(50_000);
    script.segment(FIN, 0, 1, b"");
    assert_eq!(script.sent()[0].ack, 1);
    script.advance(59_000);
    script.sent();
    assert_eq!(state(&script), Some(State::TimeWait));
    script.advance(1100);
    script.sent();
    assert_eq!(state(&script), None);
}

#[test]
fn the_peer_closes_first() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.segment(FIN, 0, 0, b"last words");
    assert_eq!(script.sent()[0].ack, 11);
    assert_eq!(state(&script), Some(State::CloseWait));
    let conn = script.conn();
    assert_eq!(script.engine.recv(conn, &mut [0; 20]), Ok(10));
    assert_eq!(script.engine.recv(conn, &mut [0; 20]), Err(Error::Finished(conn)));
    // The other direction stays open.
    script.send(100);
    assert_eq!(script.sent_data(), [(0, 100)]);
    script.segment(Flags::ACK, 11, 100, b"");
    script.engine.shutdown(conn).unwrap();
    assert_eq!(script.engine.send(conn, b"x"), Err(Error::Closing(conn)));
    assert_eq!(script.sent()[0].flags, FIN);
    assert_eq!(state(&script), Some(State::LastAck));
    script.segment(Flags::ACK, 11, 101, b"");
    assert_eq!(script.events().last().unwrap().reason, Some(CloseReason::Finished));
    assert_eq!(state(&script), None);
}

#[test]
fn both_close_at_the_same_time() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.engine.shutdown(script.conn()).unwrap();
    script.sent();
    script.segment(FIN, 0, 0, b"");
    assert_eq!(state(&script), Some(State::Closing));
    assert_eq!(script.sent()[0].ack, 1);
    script.segment(Flags::ACK, 1, 1, b"");
    assert_eq!(state(&script), Some(State::TimeWait));
    assert_eq!(script.events().last().unwrap().reason, Some(CloseReason::Finished));
}

#[test]
fn a_fin_that_also_acknowledges_ours() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.engine.shutdown(script.conn()).unwrap();
    script.sent();
    script.segment(FIN, 0, 1, b"");
    assert_eq!(state(&script), Some(State::TimeWait));
}

#[test]
fn after_our_fin_we_still_receive() {
    let mut script = Script::accepted(&config(), Script::plain());
    let conn = script.conn();
    script.engine.shutdown(conn).unwrap();
    script.sent();
    script.ack(1);
    for at in 0..10 {
        script.segment(Flags::ACK, at * 100, 1, &[7; 100]);
    }
    assert_eq!(script.engine.recv(conn, &mut [0; 2000]), Ok(1000));
    script.events();
    script.segment(FIN, 1000, 1, &[7; 100]);
    // CLOSED waits until all has been read.
    let kinds = script.events()[0].kinds;
    assert!(kinds.contains(Kinds::READABLE) && !kinds.contains(Kinds::CLOSED));
    assert_eq!(script.engine.recv(conn, &mut [0; 2000]), Ok(100));
    assert!(script.events()[0].kinds.contains(Kinds::CLOSED));
    assert_eq!(script.engine.buffer_octets(), 0);
}

#[test]
fn data_queued_goes_before_the_fin_and_the_fin_with_the_last_of_it() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.send(1500);
    script.engine.shutdown(script.conn()).unwrap();
    let sent = script.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!((sent[0].flags.contains(Flags::FIN), sent[1].flags.contains(Flags::FIN)), (false, true));
    // Both are lost.
    script.advance(201);
    assert_eq!(script.sent_data(), [(0, 1000)]);
    script.ack(1000);
    let sent = script.sent();
    assert_eq!((sent[0].seq, sent[0].len, sent[0].flags.contains(Flags::FIN)), (1000, 500, true));
    script.ack(1501);
    assert_eq!(state(&script), Some(State::FinWait2));
}

#[test]
fn a_fin_out_of_order_waits() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.segment(FIN, 100, 0, &[0; 50]);
    assert_eq!(state(&script), Some(State::Established));
    script.segment(Flags::ACK, 0, 0, &[0; 100]);
    assert_eq!(state(&script), Some(State::CloseWait));
    assert_eq!(script.sent().last().unwrap().ack, 151);
    assert_eq!(script.engine.readable(script.conn()), Ok(150));
}

#[test]
fn data_beyond_a_fin_is_ignored() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.segment(FIN, 100, 0, b"");
    script.segment(Flags::ACK, 50, 0, &[0; 500]);
    script.segment(Flags::ACK, 0, 0, &[0; 50]);
    assert_eq!(state(&script), Some(State::CloseWait));
    assert_eq!(script.engine.readable(script.conn()), Ok(100));
}

#[test]
fn closing_with_data_unread_resets() {
    let mut script = Script::accepted(&config(), Script::plain());
    let conn = script.conn();
    script.data(0, 10);
    script.sent();
    script.events();
    script.engine.close(conn).unwrap();
    assert!(script.sent()[0].flags.contains(Flags::RST));
    assert_eq!(script.engine.close(conn), Err(Error::Stale(conn)));
    assert_eq!((state(&script), script.events().len(), script.engine.buffer_octets()), (None, 0, 0));
}

#[test]
fn data_after_close_resets() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.engine.close(script.conn()).unwrap();
    assert_eq!(script.sent()[0].flags, FIN);
    script.ack(1);
    script.segment(Flags::ACK, 0, 1, b"too late");
    assert!(script.sent()[0].flags.contains(Flags::RST));
    assert_eq!((state(&script), script.events().len()), (None, 0));
}

#[test]
fn nobody_waits_in_fin_wait_2_for_ever() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.engine.close(script.conn()).unwrap();
    script.sent();
    script.ack(1);
    script.advance(59_000);
    script.sent();
    assert_eq!(state(&script), Some(State::FinWait2));
    script.advance(1100);
    script.sent();
    assert_eq!(state(&script), None);
}

#[test]
fn a_peer_that_keeps_its_window_shut_cannot_hold_a_closed_connection() {
    let mut script = Script::accepted(&Config { max_retries: 5, ..config() }, Script::plain());
    script.segment_with(Flags::ACK, 0, 0, b"", 0, &[]);
    script.send(1000);
    script.engine.close(script.conn()).unwrap();
    for _ in 0..8 {
        script.sent();
        script.advance(60_001);
        script.sent();
        script.segment_with(Flags::ACK, 0, 0, b"", 0, &[]);
    }
    assert_eq!((state(&script), script.engine.buffer_octets()), (None, 0));
}

#[test]
fn abort_resets() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.send(100);
    script.sent();
    let conn = script.conn();
    script.engine.abort(conn).unwrap();
    let sent = script.sent();
    assert_eq!((sent.len(), sent[0].seq, sent[0].ack), (1, 100, 0));
    assert!(sent[0].flags.contains(Flags::RST));
    assert_eq!(script.engine.info(conn), Err(Error::Stale(conn)));
}

#[test]
fn a_newer_syn_takes_the_place_of_time_wait() {
    let mut script = time_wait(&config(), Script::plain());
    script.events();
    let old_end = script.isn.wrapping_add(2);
    // A SYN of the old incarnation changes nothing.
    script.inject(Header { flags: Flags::SYN, sequence: PEER_ISN, options: Script::plain(), ..Header::default() }, b"");
    assert!(script.take().iter().all(|seen| seen.flags == Flags::ACK));
    assert_eq!(state(&script), Some(State::TimeWait));
    script.peer_isn = PEER_ISN.wrapping_add(100);
    script.handshake(Script::plain());
    assert!((script.isn.wrapping_sub(old_end) as i32) > 0, "beyond everything the old one sent");
    assert_eq!(script.engine.counters().time_wait_reused, 1);
}

#[test]
fn numbers_go_on_beyond_those_of_the_old_incarnation() {
    let mut script = Script::accepted(&config(), Script::plain());
    // Faster than the clock of initial sequence numbers.
    script.send(10_000);
    script.sent();
    script.advance(1);
    script.ack(10_000);
    script.engine.close(script.conn()).unwrap();
    script.sent();
    script.segment(FIN, 0, 10_001, b"");
    script.sent();
    let old_end = script.isn.wrapping_add(10_002);
    script.peer_isn = PEER_ISN.wrapping_add(100);
    script.handshake(Script::plain());
    assert!((script.isn.wrapping_sub(old_end) as i32) > 0, "{} after {old_end}", script.isn);
}

#[test]
fn a_newer_timestamp_takes_the_place_of_time_wait_whatever_the_sequence_number() {
    let options = |value| Options { timestamps: Some(Timestamps { value, echo: 0 }), ..Script::plain() };
    let config = Config { timestamps: true, ..config() };
    let mut script = time_wait(&config, options(1000));
    script.events();
    script.peer_isn = PEER_ISN.wrapping_sub(1 << 20);
    script.inject(
        Header { flags: Flags::SYN, sequence: script.peer_isn, options: options(999), ..Header::default() },
        b"",
    );
    script.take();
    assert_eq!(state(&script), Some(State::TimeWait), "an older timestamp does not");
    script.handshake(options(1001));
    assert_eq!(script.engine.counters().time_wait_reused, 1);
}

#[test]
fn time_wait_is_no_connection_any_more_and_the_oldest_makes_room() {
    let limits = Config { max_connections: 1, max_time_wait: 2, ..config() };
    let mut script = Script::new(&limits);
    script.engine.listen(super::script::PORT, 4).unwrap();
    for round in 0..5 {
        script.peer_port += 1;
        script.handshake(Script::plain());
        script.engine.close(script.conn()).unwrap();
        script.sent();
        script.segment(FIN, 0, 1, b"");
        assert_eq!(script.sent()[0].ack, 1, "the last ACK goes out before the connection is forgotten");
        assert_eq!(script.engine.connection_count(), 0);
        assert_eq!(script.engine.time_wait_count(), 2.min(round + 1));
    }
    assert_eq!(script.engine.counters().time_wait_evicted, 3);
    assert_eq!(script.engine.counters().finished, 5);
    // Of the last we still know, the first is a stranger.
    script.segment(FIN, 0, 1, b"");
    assert_eq!(script.sent()[0].flags, Flags::ACK);
    script.peer_port -= 4;
    script.segment(FIN, 0, 1, b"");
    assert!(script.sent()[0].flags.contains(Flags::RST));
}

#[test]
fn time_wait_is_not_assassinated() {
    let options = Options { timestamps: Some(Timestamps { value: 1000, echo: 0 }), ..Script::plain() };
    let mut script = time_wait(&Config { timestamps: true, ..config() }, options);
    script.events();
    assert_eq!((script.engine.connection_count(), script.engine.time_wait_count()), (0, 1));
    // An old duplicate is answered, the peer, who knows nothing any more, answers that with a reset, and it changes nothing (RFC 1337).
    script.timestamp = Some(900);
    script.segment(Flags::ACK, -100, 0, &[0; 10]);
    let sent = script.take();
    assert_eq!((sent.len(), sent[0].seq, sent[0].ack), (1, 1, 1));
    assert_eq!(sent[0].header.options.timestamps.map(|timestamps| timestamps.echo), Some(1000));
    script.timestamp = None;
    for flags in [Flags::RST, Flags::RST.with(Flags::ACK)] {
        script.segment(flags, 1, 1, b"");
    }
    assert_eq!((script.sent().len(), script.engine.time_wait_count()), (0, 1));
    assert_eq!(script.engine.counters().drop_rst, 2);
}

#[test]
fn what_is_unread_outlives_the_identity() {
    let mut script = Script::accepted(&config(), Script::plain());
    let conn = script.conn();
    script.engine.shutdown(conn).unwrap();
    script.sent();
    script.segment(FIN, 0, 1, b"last words");
    script.sent();
    script.events();
    script.advance(60_001);
    script.sent();
    assert_eq!((script.engine.connection_count(), script.engine.time_wait_count()), (1, 0));
    // Meanwhile the peer may open the same connection again.
    script.peer_isn = PEER_ISN.wrapping_add(1 << 20);
    assert_ne!(script.handshake(Script::plain()).conn, conn);
    assert_eq!(script.engine.recv(conn, &mut [0; 20]), Ok(10));
    script.events();
    assert_eq!(script.engine.recv(conn, &mut [0; 20]), Err(Error::Stale(conn)));
    assert_eq!(script.engine.info(script.conn()).unwrap().state, State::Established, "the new one is not touched");
}

#[test]
fn a_connection_in_time_wait_is_not_opened_from_here() {
    let mut script = time_wait(&config(), Script::plain());
    script.events();
    let (now, path, port) = (script.now, script.path(), script.peer_port);
    let again = script.engine.connect(now, path, port, Some(super::script::PORT));
    assert!(matches!(again, Err(crate::tcp::ConnectError::InUse { .. })), "{again:?}");
    script.advance(60_001);
    assert!(script.engine.connect(script.now, path, port, Some(super::script::PORT)).is_ok());
}

#[test]
fn names_of_old_connections_are_stale() {
    let mut script = Script::accepted(&config(), Script::plain());
    let old = script.conn();
    script.engine.abort(old).unwrap();
    script.sent();
    script.peer_port += 1;
    script.handshake(Script::plain());
    assert_eq!(script.conn().index, old.index, "the slot is used again");
    for result in [script.engine.send(old, b"x"), script.engine.recv(old, &mut [0]), script.engine.readable(old)] {
        assert_eq!(result, Err(Error::Stale(old)));
    }
    assert_eq!(script.engine.shutdown(old), Err(Error::Stale(old)));
}
