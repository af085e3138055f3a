//! Whole nodes in memory, all on one thread with a clock that the test turns; on the other end of the cable a peer that
//! is none of ours: smoltcp's sockets.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use protocols::control::{Record, Reply};
use protocols::stack::{Fill, Full, Offloads, Payload, Receive, RxMeta, Transmit, TxMeta};
use protocols::time::{Duration, Instant};
use services::node::{Nic, Node, Platform, Ready, Shared, Turn};
use services::options::Options;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{tcp, udp};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

/// The node's address.
pub const SERVER: IpAddress = IpAddress::v4(10, 77, 0, 2);
const CLIENT: IpAddress = IpAddress::v4(10, 77, 0, 1);
/// Octets of the longest frame.
const FRAME: usize = 1514;
/// The time that one step takes.
const STEP: Duration = Duration::from_micros(100);

/// A clock that the test turns, and what the node said.
#[derive(Default)]
pub struct Computer {
    ns: AtomicU64,
    woken: AtomicU64,
    pub said: Mutex<Vec<String>>,
    pub ended: AtomicBool,
}

impl Computer {
    pub fn now(&self) -> Instant {
        Instant::from_micros((self.now_ns() / 1000) as i64)
    }
}

impl Platform for Computer {
    fn now_ns(&self) -> u64 {
        self.ns.load(Ordering::SeqCst)
    }

    fn wake(&self, processor: usize) {
        self.woken.fetch_or(1 << processor, Ordering::SeqCst);
    }

    fn wait(&self, _processor: usize, until_ns: Option<u64>) {
        // Nobody else runs on this thread, so only time can end the wait.
        self.ns.fetch_max(until_ns.expect("a swap has a deadline"), Ordering::SeqCst);
    }

    fn ready(&self, ready: &Ready) {
        self.said.lock().unwrap().push(ready.to_string());
    }

    fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}

/// From how many octets on the nodes' card reads where they lie.
const LEAST_LENT: usize = 512;

pub type Queue = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// One end of a cable.
#[derive(Clone, Default)]
struct End {
    incoming: Queue,
    outgoing: Queue,
    /// Frames' memory that both ends use again, so that what a node allocates is the node's own.
    spare: Queue,
    /// Octets that the nodes lent, which were read where they lie.
    lent: Rc<Cell<u64>>,
}

impl End {
    fn cable() -> (End, End) {
        let one = End::default();
        let (outgoing, incoming) = (one.incoming.clone(), one.outgoing.clone());
        let other = End { incoming, outgoing, ..one.clone() };
        (one, other)
    }

    fn frame(&self, len: usize) -> Vec<u8> {
        let mut frame = self.spare.borrow_mut().pop_front().unwrap_or_else(|| Vec::with_capacity(FRAME));
        frame.clear();
        frame.resize(len, 0);
        frame
    }
}

impl Receive for End {
    fn receive(&mut self, budget: usize, each: &mut dyn FnMut(&mut [u8], RxMeta)) -> usize {
        for taken in 0..budget {
            let frame = self.incoming.borrow_mut().pop_front();
            let Some(mut frame) = frame else { return taken };
            each(&mut frame, RxMeta { checksum_verified: false });
            self.spare.borrow_mut().push_back(frame);
        }
        budget
    }
}

impl Transmit for End {
    fn offloads(&self) -> Offloads {
        Offloads::default()
    }

    fn transmit(&mut self, len: usize, _: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        let mut frame = self.frame(len);
        fill(&mut frame);
        self.outgoing.borrow_mut().push_back(frame);
        Ok(())
    }

    fn least_lent(&self) -> usize {
        LEAST_LENT
    }

    fn transmit_parts(&mut self, head: usize, body: Payload<'_>, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        let [first, second] = body.map(|part| part.octets);
        let lent = body.iter().filter(|part| part.lender.is_some() && part.octets.len() >= LEAST_LENT);
        self.lent.set(self.lent.get() + lent.map(|part| part.octets.len() as u64).sum::<u64>());
        Transmit::transmit(self, head + first.len() + second.len(), meta, &mut |frame| {
            let (place, rest) = frame.split_at_mut(head);
            fill(place);
            rest[..first.len()].copy_from_slice(first);
            rest[first.len()..].copy_from_slice(second);
        })
    }

    fn flush(&mut self) {}
}

struct Frame(Vec<u8>, Queue);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, look: F) -> R {
        let result = look(&self.0);
        self.1.borrow_mut().push_back(self.0);
        result
    }
}

struct Place(End);

impl TxToken for Place {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        let mut frame = self.0.frame(len);
        let result = fill(&mut frame);
        self.0.outgoing.borrow_mut().push_back(frame);
        result
    }
}

impl Device for End {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Place;

