//! Opening, segment by segment (RFC 9293 sections 3.5 and 3.10.7, RFC 7323, RFC 4987).

use super::script::{PEER_ISN, PEER_PORT, PORT, Script, config};
use super::world::{Outbox, engine, path};
use crate::tcp::{
    Checksum, CloseReason, Config, ConnectError, Error, Flags, Header, Kinds, ListenError, Options, State, Timestamps,
};
use crate::time::Instant;

const SYN_ACK: Flags = Flags(0x12);
const RST_ACK: Flags = Flags(0x14);

fn syn(options: Options) -> Header {
    Header { flags: Flags::SYN, sequence: PEER_ISN, window: 1000, options, ..Header::default() }
}

#[test]
fn the_answer_agrees_to_what_was_offered_and_no_more() {
    let every = Options {
        mss: Some(1460),
        window_scale: Some(5),
        sack_permitted: true,
        timestamps: Some(Timestamps { value: 77, echo: 0 }),
        ..Options::default()
    };
    let mut script = Script::new(&Config::default());
    script.engine.listen(PORT, 4).unwrap();
    script.inject(syn(every), b"");
    let answer = script.sent().remove(0).header;
    assert_eq!(answer.flags, SYN_ACK);
    assert_eq!(answer.acknowledgement, PEER_ISN.wrapping_add(1));
    assert_eq!(answer.options.mss, Some(1460));
    assert_eq!(answer.options.window_scale, Some(7), "4 MiB need a shift of 7");
    assert!(answer.options.sack_permitted);
    assert_eq!(answer.options.timestamps.unwrap().echo, 77);
    assert_eq!(answer.window, 65_535, "never scaled");

    let mut script = Script::new(&Config::default());
    script.engine.listen(PORT, 4).unwrap();
    script.inject(syn(Options::default()), b"");
    let answer = script.sent().remove(0).header;
    assert_eq!(answer.options, Options { mss: Some(1460), ..Options::default() });
}

#[test]
fn windows_are_scaled_both_ways() {
    let options = Options { window_scale: Some(3), mss: Some(1000), ..Options::default() };
    let mut script = Script::accepted(&config(), options);
    // The handshake's ACK announced 65535 << 3.
    assert_eq!(script.engine.info(script.conn()).unwrap().send_window, 65_535 << 3);
    script.data(0, 100);
    assert_eq!(script.sent()[0].window, ((65_536 - 100) >> 7) as u16);
}

#[test]
fn a_repeated_syn_gets_the_answer_again() {
    let mut script = Script::new(&config());
    script.engine.listen(PORT, 4).unwrap();
    script.inject(syn(Script::plain()), b"");
    let first = script.sent().remove(0).header;
    script.inject(syn(Script::plain()), b"");
    let again = script.sent();
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].header.sequence, again[0].flags), (first.sequence, SYN_ACK));
    assert_eq!(script.engine.connection_count(), 1);
}

#[test]
fn an_answer_that_waits_for_the_link_is_not_forgotten_under_repeated_syns() {
    let mut script = Script::new(&config());
    script.engine.listen(PORT, 4).unwrap();
    script.outbox.room = Some(0);
    for _ in 0..30 {
        script.inject(syn(Script::plain()), b"");
        // In the window, too: answered as a challenge would be.
        script.inject(Header { flags: Flags::ACK, sequence: PEER_ISN.wrapping_add(70_000), ..Header::default() }, b"");
        assert_eq!(script.sent(), []);
    }
    script.outbox.room = None;
    assert_eq!(script.sent()[0].flags, SYN_ACK);
}

#[test]
fn an_unanswered_syn_ack_is_repeated_with_back_off_and_given_up() {
    let mut script = Script::new(&Config { max_syn_retries: 3, ..config() });
    script.engine.listen(PORT, 4).unwrap();
    script.inject(syn(Script::plain()), b"");
    assert_eq!(script.sent().len(), 1);
    for wait in [1000, 2000, 4000] {
        script.advance(wait - 10);
        assert_eq!(script.sent(), []);
        script.advance(11);
        assert_eq!(script.sent().len(), 1, "after {wait} ms");
    }
    script.advance(8100);
    assert_eq!(script.sent(), []);
    assert_eq!(script.engine.connection_count(), 0);
    assert_eq!(script.events(), [], "no service ever knew of it");
}

