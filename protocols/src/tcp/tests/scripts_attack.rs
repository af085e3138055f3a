//! What must not harm, segment by segment (RFC 5961, RFC 7323 section 5).

use super::script::{PEER_PORT, PORT, Script, config};
use crate::tcp::{Checksum, CloseReason, Config, Error, Flags, Header, Options, State, Timestamps};

fn state(script: &Script) -> State {
    script.engine.info(script.conn()).unwrap().state
}

#[test]
fn a_reset_must_be_exact() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.segment(Flags::RST, -1, 0, b"");
    script.segment(Flags::RST, 70_000, 0, b"");
    assert_eq!(script.take(), [], "outside the window: not even answered");
    script.segment(Flags::RST, 100, 0, b"");
    let sent = script.take();
    assert_eq!((sent.len(), sent[0].flags, sent[0].ack), (1, Flags::ACK, 0), "in the window: challenged");
    assert_eq!(state(&script), State::Established);
    script.segment(Flags::RST, 0, 0, b"");
    let conn = script.conn();
    assert_eq!(script.engine.recv(conn, &mut [0]), Err(Error::Closed(conn, CloseReason::Reset)));
    assert_eq!(script.events().last().unwrap().reason, Some(CloseReason::Reset));
    assert_eq!(script.engine.recv(conn, &mut [0]), Err(Error::Stale(conn)));
    assert_eq!((script.engine.connection_count(), script.engine.buffer_octets()), (0, 0));
}

/// What is echoed for what was sent twice is measured, unless no timeout can have been as long.
#[test]
fn an_echo_of_what_was_never_sent_lately_measures_nothing() {
    for (age, measures) in [(119_900, true), (120_100, false)] {
        let options = Options { timestamps: Some(Timestamps { value: 5, echo: 0 }), ..Script::plain() };
        let mut script = Script::accepted(&Config { timestamps: true, ..config() }, options);
        script.advance(200_000);
        script.send(500);
        script.echo = script.sent()[0].header.options.timestamps.unwrap().value.wrapping_sub(age);
        script.advance(250);
        assert_eq!(script.sent_data(), [(0, 500)]);
        let before = script.engine.info(script.conn()).unwrap().srtt_us;
        script.echo = script.echo.wrapping_add(250);
        script.ack(500);
        let after = script.engine.info(script.conn()).unwrap().srtt_us;
        assert_eq!(after != before, measures, "{age} ms: {after} µs");
    }
}

#[test]
fn a_syn_is_challenged() {
    let mut script = Script::accepted(&config(), Script::plain());
    for seq in [-1, 0, 100, 1 << 20] {
        script.segment(Flags::SYN, seq, 0, b"");
        let sent = script.take();
        assert_eq!((sent.len(), sent[0].flags, sent[0].seq, sent[0].ack), (1, Flags::ACK, 0, 0));
    }
    assert_eq!(state(&script), State::Established);
}

#[test]
fn acknowledgements_outside_of_what_was_sent_are_challenged() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.send(1000);
    script.sent();
    script.segment(Flags::ACK, 0, 1001, b"forged");
    assert_eq!(script.take().len(), 1);
    script.segment(Flags::ACK, 0, -70_000, b"forged");
    assert_eq!(script.take().len(), 1);
    assert_eq!(script.engine.readable(script.conn()), Ok(0), "the data is not taken either");
    assert_eq!(script.engine.counters().drop_ack, 2);
    script.segment(Flags::ACK, 0, -1, b"old but possible");
    assert_eq!(script.engine.readable(script.conn()), Ok(16));
}

#[test]
fn challenges_are_limited() {
    let mut script = Script::accepted(&config(), Script::plain());
    for _ in 0..100 {
        script.segment(Flags::SYN, 0, 0, b"");
    }
    assert_eq!(script.take().len(), 10);
    assert_eq!(script.engine.counters().challenges_suppressed, 90);
    script.advance(5000);
    script.segment(Flags::SYN, 0, 0, b"");
    assert_eq!(script.take().len(), 1);
}

#[test]
fn segments_without_ack_are_dropped() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.segment(Flags(0), 0, 0, b"data");
    script.segment(Flags::FIN, 0, 0, b"");
    assert_eq!(script.engine.counters().drop_no_ack, 2);
    assert_eq!(script.engine.readable(script.conn()), Ok(0));
    assert_eq!(state(&script), State::Established);
}

fn with_timestamps() -> Script {
    let options = Options { timestamps: Some(Timestamps { value: 1000, echo: 0 }), ..Script::with_sack() };
    Script::accepted(&Config { timestamps: true, ..config() }, options)
}

