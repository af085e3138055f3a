//! An independent witness: smoltcp's own TCP socket is the peer, over a link that loses and reorders. Both roles, both directions.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use smoltcp::iface::{Config as InterfaceConfig, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp as peer;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpProtocol, IpRepr, TcpPacket};

use super::world::{PORT, delay, engine, octet, path, path6};
use crate::sim::{self, Loss, Probability};
use crate::tcp::{Checksum, CloseReason, Config, ConnId, Egress, Engine, Error, Full, Header, Kinds, Path, Payload};
use crate::time::{Duration, Instant};

/// The peer's device: IP packets without a link layer.
#[derive(Default)]
struct Pipe {
    arrived: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

struct Arrived(Vec<u8>);
struct Place<'a>(&'a mut Vec<Vec<u8>>);

impl phy::RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

impl phy::TxToken for Place<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        let mut packet = vec![0; len];
        let result = fill(&mut packet);
        self.0.push(packet);
        result
    }
}

impl Device for Pipe {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Place<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Arrived, Place<'_>)> {
        let packet = self.arrived.pop_front()?;
        Some((Arrived(packet), Place(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Place<'_>> {
        Some(Place(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}

/// Puts IP headers before what our engine sends.
#[derive(Default)]
struct Wire(Vec<Vec<u8>>);

impl Egress for Wire {
    fn send(&mut self, path: &Path, header: &Header, payload: Payload<'_>) -> Result<(), Full> {
        let payload = payload.map(|part| part.octets).concat();
        let repr = IpRepr::new(path.local, path.remote, IpProtocol::Tcp, header.len() + payload.len(), 64);
        let mut packet = vec![0; repr.buffer_len()];
        repr.emit(&mut packet[..], &phy::ChecksumCapabilities::default());
        let segment = &mut packet[repr.header_len()..];
        let len = header.write(segment);
        segment[len..].copy_from_slice(&payload);
        TcpPacket::new_unchecked(segment).fill_checksum(&path.local, &path.remote);
        self.0.push(packet);
        Ok(())
    }
}

const OCTETS: u64 = 120_000;

/// Us (side 0) and the peer (side 1).
struct Meeting {
    now: Instant,
    path: Path,
    engine: Engine,
    conn: Option<ConnId>,
    closed: Option<CloseReason>,
    shut: bool,
    interface: Interface,
    device: Pipe,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    link: sim::Duplex<Vec<u8>>,
    sent: [u64; 2],
    received: [u64; 2],
}

impl Meeting {
    fn new(config: &Config, path: fn(usize) -> Path, we_open: bool, link: sim::Config, seed: u64) -> Self {
        let now = Instant::from_secs(1);
        let mut device = Pipe::default();
        let mut interface = Interface::new(InterfaceConfig::new(HardwareAddress::Ip), &mut device, now);
        let address = IpCidr::new(path(1).local, 16);
        interface.update_ip_addrs(|addresses| addresses.push(address).expect("room for one address"));
        let buffer = || peer::SocketBuffer::new(vec![0; 30_000]);
        let mut socket = peer::Socket::new(buffer(), buffer());
        let mut engine = engine(config, 3);
        let mut conn = None;
        if we_open {
            socket.listen(PORT).unwrap();
            conn = Some(engine.connect(now, path(0), PORT, None).unwrap());
        } else {
            engine.listen(PORT, 4).unwrap();
            socket.connect(interface.context(), (path(0).local, PORT), 45_000).unwrap();
        }
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(socket);
        let link = sim::Duplex::new(link, link, seed);
        let (sent, received) = ([0; 2], [0; 2]);
        let path = path(0);
        Self {
            now,
            path,
            engine,
            conn,
            closed: None,
            shut: false,
            interface,
            device,
            sockets,
            handle,
            link,
            sent,
            received,
        }
    }

    fn carry(&mut self, wire: Wire) {
        for packet in wire.0 {
            let _ = self.link.forward.send(self.now, packet.len(), packet);
        }
    }

    fn serve_ours(&mut self) {
        while let Some(event) = self.engine.next_event() {
            if event.kinds.contains(Kinds::ACCEPTED) {
                self.conn = Some(event.conn);
            }
            if event.kinds.contains(Kinds::CLOSED) {
                self.closed = event.reason;
            }
        }
        let Some(conn) = self.conn.filter(|_| self.closed.is_none()) else { return };
        if !self.shut && self.engine.writable(conn).is_ok() {
            while self.sent[0] < OCTETS {
                let chunk: Vec<u8> = (self.sent[0]..OCTETS.min(self.sent[0] + 5000)).map(|at| octet(0, at)).collect();
                match self.engine.send(conn, &chunk).expect("open for sending") {
                    0 => break,
                    taken => self.sent[0] += taken as u64,
                }
            }
            if self.sent[0] == OCTETS {
                self.engine.shutdown(conn).unwrap();
                self.shut = true;
            }
        }
        let mut octets = [0; 4096];
        loop {
            match self.engine.recv(conn, &mut octets) {
                Ok(0) | Err(Error::NotConnected(_) | Error::Finished(_)) => break,
                Ok(len) => self.check(0, &octets[..len]),
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn serve_peer(&mut self) {
        let socket = self.sockets.get_mut::<peer::Socket>(self.handle);
        while socket.can_send() && self.sent[1] < OCTETS {
            let chunk: Vec<u8> = (self.sent[1]..OCTETS.min(self.sent[1] + 5000)).map(|at| octet(1, at)).collect();
            self.sent[1] += socket.send_slice(&chunk).unwrap() as u64;
        }
        if self.sent[1] == OCTETS && socket.may_send() {
            socket.close();
        }
        let mut octets = [0; 4096];
        while let Some(len) =
            self.sockets.get_mut::<peer::Socket>(self.handle).recv_slice(&mut octets).ok().filter(|len| *len > 0)
        {
            self.check(1, &octets[..len]);
        }
    }

    fn check(&mut self, side: usize, octets: &[u8]) {
        for (position, &value) in (self.received[side]..).zip(octets) {
            assert_eq!(value, octet(1 - side, position), "side {side}, position {position}");
        }
        self.received[side] += octets.len() as u64;
    }

    fn run(mut self) {
        let end = self.now + Duration::from_secs(3600);
        let header = if matches!(self.path.local, IpAddress::Ipv4(_)) { 20 } else { 40 };
        while self.closed.is_none() || self.received != [OCTETS; 2] || !self.peer_is_done() {
            let mut wire = Wire::default();
            while let Some(packet) = self.link.backward.receive(self.now) {
                self.engine.receive(self.now, &self.path, &packet[header..], Checksum::Verify, &mut wire);
            }
            self.serve_ours();
            self.engine.poll(self.now, &mut wire);
            self.carry(wire);
            while let Some(packet) = self.link.forward.receive(self.now) {
                self.device.arrived.push_back(packet);
            }
            self.interface.poll(self.now, &mut self.device, &mut self.sockets);
            self.serve_peer();
            self.interface.poll(self.now, &mut self.device, &mut self.sockets);
            for packet in core::mem::take(&mut self.device.sent) {
                let _ = self.link.backward.send(self.now, packet.len(), packet);
            }
            let next = [
                self.engine.next_deadline(),
                self.link.next_delivery(),
                self.interface.poll_at(self.now, &self.sockets),
            ];
            let next = next.into_iter().flatten().min().unwrap_or(end);
            assert!(next <= end, "stuck: sent {:?}, received {:?}", self.sent, self.received);
            self.now = next.max(self.now + Duration::from_micros(10));
        }
        assert_eq!(self.closed, Some(CloseReason::Finished));
        // Whoever closed first knows the other until its last FIN was acknowledged, however often that was lost.
        assert_eq!((self.engine.connection_count(), self.engine.counters().resets_out), (0, 0));
    }

    fn peer_is_done(&self) -> bool {
        let state = self.sockets.get::<peer::Socket>(self.handle).state();
        matches!(state, peer::State::Closed | peer::State::TimeWait)
    }
}

fn meet(config: &Config, path: fn(usize) -> Path, percent: u32, seed: u64) {
    let link = sim::Config {
        loss: Loss::Independent(Probability::from_percent(percent)),
        reorder: Probability::from_percent(percent),
        reorder_by: Duration::from_millis(7),
        duplicate: Probability::from_percent(percent / 2),
        ..delay(5)
    };
    for we_open in [true, false] {
        Meeting::new(config, path, we_open, link, seed).run();
    }
}

#[test]
fn an_independent_implementation_understands_us() {
    for percent in [0, 2, 8] {
        meet(&Config::default(), path, percent, u64::from(percent) + 1);
    }
}

#[test]
fn also_over_ipv6() {
    for percent in [0, 2, 8] {
        meet(&Config::default(), path6, percent, u64::from(percent) + 20);
    }
}

#[test]
fn also_without_options_and_with_small_buffers() {
    let config = Config {
        sack: false,
        timestamps: false,
        window_scaling: false,
        initial_buffer: 8192,
        receive_buffer: 8192,
        send_buffer: 8192,
        ..Config::default()
    };
    for percent in [0, 4] {
        meet(&config, path, percent, u64::from(percent) + 10);
    }
}
