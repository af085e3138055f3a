//! IPv6, with smoltcp's own stack as the peer, and what the link says of addresses.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use smoltcp::iface::{self, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, ChecksumCapabilities, DeviceCapabilities, Medium};
use smoltcp::socket::{tcp as other_tcp, udp as other_udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{
    EthernetAddress, Icmpv6DstUnreachable, Icmpv6Message, Icmpv6Packet, Icmpv6Repr, IpAddress, IpCidr, Ipv6Packet,
    NdiscNeighborFlags, NdiscRepr, TcpPacket,
};

use super::filter::with_rules_on;
use super::peer::{Peer, STATIC};
use super::world::{ECHO, World, echo, octet};
use crate::frame::craft::six::*;
use crate::frame::craft::*;
use crate::frame::{ALL_NODES, DropReason};
use crate::stack::{Addressing6, Config, Event, Ipv6Address, Ipv6Cidr, Offloads, UdpLimits};
use crate::tcp::Flags;

const SIX: Config =
    Config { addressing6: Addressing6::Static { address: Ipv6Cidr::new(OUR_ADDRESS6, 64), gateway: None }, ..STATIC };
const AUTO: Config = Config { addressing6: Addressing6::Auto, ..STATIC };

/// A link in memory, as smoltcp sees it.
#[derive(Default)]
struct Link {
    rx: VecDeque<Vec<u8>>,
    tx: VecDeque<Vec<u8>>,
}

struct Rx(Vec<u8>);
struct Tx<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::Device for Link {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Rx, Tx<'_>)> {
        self.rx.pop_front().map(|frame| (Rx(frame), Tx(&mut self.tx)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Tx<'_>> {
        Some(Tx(&mut self.tx))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

impl phy::RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push_back(frame);
        result
    }
}

/// smoltcp on the other end of the link.
struct Other {
    link: Link,
    interface: Interface,
    sockets: SocketSet<'static>,
}

impl Other {
    fn new(now: Instant, address: Ipv6Address) -> Self {
        let mut link = Link::default();
        let config = iface::Config::new(EthernetAddress(PEER_MAC).into());
        let mut interface = Interface::new(config, &mut link, now);
        interface.update_ip_addrs(|all| all.push(IpCidr::new(address.into(), 64)).unwrap());
        Other { link, interface, sockets: SocketSet::new(vec![]) }
    }

    fn connect(&mut self, to: Ipv6Address, port: u16) -> SocketHandle {
        let buffer = || other_tcp::SocketBuffer::new(vec![0; 65_535]);
        let mut socket = other_tcp::Socket::new(buffer(), buffer());
        socket.connect(self.interface.context(), (to, port), 40_000).unwrap();
        self.sockets.add(socket)
    }

    /// One turn of both, and the frames between them.
    fn exchange(&mut self, peer: &mut Peer) {
        self.interface.poll(peer.now, &mut self.link, &mut self.sockets);
        self.link.tx.drain(..).for_each(|frame| peer.rx.put(&frame));
        peer.turn();
        echo(peer);
        peer.turn();
        self.link.rx.extend(peer.tx.take());
        peer.now += Duration::from_millis(1);
    }
}

fn six() -> Peer {
    let mut peer = Peer::new(&SIX);
    peer.turn();
    peer.tx.take();
    peer
}

/// The peer asks who has our address, and says its own.
fn solicitation(from: Ipv6Address, target: Ipv6Address) -> Vec<u8> {
    let message = [&target.octets()[..], &link_option(1, PEER_MAC)].concat();
    neighbor((from, target), 135, [0; 4], &message)
}

/// Whether ICMPv6 follows at once, as in all but reports of groups.
fn is_plain(frame: &[u8]) -> bool {
    frame[20] == 58
}

/// What a frame of ours says of Neighbor Discovery: sender, destination, message.
fn said(frame: &[u8]) -> (Ipv6Address, Ipv6Address, NdiscRepr<'_>) {
    let packet = Ipv6Packet::new_checked(&frame[14..]).unwrap();
    assert_eq!((&frame[6..14], packet.hop_limit()), (&[&OUR_MAC[..], &[0x86, 0xdd]].concat()[..], 255));
    let (source, destination) = (packet.src_addr(), packet.dst_addr());
    let message = Icmpv6Packet::new_checked(packet.payload()).unwrap();
    match Icmpv6Repr::parse(&source, &destination, &message, &ChecksumCapabilities::default()).unwrap() {
        Icmpv6Repr::Ndisc(message) => (source, destination, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_foreign_stack_finds_us_and_its_octets_come_back() {
    for (own, address) in [(OUR_ADDRESS6, PEER_ADDRESS6), (OUR_LINK_LOCAL, PEER_LINK_LOCAL)] {
        let mut peer = six();
        peer.stack.engine().listen(ECHO, 4).unwrap();
        let mut other = Other::new(peer.now, address);
        let connection = other.connect(own, ECHO);
        let (mut sent, mut received) = (0, 0);
        const TOTAL: usize = 300_000;
        for _ in 0..20_000 {
            other.exchange(&mut peer);
            let socket = other.sockets.get_mut::<other_tcp::Socket>(connection);
            while sent < TOTAL && socket.can_send() {
                let piece: Vec<u8> = (sent..TOTAL.min(sent + 1000)).map(octet).collect();
                sent += socket.send_slice(&piece).unwrap();
            }
            while socket.can_recv() {
                let taken = socket.recv(|octets| (octets.len(), octets.to_vec())).unwrap();
                assert!(taken.iter().enumerate().all(|(at, &value)| value == octet(received + at)));
                received += taken.len();
            }
            if received == TOTAL {
                break;
            }
        }
        assert_eq!(received, TOTAL);
        assert_eq!(peer.stack.engine().connections().next().unwrap().1.remote, address.into());
        assert_eq!((peer.stack.counters().drops.total(), peer.stack.counters().impossible), (0, 0));
    }
}

#[test]
fn a_datagram_of_a_foreign_stack_is_answered() {
    let mut peer = six();
    let port = peer.stack.udp_bind(7070, UdpLimits { datagrams: 4, octets: 4096 }).unwrap();
    let mut other = Other::new(peer.now, PEER_ADDRESS6);
    let buffer = || other_udp::PacketBuffer::new(vec![other_udp::PacketMetadata::EMPTY; 4], vec![0; 4096]);
    let mut socket = other_udp::Socket::new(buffer(), buffer());
    socket.bind(5000).unwrap();
    socket.send_slice(b"status", (OUR_ADDRESS6, 7070)).unwrap();
    let handle = other.sockets.add(socket);
    for _ in 0..2000 {
        other.exchange(&mut peer);
        let mut from = None;
        if peer.stack.udp_receive(port, &mut |data, sender| {
            assert_eq!((data, sender.local), (&b"status"[..], OUR_ADDRESS6.into()));
            from = Some(sender);
        }) {
            peer.stack.udp_send(port, from.unwrap(), &[7; 1452]).unwrap();
            assert!(peer.stack.udp_send(port, from.unwrap(), &[7; 1453]).is_err(), "longer than the link allows");
        }
        let socket = other.sockets.get_mut::<other_udp::Socket>(handle);
        if let Ok((data, meta)) = socket.recv() {
            assert_eq!((data.len(), meta.endpoint.addr), (1452, OUR_ADDRESS6.into()));
            return;
        }
    }
    panic!("no answer came");
}

#[test]
fn streams_over_ipv6_use_the_device_where_it_can() {
    let offloads = Offloads { checksum: true, segmentation: None, segmentation6: Some(65_550) };
    for offloads in [Offloads::default(), offloads] {
        let mut world = World::over_ipv6(offloads);
        world.connect(1_000_000);
        world.run(Duration::from_secs(60));
        for peer in [&world.client, &world.server] {
            let counters = peer.stack.counters();
            // The other asks whether anyone has its addresses, in groups that are ours too.
            assert_eq!(counters.drops.get(DropReason::NeighborNotOurs), 2);
            // Which groups those are it says to routers, whose group is none of ours.
            assert_eq!(counters.drops.get(DropReason::EthernetMulticast), counters.drops.total() - 2);
            assert_eq!(counters.impossible, 0);
        }
        let counters = world.client.stack.counters();
        let large = counters.octets_out / counters.frames_out > 3000;
        assert_eq!(large, offloads.segmentation6.is_some(), "runs of segments leave in one frame");
    }
}

#[test]
fn a_link_that_loses_frames_of_ipv6_slows_a_stream_and_no_more() {
    let mut world = World::over_ipv6(Offloads::default());
    world.lose = |number| number % 37 == 0;
    world.connect(300_000);
    world.run(Duration::from_secs(120));
}

#[test]
fn a_ping_over_ipv6_is_answered() {
    let mut peer = six();
    peer.ask(&solicitation(PEER_ADDRESS6, OUR_ADDRESS6));
    for length in [0, 1, 56, 1452] {
        let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
        let answers = peer.ask(&icmp6(128, 0, [1, 2, 3, 4], &payload));
        let packet = Ipv6Packet::new_checked(&answers[0][14..]).unwrap();
        assert_eq!((packet.src_addr(), packet.dst_addr()), (OUR_ADDRESS6, PEER_ADDRESS6));
        let reply = Icmpv6Packet::new_checked(packet.payload()).unwrap();
        assert!(reply.verify_checksum(&OUR_ADDRESS6, &PEER_ADDRESS6) && reply.msg_type() == Icmpv6Message::EchoReply);
        assert_eq!(packet.payload()[4..8], [1, 2, 3, 4]);
        assert_eq!(packet.payload()[8..], payload);
    }
}

#[test]
fn each_address_is_asked_for_and_defended() {
    let mut peer = Peer::new(&SIX);
    peer.turn();
    let frames = peer.tx.take();
    let asked: Vec<Ipv6Address> = frames
        .iter()
        .filter(|frame| is_plain(frame))
        .map(|frame| match said(frame) {
            (Ipv6Address::UNSPECIFIED, to, NdiscRepr::NeighborSolicit { target_addr, lladdr: None }) => {
                assert_eq!(to, crate::frame::solicited(&target_addr));
                target_addr
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(asked, [OUR_LINK_LOCAL, OUR_ADDRESS6]);
    peer.wait(Duration::from_secs(2));
    // Who asks for our address, to take it, hears that it is taken.
    let probe = |target: Ipv6Address| {
        let group = crate::frame::solicited(&target);
        neighbor((Ipv6Address::UNSPECIFIED, group), 135, [0; 4], &target.octets())
    };
    let answers = peer.ask(&probe(OUR_ADDRESS6));
    let (source, to, message) = said(&answers[0]);
    let NdiscRepr::NeighborAdvert { flags, target_addr, lladdr: Some(_) } = message else { panic!("{message:?}") };
    assert_eq!((source, to, target_addr), (OUR_ADDRESS6, ALL_NODES, OUR_ADDRESS6));
    assert_eq!((flags, &answers[0][..6]), (NdiscNeighborFlags::OVERRIDE, &[0x33, 0x33, 0, 0, 0, 1][..]));
    assert_eq!(peer.stack.next_event(), Some(Event::Address(peer.stack.address())));
    assert_eq!(peer.stack.next_event(), Some(Event::Address6(Some(Ipv6Cidr::new(OUR_ADDRESS6, 64)))));
    assert_eq!(peer.stack.next_event(), None);
}

#[test]
fn an_address_that_another_has_is_given_up() {
    let claim = neighbor((PEER_ADDRESS6, ALL_NODES), 136, [0x20, 0, 0, 0], &OUR_ADDRESS6.octets());
    let rival = neighbor(
        (Ipv6Address::UNSPECIFIED, crate::frame::solicited(&OUR_ADDRESS6)),
        135,
        [0; 4],
        &OUR_ADDRESS6.octets(),
    );
    for objection in [claim, rival] {
        let mut peer = six();
        assert!(!peer.ask(&objection).iter().any(|frame| is_plain(frame)), "nothing but that the group is left");
        assert_eq!(peer.stack.next_event(), Some(Event::Address(peer.stack.address())));
        assert_eq!(peer.stack.next_event(), Some(Event::Duplicate(OUR_ADDRESS6)));
        assert_eq!(peer.stack.next_event(), None);
        assert!(peer.ask(&icmp6(128, 0, [0; 4], b"ping")).is_empty());
        assert_eq!(peer.stack.counters().drops.total(), 1);
        assert_eq!(
            peer.ask(&solicitation(PEER_LINK_LOCAL, OUR_LINK_LOCAL)).len(),
            1,
            "the other address is still ours"
        );
    }
}

/// A router's advertisement of a prefix.
fn advertised(router_lifetime: u16, prefix: [u8; 16], (length, flags): (u8, u8), valid: u32) -> Vec<u8> {
    let mut octets = vec![0; 8];
    octets.extend_from_slice(&[3, 4, length, flags]);
    octets.extend_from_slice(&valid.to_be_bytes());
    octets.extend_from_slice(&valid.to_be_bytes());
    octets.extend_from_slice(&[0; 4]);
    octets.extend_from_slice(&prefix);
    octets.extend_from_slice(&link_option(1, PEER_MAC));
    let [high, low] = router_lifetime.to_be_bytes();
    neighbor((PEER_LINK_LOCAL, ALL_NODES), 134, [64, 0, high, low], &octets)
}

const PREFIX: [u8; 16] = Ipv6Address::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 0).octets();
const ON_LINK_AND_AUTONOMOUS: u8 = 0xc0;

#[test]
fn routers_are_asked_three_times_and_no_more() {
    let mut peer = Peer::new(&AUTO);
    let mut asked = 0;
    for _ in 0..200 {
        peer.wait(Duration::from_millis(100));
        for frame in peer.tx.take().into_iter().filter(|frame| is_plain(frame)) {
            if let (OUR_LINK_LOCAL, _, NdiscRepr::RouterSolicit { lladdr: Some(_) }) = said(&frame) {
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 3);
    assert_eq!(peer.stack.next_deadline(peer.now), None, "and then it sleeps");
}

#[test]
fn a_router_brings_an_address_for_as_long_as_it_says() {
    let mut peer = Peer::new(&AUTO);
    peer.turn();
    assert_eq!(peer.stack.next_event(), Some(Event::Address(peer.stack.address())));
    let global = Ipv6Address::new(0x2001, 0xdb8, 0, 1, 0x5054, 0xff, 0xfe00, 1);
    for nothing in [
        advertised(1800, PREFIX, (48, ON_LINK_AND_AUTONOMOUS), 7200),
        advertised(1800, PREFIX, (64, 0x80), 7200),
        advertised(1800, PREFIX, (64, ON_LINK_AND_AUTONOMOUS), 0),
        advertised(1800, PEER_LINK_LOCAL.octets(), (64, ON_LINK_AND_AUTONOMOUS), 7200),
    ] {
        peer.ask(&nothing);
        assert_eq!(peer.stack.next_event(), None);
    }
    peer.ask(&advertised(1800, PREFIX, (64, ON_LINK_AND_AUTONOMOUS), 20_000));
    assert_eq!(peer.stack.next_event(), Some(Event::Address6(Some(Ipv6Cidr::new(global, 64)))));
    // A datagram from beyond the link is answered through the router, which has to be found first.
    let port = peer.stack.udp_bind(7070, UdpLimits { datagrams: 4, octets: 4096 }).unwrap();
    let far = Ipv6Address::new(0x2001, 0xdb8, 9, 9, 0, 0, 0, 9);
    let datagram = [&[0x13, 0x88, 0x1b, 0x9e, 0, 9, 0, 0][..], b"x"].concat();
    peer.ask(&packet6(far, global, 60, 17, &datagram));
    let mut from = None;
    assert!(peer.stack.udp_receive(port, &mut |_, sender| from = Some(sender)));
    assert_eq!(from.unwrap().remote.addr, IpAddress::Ipv6(far));
    peer.stack.udp_send(port, from.unwrap(), b"answer").unwrap();
    peer.turn();
    let sought = peer.tx.take();
    let looks =
        |frame: &Vec<u8>| matches!(said(frame).2, NdiscRepr::NeighborSolicit { target_addr: PEER_LINK_LOCAL, .. });
    assert!(sought.iter().any(looks), "{sought:02x?}");
    // One forged advertisement cannot take the address away at once (RFC 4862 section 5.5.3 (e)).
    peer.ask(&advertised(1800, PREFIX, (64, ON_LINK_AND_AUTONOMOUS), 1));
    peer.wait(Duration::from_secs(7100));
    assert_eq!(peer.stack.next_event(), None);
    peer.wait(Duration::from_secs(101));
    assert_eq!(peer.stack.next_event(), Some(Event::Address6(None)));
}

#[test]
fn a_rejected_packet_of_ipv6_is_answered() {
    let rules =
        ["10 tcp dport 80 reject with tcp reset", "20 udp dport 5 reject with icmpx admin-prohibited", "30 reject"];
    let mut peer = with_rules_on(&SIX, &rules);
    peer.turn();
    peer.tx.take();
    let answer = |peer: &mut Peer, frame: &[u8]| {
        let mut frames = peer.ask(frame);
        assert_eq!(frames.len(), 1);
        let packet = frames.remove(0)[14..].to_vec();
        let ip = Ipv6Packet::new_checked(&packet[..]).unwrap();
        assert_eq!((ip.src_addr(), ip.dst_addr()), (OUR_ADDRESS6, PEER_ADDRESS6));
        packet[40..].to_vec()
    };
    let segment = answer(&mut peer, &tcp6(1000, 80, Flags::SYN.0, b"ab"));
    let reset = TcpPacket::new_checked(&segment[..]).unwrap();
    assert!(reset.verify_checksum(&OUR_ADDRESS6.into(), &PEER_ADDRESS6.into()) && reset.rst());
    assert_eq!((reset.src_port(), reset.dst_port(), reset.ack_number().0), (80, 1000, 3));
    let datagram = udp6(1000, 5, &[7; 1400]);
    for (frame, reason) in [
        (&datagram, Icmpv6DstUnreachable::AdminProhibit),
        (&udp6(1000, 6, &[]), Icmpv6DstUnreachable::PortUnreachable),
        (&tcp6(1000, 6, Flags::SYN.0, &[]), Icmpv6DstUnreachable::PortUnreachable),
        (&icmp6(128, 0, [0; 4], b"ping"), Icmpv6DstUnreachable::PortUnreachable),
    ] {
        let message = answer(&mut peer, frame);
        let parsed = Icmpv6Packet::new_checked(&message[..]).unwrap();
        assert!(parsed.verify_checksum(&OUR_ADDRESS6, &PEER_ADDRESS6));
        assert_eq!(parsed.msg_type(), Icmpv6Message::DstUnreachable);
        assert_eq!(Icmpv6DstUnreachable::from(parsed.msg_code()), reason);
        let quoted = &frame[14..frame.len().min(14 + 1280 - 48)];
        assert_eq!(&message[8..], quoted, "as much as fits 1280 octets");
    }
    // Neither errors nor resets are answered, and who asks for our address meets no rule.
    assert!(peer.ask(&tcp6(1000, 6, Flags::RST.0, &[])).is_empty());
    let mut quoted = datagram[14..].to_vec();
    quoted[6] = 6;
    quoted[8..24].copy_from_slice(&OUR_ADDRESS6.octets());
    assert!(peer.ask(&icmp6(2, 0, [0, 0, 5, 0], &quoted)).is_empty());
    assert_eq!(peer.ask(&solicitation(PEER_ADDRESS6, OUR_ADDRESS6)).len(), 1);
}

#[test]
fn below_1280_octets_there_is_no_ipv6() {
    let mut peer = Peer::new(&Config { mtu: 1279, ..SIX });
    assert!(peer.ask(&tcp6(1000, 80, Flags::SYN.0, &[])).is_empty());
    let counters = peer.stack.counters();
    assert_eq!((counters.frames_out, counters.drops.total()), (0, 1));
}
