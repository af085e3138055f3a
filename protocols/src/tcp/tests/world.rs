//! Two engines and a simulated link between them. Each side has one stream to send, whose octets follow from their positions.

use alloc::vec;
use alloc::vec::Vec;

use smoltcp::wire::{IpAddress, TcpPacket};

use crate::congestion::lookup;
use crate::sim;
use crate::tcp::{
    Arrival, Checksum, CloseReason, Config, ConnId, Egress, Engine, Error, Full, Header, Info, Kinds, Path, Payload,
    Secrets,
};
use crate::time::{Duration, Instant};

pub const PORT: u16 = 5201;

/// The octet at a position of the stream that `side` sends.
pub fn octet(side: usize, position: u64) -> u8 {
    let mixed = (position ^ ((side as u64) << 40)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 56) as u8
}

/// A segment on the wire.
#[derive(Clone, Debug)]
pub struct Packet {
    pub octets: Vec<u8>,
    pub congested: bool,
}

/// Collects what an engine sends. The checksum is computed here and verified by the receiver.
#[derive(Default)]
pub struct Outbox {
    pub sent: Vec<(Header, Packet)>,
    pub room: Option<usize>,
    pub segments: usize,
}

impl Egress for Outbox {
    fn send(&mut self, path: &Path, header: &Header, payload: Payload<'_>) -> Result<(), Full> {
        if self.room == Some(0) {
            return Err(Full::Link);
        }
        let payload = payload.map(|part| part.octets).concat();
        let size = usize::from(header.segment_size).max(1);
        let mut at = 0;
        loop {
            let piece = &payload[at..payload.len().min(at + size)];
            let last = at + piece.len() == payload.len();
            let mut cut = *header;
            cut.sequence = cut.sequence.wrapping_add(at as u32);
            if !last {
                cut.flags = crate::tcp::Flags(cut.flags.0 & !0x09);
            }
            let mut octets = vec![0; cut.len() + piece.len()];
            let len = cut.write(&mut octets);
            octets[len..].copy_from_slice(piece);
            TcpPacket::new_unchecked(&mut octets[..]).fill_checksum(&path.local, &path.remote);
            self.sent.push((cut, Packet { octets, congested: false }));
            at += piece.len();
            if last {
                break;
            }
        }
        if let Some(room) = &mut self.room {
            *room -= 1;
        }
        Ok(())
    }

    fn max_segments(&self, _: &Path) -> usize {
        self.segments.max(1)
    }
}

pub fn engine(config: &Config, seed: u8) -> Engine {
    Engine::new(config.clone(), Secrets::from_seed([seed; 32]), lookup("cubic").unwrap().standalone())
}

pub fn path(side: usize) -> Path {
    let address = |side: usize| IpAddress::v4(10, 0, 0, 1 + side as u8);
    Path { local: address(side), remote: address(1 - side), link: [2, 0, 0, 0, 0, 1 + side as u8] }
}

/// The same over IPv6.
pub fn path6(side: usize) -> Path {
    let address = |side: usize| IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 1 + side as u16);
    Path { local: address(side), remote: address(1 - side), ..path(side) }
}

/// What one side does with its connection.
#[derive(Default, Debug)]
pub struct Side {
    pub conn: Option<ConnId>,
    pub to_send: u64,
    pub sent: u64,
    pub received: u64,
    /// Octets read at most per step; all if `None`.
    pub reads: Option<usize>,
    pub shut: bool,
    pub keep_open: bool,
    pub finished: bool,
    pub closed: Option<CloseReason>,
    pub accepted: u32,
}

pub struct World {
    pub now: Instant,
    pub engines: [Engine; 2],
    pub sides: [Side; 2],
    pub link: sim::Duplex<Packet>,
    pub segments: usize,
    pub on_wire: Vec<(usize, Header)>,
    /// The queue from which on the network marks packets that are ECN-capable.
    pub mark_above: usize,
}

pub fn delay(millis: u64) -> sim::Config {
    sim::Config { delay: Duration::from_millis(millis), ..sim::Config::default() }
}

impl World {
    /// Side 1 listens, side 0 connects.
    pub fn new(configs: [&Config; 2], link: sim::Config, seed: u64) -> Self {
        let mut world = Self {
            now: Instant::from_secs(1),
            engines: [engine(configs[0], 1), engine(configs[1], 2)],
            sides: Default::default(),
            link: sim::Duplex::new(link, link, seed),
            segments: 1,
            on_wire: Vec::new(),
            mark_above: usize::MAX,
        };
        world.engines[1].listen(PORT, 8).unwrap();
        world.sides[0].conn = Some(world.engines[0].connect(world.now, path(0), PORT, None).unwrap());
        world
    }

