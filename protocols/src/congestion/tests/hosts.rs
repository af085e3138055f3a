//! Two TCP engines on a simulated link, both under one controller object: host 0 sends, host 1 receives and checks each octet.

use alloc::vec;
use alloc::vec::Vec;

use smoltcp::wire::IpAddress;

use super::bench::Bench;
use crate::sim::{self, Duplex, Link};
use crate::tcp::{Checksum, Config, ConnId, Egress, Engine, Error, Full, Header, Info, Kinds, Path, Payload, Secrets};
use crate::time::{Duration, Instant};

const PORT: u16 = 5201;
/// Ethernet and IPv4 headers.
const FRAMING: usize = 34;

type Packet = Vec<u8>;

/// One connection: host 0's end sends without pause, host 1's reads at once.
struct Stream {
    ends: [Option<ConnId>; 2],
    port: u16,
    sent: u64,
    received: u64,
}

pub struct Hosts {
    pub bench: Bench,
    pub now: Instant,
    engines: [Engine; 2],
    link: Duplex<Packet>,
    streams: Vec<Stream>,
}

/// Puts segments on the link at once; what the link refuses is lost, as at a router.
struct Wire<'a> {
    now: Instant,
    link: &'a mut Link<Packet>,
}

impl Egress for Wire<'_> {
    fn send(&mut self, _path: &Path, header: &Header, payload: Payload<'_>) -> Result<(), Full> {
        let mut octets = vec![0; header.len()];
        header.write(&mut octets);
        payload.iter().for_each(|part| octets.extend_from_slice(part.octets));
        let _ = self.link.send(self.now, octets.len() + FRAMING, octets);
        Ok(())
    }
}

fn path(host: usize) -> Path {
    let address = |host: usize| IpAddress::v4(10, 0, 0, 1 + host as u8);
    Path { local: address(host), remote: address(1 - host), link: [2, 0, 0, 0, 0, 2 - host as u8] }
}

/// The octet at a position of a stream.
fn octet(port: u16, position: u64) -> u8 {
    ((position ^ u64::from(port) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

impl Hosts {
    pub fn new(controller: &str, config: &Config, forward: sim::Config, backward: sim::Config, seed: u64) -> Self {
        let bench = Bench::new(controller, 2);
        let engine = |host: usize| {
            let secrets = Secrets::from_seed([1 + host as u8; 32]);
            Engine::new(config.clone(), secrets, bench.reference(host))
        };
        let mut engines = [engine(0), engine(1)];
        engines[1].listen(PORT, 64).unwrap();
        let link = Duplex::new(forward, backward, seed);
        Self { now: Instant::from_secs(1), engines, link, streams: Vec::new(), bench }
    }

    /// Opens a connection that sends for ever.
    pub fn connect(&mut self) {
        let conn = self.bench.on(0, |_| self.engines[0].connect(self.now, path(0), PORT, None).unwrap());
        let port = self.engines[0].info(conn).unwrap().local_port;
        self.streams.push(Stream { ends: [Some(conn), None], port, sent: 0, received: 0 });
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.step().filter(|next| *next < end) {
            self.now = next.max(self.now + Duration::from_micros(1));
        }
        self.now = end;
    }

    /// Octets that each connection has brought, in order and each as it was sent.
    pub fn received(&self) -> Vec<u64> {
        self.streams.iter().map(|stream| stream.received).collect()
    }

    /// The sending ends.
    pub fn senders(&self) -> Vec<Info> {
        self.streams.iter().map(|stream| self.engines[0].info(stream.ends[0].unwrap()).unwrap()).collect()
    }

    /// One activity on each host; when there is something to do next.
    fn step(&mut self) -> Option<Instant> {
        for host in [0, 1] {
            let (engine, link, streams, now) = (&mut self.engines[host], &mut self.link, &mut self.streams, self.now);
            self.bench.on(host, |_| {
                let (incoming, outgoing) = match host {
                    0 => (&mut link.backward, &mut link.forward),
                    _ => (&mut link.forward, &mut link.backward),
                };
                let mut wire = Wire { now, link: outgoing };
                while let Some(octets) = incoming.receive(now) {
                    engine.receive(now, &path(host), &octets, Checksum::Verified, &mut wire);
                }
                serve(engine, host, streams);
                engine.poll(now, &mut wire);
            });
        }
        let deadlines = self.engines.iter().filter_map(Engine::next_deadline);
        deadlines.chain(self.link.next_delivery()).min()
    }
}

fn serve(engine: &mut Engine, host: usize, streams: &mut [Stream]) {
    while let Some(event) = engine.next_event() {
        assert!(!event.kinds.contains(Kinds::CLOSED), "host {host} lost a connection: {:?}", event.reason);
        if event.kinds.contains(Kinds::ACCEPTED) {
            let port = engine.info(event.conn).unwrap().remote_port;
            let stream = streams.iter_mut().find(|stream| stream.port == port).unwrap();
            stream.ends[1] = Some(event.conn);
        }
    }
    for stream in streams {
        let Some(conn) = stream.ends[host] else { continue };
        let port = stream.port;
        let result = if host == 0 {
            let sent = &mut stream.sent;
            engine.send_with(conn, |room| {
                for place in &mut *room {
                    *place = octet(port, *sent);
                    *sent += 1;
                }
                room.len()
            })
        } else {
            let received = &mut stream.received;
            engine.recv_with(conn, |octets| {
                for &value in octets {
                    assert_eq!(value, octet(port, *received), "at position {received} of port {port}");
                    *received += 1;
                }
                octets.len()
            })
        };
        assert!(matches!(result, Ok(_) | Err(Error::NotConnected(_))), "host {host}: {result:?}");
    }
}