#[test]
fn a_wrong_acknowledgement_is_reset_and_the_handshake_goes_on() {
    let mut script = Script::new(&config());
    script.engine.listen(PORT, 4).unwrap();
    script.inject(syn(Script::plain()), b"");
    script.isn = script.sent()[0].header.sequence;
    script.ack(5);
    let sent = script.sent();
    assert_eq!((sent.len(), sent[0].flags, sent[0].seq), (1, Flags::RST, 5));
    script.ack(0);
    assert!(script.events()[0].kinds.contains(Kinds::ACCEPTED));
}

#[test]
fn a_reset_ends_a_half_open_connection() {
    let mut script = Script::new(&config());
    script.engine.listen(PORT, 4).unwrap();
    script.inject(syn(Script::plain()), b"");
    script.isn = script.sent()[0].header.sequence;
    script.segment(Flags::RST, 7, 0, b"");
    assert_eq!(script.engine.connection_count(), 1, "a reset that is not exact ends nothing");
    script.segment(Flags::RST, 0, 0, b"");
    assert_eq!(script.engine.connection_count(), 0);
    assert_eq!(script.events(), []);
}

#[test]
fn data_may_come_with_the_ack_that_completes_the_handshake() {
    let mut script = Script::new(&config());
    script.engine.listen(PORT, 4).unwrap();
    script.inject(syn(Script::plain()), b"");
    script.isn = script.sent()[0].header.sequence;
    script.segment(Flags::ACK.with(Flags::FIN), 0, 0, b"hello");
    let event = script.events().remove(0);
    assert!(event.kinds.contains(Kinds::ACCEPTED | Kinds::READABLE));
    let mut octets = [0; 9];
    assert_eq!(script.engine.recv(event.conn, &mut octets), Ok(5));
    assert_eq!(script.engine.recv(event.conn, &mut octets), Err(Error::Finished(event.conn)));
    assert_eq!(script.sent()[0].ack, 6);
}

#[test]
fn a_closed_port_answers_with_a_reset() {
    let mut script = Script::new(&config());
    let sequence = 1000;
    script.inject(Header { flags: Flags::SYN, sequence, ..Header::default() }, b"ab");
    let reset = script.take().remove(0);
    assert_eq!((reset.flags, reset.header.sequence, reset.header.acknowledgement), (RST_ACK, 0, 1003));
    script.inject(Header { flags: Flags::ACK, sequence, acknowledgement: 555, ..Header::default() }, b"ab");
    let reset = script.take().remove(0);
    assert_eq!((reset.flags, reset.header.sequence), (Flags::RST, 555));
    script.inject(Header { flags: Flags::RST, sequence, ..Header::default() }, b"");
    assert_eq!(script.take(), [], "a reset is never answered");
    assert_eq!(script.engine.counters().drop_no_connection, 3);
}

#[test]
fn resets_are_limited() {
    let mut script = Script::new(&Config { resets_per_second: 10, ..config() });
    for _ in 0..100 {
        script.inject(Header { flags: Flags::ACK, ..Header::default() }, b"");
    }
    assert_eq!(script.take().len(), 10);
    assert_eq!(script.engine.counters().resets_suppressed, 90);
}

#[test]
fn a_flood_of_syns_costs_no_buffers_and_drops_the_oldest() {
    let mut script = Script::new(&Config { syn_cookies: false, ..config() });
    script.engine.listen(PORT, 4).unwrap();
    for port in 0..1000 {
        script.peer_port = 1000 + port;
        script.inject(syn(Script::plain()), b"");
        assert_eq!(script.sent().len(), 1);
    }
    assert_eq!(script.engine.connection_count(), 4);
    assert_eq!(script.engine.buffer_octets(), 0);
    assert_eq!(script.engine.counters().drop_half_open, 996);
    // The newest ones can still complete, and then do not count any more.
    for port in 1996..2000 {
        script.peer_port = port;
        script.inject(syn(Script::plain()), b"");
        script.isn = script.sent()[0].header.sequence;
        script.ack(0);
    }
    assert_eq!(script.events().len(), 4);
    script.peer_port = 3000;
    script.inject(syn(Script::plain()), b"");
    script.sent();
    assert_eq!(script.engine.connection_count(), 5);
    assert_eq!(script.engine.counters().drop_half_open, 996);
}

