use alloc::vec;
use alloc::vec::Vec;

use smoltcp::wire::{ArpOperation, ArpPacket, ArpRepr, EthernetAddress, Icmpv4Packet, Ipv4Packet, UdpPacket};

use super::peer::{Peer, STATIC};
use crate::frame::checksum::Sum;
use crate::frame::craft::*;
use crate::frame::{DropReason, ETHERNET_HEADER};
use crate::stack::{Event, Ipv4Address, Ipv4Cidr, Udp, UdpError, UdpLimits, UdpPeer};

const LIMITS: UdpLimits = UdpLimits { datagrams: 4, octets: 4096 };
const CONTROL: u16 = 7070;

fn acquainted() -> Peer {
    let mut peer = Peer::new(&STATIC);
    let answers = peer.ask(&arp(1, (PEER_MAC, PEER_ADDRESS), OUR_ADDRESS, [0xff; 6]));
    assert_eq!(answers.len(), 1);
    peer
}

fn with_port() -> (Peer, Udp) {
    let mut peer = acquainted();
    let udp = peer.stack.udp_bind(CONTROL, LIMITS).unwrap();
    (peer, udp)
}

/// Takes the datagrams that wait, and their senders.
fn received(peer: &mut Peer, udp: Udp) -> Vec<(Vec<u8>, UdpPeer)> {
    let mut all = vec![];
    while peer.stack.udp_receive(udp, &mut |data, from| all.push((data.to_vec(), from))) {}
    all
}

#[test]
fn arp_requests_for_our_address_are_answered() {
    let mut peer = Peer::new(&STATIC);
    let answers = peer.ask(&arp(1, (PEER_MAC, PEER_ADDRESS), OUR_ADDRESS, [0xff; 6]));
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0][..6], PEER_MAC);
    let reply = ArpRepr::parse(&ArpPacket::new_checked(&answers[0][ETHERNET_HEADER..]).unwrap()).unwrap();
    let expected = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Reply,
        source_hardware_addr: EthernetAddress(OUR_MAC),
        source_protocol_addr: OUR_ADDRESS,
        target_hardware_addr: EthernetAddress(PEER_MAC),
        target_protocol_addr: PEER_ADDRESS,
    };
    assert_eq!(reply, expected);
    assert!(peer.ask(&arp(1, (PEER_MAC, PEER_ADDRESS), PEER_ADDRESS, [0xff; 6])).is_empty());
    assert_eq!(peer.stack.counters().drops.get(DropReason::ArpNotOurs), 1);
}

/// Somebody asks before taking the address; without an answer it would.
#[test]
fn an_arp_probe_for_our_address_is_answered() {
    let mut peer = Peer::new(&STATIC);
    let answers = peer.ask(&arp(1, (PEER_MAC, Ipv4Address::UNSPECIFIED), OUR_ADDRESS, [0xff; 6]));
    assert_eq!(answers.len(), 1);
    assert_eq!((&answers[0][..6], &answers[0][6..12]), (&PEER_MAC[..], &OUR_MAC[..]));
    let reply = ArpRepr::parse(&ArpPacket::new_checked(&answers[0][ETHERNET_HEADER..]).unwrap()).unwrap();
    let expected = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Reply,
        source_hardware_addr: EthernetAddress(OUR_MAC),
        source_protocol_addr: OUR_ADDRESS,
        target_hardware_addr: EthernetAddress(PEER_MAC),
        target_protocol_addr: Ipv4Address::UNSPECIFIED,
    };
    assert_eq!(reply, expected);
}

#[test]
fn a_ping_of_any_size_is_answered() {
    let mut peer = acquainted();
    for length in [0, 1, 56, 1471, 1472] {
        let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
        let answers = peer.ask(&icmp(8, 0, [1, 2, 3, 4], &payload));
        assert_eq!(answers.len(), 1, "{length} octets");
        let ip = Ipv4Packet::new_checked(&answers[0][ETHERNET_HEADER..]).unwrap();
        assert!(ip.verify_checksum());
        assert_eq!((ip.src_addr(), ip.dst_addr()), (OUR_ADDRESS, PEER_ADDRESS));
        let reply = Icmpv4Packet::new_checked(ip.payload()).unwrap();
        assert!(reply.verify_checksum());
        assert_eq!((u8::from(reply.msg_type()), reply.echo_ident(), reply.echo_seq_no()), (0, 0x0102, 0x0304));
        assert_eq!(reply.data(), payload);
    }
}

#[test]
fn icmp_errors_are_ignored() {
    let mut peer = acquainted();
    let mut quoted = tcp(7, 40000, 0x10, &[]).split_off(ETHERNET_HEADER);
    quoted[12..16].copy_from_slice(&OUR_ADDRESS.octets());
    quoted[16..20].copy_from_slice(&PEER_ADDRESS.octets());
    assert!(peer.ask(&icmp(3, 3, [0; 4], &quoted)).is_empty());
    assert!(peer.ask(&icmp(3, 4, [0, 0, 5, 0], &quoted)).is_empty());
    let counters = peer.stack.counters();
    assert_eq!((counters.drops.get(DropReason::IcmpIgnored), counters.too_big_ignored), (1, 1));
}

