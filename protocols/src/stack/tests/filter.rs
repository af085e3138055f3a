//! The classifier in the stack: what rejected senders hear, and that what goes out is held back or seen.

use alloc::vec::Vec;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::time::Duration;
use smoltcp::wire::{Icmpv4DstUnreachable, Icmpv4Message, Icmpv4Packet, Ipv4Packet, TcpPacket, TcpRepr};

use super::peer::{Peer, STATIC};
use crate::classification::classifier::{Batch, Classifier, ClassifierRef, Rulebook, Ruleset, Step, at_start};
use crate::classification::text::parse_rule;
use crate::frame::craft::*;
use crate::stack::Config;
use crate::tcp::Flags;

/// A stack with these rules.
fn with_rules(rules: &[&str]) -> Peer {
    with_rules_on(&STATIC, rules)
}

pub fn with_rules_on(config: &Config, rules: &[&str]) -> Peer {
    let mut peer = Peer::new(config);
    peer.stack.classify(classifier(rules));
    peer
}

/// A classifier with these rules.
pub fn classifier(rules: &[&str]) -> ClassifierRef {
    let mut set = Ruleset::new();
    for rule in rules {
        set.insert(parse_rule(rule).unwrap()).unwrap();
    }
    let mut book = Rulebook::new(at_start(), [1; 16]);
    book.begin(Batch::Replace(set)).unwrap();
    // Nobody has the table before it.
    while book.step(100) != Step::InForce {}
    // The tables outlive the book.
    swapper::standalone::<dyn Classifier>(book.object()).unwrap()
}

fn ip(frame: &[u8]) -> Ipv4Packet<&[u8]> {
    let packet = Ipv4Packet::new_checked(&frame[14..]).unwrap();
    assert!(packet.verify_checksum());
    assert_eq!((packet.src_addr(), packet.dst_addr()), (OUR_ADDRESS, PEER_ADDRESS));
    assert_eq!((&frame[..6], &frame[6..12]), (&PEER_MAC[..], &OUR_MAC[..]));
    packet
}

/// The RST in a frame: sequence, acknowledgement if there is one.
fn reset(frame: &[u8]) -> (u32, Option<u32>) {
    let packet = ip(frame);
    let segment = TcpPacket::new_checked(packet.payload()).unwrap();
    let (ours, theirs) = (OUR_ADDRESS.into(), PEER_ADDRESS.into());
    let repr = TcpRepr::parse(&segment, &ours, &theirs, &ChecksumCapabilities::default()).unwrap();
    assert_eq!(repr.control, smoltcp::wire::TcpControl::Rst);
    assert_eq!((repr.src_port, repr.dst_port), (80, 1000));
    (repr.seq_number.0 as u32, repr.ack_number.map(|number| number.0 as u32))
}

/// The reason in an ICMP destination unreachable, and the header that it quotes.
fn unreachable(frame: &[u8]) -> (Icmpv4DstUnreachable, Vec<u8>) {
    let packet = ip(frame);
    let message = Icmpv4Packet::new_checked(packet.payload()).unwrap();
    assert!(message.verify_checksum() && message.msg_type() == Icmpv4Message::DstUnreachable);
    (Icmpv4DstUnreachable::from(message.msg_code()), packet.payload()[8..].to_vec())
}

#[test]
fn a_rejected_segment_is_reset_as_if_nobody_listened() {
    let mut peer = with_rules(&["10 tcp dport 80 reject with tcp reset"]);
    let syn = tcp(1000, 80, Flags::SYN.0, b"ab");
    assert_eq!(peer.ask(&syn).iter().map(|frame| reset(frame)).collect::<Vec<_>>(), [(0, Some(3))]);
    let mut ack = tcp(1000, 80, Flags::ACK.0, b"ab");
    ack[14 + 20 + 8..14 + 20 + 12].copy_from_slice(&77u32.to_be_bytes());
    correct(&mut ack);
    assert_eq!(peer.ask(&ack).iter().map(|frame| reset(frame)).collect::<Vec<_>>(), [(77, None)]);
    assert!(peer.ask(&tcp(1000, 80, Flags::RST.0, &[])).is_empty(), "a RST is not answered");
    assert_eq!((peer.stack.counters().rule_dropped, peer.stack.counters().rule_rejected), (3, 2));
    assert_eq!(peer.stack.counters().segments, 0, "the engine has seen nothing of it");
}