#[test]
fn at_the_limit_of_connections_a_syn_is_dropped() {
    let mut script = Script::new(&Config { max_connections: 2, ..config() });
    script.engine.listen(PORT, 4).unwrap();
    for port in [1, 2, 3] {
        script.peer_port = port;
        script.inject(syn(Script::plain()), b"");
    }
    assert_eq!(script.sent().len(), 2);
    assert_eq!(script.engine.counters().drop_syn_connections, 1);
}

#[test]
fn listening_has_rules() {
    let mut script = Script::new(&config());
    assert_eq!(script.engine.listen(0, 1), Err(ListenError::PortZero));
    assert_eq!(script.engine.listen(PORT, 0), Err(ListenError::Backlog(0)));
    assert_eq!(script.engine.listen(PORT, 5000), Err(ListenError::Backlog(5000)));
    script.engine.listen(PORT, 1).unwrap();
    assert_eq!(script.engine.listen(PORT, 1), Err(ListenError::InUse(PORT)));
    script.inject(syn(Script::plain()), b"");
    script.sent();
    assert!(script.engine.unlisten(PORT) && !script.engine.unlisten(PORT));
    assert_eq!(script.engine.connection_count(), 0, "half-open ones go with the listener");
}

/// A script whose engine has sent its SYN.
fn connecting(config: &Config) -> Script {
    let mut script = Script::new(config);
    let conn = script.engine.connect(script.now, path(0), PEER_PORT, Some(PORT)).unwrap();
    script.conn = Some(conn);
    let syn = script.sent().remove(0);
    assert_eq!(syn.flags, Flags::SYN);
    script.isn = syn.header.sequence;
    script
}

fn answer(script: &Script, flags: Flags, ack: u32) -> Header {
    Header {
        flags,
        sequence: PEER_ISN,
        acknowledgement: script.isn.wrapping_add(ack),
        window: 5000,
        options: Script::plain(),
        ..Header::default()
    }
}

#[test]
fn we_open() {
    let mut script = connecting(&config());
    assert_eq!(script.engine.send(script.conn(), b"x"), Err(Error::NotConnected(script.conn())));
    script.advance(30);
    script.inject(answer(&script, SYN_ACK, 1), b"");
    let sent = script.sent();
    assert_eq!((sent.len(), sent[0].flags, sent[0].seq, sent[0].ack), (1, Flags::ACK, 0, 0));
    let event = script.events().remove(0);
    assert!(event.kinds.contains(Kinds::CONNECTED | Kinds::WRITABLE));
    assert_eq!(event.listener, None);
    let info = script.engine.info(script.conn()).unwrap();
    assert_eq!((info.state, info.srtt_us, info.mss), (State::Established, 30_000, 1000));
}

#[test]
fn a_refusal_is_told() {
    let mut script = connecting(&config());
    script.inject(answer(&script, RST_ACK, 0), b"");
    assert_eq!(script.events(), [], "a reset that does not acknowledge our SYN is forged");
    script.inject(answer(&script, RST_ACK, 1), b"");
    let event = script.events().remove(0);
    assert_eq!((event.kinds, event.reason), (Kinds::CLOSED, Some(CloseReason::Refused)));
    assert_eq!(script.engine.connection_count(), 0);
}

#[test]
fn an_answer_to_an_old_syn_is_reset() {
    let mut script = connecting(&config());
    script.inject(answer(&script, SYN_ACK, 7), b"");
    let sent = script.sent();
    assert_eq!((sent.len(), sent[0].flags, sent[0].header.sequence), (1, Flags::RST, script.isn.wrapping_add(7)));
    script.inject(answer(&script, SYN_ACK, 1), b"");
    assert!(script.events()[0].kinds.contains(Kinds::CONNECTED));
}

