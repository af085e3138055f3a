//! What ten thousand open connections cost, and that all of them can be busy at once: counted by the allocator itself.

use allocation_counter::measure;
use protocols::congestion::lookup;
use protocols::tcp::{Checksum, Config, ConnId, Egress, Engine, Error, Full, Header, Kinds, Path, Payload, Secrets};
use protocols::time::{Duration, Instant};
use smoltcp::wire::IpAddress;

/// Segments on their way to one engine.
#[derive(Default)]
struct Wire(Vec<Vec<u8>>);

impl Egress for Wire {
    fn send(&mut self, _: &Path, header: &Header, payload: Payload<'_>) -> Result<(), Full> {
        let mut segment = vec![0; header.len()];
        header.write(&mut segment);
        payload.iter().for_each(|part| segment.extend(part.octets));
        self.0.push(segment);
        Ok(())
    }
}

fn paths() -> [Path; 2] {
    let address = |host| IpAddress::v4(10, 0, 0, host);
    let path = |local, remote| Path { local: address(local), remote: address(remote), link: [0; 6] };
    [path(1, 2), path(2, 1)]
}

/// Exchanges segments until both sides are silent, and reads what arrives; gives what the second side accepted.
fn settle(engines: &mut [Engine; 2], now: Instant) -> Vec<ConnId> {
    let mut accepted = Vec::new();
    loop {
        let mut busy = false;
        for side in [0, 1] {
            let mut wire = Wire::default();
            engines[side].poll(now, &mut wire);
            let mut back = Wire::default();
            for segment in &wire.0 {
                busy = true;
                engines[1 - side].receive(now, &paths()[1 - side], segment, Checksum::Verified, &mut back);
            }
            for segment in &back.0 {
                engines[side].receive(now, &paths()[side], segment, Checksum::Verified, &mut Wire::default());
            }
            while let Some(event) = engines[side].next_event() {
                if event.kinds.contains(Kinds::ACCEPTED) {
                    accepted.push(event.conn);
                }
                if event.kinds.contains(Kinds::READABLE) {
                    busy = true;
                    match engines[side].recv_with(event.conn, |octets| octets.len()) {
                        Ok(_) | Err(Error::Finished(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        }
        if !busy {
            return accepted;
        }
    }
}

const CONNECTIONS: usize = 10_000;

/// What a machine of 128 MiB gives: a quarter of it.
const BUFFERS: usize = 32 << 20;

fn engine(seed: u8, buffer_bytes: usize) -> Engine {
    let config = Config { buffer_bytes, ..Config::default() };
    let cubic = lookup("cubic").unwrap().standalone();
    Engine::new(config, Secrets::from_seed([seed; 32]), cubic)
}

/// Two engines, the connections between them by the first one's names, and what time it is then.
fn opened() -> ([Engine; 2], Vec<ConnId>, Instant) {
    let mut engines = [engine(1, BUFFERS), engine(2, BUFFERS)];
    engines[1].listen(80, 4096).unwrap();
    let mut now = Instant::from_secs(1);
    let mut ends = Vec::new();
    for batch in 0..CONNECTIONS / 1000 {
        let opened: Vec<ConnId> = (0..1000).map(|_| engines[0].connect(now, paths()[0], 80, None).unwrap()).collect();
        let accepted = settle(&mut engines, now);
        assert_eq!(accepted.len(), 1000);
        // Each carries something, so that it has had buffers.
        for &conn in &opened {
            // A batch of these fits into the memory for buffers only a part at a time.
            if engines[0].send(conn, b"hello").unwrap() == 5 {
                settle(&mut engines, now);
            }
        }
        ends.extend(opened);
        for _ in 0..4 {
            now += Duration::from_millis(1001);
            settle(&mut engines, now);
        }
        assert_eq!(engines.each_ref().map(Engine::buffer_octets), [0, 0], "batch {batch}");
    }
    assert_eq!(engines.each_ref().map(Engine::connection_count), [CONNECTIONS; 2]);
    (engines, ends, now)
}

#[test]
fn ten_thousand_open_connections_fit_a_small_machine() {
    let mut made = None;
    let live = measure(|| made = Some(opened())).bytes_current;
    let (mut engines, ends, mut now) = made.unwrap();
    let each = live as usize / (2 * CONNECTIONS);
    println!("{each} octets for each idle connection, tables included");
    assert!(each < 1800, "{each} octets for each idle connection");

    // All of them still work.
    for &conn in &ends {
        assert_eq!(engines[0].send(conn, b"again"), Ok(5));
        settle(&mut engines, now);
        now += Duration::from_millis(10);
        settle(&mut engines, now);
    }
    let delivered = engines[0].connections().filter(|(_, info)| info.bytes_out >= 5).count();
    assert_eq!(delivered, CONNECTIONS);
}

/// Each sends an octet before any has been answered, and the other side sends it back: there are that many buffers in both directions at once.
#[test]
fn ten_thousand_connections_are_answered_at_once_on_a_small_machine() {
    let mut engines = [engine(1, 1 << 30), engine(2, BUFFERS)];
    engines[1].listen(80, 4096).unwrap();
    let now = Instant::from_secs(1);
    let mut opened = Vec::new();
    for _ in 0..CONNECTIONS / 1000 {
        opened.extend((0..1000).map(|_| engines[0].connect(now, paths()[0], 80, None).unwrap()));
        settle(&mut engines, now);
    }
    for &conn in &opened {
        assert_eq!(engines[0].send(conn, b"x"), Ok(1));
    }
    let (mut there, mut back) = (Wire::default(), Wire::default());
    engines[0].poll(now, &mut there);
    let silent = &mut Wire::default();
    for segment in &there.0 {
        engines[1].receive(now, &paths()[1], segment, Checksum::Verified, silent);
    }
    while let Some(event) = engines[1].next_event() {
        if event.kinds.contains(Kinds::READABLE) {
            let mut octet = [0];
            assert_eq!(engines[1].recv(event.conn, &mut octet), Ok(1));
            assert_eq!(engines[1].send(event.conn, &octet), Ok(1));
        }
    }
    println!("{} octets of buffers with an octet on its way in each", engines[1].buffer_octets());
    engines[1].poll(now, &mut back);
    for segment in &back.0 {
        engines[0].receive(now, &paths()[0], segment, Checksum::Verified, silent);
    }
    let answered = opened.iter().filter(|&&conn| engines[0].recv(conn, &mut [0]) == Ok(1)).count();
    assert_eq!(answered, CONNECTIONS);
}

/// A server that closes first remembers each connection for a minute: without its buffers, and without the rest of it.
#[test]
fn time_wait_costs_a_few_octets() {
    let mut engines = [engine(1, 1 << 30), engine(2, BUFFERS)];
    engines[1].listen(80, 4096).unwrap();
    let now = Instant::from_secs(1);
    let mut round = || {
        for _ in 0..100 {
            engines[0].connect(now, paths()[0], 80, None).unwrap();
        }
        for conn in settle(&mut engines, now) {
            engines[1].close(conn).unwrap();
        }
        settle(&mut engines, now);
        let open: Vec<ConnId> = engines[0].connections().map(|(conn, _)| conn).collect();
        for conn in open {
            engines[0].close(conn).unwrap();
        }
        settle(&mut engines, now);
        assert_eq!(engines.each_ref().map(Engine::connection_count), [0, 0]);
        engines[1].time_wait_count()
    };
    round();
    let live = measure(|| while round() < CONNECTIONS {}).bytes_current;
    let each = live.max(0) as usize / (CONNECTIONS - 100);
    println!("{each} octets for each connection in TIME-WAIT, tables and what they have in reserve included");
    assert!((1..100).contains(&each), "{each} octets for each connection in TIME-WAIT");
}
