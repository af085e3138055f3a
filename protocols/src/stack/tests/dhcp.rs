use alloc::vec::Vec;

use smoltcp::time::Duration;
use smoltcp::wire::{
    DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, Ipv4Address, Ipv4Cidr, Ipv4Packet, UdpPacket,
};

use super::peer::{Peer, STATIC};
use crate::frame::craft::*;
use crate::frame::{DropReason, ETHERNET_HEADER};
use crate::stack::{Addressing, Config, Event};

const DHCP: Config = Config { addressing: Addressing::Dhcp, ..STATIC };
const LEASE: u32 = 600;

/// The message in a frame that a client sent, if it is one.
fn message(frame: &[u8]) -> Option<(DhcpMessageType, u32, Option<Ipv4Address>)> {
    let ip = Ipv4Packet::new_checked(&frame[ETHERNET_HEADER..]).ok()?;
    let udp = UdpPacket::new_checked(ip.payload()).ok()?;
    let packet = DhcpPacket::new_checked(udp.payload()).ok()?;
    let repr = DhcpRepr::parse(&packet).ok()?;
    (udp.dst_port() == 67).then_some((repr.message_type, repr.transaction_id, repr.requested_ip))
}

/// What a small server says, as a broadcast.
fn answer(kind: DhcpMessageType, transaction_id: u32, your_ip: Ipv4Address) -> Vec<u8> {
    let repr = DhcpRepr {
        message_type: kind,
        transaction_id,
        secs: 0,
        client_hardware_address: EthernetAddress(OUR_MAC),
        client_ip: Ipv4Address::UNSPECIFIED,
        your_ip,
        server_ip: PEER_ADDRESS,
        router: Some(PEER_ADDRESS),
        subnet_mask: Some(Ipv4Address::new(255, 255, 255, 0)),
        relay_agent_ip: Ipv4Address::UNSPECIFIED,
        broadcast: true,
        requested_ip: None,
        client_identifier: None,
        server_identifier: Some(PEER_ADDRESS),
        parameter_request_list: None,
        dns_servers: None,
        max_size: None,
        renew_duration: None,
        rebind_duration: None,
        lease_duration: Some(LEASE),
        additional_options: &[],
    };
    let mut payload = alloc::vec![0; repr.buffer_len()];
    repr.emit(&mut DhcpPacket::new_unchecked(&mut payload[..])).unwrap();
    let mut frame = udp(67, 68, &payload);
    frame[..6].fill(0xff);
    frame[ETHERNET_HEADER + 16..ETHERNET_HEADER + 20].fill(0xff);
    correct(&mut frame);
    frame
}

/// A server at the other end of the link: answers what waits there.
fn serve(peer: &mut Peer, address: Ipv4Address) -> Vec<DhcpMessageType> {
    let mut seen = Vec::new();
    for _ in 0..4 {
        peer.turn();
        for frame in peer.tx.take() {
            let Some((kind, transaction, requested)) = message(&frame) else { continue };
            seen.push(kind);
            match kind {
                DhcpMessageType::Discover => peer.rx.put(&answer(DhcpMessageType::Offer, transaction, address)),
                DhcpMessageType::Request => {
                    assert!(requested.is_none_or(|requested| requested == address));
                    peer.rx.put(&answer(DhcpMessageType::Ack, transaction, address));
                }
                other => panic!("a client does not say {other:?}"),
            }
        }
    }
    seen
}

#[test]
fn an_address_is_acquired_and_served() {
    let mut peer = Peer::new(&DHCP);
    assert_eq!(peer.stack.next_event(), None);
    assert_eq!(serve(&mut peer, OUR_ADDRESS), [DhcpMessageType::Discover, DhcpMessageType::Request]);
    let address = Some(Ipv4Cidr::new(OUR_ADDRESS, 24));
    assert_eq!(peer.stack.next_event(), Some(Event::Address(address)));
    assert_eq!(peer.stack.next_event(), None);
    assert_eq!(peer.stack.address(), address);
    assert_eq!(peer.ask(&arp(1, (PEER_MAC, PEER_ADDRESS), OUR_ADDRESS, [0xff; 6])).len(), 1);
    assert_eq!(peer.ask(&icmp(8, 0, [0; 4], b"ping")).len(), 1);
}

#[test]
fn a_silent_server_is_asked_again() {
    let mut peer = Peer::new(&DHCP);
    let mut asked = 0;
    for _ in 0..30 {
        peer.turn();
        asked += peer.tx.take().iter().filter(|frame| message(frame).is_some()).count();
        let deadline = peer.stack.next_deadline(peer.now).expect("there is a next attempt");
        assert!(deadline > peer.now);
        peer.now = deadline;
    }
    assert!((10..=30).contains(&asked), "asked {asked} times");
}

#[test]
fn without_an_address_tcp_is_dropped() {
    let mut peer = Peer::new(&DHCP);
    peer.stack.engine().listen(7, 8).unwrap();
    let asked = peer.ask(&tcp(40000, 7, 2, &[]));
    assert!(asked.iter().all(|frame| message(frame).is_some()), "nothing but DHCP goes out");
    assert_eq!(peer.stack.counters().drops.get(DropReason::IpNotOurs), 1);
    peer.wait(Duration::from_secs(20));
    serve(&mut peer, OUR_ADDRESS);
    assert_eq!(peer.ask(&tcp(40000, 7, 2, &[])).len(), 1, "the same SYN is answered once there is an address");
}

#[test]
fn the_lease_is_renewed_and_a_new_address_is_an_event() {
    let mut peer = Peer::new(&DHCP);
    serve(&mut peer, OUR_ADDRESS);
    peer.stack.next_event();
    peer.ask(&arp(1, (PEER_MAC, PEER_ADDRESS), OUR_ADDRESS, [0xff; 6]));
    peer.wait(Duration::from_secs(u64::from(LEASE) / 2 + 10));
    let other = Ipv4Address::new(10, 77, 0, 9);
    // Renewal is unicast; whoever does not know the server's MAC address asks for it first.
    let mut renewed = 0;
    for _ in 0..4 {
        for frame in peer.tx.take() {
            if let Some((kind, transaction, _)) = message(&frame) {
                assert_eq!(kind, DhcpMessageType::Request);
                renewed += 1;
                peer.rx.put(&answer(DhcpMessageType::Ack, transaction, other));
            } else {
                peer.rx.put(&arp(2, (PEER_MAC, PEER_ADDRESS), OUR_ADDRESS, OUR_MAC));
            }
        }
        peer.turn();
    }
    assert_eq!(renewed, 1);
    assert_eq!(peer.stack.next_event(), Some(Event::Address(Some(Ipv4Cidr::new(other, 24)))));
}

#[test]
fn a_lease_that_runs_out_takes_the_address_with_it() {
    let mut peer = Peer::new(&DHCP);
    serve(&mut peer, OUR_ADDRESS);
    peer.stack.next_event();
    for _ in 0..2 {
        peer.wait(Duration::from_secs(u64::from(LEASE)));
    }
    assert_eq!(peer.stack.next_event(), Some(Event::Address(None)));
    assert_eq!(peer.stack.address(), None);
}

#[test]
fn an_address_that_no_host_can_have_is_not_taken() {
    for octets in [[127, 0, 0, 1], [240, 0, 0, 1], [10, 77, 0, 255]] {
        let mut peer = Peer::new(&DHCP);
        serve(&mut peer, Ipv4Address::from_octets(octets));
        assert_eq!((peer.stack.address(), peer.stack.next_event()), (None, None));
    }
}