    fn receive(&mut self, _: Instant) -> Option<(Frame, Place)> {
        Some((Frame(self.incoming.borrow_mut().pop_front()?, self.spare.clone()), Place(self.clone())))
    }

    fn transmit(&mut self, _: Instant) -> Option<Place> {
        Some(Place(self.clone()))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities
    }
}

/// The other end of the cable.
pub struct Peer {
    device: End,
    interface: Interface,
    sockets: SocketSet<'static>,
    control: SocketHandle,
    port: u16,
}

impl Peer {
    pub fn new(now: Instant) -> Peer {
        Peer::on(End::default(), now)
    }

    fn on(mut device: End, now: Instant) -> Peer {
        let mut config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
        config.random_seed = 7;
        let mut interface = Interface::new(config, &mut device, now);
        interface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(CLIENT, 24)).unwrap());
        let mut sockets = SocketSet::new(Vec::new());
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 16], vec![0; 65_536]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(9999).unwrap();
        let control = sockets.add(socket);
        Peer { device, interface, sockets, control, port: 40_000 }
    }

    /// Frames on their way to the peer.
    pub fn incoming(&self) -> Queue {
        self.device.incoming.clone()
    }

    /// Frames that the peer has sent.
    pub fn outgoing(&self) -> Queue {
        self.device.outgoing.clone()
    }

    pub fn poll(&mut self, now: Instant) {
        self.interface.poll(now, &mut self.device, &mut self.sockets);
    }

    /// Begins a connection.
    pub fn connect(&mut self, port: u16) -> SocketHandle {
        let buffer = || tcp::SocketBuffer::new(vec![0; 65_535]);
        let handle = self.sockets.add(tcp::Socket::new(buffer(), buffer()));
        self.port += 1;
        let socket = self.sockets.get_mut::<tcp::Socket>(handle);
        socket.set_nagle_enabled(false);
        socket.connect(self.interface.context(), (SERVER, port), self.port).unwrap();
        handle
    }

    pub fn socket(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut::<tcp::Socket>(handle)
    }

    pub fn send_control(&mut self, request: &[u8]) {
        let socket = self.sockets.get_mut::<udp::Socket>(self.control);
        socket.send_slice(request, (SERVER, protocols::control::PORT)).unwrap();
    }

    pub fn receive_control(&mut self) -> Option<Vec<u8>> {
        let socket = self.sockets.get_mut::<udp::Socket>(self.control);
        socket.recv().ok().map(|(datagram, _)| datagram.to_vec())
    }
}

/// The nodes of a system and their peer.
pub struct Rig {
    pub computer: &'static Computer,
    pub nodes: Vec<Node>,
    /// What the last turn of each node said.
    pub turns: Vec<Turn>,
    /// What the nodes have allocated in their turns.
    pub allocated: u64,
    links: Vec<End>,
    arrived: usize,
    peer: Peer,
}

impl Rig {
    /// A system of this many processors that all have connections, with these options beside its address, and a card with one queue pair.
    pub fn new(processors: usize, options: &str) -> Rig {
        Rig::with_pairs(processors, 1, &format!("rps=on {options}"))
    }

    /// A system with a card that has so many queue pairs, and puts frames into them by turns, whoever they are for.
    pub fn with_pairs(processors: usize, pairs: usize, options: &str) -> Rig {
        let computer: &'static Computer = Box::leak(Box::default());
        computer.ns.store(1_000_000_000, Ordering::SeqCst);
        let options = Options::parse(["ip=10.77.0.2/24"].into_iter().chain(options.split_whitespace())).unwrap();
        let nic = Nic { mac: [2, 0, 0, 0, 0, 2], mtu: 1500, offloads: Offloads::default(), pairs };
        let shared = Shared::new(&options, processors, nic, [7; 32], computer).unwrap();
        let nodes: Vec<Node> = (0..processors).map(|processor| node(&shared, processor)).collect();
        let (first, device) = End::cable();
        // All send on one cable.
        let link = |pair| match pair {
            0 => first.clone(),
            _ => End { incoming: Queue::default(), ..first.clone() },
        };
        let links = (0..pairs).map(link).collect();
        let turns = vec![Turn { again: true, wake_at: None }; processors];
        Rig { computer, nodes, turns, allocated: 0, links, arrived: 0, peer: Peer::on(device, computer.now()) }
    }

    /// Frames that have arrived at the nodes so far.
    pub fn arrived(&self) -> usize {
        self.arrived
    }

    /// Octets that the nodes' card read where services have them.
    pub fn lent(&self) -> u64 {
        self.links[0].lent.get()
    }

