//! Two stacks at the two ends of a link, services included, under one clock.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use smoltcp::time::{Duration, Instant};

use super::offload::complete;
use super::peer::{Peer, STATIC};
use crate::frame::ETHERNET_HEADER;
use crate::frame::craft::six::{OUR_ADDRESS6, PEER_ADDRESS6, icmp6};
use crate::frame::craft::{OUR_ADDRESS, OUR_MAC, PEER_ADDRESS, PEER_MAC, icmp};
use crate::stack::{Addressing, Addressing6, Config, IpAddress, Ipv4Cidr, Ipv6Cidr, Offloads};
use crate::tcp::{self, ConnId, Kinds, Path};

pub const ECHO: u16 = 7;

const CLIENT: Config = Config {
    mac: PEER_MAC,
    mtu: 1500,
    addressing: Addressing::Static { address: Ipv4Cidr::new(PEER_ADDRESS, 24), gateway: None },
    addressing6: Addressing6::Off,
};

/// The octet at a position of a test's stream.
pub fn octet(position: usize) -> u8 {
    (position ^ (position >> 8) ^ (position >> 16)) as u8
}

/// A client's connection: sends `total` octets of the stream and checks what comes back.
#[derive(Default)]
pub struct Stream {
    pub total: usize,
    pub sent: usize,
    pub received: usize,
    pub over: bool,
}

pub struct World {
    pub client: Peer,
    pub server: Peer,
    pub streams: BTreeMap<ConnId, Stream>,
    /// Decides by a frame's number whether the link loses it.
    pub lose: fn(u64) -> bool,
    /// A router on the way to the client carries no longer packets, and says so.
    pub router: Option<usize>,
    frames: u64,
    path: Path,
}

impl World {
    pub fn new(offloads: Offloads) -> Self {
        Self::between(&CLIENT, &STATIC, (PEER_ADDRESS.into(), OUR_ADDRESS.into()), offloads)
    }

    pub fn over_ipv6(offloads: Offloads) -> Self {
        let fixed = |address, config| Config {
            addressing6: Addressing6::Static { address: Ipv6Cidr::new(address, 64), gateway: None },
            ..config
        };
        let (client, server) = (fixed(PEER_ADDRESS6, CLIENT), fixed(OUR_ADDRESS6, STATIC));
        Self::between(&client, &server, (PEER_ADDRESS6.into(), OUR_ADDRESS6.into()), offloads)
    }

    fn between(client: &Config, server: &Config, ends: (IpAddress, IpAddress), offloads: Offloads) -> Self {
        let mut world = World {
            client: Peer::with_engine(client, tcp::Config::default()),
            server: Peer::with_engine(server, tcp::Config::default()),
            path: Path { local: ends.0, remote: ends.1, link: OUR_MAC },
            streams: BTreeMap::new(),
            lose: |_| false,
            router: None,
            frames: 0,
        };
        world.client.tx.offloads = offloads;
        world.server.tx.offloads = offloads;
        world.server.stack.engine().listen(ECHO, 64).unwrap();
        world
    }

    pub fn connect(&mut self, total: usize) -> ConnId {
        let conn = self.client.stack.engine().connect(self.client.now, self.path, ECHO, None).unwrap();
        self.streams.insert(conn, Stream { total, ..Stream::default() });
        conn
    }

    /// Runs until all streams are over, at most for `limit` of simulated time.
    pub fn run(&mut self, limit: Duration) {
        let end = self.client.now + limit;
        while self.streams.values().any(|stream| !stream.over) {
            assert!(self.client.now < end, "not over within {limit}");
            self.step();
        }
    }

    /// One turn of each, and the frames between them; where nothing moves, the clock goes on.
    pub fn step(&mut self) {
        if self.exchange() == 0 {
            self.advance(None);
        }
    }

    /// One turn of each; returns the number of frames that went over the link.
    pub fn exchange(&mut self) -> usize {
        self.client.turn();
        serve_client(&mut self.client, &mut self.streams);
        self.client.turn();
        self.server.turn();
        echo(&mut self.server);
        self.server.turn();
        self.carry(true) + self.carry(false)
    }

    /// A turn of the client, in which it takes all that came of its connections; their octets are added up.
    pub fn take_all<T>(&mut self, received: &mut [(ConnId, T, u64)]) {
        let client = &mut self.client;
        client.turn();
        while client.stack.engine().next_event().is_some() {}
        for (conn, _, octets) in received {
            while let Ok(taken @ 1..) = client.stack.engine().recv_with(*conn, |received| received.len()) {
                *octets += taken as u64;
            }
        }
        client.turn();
    }

