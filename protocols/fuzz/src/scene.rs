//! The stack under test, what the peer knows of it, and the promises that are checked after every turn.

use std::sync::Arc;

use protocols::congestion;
use protocols::frame::{self, Class, ETHERNET_HEADER, Local, Own6};
use protocols::handover::Hub;
use protocols::stack::{Addressing, Addressing6, Config, First, Ipv4Cidr, RxMeta, Shared, Stack, Udp, UdpLimits};
use protocols::steering::Steering;
use protocols::tcp::{self, ConnId, Engine, Flags, Header, Path, Secrets, State};
use protocols::time::{Duration, Instant};

use crate::frames::*;
use crate::input::Input;
use crate::link::{Inward, Outward};
use crate::streams::Streams;

const MTU: usize = 1500;
const ECHO: u16 = 7;
const SOURCE: u16 = 9;
const CONTROL: u16 = 7070;
const BACKLOG: usize = 4;
const CONNECTIONS: usize = 12;
const BUFFERS: usize = 256 * 1024;
/// Where the peer's sequence numbers begin: soon to wrap.
const FIRST_SEQUENCE: u32 = 0xffff_f000;
/// Turns in which a stack at rest may go from deadline to deadline before it must have given up on a silent peer.
const SETTLE: usize = 20_000;

/// A connection as the peer sees it.
#[derive(Clone, Copy, Default)]
struct Talk {
    /// The peer's port, and ours.
    ports: (u16, u16),
    /// What the stack said last.
    sequence: u32,
    acknowledgement: u32,
    timestamp: Option<u32>,
}

pub struct Scene {
    now: Instant,
    stack: Stack,
    udp: Udp,
    rx: Inward,
    tx: Outward,
    talks: Vec<Talk>,
    streams: Streams,
    sent: Vec<u8>,
    clock: u32,
    /// The peer speaks TCP over IPv6.
    six: bool,
}

impl Scene {
    /// A stack with two listeners, a UDP port and, unless bit 7 of `kind` is set, an established connection; over IPv6 if bit 5 is.
    pub fn new(kind: u8) -> Self {
        let now = Instant::from_secs(1);
        let config = Config {
            mac: OUR_MAC,
            mtu: MTU,
            addressing: Addressing::Static { address: Ipv4Cidr::new(OUR_ADDRESS, 24), gateway: Some(PEER_ADDRESS) },
            addressing6: Addressing6::Auto,
        };
        let settings = tcp::Config {
            max_connections: CONNECTIONS,
            buffer_bytes: BUFFERS,
            initial_buffer: 4096,
            send_buffer: 16 * 1024,
            receive_buffer: 16 * 1024,
            timestamps: kind & 1 == 0,
            sack: kind & 2 == 0,
            window_scaling: kind & 4 == 0,
            nagle: kind & 8 != 0,
            ..tcp::Config::default()
        };
        let controller =
            congestion::lookup(if kind & 16 == 0 { "reno" } else { "cubic" }).expect("both are compiled in");
        let mut engine = Engine::new(settings, Secrets::from_seed([3; 32]), controller.standalone());
        for port in [ECHO, SOURCE] {
            engine.listen(port, BACKLOG).expect("two listeners are possible");
        }
        let first = First { seed: 1, steering: Steering::new([1; 16], 1), hub: Hub::default() };
        let mut stack = Stack::first(&config, Arc::new(Shared::new()), engine, first, now).expect("it is sound");
        let udp = stack.udp_bind(CONTROL, UdpLimits { datagrams: 4, octets: 4096 }).expect("one port is possible");
        let tx = Outward { frames: vec![], room: 64 };
        let mut scene = Scene {
            now,
            stack,
            udp,
            rx: Inward::default(),
            tx,
            talks: vec![],
            streams: Streams::default(),
            sent: vec![],
            clock: 0,
            six: kind & 32 != 0,
        };
        if kind & 128 == 0 {
            scene.establish(if kind & 64 == 0 { ECHO } else { SOURCE });
        }
        scene
    }