    fn carry(&mut self, side: usize, outbox: Outbox) {
        for (header, mut packet) in outbox.sent {
            self.on_wire.push((side, header));
            let link = if side == 0 { &mut self.link.forward } else { &mut self.link.backward };
            packet.congested = header.ecn_capable && link.queued(self.now) > self.mark_above;
            let _ = link.send(self.now, packet.octets.len() + 38, packet);
        }
    }

    fn deliver(&mut self) {
        for side in [0, 1] {
            loop {
                let link = if side == 0 { &mut self.link.backward } else { &mut self.link.forward };
                let Some(packet) = link.receive(self.now) else { break };
                let mut outbox = Outbox { segments: self.segments, ..Outbox::default() };
                let arrival = Arrival { checksum: Checksum::Verify, congested: packet.congested };
                self.engines[side].receive(self.now, &path(side), &packet.octets, arrival, &mut outbox);
                self.carry(side, outbox);
            }
        }
    }

    fn serve(&mut self, side: usize) {
        let engine = &mut self.engines[side];
        let state = &mut self.sides[side];
        while let Some(event) = engine.next_event() {
            if event.kinds.contains(Kinds::ACCEPTED) {
                assert_eq!(event.listener, Some(PORT));
                state.conn = Some(event.conn);
                state.accepted += 1;
            }
            if event.kinds.contains(Kinds::CLOSED) && state.conn == Some(event.conn) {
                state.closed = event.reason;
            }
        }
        let Some(conn) = state.conn else { return };
        if state.closed.is_some() {
            return;
        }
        while state.sent < state.to_send {
            let (from, left) = (state.sent, state.to_send - state.sent);
            let mut done = 0;
            let wrote = engine.send_with(conn, |room| {
                let len = room.len().min((left - done).min(1000) as usize);
                for (offset, place) in room[..len].iter_mut().enumerate() {
                    *place = octet(side, from + done + offset as u64);
                }
                done += len as u64;
                len
            });
            match wrote {
                Ok(0) | Err(Error::NotConnected(_)) => break,
                Ok(len) => state.sent += len as u64,
                Err(error) => panic!("side {side}: {error}"),
            }
        }
        if state.sent == state.to_send && !state.shut && !state.keep_open && engine.writable(conn).is_ok() {
            engine.shutdown(conn).unwrap();
            state.shut = true;
        }
        let mut budget = state.reads.unwrap_or(usize::MAX);
        while budget > 0 {
            let from = state.received;
            let mut seen = 0u64;
            let read = engine.recv_with(conn, |octets| {
                let len = octets.len().min(budget - seen as usize);
                for (offset, &value) in octets[..len].iter().enumerate() {
                    let position = from + seen + offset as u64;
                    assert_eq!(value, octet(1 - side, position), "side {side}, position {position}");
                }
                seen += len as u64;
                len
            });
            match read {
                Ok(0) | Err(Error::NotConnected(_) | Error::Stale(_)) => break,
                Ok(len) => {
                    state.received += len as u64;
                    budget -= len;
                }
                Err(Error::Finished(_)) => {
                    state.finished = true;
                    break;
                }
                Err(error) => panic!("side {side}: {error}"),
            }
        }
    }

    /// Does what is due now; whether there will be something to do, and when.
    pub fn step(&mut self) -> Option<Instant> {
        self.deliver();
        for side in [0, 1] {
            self.serve(side);
            let mut outbox = Outbox { segments: self.segments, ..Outbox::default() };
            self.engines[side].poll(self.now, &mut outbox);
            self.carry(side, outbox);
        }
        let deadlines = self.engines.iter().filter_map(Engine::next_deadline);
        deadlines.chain(self.link.next_delivery()).min()
    }

    /// Lets time pass until `done`, or panics after `limit` of simulated time.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&World) -> bool) {
        let end = self.now + limit;
        loop {
            let next = self.step();
            if done(self) {
                return;
            }
            let next = next.unwrap_or(end).max(self.now + Duration::from_micros(1));
            assert!(next <= end, "not done after {limit}: {:?} {:?}", self.sides, [self.info(0), self.info(1)]);
            self.now = next;
        }
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.step().filter(|next| *next <= end) {
            self.now = next.max(self.now + Duration::from_micros(1));
        }
        self.now = end;
    }

    /// Both sides' octets have arrived and both connections have ended in order.
    pub fn run_to_the_end(&mut self, limit: Duration) {
        self.run_until(limit, |world| world.sides.iter().all(|side| side.closed.is_some()));
        for side in [0, 1] {
            assert_eq!(self.sides[side].closed, Some(CloseReason::Finished));
            assert_eq!(self.sides[side].received, self.sides[1 - side].to_send);
        }
    }

    pub fn info(&self, side: usize) -> Option<Info> {
        self.sides[side].conn.and_then(|conn| self.engines[side].info(conn).ok())
    }
}
