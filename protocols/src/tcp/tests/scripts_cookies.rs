//! A flood of SYNs, segment by segment (RFC 4987 section 3.6).

use super::script::{PORT, Script, config};
use crate::tcp::lookup::Key;
use crate::tcp::{Config, Flags, Header, Options, Path, Secrets, State, Timestamps, cookie};

fn syn(options: Options) -> Header {
    Header { flags: Flags::SYN, sequence: super::script::PEER_ISN, window: 65_535, options, ..Header::default() }
}

/// A listener whose backlog of four is full, and which has answered many more SYNs.
fn flooded(config: &Config) -> Script {
    flood(Script::new(config))
}

fn flood(mut script: Script) -> Script {
    script.engine.listen(PORT, 4).unwrap();
    for port in 0..1000 {
        script.peer_port = 1000 + port;
        script.inject(syn(Script::plain()), b"");
        let sent = script.sent();
        assert_eq!((sent.len(), sent[0].flags), (1, Flags::SYN.with(Flags::ACK)));
    }
    assert_eq!((script.engine.connection_count(), script.engine.buffer_octets()), (4, 0));
    assert_eq!((script.engine.counters().cookies_sent, script.engine.counters().drop_half_open), (996, 0));
    script.peer_port = 5000;
    script
}

/// The peer sends a SYN, gets a cookie, and answers it with `payload`.
fn meet(script: &mut Script, options: Options, payload: &[u8]) {
    script.inject(syn(options), b"");
    let answer = script.sent().remove(0);
    script.isn = answer.header.sequence;
    script.timestamp = options.timestamps.map(|timestamps| timestamps.value);
    script.echo = answer.header.options.timestamps.map_or(0, |timestamps| timestamps.value);
    script.advance(20);
    script.segment(Flags::ACK, 0, 0, payload);
}

#[test]
fn who_answers_a_cookie_is_connected() {
    for script in [Script::new(&config()), Script::over_ipv6(&config())] {
        is_connected(flood(script));
    }
}

fn is_connected(mut script: Script) {
    meet(&mut script, Options { sack_permitted: true, window_scale: Some(7), ..Script::plain() }, b"hello");
    let event = script.events().remove(0);
    let info = script.engine.info(event.conn).unwrap();
    assert_eq!((info.state, info.mss, info.sack), (State::Established, 536, false), "only the size is remembered");
    assert_eq!(script.engine.readable(event.conn), Ok(5));
    assert_eq!((script.engine.counters().cookies_taken, script.engine.connection_count()), (1, 5));
    assert_eq!(info.srtt_us, 0, "when the cookie was sent is not known");
    // The half-open ones are still there: the next one gets a cookie too.
    script.peer_port = 5001;
    meet(&mut script, Script::plain(), b"");
    assert_eq!(script.engine.counters().cookies_taken, 2);
}

#[test]
fn timestamps_carry_what_the_syns_agree_on() {
    let mut script = flooded(&Config { timestamps: true, ..config() });
    let timestamps = Some(Timestamps { value: 77, echo: 0 });
    let options =
        Options { sack_permitted: true, window_scale: Some(7), timestamps, mss: Some(1460), ..Options::default() };
    meet(&mut script, options, b"");
    let event = script.events().remove(0);
    let info = script.engine.info(event.conn).unwrap();
    assert_eq!((info.mss, info.sack, info.timestamps), (1448, true, true));
    assert_eq!(info.send_window, 65_535 << 7);
}

/// The header of IPv6 is 20 octets longer, so a peer on Ethernet names 1440, which a cookie can hold; what no IPv6 link may forbid is never lost.
#[test]
fn over_ipv6_a_cookie_holds_the_sizes_that_are_usual_there() {
    for (named, held) in [(1440, 1440), (1460, 1440), (1220, 1220), (1279, 1220), (8940, 1440), (0, 216)] {
        let mut script = flood(Script::over_ipv6(&config()));
        meet(&mut script, Options { mss: Some(named), ..Options::default() }, b"");
        let event = script.events().remove(0);
        assert_eq!(script.engine.info(event.conn).unwrap().mss, held, "a peer that names {named}");
    }
}

/// A cookie is of one connection: its addresses count in full.
#[test]
fn over_ipv6_a_cookie_is_no_good_from_another_address() {
    let mut script = flood(Script::over_ipv6(&config()));
    script.inject(syn(Script::plain()), b"");
    script.isn = script.sent().remove(0).header.sequence;
    script.advance(20);
    script.peer_port += 1;
    script.segment(Flags::ACK, 0, 0, b"");
    assert!(script.take()[0].flags.contains(Flags::RST));
    script.peer_port -= 1;
    script.segment(Flags::ACK, 0, 0, b"");
    assert_eq!(script.engine.counters().cookies_taken, 1);
}

#[test]
fn a_cookie_agrees_to_no_more_than_it_holds() {
    let mut script = flooded(&config());
    let flags = Flags::SYN.with(Flags::ECE).with(Flags::CWR);
    let options = Options { sack_permitted: true, window_scale: Some(7), ..Script::plain() };
    script.inject(Header { flags, ..syn(options) }, b"");
    let answer = script.sent().remove(0);
    assert_eq!(answer.flags, Flags::SYN.with(Flags::ACK));
    assert_eq!((answer.header.options.sack_permitted, answer.header.options.window_scale), (false, None));
}

#[test]
fn the_window_grows_although_no_round_trip_was_measured() {
    let mut script = flooded(&Config { initial_buffer: 8192, ..config() });
    meet(&mut script, Script::plain(), b"");
    let conn = script.events().remove(0).conn;
    let mut window = 0;
    for (wait, at, len) in [(1, 0, 2000), (50, 2000, 2000), (50, 4000, 1)] {
        assert!(window <= 8192);
        script.advance(wait);
        script.data(at, len);
        script.engine.recv(conn, &mut [0; 4096]).unwrap();
        window = script.sent().last().unwrap().window;
    }
    assert_eq!(window, 16_384, "four times what was read in 100 ms");
}

#[test]
fn a_guess_is_answered_by_a_reset() {
    let mut script = flooded(&config());
    script.isn = 12_345;
    script.segment(Flags::ACK, 0, 0, b"hello");
    assert!(script.take()[0].flags.contains(Flags::RST));
    assert_eq!(script.engine.connection_count(), 4);
}

/// The right numbers are one in millions, but a stranger may try for long: they open nothing while no SYN has been answered so.
#[test]
fn while_no_cookies_are_sent_none_is_taken() {
    for (wait, taken) in [(134_217, 1), (134_218, 0)] {
        let mut script = flooded(&config());
        script.advance(wait);
        let Path { local, remote, .. } = script.path();
        let key = Key { local, remote, local_port: PORT, remote_port: script.peer_port };
        let secrets = Secrets::from_seed([9; 32]);
        script.isn = cookie::make(&secrets.isn, &key, &syn(Script::plain()), script.now).0;
        script.ack(0);
        assert_eq!(script.engine.counters().cookies_taken, taken, "{wait} ms after the last");
    }
}

#[test]
fn an_old_cookie_is_stale() {
    let mut script = flooded(&config());
    script.inject(syn(Script::plain()), b"");
    script.isn = script.sent()[0].header.sequence;
    script.advance(140_000);
    script.ack(0);
    assert!(script.take()[0].flags.contains(Flags::RST));
    assert_eq!(script.engine.counters().cookies_taken, 0);
}