    /// Carries all frames both ways, and lets 100 microseconds pass.
    pub fn pass(&mut self) {
        self.carry(true);
        self.carry(false);
        for peer in [&mut self.client, &mut self.server] {
            peer.now += Duration::from_micros(100);
        }
    }

    /// Sets the clock to the next deadline, `other` included.
    pub fn advance(&mut self, other: Option<Instant>) {
        let now = self.client.now;
        let next = [&mut self.client, &mut self.server].map(|peer| peer.stack.next_deadline(now));
        let next = next.into_iter().chain([other]).flatten().min().unwrap_or(now + Duration::from_secs(1));
        let now = next.max(now + Duration::from_micros(100));
        (self.client.now, self.server.now) = (now, now);
    }

    /// Brings what one has sent to the other; returns how many frames.
    pub fn carry(&mut self, up: bool) -> usize {
        let (from, to) = if up { (&mut self.client, &mut self.server) } else { (&mut self.server, &mut self.client) };
        let frames: Vec<_> = from.tx.frames.drain(..).flat_map(|(frame, meta)| complete(&frame, meta)).collect();
        for frame in &frames {
            self.frames += 1;
            if let Some(mtu) = self.router
                && !up
                && frame.len() > ETHERNET_HEADER + mtu
            {
                from.rx.put(&too_big(frame, mtu));
                continue;
            }
            if !(self.lose)(self.frames) {
                to.rx.put(frame);
            }
        }
        frames.len()
    }
}

/// What a router answers to a frame of ours that is too long for the next link.
fn too_big(frame: &[u8], mtu: usize) -> Vec<u8> {
    let mtu = mtu as u16;
    let [high, low] = mtu.to_be_bytes();
    match frame[12] {
        8 => icmp(3, 4, [0, 0, high, low], &frame[ETHERNET_HEADER..][..28]),
        _ => icmp6(2, 0, [0, 0, high, low], &frame[ETHERNET_HEADER..][..1232]),
    }
}

/// Returns what comes in on every connection, and closes when the peer has.
pub fn echo(server: &mut Peer) {
    echo_by(server.stack.engine());
}

/// The same, for an engine.
pub fn echo_by(engine: &mut tcp::Engine) {
    while engine.next_event().is_some() {}
    let connections: Vec<ConnId> = engine.connections().map(|(conn, _)| conn).collect();
    for conn in connections {
        loop {
            let room = engine.writable(conn).unwrap_or(0);
            let mut taken = Vec::new();
            let result = engine.recv_with(conn, |octets| {
                let part = &octets[..octets.len().min(room - taken.len())];
                taken.extend_from_slice(part);
                part.len()
            });
            match result {
                Err(tcp::Error::Finished(_)) => {
                    let _ = engine.shutdown(conn);
                    break;
                }
                Ok(0) | Err(_) => break,
                Ok(_) => assert_eq!(engine.send(conn, &taken).unwrap(), taken.len()),
            }
        }
    }
}

fn serve_client(client: &mut Peer, streams: &mut BTreeMap<ConnId, Stream>) {
    let engine = client.stack.engine();
    while let Some(event) = engine.next_event() {
        if event.kinds.contains(Kinds::CLOSED)
            && let Some(stream) = streams.get_mut(&event.conn)
        {
            assert_eq!((stream.received, event.reason), (stream.total, Some(tcp::CloseReason::Finished)));
            stream.over = true;
        }
    }
    for (&conn, stream) in streams.iter_mut().filter(|(_, stream)| !stream.over) {
        while stream.sent < stream.total {
            let end = stream.total.min(stream.sent + 4096);
            let octets: Vec<u8> = (stream.sent..end).map(octet).collect();
            match engine.send(conn, &octets) {
                Ok(taken @ 1..) => stream.sent += taken,
                _ => break,
            }
            if stream.sent == stream.total {
                engine.shutdown(conn).unwrap();
            }
        }
        while let Ok(1..) = engine.recv_with(conn, |octets| {
            for &received in octets {
                assert_eq!(received, octet(stream.received), "at {}", stream.received);
                stream.received += 1;
            }
            octets.len()
        }) {}
    }
}
