//! Datagrams that are written straight into the link's buffers, beside what smoltcp sends.

use alloc::vec;
use alloc::vec::Vec;

use smoltcp::time::Duration;

use super::filter::with_rules_on;
use super::offload::complete;
use super::peer::{Peer, STATIC};
use crate::frame::craft::six::*;
use crate::frame::craft::*;
use crate::frame::{self, Local, Own6};
use crate::stack::ways::FRESH;
use crate::stack::{Addressing6, Config, Ipv4Cidr, Ipv6Cidr, Offloads, RxMeta, Udp, UdpError, UdpLimits, UdpPeer};

const BOTH: Config =
    Config { addressing6: Addressing6::Static { address: Ipv6Cidr::new(OUR_ADDRESS6, 64), gateway: None }, ..STATIC };
const PORT: u16 = 5201;
const LIMITS: UdpLimits = UdpLimits { datagrams: 4, octets: 8192 };

/// A stack, a port of it, and who has sent it a datagram.
struct Rig {
    peer: Peer,
    udp: Udp,
    to: UdpPeer,
}

impl Rig {
    /// The peer's station is known, the way for datagrams is not yet.
    fn new(six: bool) -> Rig {
        Rig::with(Peer::new(&BOTH), six)
    }

    fn with(mut peer: Peer, six: bool) -> Rig {
        peer.turn();
        peer.tx.take();
        let udp = peer.stack.udp_bind(PORT, LIMITS).unwrap();
        if six {
            let message = [&OUR_ADDRESS6.octets()[..], &link_option(1, PEER_MAC)].concat();
            peer.ask(&neighbor((PEER_ADDRESS6, OUR_ADDRESS6), 135, [0; 4], &message));
            peer.rx.put(&udp6(5000, PORT, b"hello"));
        } else {
            peer.ask(&arp(1, (PEER_MAC, PEER_ADDRESS), OUR_ADDRESS, [0xff; 6]));
            peer.rx.put(&crate::frame::craft::udp(5000, PORT, b"hello"));
        }
        peer.turn();
        let mut from = None;
        assert!(peer.stack.udp_receive(udp, &mut |_, sender| from = Some(sender)));
        Rig { peer, udp, to: from.unwrap() }
    }

    /// The same, and the way is known.
    fn under_way(six: bool) -> Rig {
        let mut rig = Rig::new(six);
        rig.transmit(b"first").unwrap();
        assert_eq!(rig.sent().len(), 1);
        rig
    }

    fn transmit(&mut self, data: &[u8]) -> Result<(), UdpError> {
        let Peer { now, stack, tx, .. } = &mut self.peer;
        stack.udp_transmit(*now, self.udp, self.to, data, tx)
    }

    /// What goes out in a turn, as it arrives.
    fn sent(&mut self) -> Vec<Vec<u8>> {
        self.peer.turn();
        self.peer.tx.frames.drain(..).flat_map(|(frame, meta)| complete(&frame, meta)).collect()
    }

    /// Datagrams written straight, and queued.
    fn counted(&self) -> (u64, u64) {
        let counters = self.peer.stack.counters();
        (counters.datagrams_written, counters.datagrams_queued)
    }
}

/// Whether the peer takes a frame, and what is in it.
fn taken(frame: &[u8]) -> Vec<u8> {
    let peer = Local {
        mac: PEER_MAC,
        address: Some(Ipv4Cidr::new(PEER_ADDRESS, 24)),
        address6: Own6 { link_local: None, global: Some(PEER_ADDRESS6) },
    };
    frame::check(frame, RxMeta::default(), &peer).unwrap();
    frame[if frame[12] == 8 { 42 } else { 62 }..].to_vec()
}

#[test]
fn what_is_written_straight_is_what_smoltcp_would_have_sent() {
    for six in [false, true] {
        for checksum in [false, true] {
            let mut rig = Rig::under_way(six);
            rig.peer.tx.offloads = Offloads { checksum, ..Offloads::default() };
            let longest = if six { 1452 } else { 1472 };
            for length in [0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 1400, longest] {
                let data: Vec<u8> = (0..length).map(|n| (n * 7) as u8 | 0x81).collect();
                rig.transmit(&data).unwrap();
                let meta = rig.peer.tx.frames.back().expect("it is there at once").1;
                assert_eq!((meta.checksum.is_some(), meta.segmentation), (checksum, None));
                let straight = rig.sent();
                rig.peer.stack.udp_send(rig.udp, rig.to, &data).unwrap();
                let by_smoltcp = rig.sent();
                assert_eq!(straight, by_smoltcp, "{length} octets, IPv6 {six}, offload {checksum}");
                assert_eq!(taken(&straight[0]), data);
            }
            assert_eq!(rig.counted(), (12, 13));
        }
    }
}

#[test]
fn a_checksum_of_nothing_is_sent_as_ones() {
    for (six, at) in [(false, 40), (true, 60)] {
        for checksum in [false, true] {
            let mut rig = Rig::under_way(six);
            rig.peer.tx.offloads = Offloads { checksum, ..Offloads::default() };
            let mut ones = 0;
            for word in 0..=u16::MAX {
                rig.transmit(&word.to_be_bytes()).unwrap();
                let (frame, meta) = rig.peer.tx.frames.pop_back().unwrap();
                let frame = &complete(&frame, meta)[0];
                assert_ne!(frame[at..at + 2], [0; 2], "there would be none");
                if frame[at..at + 2] == [0xff; 2] {
                    assert_eq!(taken(frame), word.to_be_bytes());
                    ones += 1;
                }
            }
            // One word makes the sum all ones; of the two that are nothing only the other one adds nothing to it.
            assert!((1..=2).contains(&ones), "{ones}");
        }
    }
}