    fn establish(&mut self, port: u16) {
        let options = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 2];
        let syn = Segment {
            source: 40_000,
            destination: port,
            sequence: FIRST_SEQUENCE,
            acknowledgement: 0,
            flags: Flags::SYN.0,
            window: 0xffff,
            options: &options,
            payload: &[],
        };
        self.deliver(syn.frame(self.six), false);
        let talk = *self.talks.first().expect("a SYN to a listener is answered");
        let ack = self.segment(&talk, talk.acknowledgement, talk.sequence.wrapping_add(1), Flags::ACK.0, &[], &[]);
        self.deliver(ack, false);
    }

    pub fn act(&mut self, input: &mut Input) {
        match input.octet() {
            0..=159 => self.tcp(input),
            160..=175 => self.raw(input),
            176..=191 => self.other(input),
            192..=207 => {
                let frame = Segment {
                    source: 1024 + u16::from(input.octet()),
                    destination: if input.octet() & 1 == 0 { ECHO } else { SOURCE },
                    sequence: input.long(),
                    acknowledgement: 0,
                    flags: Flags::SYN.0,
                    window: 0xffff,
                    options: {
                        let length = input_length(input, 40);
                        input.take(length)
                    },
                    payload: &[],
                };
                self.deliver(frame.frame(self.six), false);
            }
            208..=223 => {
                // From 1 µs to a few minutes.
                self.now += Duration::from_micros(u64::from(input.octet()) << (input.octet() % 21));
                self.turn();
            }
            224..=247 => self.service(input),
            248..=251 => {
                self.tx.room = usize::from(input.octet() % 8);
                self.turn();
            }
            252.. => self.connect(),
        }
    }

    /// A segment of a known connection, more or less as expected.
    fn tcp(&mut self, input: &mut Input) {
        let Some(talk) = pick(&self.talks, input.octet()) else { return };
        let flags = [0x10, 0x18, 0x11, 0x10, 0x14, 0x02, 0x12, 0x30][usize::from(input.octet() % 8)];
        let flags = if input.octet() >= 240 { input.octet() } else { flags };
        let sequence = talk.acknowledgement.wrapping_add(input.offset());
        let acknowledgement = talk.sequence.wrapping_add(input.offset());
        let blocks = input.octet();
        let mut options = vec![];
        if blocks >= 224 {
            options.extend_from_slice(input.take(usize::from(blocks) - 224));
        } else if blocks >= 160 {
            // SACK blocks near what was sent.
            let count = blocks % 4;
            options.extend_from_slice(&[1, 1, 5, 2 + 8 * count]);
            for _ in 0..count {
                let start = talk.sequence.wrapping_add(input.offset());
                options.extend_from_slice(&start.to_be_bytes());
                options.extend_from_slice(&start.wrapping_add(input.offset()).to_be_bytes());
            }
        }
        let length = input_length(input, 1460);
        let payload = self.streams.payload(talk.ports, sequence, length);
        let talk = match input.octet() {
            // Without a timestamp, or with one from the past or the future.
            240.. => Talk { timestamp: None, ..talk },
            224..240 => {
                self.clock = self.clock.wrapping_add(input.offset());
                talk
            }
            _ => talk,
        };
        let frame = self.segment(&talk, sequence, acknowledgement, flags, &options, &payload);
        self.deliver(frame, false);
    }

    fn segment(
        &mut self,
        talk: &Talk,
        sequence: u32,
        acknowledgement: u32,
        flags: u8,
        options: &[u8],
        payload: &[u8],
    ) -> Vec<u8> {
        self.clock = self.clock.wrapping_add(1);
        let mut all = vec![];
        if let Some(echo) = talk.timestamp {
            all.extend_from_slice(&[1, 1, 8, 10]);
            all.extend_from_slice(&self.clock.wrapping_add(1).to_be_bytes());
            all.extend_from_slice(&echo.to_be_bytes());
        }
        all.extend_from_slice(options);
        let window = if self.clock.is_multiple_of(13) { 0 } else { 0x4000 };
        let (source, destination) = talk.ports;
        Segment { source, destination, sequence, acknowledgement, flags, window, options: &all, payload }
            .frame(self.six)
    }

    /// Octets as they are, or with a sound beginning, or what the stack itself sent, changed and sent back.
    fn raw(&mut self, input: &mut Input) {
        let kind = input.octet();
        let length = input_length(input, 1514);
        let mut frame = match kind % 4 {
            0 => input.take(length).to_vec(),
            1 => ethernet([0x0800, 0x0806, 0x86dd][usize::from(kind / 4 % 3)], input.take(length)),
            2 if kind & 32 == 0 => ipv4(kind / 4, input.take(length)),
            2 => ipv6([0, 6, 17, 43, 44, 58, 59, 60][usize::from(kind / 4 % 8)], input.take(length)),
            _ => {
                let mut frame = self.sent.clone();
                for (at, octet) in frame.iter_mut().enumerate().take(12) {
                    *octet = if at < 6 { OUR_MAC[at] } else { PEER_MAC[at - 6] };
                }
                for _ in 0..kind / 4 % 8 {
                    let at = usize::from(input.word());
                    let octet = input.octet();
                    if let Some(place) = frame.get_mut(at) {
                        *place = octet;
                    }
                }
                frame
            }
        };
        if kind & 128 == 0 {
            correct(&mut frame);
        }
        let checksum_verified = kind & 64 != 0;
        let address6 = Own6 { link_local: Some(OUR_ADDRESS6), global: None };
        let local = Local { mac: OUR_MAC, address: Some(Ipv4Cidr::new(OUR_ADDRESS, 24)), address6 };
        if let Ok(Class::Tcp(tcp)) = frame::check(&frame, RxMeta { checksum_verified }, &local) {
            self.streams.spoil((tcp.source_port, tcp.destination_port));
        }
        self.deliver(frame, checksum_verified);
    }

    /// ARP, ping, UDP and "fragmentation needed", and the same over IPv6.
    fn other(&mut self, input: &mut Input) {
        let kind = input.octet();
        let length = input_length(input, 1472);
        let payload = input.take(length);
        let frame = match kind % 8 {
            0 => {
                let mut packet = vec![0, 1, 8, 0, 6, 4, 0, 1 + (kind >> 4 & 1)];
                packet.extend_from_slice(&PEER_MAC);
                packet.extend_from_slice(&PEER_ADDRESS.octets());
                packet.extend_from_slice(&[0; 6]);
                packet.extend_from_slice(&OUR_ADDRESS.octets());
                ethernet(0x0806, &packet)
            }
            1 => ipv4(1, &[&[8, 0, 0, 0, 0, 1, 0, 2][..], payload].concat()),
            2 => {
                let mut datagram = vec![0x13, 0x88];
                datagram.extend_from_slice(&CONTROL.to_be_bytes());
                datagram.extend_from_slice(&(8 + payload.len() as u16).to_be_bytes());
                datagram.extend_from_slice(&[0, 0]);
                ipv4(17, &[&datagram, payload].concat())
            }
            3 => {
                let quoted = self.sent.get(ETHERNET_HEADER..ETHERNET_HEADER + 28).unwrap_or(&[]);
                let [high, low] = input.word().to_be_bytes();
                ipv4(1, &[&[3, 4, 0, 0, 0, 0, high, low][..], quoted].concat())
            }
            4 => ipv6(58, &[&[128, 0, 0, 0, 0, 1, 0, 2][..], payload].concat()),
            5 => {
                let length = (8 + payload.len() as u16).to_be_bytes();
                ipv6(17, &[&[0x13, 0x88][..], &CONTROL.to_be_bytes(), &length, &[0, 0], payload].concat())
            }
            6 => {
                let quoted = self.sent.get(ETHERNET_HEADER..ETHERNET_HEADER + 48).unwrap_or(&[]);
                let [high, low] = input.word().to_be_bytes();
                ipv6(58, &[&[2, 0, 0, 0, 0, 0, high, low][..], quoted].concat())
            }
            // Neighbor Discovery: who has our address, somebody has it, a router.
            _ => {
                let kind = 134 + kind / 8 % 3;
                let fixed = if kind == 134 { vec![0; 8] } else { OUR_ADDRESS6.octets().to_vec() };
                ipv6(58, &[&[kind, 0, 0, 0, input.octet(), 0, 7, 8][..], &fixed, payload].concat())
            }
        };
        self.deliver(frame, false);
    }

    fn service(&mut self, input: &mut Input) {
        let connections: Vec<ConnId> = self.stack.engine().connections().map(|(conn, _)| conn).collect();
        let (kind, which) = (input.octet(), input.octet());
        let engine = self.stack.engine();
        while engine.next_event().is_some() {}
        let Some(conn) = pick(&connections, which) else { return };
        // Errors are part of the game: the connection may be in any state.
        match kind % 16 {
            0..=4 => drop(engine.send_with(conn, |room| {
                let length = room.len().min(usize::from(which) * 64);
                self.streams.write(conn, &mut room[..length]);
                length
            })),
            5..=9 => drop(engine.recv_with(conn, |octets| {
                let length = octets.len().min(usize::from(which) * 64);
                self.streams.read(conn, &octets[..length]);
                length
            })),
            10 => drop(engine.shutdown(conn)),
            11 => drop(engine.close(conn)),
            12 => drop(engine.abort(conn)),
            13 => drop(engine.set_nagle(conn, which & 1 == 0)),
            14 => {
                let mut octets = [0; 10];
                if let Ok(length) = engine.recv(conn, &mut octets) {
                    self.streams.read(conn, &octets[..length]);
                }
            }
            _ => {
                let mut peers = vec![];
                while self.stack.udp_receive(self.udp, &mut |data, peer| peers.push((data.len(), peer))) {}
                for (length, peer) in peers {
                    let data = vec![0; length];
                    let _ = match which & 1 {
                        0 => self.stack.udp_send(self.udp, peer, &data),
                        _ => self.stack.udp_transmit(self.now, self.udp, peer, &data, &mut self.tx),
                    };
                }
            }
        }
        self.turn();
    }

    fn connect(&mut self) {
        let (local, remote) = match self.six {
            true => (OUR_ADDRESS6.into(), PEER_ADDRESS6.into()),
            false => (OUR_ADDRESS.into(), PEER_ADDRESS.into()),
        };
        let path = Path { local, remote, link: PEER_MAC };
        // Fails at the limit of connections, which is checked below.
        let _ = self.stack.engine().connect(self.now, path, 80, None);
        self.turn();
    }

    fn deliver(&mut self, frame: Vec<u8>, checksum_verified: bool) {
        self.rx.0.push_back((frame, RxMeta { checksum_verified }));
        self.turn();
    }

    /// One turn of the event loop, and what must be true after it.
    fn turn(&mut self) {
        while self.stack.receive(self.now, &mut self.rx, &mut self.tx, 32) == 32 {}
        let mut turns = 0;
        while self.stack.transmit(self.now, &mut self.tx) {
            turns += 1;
            assert!(turns < 1000, "transmit never comes to an end");
        }
        if let Some(deadline) = self.stack.next_deadline(self.now) {
            assert!(deadline > self.now, "the deadline of {deadline} has just been met, at {}", self.now);
        }
        for frame in std::mem::take(&mut self.tx.frames) {
            self.heard(&frame);
            self.sent = frame;
        }
        let engine = self.stack.engine();
        let (mut count, mut half_open) = (0, 0);
        for (_, info) in engine.connections() {
            count += 1;
            half_open += usize::from(info.state == State::SynReceived);
        }
        // Simultaneous opens are half open too, without a listener.
        assert!(count <= CONNECTIONS && half_open <= CONNECTIONS, "{count} connections, {half_open} half open");
        assert!(engine.buffer_octets() <= BUFFERS, "{} octets of buffers", engine.buffer_octets());
        assert_eq!(self.stack.counters().impossible, 0);
    }

    /// Whatever the stack sends must be sound.
    fn heard(&mut self, frame: &[u8]) {
        assert!(frame.len() <= MTU + ETHERNET_HEADER);
        let address6 = Own6 { link_local: Some(PEER_ADDRESS6), global: None };
        let peer = Local { mac: PEER_MAC, address: Some(Ipv4Cidr::new(PEER_ADDRESS, 24)), address6 };
        let tcp = match frame::check(frame, RxMeta::default(), &peer) {
            Ok(Class::Tcp(tcp)) => tcp,
            _ => return assert_ne!(protocol(frame), 6, "a TCP segment that nobody would accept: {frame:02x?}"),
        };
        let (header, payload) = Header::parse(&frame[tcp.segment]).expect("our own header can be read");
        if header.flags.contains(Flags::RST) {
            return;
        }
        let ports = (header.destination_port, header.source_port);
        if header.flags.contains(Flags::SYN.with(Flags::ACK)) {
            let of =
                |info: &tcp::Info| (info.remote_port, info.local_port) == ports && info.state == State::SynReceived;
            let opened = self.stack.engine().connections().find(|(_, info)| of(info)).map(|(conn, _)| conn);
            if let Some(conn) = opened {
                self.streams.opened(conn, ports, header.sequence.wrapping_add(1), header.acknowledgement);
            }
        }
        self.streams.check(ports, header.sequence, payload);
        let talk = Talk {
            ports,
            sequence: header.sequence.wrapping_add(payload.len() as u32),
            acknowledgement: if header.flags.contains(Flags::ACK) { header.acknowledgement } else { FIRST_SEQUENCE },
            timestamp: header.options.timestamps.map(|timestamps| timestamps.value),
        };
        match self.talks.iter().position(|talk| talk.ports == ports) {
            Some(at) => self.talks[at] = talk,
            None if self.talks.len() < 16 => self.talks.push(talk),
            None => {}
        }
    }

    /// The peer falls silent, the services close everything: in the end nothing is left, and the stack never spins.
    pub fn settle(&mut self) {
        self.tx.room = 1000;
        let connections: Vec<ConnId> = self.stack.engine().connections().map(|(conn, _)| conn).collect();
        for conn in connections {
            let _ = self.stack.engine().close(conn);
        }
        self.turn();
        for _ in 0..SETTLE {
            while self.stack.engine().next_event().is_some() {}
            let Some(deadline) = self.stack.next_deadline(self.now) else { break };
            self.now = deadline;
            self.turn();
        }
        let left: Vec<_> = self.stack.engine().connections().map(|(_, info)| info).collect();
        assert!(left.is_empty(), "the peer is gone, its connections are not: {left:?}");
        assert_eq!(self.stack.engine().buffer_octets(), 0);
    }
}

fn pick<T: Copy>(from: &[T], which: u8) -> Option<T> {
    (!from.is_empty()).then(|| from[usize::from(which) % from.len()])
}

/// A length up to `limit`, small ones more often.
fn input_length(input: &mut Input, limit: usize) -> usize {
    match input.octet() {
        short @ 0..=127 => usize::from(short) / 8,
        middle @ 128..=239 => (usize::from(middle) - 127) * 5,
        _ => usize::from(input.word()),
    }
    .min(limit)
}