#[test]
fn other_rejected_packets_are_answered_by_icmp() {
    let rules = ["10 udp dport 5 reject with icmpx admin-prohibited", "20 ip protocol icmp reject", "30 reject"];
    let mut peer = with_rules(&rules);
    let datagram = udp(1000, 5, &[7; 900]);
    let (reason, quoted) = unreachable(&peer.ask(&datagram)[0]);
    assert_eq!(reason, Icmpv4DstUnreachable::CommProhibited);
    assert_eq!(quoted[..], datagram[14..14 + 576 - 28][..], "as much as fits 576 octets");
    assert_eq!(unreachable(&peer.ask(&udp(1000, 6, &[]))[0]).0, Icmpv4DstUnreachable::PortUnreachable);
    assert_eq!(unreachable(&peer.ask(&tcp(1000, 6, Flags::SYN.0, &[]))[0]).0, Icmpv4DstUnreachable::PortUnreachable);
    assert!(peer.ask(&tcp(1000, 6, Flags::RST.0, &[])).is_empty());
    let echo = icmp(8, 0, [0, 1, 0, 1], b"ping");
    assert_eq!(unreachable(&peer.ask(&echo)[0]).0, Icmpv4DstUnreachable::PortUnreachable);
    // An error about a segment of ours is not answered by another error (RFC 1122 section 3.2.2).
    let about = tcp(1000, 6, Flags::ACK.0, &[]);
    let mut quoted = about[14..14 + 28].to_vec();
    quoted[12..16].copy_from_slice(&OUR_ADDRESS.octets());
    quoted[16..20].copy_from_slice(&PEER_ADDRESS.octets());
    assert!(peer.ask(&icmp(3, 4, [0, 0, 5, 0], &quoted)).is_empty());
    // ARP is no IP.
    let request = arp(1, (PEER_MAC, PEER_ADDRESS), OUR_ADDRESS, [0xff; 6]);
    assert_eq!(peer.ask(&request).len(), 1);
}

#[test]
fn rejections_are_answered_so_many_times_a_second() {
    let mut peer = with_rules(&["10 reject"]);
    let answers = |peer: &mut Peer| (0..1000).map(|port| peer.ask(&udp(1000, 1 + port, &[])).len()).sum::<usize>();
    assert_eq!(answers(&mut peer), 200);
    peer.wait(Duration::from_millis(500));
    assert_eq!(answers(&mut peer), 100);
    assert_eq!(peer.stack.counters().rule_dropped, 2000);
}

#[test]
fn what_goes_out_is_held_back_by_rules_with_oif_only() {
    let mut free = with_rules(&["10 drop"]);
    let echo = icmp(8, 0, [0, 1, 0, 1], b"ping");
    assert!(free.ask(&echo).is_empty());
    let mut peer = with_rules(&["10 oif 0 ip protocol icmp drop"]);
    // The answer needs our peer's address.
    peer.ask(&arp(1, (PEER_MAC, PEER_ADDRESS), OUR_ADDRESS, [0xff; 6]));
    assert!(peer.ask(&echo).is_empty());
    assert_eq!((peer.stack.counters().rule_dropped, peer.stack.counters().rule_dropped_out), (0, 1));
    let answer = peer.ask(&tcp(1000, 80, Flags::SYN.0, &[]));
    assert_eq!(reset(&answer[0]), (0, Some(1)), "of the engine itself, through the same gate");
}

#[test]
fn connections_that_the_engine_answers_are_tracked() {
    let rules = ["10 ct state established accept", "20 tcp dport 80 ct state new accept", "90 drop"];
    let mut peer = with_rules(&rules);
    peer.stack.engine().listen(80, 4).unwrap();
    assert_eq!(peer.ask(&tcp(1000, 80, Flags::SYN.0, &[])).len(), 1, "SYN-ACK");
    let totals = peer.stack.rule_totals();
    assert_eq!((totals.tracked, totals.classes[0][0].packets, totals.classes[1][0].packets), (1, 1, 1));
    let counted = |peer: &Peer, id| peer.stack.rule_counter(crate::classification::RuleId(id)).packets;
    peer.ask(&tcp(1000, 80, Flags::ACK.0, &[]));
    assert_eq!((counted(&peer, 0), counted(&peer, 1)), (1, 1), "the ACK belongs to what is established");
}

#[test]
fn errors_about_connections_that_are_older_than_the_rules_are_related() {
    let mut peer = Peer::new(&STATIC);
    peer.stack.engine().listen(80, 4).unwrap();
    peer.ask(&tcp(1000, 80, Flags::SYN.0, &[]));
    peer.stack.classify(classifier(&["10 ct state related accept", "90 drop"]));
    let about = |port| {
        let mut quoted = tcp(80, port, Flags::ACK.0, &[])[14..14 + 28].to_vec();
        quoted[12..16].copy_from_slice(&OUR_ADDRESS.octets());
        quoted[16..20].copy_from_slice(&PEER_ADDRESS.octets());
        icmp(3, 4, [0, 0, 5, 0], &quoted)
    };
    peer.ask(&about(1000));
    assert_eq!(peer.stack.counters().rule_dropped, 0);
    peer.ask(&about(1001));
    assert_eq!(peer.stack.counters().rule_dropped, 1);
}