    /// A little time passes and everybody has a turn.
    pub fn step(&mut self) {
        self.computer.ns.fetch_add(STEP.total_micros() * 1000, Ordering::SeqCst);
        let now = self.computer.now();
        self.peer.poll(now);
        let frames: Vec<_> = self.links[0].incoming.borrow_mut().drain(..).collect();
        for frame in frames {
            self.arrived += 1;
            self.links[self.arrived % self.links.len()].incoming.borrow_mut().push_back(frame);
        }
        for (processor, node) in self.nodes.iter_mut().enumerate() {
            let turn = || {
                self.turns[processor] = match self.links.get_mut(processor) {
                    Some(link) => node.turn(now, &mut link.clone(), link),
                    None => node.turn_detached(now),
                };
            };
            self.allocated += allocation_counter::measure(turn).count_total;
        }
    }

    /// Steps until `done`, or panics after ten seconds of the test's clock.
    pub fn until(&mut self, what: &str, mut done: impl FnMut(&mut Rig) -> bool) {
        for _ in 0..100_000 {
            if done(self) {
                return;
            }
            self.step();
        }
        panic!("{what} did not happen in ten seconds");
    }

    pub fn pass(&mut self, time: Duration) {
        let end = self.computer.now() + time;
        while self.computer.now() < end {
            self.step();
        }
    }

    /// Sends a request to the control port.
    pub fn send_control(&mut self, request: &[u8]) {
        self.peer.send_control(request);
    }

    /// Waits for the reply.
    pub fn reply(&mut self) -> Reply {
        let mut reply = None;
        self.until("a reply of the control port", |rig| {
            reply = rig.try_reply();
            reply.is_some()
        });
        reply.unwrap()
    }

    /// Sends a datagram to `to` from port `from`, and returns what comes back within a while.
    pub fn datagram(&mut self, from: u16, to: u16, octets: &[u8]) -> Option<Vec<u8>> {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 4], vec![0; 8_192]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(from).unwrap();
        socket.send_slice(octets, (SERVER, to)).unwrap();
        let handle = self.peer.sockets.add(socket);
        self.pass(Duration::from_millis(20));
        let socket = self.peer.sockets.get_mut::<udp::Socket>(handle);
        let back = socket.recv().ok().map(|(datagram, _)| datagram.to_vec());
        self.peer.sockets.remove(handle);
        back
    }

    /// The reply, if it is there.
    pub fn try_reply(&mut self) -> Option<Reply> {
        self.peer.receive_control().map(|datagram| Reply::parse(&datagram).unwrap())
    }

    pub fn ask(&mut self, request: &str) -> Reply {
        self.send_control(request.as_bytes());
        self.reply()
    }

    /// The records of a request that has to succeed, all pages.
    pub fn records(&mut self, request: &str) -> Vec<Record> {
        let (mut records, mut from) = (Vec::<Record>::new(), 0);
        loop {
            let request = if from == 0 { request.to_string() } else { format!("{request} {from}") };
            records.extend(self.ask(&request).outcome.unwrap());
            match records.last().and_then(|record| record.number("next")) {
                Some(next) => from = next,
                None => return records,
            }
            records.pop();
        }
    }

    /// Begins to open a connection.
    pub fn begin(&mut self, port: u16) -> SocketHandle {
        self.peer.connect(port)
    }

    /// Opens a connection.
    pub fn connect(&mut self, port: u16) -> SocketHandle {
        let handle = self.peer.connect(port);
        self.until("a connection", |rig| rig.socket(handle).may_send());
        handle
    }

    pub fn socket(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.peer.socket(handle)
    }

    /// Sends everything.
    pub fn send(&mut self, handle: SocketHandle, octets: &[u8]) {
        let mut rest = octets;
        self.until("sending", |rig| {
            let socket = rig.socket(handle);
            rest = &rest[socket.send_slice(rest).unwrap()..];
            rest.is_empty() && socket.send_queue() == 0
        });
    }

    /// What there is to read now.
    pub fn read(&mut self, handle: SocketHandle) -> Vec<u8> {
        let mut octets = Vec::new();
        let socket = self.socket(handle);
        while socket.can_recv() {
            let part = socket.recv(|part| (part.len(), part.to_vec())).unwrap();
            octets.extend(part);
        }
        octets
    }

    /// Reads exactly this much.
    pub fn receive(&mut self, handle: SocketHandle, length: usize) -> Vec<u8> {
        let mut octets = Vec::new();
        self.until("receiving", |rig| {
            octets.extend(rig.read(handle));
            octets.len() >= length
        });
        assert_eq!(octets.len(), length);
        octets
    }
}

/// Makes the node of a processor.
pub fn node(shared: &Arc<Shared>, processor: usize) -> Node {
    // SAFETY: a node runs its workers between its activities.
    #[allow(unsafe_code)]
    let processor = unsafe { shared.system().attach(processor) }.unwrap();
    Node::new(shared.clone(), processor).unwrap()
}
