//! Multicast Listener Discovery: what a switch or router on the link hears of our groups.

use alloc::vec::Vec;

use smoltcp::time::Duration;
use smoltcp::wire::{
    Icmpv6Packet, IpAddress, Ipv6HopByHopHeader, Ipv6Packet, MldAddressRecord, MldRecordType, MldRepr,
};

use super::peer::{Peer, STATIC};
use crate::frame::checksum::Sum;
use crate::frame::craft::six::*;
use crate::frame::{ALL_NODES, DropReason, group_mac, solicited};
use crate::stack::{Addressing6, Config, Ipv6Address, Ipv6Cidr};

const SIX: Config =
    Config { addressing6: Addressing6::Static { address: Ipv6Cidr::new(OUR_ADDRESS6, 64), gateway: None }, ..STATIC };
const ROUTERS: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
/// Hop-by-hop options with Router Alert.
const ALERT: [u8; 8] = [58, 0, 5, 2, 0, 0, 1, 0];

fn groups() -> [Ipv6Address; 2] {
    [solicited(&OUR_LINK_LOCAL), solicited(&OUR_ADDRESS6)]
}

/// What a message says of a group: sender, destination, type of the message, of the record, the group.
type Said = (Ipv6Address, Ipv6Address, u8, u8, Ipv6Address);

/// The messages of Multicast Listener Discovery among frames of ours, as smoltcp reads them.
fn said(frames: &[Vec<u8>]) -> Vec<Said> {
    let all = frames.iter().filter(|frame| frame[12..14] == [0x86, 0xdd] && frame[20] == 0);
    let message = |frame: &Vec<u8>| {
        let packet = Ipv6Packet::new_checked(&frame[14..]).unwrap();
        let (source, destination) = (packet.src_addr(), packet.dst_addr());
        assert_eq!((packet.hop_limit(), &frame[..6]), (1, &group_mac(&destination)[..]));
        assert_eq!(packet.payload()[..8], ALERT);
        assert_eq!(Ipv6HopByHopHeader::new_checked(&packet.payload()[2..8]).unwrap().options()[..4], [5, 2, 0, 0]);
        let body = &packet.payload()[8..];
        let (from, to) = (IpAddress::Ipv6(source), IpAddress::Ipv6(destination));
        assert!(Sum::pseudo_header(&from, &to, 58, body.len()).with(body).is_right());
        if body[0] != 143 {
            let group = Ipv6Address::from_octets(body[8..24].try_into().unwrap());
            return (source, destination, body[0], 0, group);
        }
        let MldRepr::Report { nr_mcast_addr_rcrds: 1, data } =
            MldRepr::parse(&Icmpv6Packet::new_checked(body).unwrap()).unwrap()
        else {
            panic!("{body:02x?}")
        };
        let record = MldAddressRecord::new_checked(data).unwrap();
        assert_eq!((record.num_srcs(), record.aux_data_len(), data.len()), (0, 0, 20));
        (source, destination, 143, u8::from(record.record_type()), record.mcast_addr())
    };
    all.map(message).collect()
}

/// What is said within this time.
fn heard(peer: &mut Peer, time: Duration) -> Vec<Said> {
    let end = peer.now + time;
    peer.turn();
    let mut frames = peer.tx.take();
    while let Some(next) = peer.stack.next_deadline(peer.now).filter(|next| *next <= end) {
        peer.now = next.max(peer.now);
        peer.turn();
        frames.extend(peer.tx.take());
    }
    peer.now = end;
    said(&frames)
}

/// A stack that has said all that it says by itself.
fn settled(config: &Config) -> Peer {
    let mut peer = Peer::new(config);
    heard(&mut peer, Duration::from_secs(20));
    peer
}

/// A query of version 2, or of version 1 with `older`.
fn query(older: bool, most: u16, group: Option<Ipv6Address>) -> Vec<u8> {
    let mut message = [&[130, 0, 0, 0][..], &most.to_be_bytes(), &[0, 0]].concat();
    message.extend_from_slice(&group.map_or([0; 16], |group| group.octets()));
    if !older {
        message.extend_from_slice(&[2, 125, 0, 0]);
    }
    packet6(PEER_LINK_LOCAL, group.unwrap_or(ALL_NODES), 1, 0, &[&ALERT[..], &message].concat())
}

#[test]
fn groups_are_reported_before_their_addresses_are_asked_for_and_again_when_those_are_sure() {
    let mut peer = Peer::new(&SIX);
    peer.turn();
    let frames = peer.tx.take();
    let joins = |source| groups().map(|group| (source, ROUTERS, 143, u8::from(MldRecordType::ChangeToExclude), group));
    assert_eq!(said(&frames), joins(Ipv6Address::UNSPECIFIED));
    assert!(frames[..2].iter().all(|frame| frame[20] == 0) && frames.len() == 4, "the probes come after them");
    let unsure = heard(&mut peer, Duration::from_micros(999_999));
    assert!(unsure.iter().all(|message| message.0.is_unspecified()) && unsure.len() <= 2, "{unsure:?}");
    let sure = heard(&mut peer, Duration::from_secs(20));
    for join in joins(OUR_LINK_LOCAL) {
        assert_eq!(sure.iter().filter(|message| **message == join).count(), 2, "{sure:?}");
    }
    assert_eq!(sure.len(), 4);
    assert_eq!(peer.stack.next_deadline(peer.now), None, "an idle stack sleeps");
}