#[test]
fn paws_drops_what_is_older_than_what_came_before() {
    let mut script = with_timestamps();
    script.timestamp = Some(1010);
    script.data(0, 10);
    assert_eq!(script.sent()[0].header.options.timestamps.unwrap().echo, 1010);
    script.timestamp = Some(1005);
    script.data(10, 10);
    let sent = script.take();
    assert_eq!((sent.len(), sent[0].ack), (1, 10), "dropped, and answered");
    assert_eq!(script.engine.counters().drop_paws, 1);
    script.timestamp = Some(1010);
    script.data(10, 10);
    assert_eq!(script.engine.readable(script.conn()), Ok(20));
    // An RST passes whatever its timestamp says.
    script.timestamp = Some(5);
    script.segment(Flags::RST, 20, 0, b"");
    assert!(script.events().last().unwrap().reason.is_some());
}

#[test]
fn only_segments_at_the_left_edge_move_the_timestamp() {
    let mut script = with_timestamps();
    script.timestamp = Some(1020);
    script.data(100, 10);
    assert_eq!(script.take()[0].header.options.timestamps.unwrap().echo, 1000, "out of order: not taken over");
    script.timestamp = Some(1010);
    script.data(0, 100);
    assert_eq!(script.take()[0].header.options.timestamps.unwrap().echo, 1010);
    assert_eq!(script.engine.readable(script.conn()), Ok(110));
}

#[test]
fn after_24_days_without_a_segment_paws_lets_pass() {
    let mut script = with_timestamps();
    script.advance(25 * 24 * 3600 * 1000);
    script.timestamp = Some(1);
    script.data(0, 10);
    assert_eq!(script.engine.readable(script.conn()), Ok(10));
}

#[test]
fn a_segment_without_the_agreed_timestamp_is_dropped() {
    let mut script = with_timestamps();
    script.timestamp = None;
    script.data(0, 10);
    assert_eq!(script.engine.readable(script.conn()), Ok(0));
    assert_eq!(script.engine.counters().drop_no_timestamp, 1);
}

#[test]
fn what_lies_is_counted_and_dropped() {
    let mut script = Script::accepted(&config(), Script::plain());
    let path = script.path();
    let mut octets = [0; 40];
    Header { source_port: PEER_PORT, destination_port: PORT, flags: Flags::RST, ..Header::default() }
        .write(&mut octets);
    for length in 0..20 {
        script.engine.receive(script.now, &path, &octets[..length], Checksum::Verified, &mut script.outbox);
    }
    script.engine.receive(script.now, &path, &octets, Checksum::Verify, &mut script.outbox);
    assert_eq!(script.engine.counters().drop_malformed, 20);
    assert_eq!(script.engine.counters().drop_checksum, 1);
    script.peer_port = 0;
    script.data(0, 1);
    assert_eq!(script.engine.counters().drop_address, 1);
    assert_eq!(script.take(), []);
    assert_eq!(state(&script), State::Established);
}

#[test]
fn random_segments_do_no_harm() {
    let mut random = crate::sim::Rng::new(4711);
    for round in 0..200 {
        let mut script =
            if round % 2 == 0 { with_timestamps() } else { Script::accepted(&config(), Script::with_sack()) };
        script.send(5000);
        for _ in 0..200 {
            let near = |random: &mut crate::sim::Rng| random.below(12_000) as i64 - 2000;
            let (seq, ack) = (near(&mut random), near(&mut random));
            let block = |random: &mut crate::sim::Rng| (random.below(7000) as u32, random.below(7000) as u32);
            let blocks = [block(&mut random), block(&mut random)];
            let flags = Flags((random.next_u64() as u8) & !(if random.below(50) == 0 { 0 } else { 0x04 }));
            let payload = alloc::vec![7; random.below(1500) as usize];
            if let Some(timestamp) = &mut script.timestamp {
                *timestamp = timestamp.wrapping_add(random.below(3) as u32);
            }
            let window = if random.below(4) == 0 { 0 } else { random.below(65_536) as u16 };
            script.segment_with(flags, seq, ack, &payload, window, &blocks[..random.below(3) as usize]);
            script.advance(random.below(100));
            let conn = script.conn();
            let _ = script.engine.recv(conn, &mut [0; 3000]);
            match random.below(40) {
                0 => drop(script.engine.shutdown(conn)),
                1 => drop(script.engine.send(conn, &[1; 700])),
                _ => {}
            }
            script.sent();
            script.events();
            if script.engine.info(conn).is_err() {
                break;
            }
        }
        let conn = script.conn();
        let _ = script.engine.abort(conn);
        script.sent();
        script.advance(120_000);
        script.sent();
        assert_eq!(script.engine.buffer_octets(), 0, "round {round}");
        assert_eq!(script.engine.connection_count(), 0, "round {round}");
    }
}