#[test]
fn nothing_overtakes_what_waits() {
    let mut rig = Rig::under_way(false);
    rig.peer.stack.udp_send(rig.udp, rig.to, b"one").unwrap();
    rig.transmit(b"two").unwrap();
    assert!(rig.peer.tx.frames.is_empty());
    let order: Vec<_> = rig.sent().iter().map(|frame| taken(frame)).collect();
    assert_eq!(order, [b"one", b"two"]);
    // On the link's side of smoltcp too.
    rig.peer.tx.room = 0;
    rig.peer.stack.udp_send(rig.udp, rig.to, b"one").unwrap();
    rig.peer.turn();
    rig.peer.tx.room = 1000;
    rig.transmit(b"two").unwrap();
    let order: Vec<_> = rig.sent().iter().map(|frame| taken(frame)).collect();
    assert_eq!(order, [b"one", b"two"]);
    assert_eq!(rig.counted(), (0, 5));
}

#[test]
fn a_full_link_refuses_and_keeps_nothing() {
    let mut rig = Rig::under_way(true);
    rig.peer.tx.room = 1;
    rig.transmit(b"one").unwrap();
    assert_eq!(rig.transmit(b"two"), Err(UdpError::Full));
    assert_eq!((rig.sent().len(), rig.sent().len(), rig.counted()), (1, 0, (1, 1)));
    rig.transmit(b"two").unwrap();
    assert_eq!(taken(&rig.sent()[0]), b"two");
}

/// The peer's address moves to another station, which says so.
#[test]
fn a_way_is_found_out_anew_after_a_while() {
    const OTHER_MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 3];
    let mut rig = Rig::under_way(false);
    for second in 1..5 {
        let mut announcement = arp(2, (OTHER_MAC, PEER_ADDRESS), OUR_ADDRESS, OUR_MAC);
        announcement[6..12].copy_from_slice(&OTHER_MAC);
        rig.peer.ask(&announcement);
        rig.peer.now += FRESH - Duration::from_micros(1);
        rig.transmit(b"straight").unwrap();
        assert_eq!(rig.sent()[0][..6], if second == 1 { PEER_MAC } else { OTHER_MAC });
        rig.peer.now += Duration::from_micros(1);
        rig.transmit(b"by smoltcp").unwrap();
        assert_eq!(rig.sent()[0][..6], OTHER_MAC);
        assert_eq!(rig.counted(), (second, second + 1));
    }
}

#[test]
fn a_peer_that_is_not_known_is_asked_for_and_loses_nothing() {
    let mut rig = Rig::under_way(false);
    rig.to.remote.addr = crate::stack::Ipv4Address::new(10, 77, 0, 9).into();
    rig.transmit(b"one").unwrap();
    rig.transmit(b"two").unwrap();
    assert_eq!(rig.sent()[0][12..14], [8, 6], "an ARP request first");
    let sent = rig.peer.ask(&arp(2, (PEER_MAC, crate::stack::Ipv4Address::new(10, 77, 0, 9)), OUR_ADDRESS, OUR_MAC));
    assert_eq!(sent.iter().map(|frame| &frame[42..]).collect::<Vec<_>>(), [b"one", b"two"]);
    rig.transmit(b"three").unwrap();
    assert_eq!(rig.peer.tx.frames.len(), 1);
    assert_eq!(rig.counted(), (1, 3));
}

#[test]
fn more_peers_than_ways_are_found_out_again_and_again() {
    let mut rig = Rig::new(false);
    for round in 0..3 {
        for host in 20..60 {
            let address = crate::stack::Ipv4Address::new(10, 77, 0, host);
            if round == 0 {
                rig.peer.ask(&arp(1, (PEER_MAC, address), OUR_ADDRESS, [0xff; 6]));
            }
            rig.to.remote.addr = address.into();
            rig.transmit(&[host]).unwrap();
            let sent = rig.sent();
            assert_eq!((sent.len(), &sent[0][30..34], sent[0][42]), (1, &address.octets()[..], host));
        }
    }
    assert_eq!(rig.counted(), (0, 120));
}

#[test]
fn what_no_datagram_can_be_is_refused_as_ever() {
    let mut rig = Rig::under_way(false);
    let error = UdpError::TooLong { length: 1473, limit: 1472 };
    assert_eq!(rig.transmit(&[0; 1473]), Err(error));
    rig.to.remote.port = 0;
    assert_eq!(rig.transmit(b"x"), Err(UdpError::Unaddressable(rig.to)));
    // What came to everybody is answered from our own address, which smoltcp chooses.
    rig.to.remote.port = 5000;
    rig.to.local = crate::stack::Ipv4Address::new(10, 77, 0, 255).into();
    rig.transmit(b"x").unwrap();
    let sent = rig.sent();
    assert_eq!((sent.len(), &sent[0][26..30]), (1, &OUR_ADDRESS.octets()[..]));
    assert_eq!(rig.counted(), (0, 2));
}

#[test]
fn rules_meet_what_is_written_straight() {
    let rules = ["10 oif 0 udp dport 5000 udp sport 5201 counter 1 drop"];
    let mut rig = Rig::with(with_rules_on(&BOTH, &rules), false);
    let none: Vec<Vec<u8>> = vec![];
    for _ in 0..3 {
        assert_eq!(rig.transmit(b"held back"), Ok(()));
        assert_eq!(rig.sent(), none);
    }
    let counters = rig.peer.stack.counters();
    assert_eq!((counters.rule_dropped_out, rig.counted()), (3, (2, 1)));
}