#[test]
fn queries_are_answered_in_time_for_the_groups_that_they_ask_for() {
    let mut peer = settled(&SIX);
    let is = u8::from(MldRecordType::ModeIsExclude);
    peer.rx.put(&query(false, 500, None));
    let mut answers = heard(&mut peer, Duration::from_millis(500));
    answers.sort_unstable();
    assert_eq!(answers, groups().map(|group| (OUR_LINK_LOCAL, ROUTERS, 143, is, group)));
    peer.rx.put(&query(false, 100, Some(groups()[1])));
    let answers = heard(&mut peer, Duration::from_millis(100));
    assert_eq!(answers, [(OUR_LINK_LOCAL, ROUTERS, 143, is, groups()[1])]);
    // Mantissa 0x800 and exponent 2: 196,608 ms. A question that comes meanwhile may have its answer sooner, and is not answered twice.
    peer.rx.put(&query(false, 0xa800, Some(groups()[0])));
    assert_eq!(heard(&mut peer, Duration::from_micros(1)), []);
    peer.rx.put(&query(false, 10, None));
    assert_eq!(heard(&mut peer, Duration::from_millis(10)).len(), 2);
    assert_eq!(heard(&mut peer, Duration::from_secs(300)), []);
    let other = peer.stack.counters().drops;
    peer.rx.put(&query(false, 10, Some(Ipv6Address::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 9))));
    assert_eq!(heard(&mut peer, Duration::from_secs(1)), []);
    assert_ne!(peer.stack.counters().drops, other, "no group of ours");
}

#[test]
fn a_querier_of_version_1_is_answered_in_version_1_for_as_long_as_it_is_there() {
    let mut peer = settled(&SIX);
    peer.rx.put(&query(true, 200, None));
    let mut answers = heard(&mut peer, Duration::from_millis(200));
    answers.sort_unstable();
    assert_eq!(answers, groups().map(|group| (OUR_LINK_LOCAL, group, 131, 0, group)));
    heard(&mut peer, Duration::from_secs(261));
    peer.rx.put(&query(false, 0, Some(groups()[0])));
    assert_eq!(heard(&mut peer, Duration::from_millis(1))[0].2, 143);
}

#[test]
fn what_no_router_of_this_link_can_have_sent_is_dropped() {
    let good = query(false, 0, None);
    let bent = |bend: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = good.clone();
        bend(&mut frame);
        correct6(&mut frame);
        frame
    };
    let without_alert = packet6(PEER_LINK_LOCAL, ALL_NODES, 1, 58, &good[62..]);
    let short = packet6(PEER_LINK_LOCAL, ALL_NODES, 1, 0, &good[54..good.len() - 2]);
    let bad = [
        without_alert,
        short,
        bent(&|frame| frame[21] = 2),
        // Another option than Router Alert.
        bent(&|frame| frame[56] = 7),
        bent(&|frame| frame[22..38].copy_from_slice(&PEER_ADDRESS6.octets())),
        // A question for what is no group.
        bent(&|frame| frame[70..86].copy_from_slice(&OUR_ADDRESS6.octets())),
    ];
    let mut peer = settled(&SIX);
    for (at, frame) in bad.iter().enumerate() {
        peer.rx.put(frame);
        assert_eq!(heard(&mut peer, Duration::from_millis(1)), [], "{at}");
        assert_eq!(peer.stack.counters().drops.get(DropReason::ListenerQuery), at as u64 + 1);
    }
    peer.rx.put(&good);
    assert_eq!(heard(&mut peer, Duration::from_millis(1)).len(), 2);
}

/// Whoever asks and asks while nothing can be sent gets no more than there is room for.
#[test]
fn a_link_that_is_full_keeps_answers_within_bounds() {
    let mut peer = settled(&SIX);
    peer.tx.room = 0;
    let probe = neighbor((Ipv6Address::UNSPECIFIED, groups()[1]), 135, [0; 4], &OUR_ADDRESS6.octets());
    for _ in 0..500 {
        peer.ask(&query(false, 0, None));
        peer.ask(&probe);
    }
    peer.tx.room = 1000;
    peer.turn();
    let sent = peer.tx.take();
    assert!((64..=64 + 32 + 2).contains(&sent.len()), "64 at the link and 32 before it: {}", sent.len());
    assert_eq!(peer.stack.next_deadline(peer.now), None);
}

#[test]
fn a_group_is_left_with_the_address_that_is_given_up() {
    for older in [false, true] {
        let mut peer = Peer::new(&SIX);
        peer.turn();
        peer.tx.take();
        if older {
            peer.ask(&query(true, 0, None));
        }
        // Another station asks for the same address.
        let message = [&OUR_ADDRESS6.octets()[..], &[]].concat();
        let probe = neighbor((Ipv6Address::UNSPECIFIED, groups()[1]), 135, [0; 4], &message);
        let mut left = said(&peer.ask(&probe));
        left.extend(heard(&mut peer, Duration::from_secs(20)));
        left.retain(|message| message.4 == groups()[1] && matches!(message.2, 132 | 143) && message.3 != 4);
        assert_eq!(left.len(), 2, "{left:?}");
        let to_include = u8::from(MldRecordType::ChangeToInclude);
        let expected =
            if older { (Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 2), 132, 0) } else { (ROUTERS, 143, to_include) };
        assert!(left.iter().all(|message| (message.1, message.2, message.3) == expected), "{left:?}");
        peer.rx.put(&query(false, 0, None));
        assert_eq!(heard(&mut peer, Duration::from_millis(1)).len(), 1);
    }
}
