//! One engine, spoken to segment by segment: what it answers is looked at segment by segment.

use alloc::vec::Vec;

use smoltcp::wire::TcpPacket;

use super::world::{Outbox, Packet, engine, path, path6};
use crate::tcp::{
    Answer, Arrival, Checksum, Config, ConnId, Egress, Engine, Event, Flags, Header, Intake, Kinds, Options, Part,
    Path, SackBlocks, Timestamps,
};
use crate::time::{Duration, Instant};

pub const PEER_PORT: u16 = 40_000;
pub const PORT: u16 = 80;
/// The peer's initial sequence number, near the end so that every script crosses the wrap.
pub const PEER_ISN: u32 = u32::MAX - 700;

/// The engine under test, and the peer played by the test. Sequence numbers in the methods are relative: 0 is the first octet of data.
pub struct Script {
    pub now: Instant,
    pub engine: Engine,
    pub conn: Option<ConnId>,
    pub isn: u32,
    pub peer_isn: u32,
    pub peer_port: u16,
    pub timestamp: Option<u32>,
    pub echo: u32,
    pub outbox: Outbox,
    /// The network marks the next segment.
    pub congested: bool,
    pub in_place: InPlace,
    /// Between whom, seen from either side.
    paths: fn(usize) -> Path,
}

/// A service that takes octets where they lie: of each segment so many at most. It may send them back at once.
#[derive(Default)]
pub struct InPlace {
    pub most: usize,
    pub echoes: bool,
    pub taken: Vec<u8>,
}

impl Intake for InPlace {
    fn take(&mut self, _: ConnId, listener: Option<u16>, octets: &[u8], answer: Answer<'_>) -> usize {
        assert_eq!(listener, Some(PORT));
        let mut taken = octets.len().min(self.most);
        if self.echoes {
            taken = answer(&octets[..taken]);
        }
        self.taken.extend_from_slice(&octets[..taken]);
        taken
    }
}

/// A segment that the engine sent, with relative numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub flags: Flags,
    pub seq: i64,
    pub ack: i64,
    pub len: usize,
    pub window: u16,
    pub sack: Vec<(u32, u32)>,
    pub header: Header,
}

pub fn config() -> Config {
    Config { timestamps: false, initial_buffer: 65_536, pacing: false, ..Config::default() }
}

impl Script {
    pub fn new(config: &Config) -> Self {
        Self {
            now: Instant::from_secs(100),
            engine: engine(config, 9),
            conn: None,
            isn: 0,
            peer_isn: PEER_ISN,
            peer_port: PEER_PORT,
            timestamp: None,
            echo: 0,
            outbox: Outbox::default(),
            congested: false,
            in_place: InPlace::default(),
            paths: path,
        }
    }

    /// The same over IPv6.
    pub fn over_ipv6(config: &Config) -> Self {
        Self { paths: path6, ..Self::new(config) }
    }

    /// A connection that the peer opened with these options, and the events taken.
    pub fn accepted(config: &Config, options: Options) -> Self {
        let mut script = Self::new(config);
        script.engine.listen(PORT, 4).unwrap();
        script.handshake(options);
        script
    }

    pub fn handshake(&mut self, options: Options) -> Event {
        self.handshake_with(Flags::SYN, options)
    }

    /// A handshake that begins with a SYN with these flags.
    pub fn handshake_with(&mut self, flags: Flags, options: Options) -> Event {
        self.timestamp = options.timestamps.map(|timestamps| timestamps.value);
        self.inject(Header { flags, sequence: self.peer_isn, window: 65_535, options, ..Header::default() }, b"");
        let synack = self.sent();
        assert_eq!(synack.len(), 1);
        assert!(synack[0].flags.contains(Flags::SYN.with(Flags::ACK)));
        self.isn = synack[0].header.sequence;
        self.echo = synack[0].header.options.timestamps.map_or(0, |timestamps| timestamps.value);
        self.advance(10);
        self.ack(0);
        let event = self.engine.next_event().expect("accepted");
        assert!(event.kinds.contains(Kinds::ACCEPTED));
        self.conn = Some(event.conn);
        assert_eq!(self.sent(), []);
        event
    }

    pub fn plain() -> Options {
        Options { mss: Some(1000), ..Options::default() }
    }

    pub fn with_sack() -> Options {
        Options { sack_permitted: true, ..Self::plain() }
    }

    pub fn conn(&self) -> ConnId {
        self.conn.unwrap()
    }