#[test]
fn a_datagram_comes_in_and_its_answer_goes_out() {
    let (mut peer, udp) = with_port();
    assert!(peer.ask(&crate::frame::craft::udp(5000, CONTROL, b"status")).is_empty());
    let datagrams = received(&mut peer, udp);
    let [(data, from)] = &datagrams[..] else { panic!("{datagrams:?}") };
    assert_eq!((&data[..], from.remote.port, from.local), (&b"status"[..], 5000, OUR_ADDRESS.into()));
    peer.stack.udp_send(udp, *from, b"ok").unwrap();
    peer.turn();
    let sent = peer.tx.take();
    assert_eq!(sent.len(), 1);
    let ip = Ipv4Packet::new_checked(&sent[0][ETHERNET_HEADER..]).unwrap();
    let answer = UdpPacket::new_checked(ip.payload()).unwrap();
    assert_eq!((answer.src_port(), answer.dst_port(), answer.payload()), (CONTROL, 5000, &b"ok"[..]));
    assert!(
        Sum::pseudo_header(&OUR_ADDRESS.into(), &PEER_ADDRESS.into(), 17, ip.payload().len())
            .with(ip.payload())
            .is_right()
    );
}

#[test]
fn a_full_port_drops_what_comes_in_and_refuses_what_goes_out() {
    let (mut peer, udp) = with_port();
    for n in 0..10 {
        peer.ask(&crate::frame::craft::udp(5000 + n, CONTROL, b"status"));
    }
    let datagrams = received(&mut peer, udp);
    assert_eq!(datagrams.len(), LIMITS.datagrams);
    let from = datagrams[0].1;
    let outcomes: Vec<_> = (0..6).map(|_| peer.stack.udp_send(udp, from, b"ok")).collect();
    assert_eq!(outcomes[3..], [Ok(()), Err(UdpError::Full), Err(UdpError::Full)]);
    let error = UdpError::TooLong { length: 1473, limit: 1472 };
    assert_eq!(peer.stack.udp_send(udp, from, &[0; 1473]), Err(error));
}

#[test]
fn the_largest_datagram_goes_out_whole() {
    let (mut peer, udp) = with_port();
    peer.ask(&crate::frame::craft::udp(5000, CONTROL, b"list"));
    let from = received(&mut peer, udp)[0].1;
    peer.stack.udp_send(udp, from, &[7; 1472]).unwrap();
    peer.turn();
    assert_eq!(peer.tx.take()[0].len(), 1514);
}

#[test]
fn ports_are_bound_once_and_not_without_limit() {
    let (mut peer, _) = with_port();
    assert_eq!(peer.stack.udp_bind(CONTROL, LIMITS), Err(UdpError::Port(CONTROL)));
    assert_eq!(peer.stack.udp_bind(0, LIMITS), Err(UdpError::Port(0)));
    let bound = (1..100).filter(|&port| peer.stack.udp_bind(port, LIMITS).is_ok()).count();
    assert_eq!(bound, 7);
    assert_eq!(peer.stack.udp_bind(100, LIMITS), Err(UdpError::TooManyPorts(8)));
}

#[test]
fn a_peer_that_is_not_yet_known_is_asked_for() {
    let mut peer = Peer::new(&STATIC);
    let udp = peer.stack.udp_bind(CONTROL, LIMITS).unwrap();
    peer.ask(&crate::frame::craft::udp(5000, CONTROL, b"status"));
    let from = received(&mut peer, udp)[0].1;
    peer.stack.udp_send(udp, from, b"ok").unwrap();
    peer.turn();
    let asked = peer.tx.take();
    assert_eq!((asked.len(), &asked[0][12..14]), (1, &[8, 6][..]), "an ARP request first");
    let sent = peer.ask(&arp(2, (PEER_MAC, PEER_ADDRESS), OUR_ADDRESS, OUR_MAC));
    assert_eq!((sent.len(), &sent[0][12..14]), (1, &[8, 0][..]), "then the datagram, which was not lost");
}

#[test]
fn answers_wait_for_room_on_the_link_and_then_go_out() {
    let mut peer = acquainted();
    peer.tx.room = 0;
    for n in 0..200u8 {
        assert!(peer.ask(&icmp(8, 0, [0, 0, 0, n], b"ping")).is_empty());
    }
    let deadline = peer.stack.next_deadline(peer.now).unwrap();
    assert!(deadline > peer.now, "no spinning while the link is full");
    assert!(peer.stack.counters().host_full > 0);
    peer.tx.room = 1000;
    peer.turn();
    let answered = peer.tx.take().len();
    assert_eq!(answered as u64 + peer.stack.counters().host_full, 200);
    assert_eq!(answered, 128, "64 answers and 64 questions were kept");
}

#[test]
fn a_static_address_is_announced_once() {
    let mut peer = Peer::new(&STATIC);
    let address = Ipv4Cidr::new(OUR_ADDRESS, 24);
    assert_eq!(peer.stack.next_event(), Some(Event::Address(Some(address))));
    assert_eq!(peer.stack.next_event(), None);
    assert_eq!(peer.stack.address(), Some(address));
    peer.turn();
    assert_eq!(peer.stack.next_deadline(peer.now), None, "an idle stack sleeps");
}

#[test]
fn every_counter_has_a_name_of_its_own() {
    let mut names = vec![];
    Peer::new(&STATIC).stack.counters().each(|name, _| names.push(alloc::string::String::from(name)));
    let count = names.len();
    assert_eq!(names.iter().filter(|name| name.starts_with("drop_")).count(), DropReason::ALL.len());
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