#[test]
fn both_open_at_the_same_time() {
    let mut script = connecting(&config());
    script.inject(answer(&script, Flags::SYN, 0), b"");
    let sent = script.sent();
    assert_eq!((sent.len(), sent[0].flags, sent[0].header.sequence), (1, SYN_ACK, script.isn));
    assert_eq!(script.engine.info(script.conn()).unwrap().state, State::SynReceived);
    script.inject(Header { sequence: PEER_ISN.wrapping_add(1), ..answer(&script, Flags::ACK, 1) }, b"");
    assert!(script.events()[0].kinds.contains(Kinds::CONNECTED));
    script.send(10);
    assert_eq!(script.sent_data(), [(0, 10)]);
}

/// Two of us: each answers the other's SYN, and both answers cross (RFC 9293 figure 8).
#[test]
fn both_of_us_open_at_the_same_time() {
    let now = Instant::from_secs(1);
    let mut engines = [1, 2].map(|seed| engine(&Config::default(), seed));
    let ports = [PORT, PEER_PORT];
    let conns = [0, 1].map(|side| engines[side].connect(now, path(side), ports[1 - side], Some(ports[side])).unwrap());
    let mut segments = 0;
    for _ in 0..10 {
        let wires = [0, 1].map(|side| {
            let mut outbox = Outbox::default();
            engines[side].poll(now, &mut outbox);
            outbox.sent
        });
        for (side, (_, packet)) in
            [1, 0].into_iter().zip(wires).flat_map(|(side, wire)| wire.into_iter().map(move |sent| (side, sent)))
        {
            segments += 1;
            engines[side].receive(now, &path(side), &packet.octets, Checksum::Verify, &mut Outbox::default());
        }
    }
    for side in [0, 1] {
        let info = engines[side].info(conns[side]).unwrap();
        assert!(info.state == State::Established && (65_000..65_536).contains(&info.send_window), "{info:?}");
    }
    assert!(segments <= 6, "a SYN, an answer and an ACK each, but {segments} segments");
}

#[test]
fn an_answer_to_a_repeated_syn_measures_nothing() {
    let mut script = connecting(&config());
    script.advance(1001);
    assert_eq!(script.sent().len(), 1);
    script.advance(30);
    script.inject(answer(&script, SYN_ACK, 1), b"");
    let info = script.engine.info(script.conn()).unwrap();
    assert_eq!((info.srtt_us, info.rto_us, info.cwnd), (0, 3_000_000, 1000), "RFC 6298 section 5.7");
}

#[test]
fn nobody_answers() {
    let mut script = connecting(&Config { max_syn_retries: 2, ..config() });
    for wait in [1001, 2001] {
        script.advance(wait);
        assert_eq!(script.sent().len(), 1);
    }
    script.advance(4001);
    assert_eq!(script.sent(), []);
    assert_eq!(script.events()[0].reason, Some(CloseReason::TimedOut));
}

#[test]
fn ports_are_chosen_apart() {
    let mut script = Script::new(&config());
    let now = script.now;
    assert_eq!(script.engine.connect(now, path(0), 0, None), Err(ConnectError::PortZero));
    let mut ports = alloc::collections::BTreeSet::new();
    for _ in 0..100 {
        let conn = script.engine.connect(now, path(0), 80, None).unwrap();
        let port = script.engine.info(conn).unwrap().local_port;
        assert!(port >= 49_152 && ports.insert(port));
    }
    let used = *ports.first().unwrap();
    let error = ConnectError::InUse { local_port: used, remote_port: 80 };
    assert_eq!(script.engine.connect(now, path(0), 80, Some(used)), Err(error));
    let mut outbox = Outbox::default();
    script.engine.poll(now, &mut outbox);
    assert_eq!(outbox.sent.len(), 100);
}

#[test]
fn a_full_link_loses_nothing() {
    let mut script = Script::accepted(&config(), Script::plain());
    script.send(3000);
    script.outbox.room = Some(1);
    assert_eq!(script.engine.poll(script.now, &mut script.outbox), crate::tcp::Progress::Full);
    assert_eq!(script.take().len(), 1);
    script.outbox.room = None;
    assert_eq!(script.sent_data(), [(1000, 1000), (2000, 1000)]);
}