    pub fn path(&self) -> Path {
        (self.paths)(0)
    }

    /// Gives the engine a segment as it is, but for ports and checksum.
    pub fn inject(&mut self, mut header: Header, payload: &[u8]) {
        header.source_port = self.peer_port;
        header.destination_port = PORT;
        let mut outbox = Outbox::default();
        let theirs = (self.paths)(1);
        outbox.send(&theirs, &Header { segment_size: u16::MAX, ..header }, [payload.into(), Part::default()]).unwrap();
        let (_, Packet { mut octets, .. }) = outbox.sent.remove(0);
        TcpPacket::new_unchecked(&mut octets[..]).fill_checksum(&theirs.local, &theirs.remote);
        let arrival = Arrival { checksum: Checksum::Verify, congested: core::mem::take(&mut self.congested) };
        let path = self.path();
        self.engine.receive_with(self.now, &path, &octets, arrival, &mut self.in_place, &mut self.outbox);
    }

    /// A segment from the peer with relative numbers.
    pub fn segment(&mut self, flags: Flags, seq: i64, ack: i64, payload: &[u8]) {
        self.segment_with(flags, seq, ack, payload, 65_535, &[]);
    }

    pub fn segment_with(&mut self, flags: Flags, seq: i64, ack: i64, payload: &[u8], window: u16, sack: &[(u32, u32)]) {
        let mut blocks = SackBlocks::default();
        for (start, end) in sack {
            blocks.push(self.isn.wrapping_add(1 + start), self.isn.wrapping_add(1 + end));
        }
        let timestamps = self.timestamp.map(|value| Timestamps { value, echo: self.echo });
        let options = Options { timestamps, sack: blocks, ..Options::default() };
        let header = Header {
            flags,
            sequence: self.peer_isn.wrapping_add(1).wrapping_add(seq as u32),
            acknowledgement: self.isn.wrapping_add(1).wrapping_add(ack as u32),
            window,
            options,
            ..Header::default()
        };
        self.inject(header, payload);
    }

    /// An ACK from the peer, who has sent nothing.
    pub fn ack(&mut self, ack: i64) {
        self.segment(Flags::ACK, 0, ack, b"");
    }

    /// An ACK with SACK blocks.
    pub fn sack(&mut self, ack: i64, blocks: &[(u32, u32)]) {
        self.segment_with(Flags::ACK, 0, ack, b"", 65_535, blocks);
    }

    /// Data from the peer.
    pub fn data(&mut self, seq: i64, len: usize) {
        let payload: Vec<u8> = (0..len).map(|offset| (seq + offset as i64) as u8).collect();
        self.segment(Flags::ACK, seq, 0, &payload);
    }

    /// What the engine sent since the last time, a `poll` included.
    pub fn sent(&mut self) -> Vec<Seen> {
        self.engine.poll(self.now, &mut self.outbox);
        self.take()
    }

    /// What the engine sent without a `poll`.
    pub fn take(&mut self) -> Vec<Seen> {
        let (isn, peer_isn) = (self.isn, self.peer_isn);
        let seen = |(header, packet): (Header, Packet)| {
            let relative = |base: u32, value: u32| i64::from(value.wrapping_sub(base).wrapping_sub(1) as i32);
            Seen {
                flags: header.flags,
                seq: relative(isn, header.sequence),
                ack: relative(peer_isn, header.acknowledgement),
                len: packet.octets.len() - header.len(),
                window: header.window,
                sack: header
                    .options
                    .sack
                    .as_slice()
                    .iter()
                    .map(|(start, end)| (relative(peer_isn, *start) as u32, relative(peer_isn, *end) as u32))
                    .collect(),
                header,
            }
        };
        self.outbox.sent.drain(..).map(seen).collect()
    }

    /// (sequence, length) of the data that the engine sent.
    pub fn sent_data(&mut self) -> Vec<(i64, usize)> {
        self.sent().into_iter().filter(|seen| seen.len > 0).map(|seen| (seen.seq, seen.len)).collect()
    }

    pub fn advance(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    pub fn send(&mut self, len: usize) {
        let octets: Vec<u8> = (0..len).map(|offset| offset as u8).collect();
        assert_eq!(self.engine.send(self.conn(), &octets), Ok(len));
    }

    pub fn events(&mut self) -> Vec<Event> {
        core::iter::from_fn(|| self.engine.next_event()).collect()
    }
}
