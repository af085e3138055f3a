use alloc::vec;
use alloc::vec::Vec;

use smoltcp::wire::Ipv6Address;

use super::*;
use crate::frame::craft::six::*;

pub(super) const TRANSPORT6: usize = IP + 40;

fn verdict6(frame: &[u8]) -> Result<Class, DropReason> {
    check(frame, VERIFY, &local6())
}

fn segment6() -> Vec<u8> {
    tcp6(40000, 7, 0x10, b"payload")
}

fn from6(source: Ipv6Address) -> Vec<u8> {
    bent(segment6(), |f| f[IP + 8..IP + 24].copy_from_slice(&source.octets()))
}

fn to6(destination: Ipv6Address) -> Vec<u8> {
    bent(segment6(), |f| f[IP + 24..IP + 40].copy_from_slice(&destination.octets()))
}

/// A segment behind extension headers: each its kind and its octets without the first, which says what follows.
fn behind(extensions: &[(u8, &[u8])]) -> Vec<u8> {
    chain(extensions, 6, &crate::frame::craft::six::segment6(40000, 7, 0x10, b"payload"))
}

fn chain(extensions: &[(u8, &[u8])], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let following = extensions.iter().skip(1).map(|(kind, _)| *kind).chain([protocol]);
    let mut octets = vec![];
    for ((_, body), next) in extensions.iter().zip(following) {
        octets.push(next);
        octets.extend_from_slice(body);
    }
    octets.extend_from_slice(payload);
    ipv6(extensions.first().map_or(protocol, |(kind, _)| *kind), &octets)
}

const PADDING: &[u8] = &[0, 1, 4, 0, 0, 0, 0];
const WHOLE: &[u8] = &[0, 0, 0, 1, 2, 3, 4];
const VISITED: &[u8] = &[0, 0, 0, 0, 0, 0, 0];
const NOTHING: &[u8] = &[0, 0, 0, 0, 0, 0, 0];
const SKIPPED: &[u8] = &[0, 0x1e, 4, 1, 2, 3, 4];

fn solicitation(target: Ipv6Address, options: &[u8]) -> Vec<u8> {
    let to = crate::frame::solicited(&target);
    neighbor((PEER_ADDRESS6, to), 135, [0; 4], &[&target.octets(), options].concat())
}

fn probe_for(target: Ipv6Address, to: Ipv6Address, options: &[u8]) -> Vec<u8> {
    neighbor((Ipv6Address::UNSPECIFIED, to), 135, [0; 4], &[&target.octets(), options].concat())
}

fn advertisement(to: Ipv6Address, flags: u8) -> Vec<u8> {
    neighbor((PEER_ADDRESS6, to), 136, [flags, 0, 0, 0], &PEER_ADDRESS6.octets())
}

fn router(source: Ipv6Address, payload: &[u8]) -> Vec<u8> {
    neighbor((source, crate::frame::ALL_NODES), 134, [64, 0, 7, 8], payload)
}

fn quote6() -> Vec<u8> {
    let mut quoted = tcp6(7, 40000, 0x10, &[]).split_off(IP);
    quoted[8..24].copy_from_slice(&OUR_ADDRESS6.octets());
    quoted[24..40].copy_from_slice(&PEER_ADDRESS6.octets());
    quoted[44..48].copy_from_slice(&0x01020304u32.to_be_bytes());
    quoted
}

/// Every way for a frame of IPv6 to lie.
pub(super) fn lies6() -> Vec<(DropReason, Vec<u8>)> {
    use DropReason::*;
    let everyone = crate::frame::ALL_NODES;
    let asked = crate::frame::solicited(&OUR_ADDRESS6);
    let datagram = udp6(5000, 7070, b"help").split_off(TRANSPORT6);
    let echo = [128, 0, 0, 0, 0, 1, 0, 1];
    let mut foreign = quote6();
    foreign[23] ^= 1;
    let with_checksum_0 = {
        let mut frame = udp6(5000, 7070, b"help");
        frame[TRANSPORT6 + 6..TRANSPORT6 + 8].fill(0);
        frame
    };
    vec![
        (EthernetMulticast, bent(segment6(), |f| f[..6].copy_from_slice(&[0x33, 0x33, 0, 0, 0, 2]))),
        (EthernetMulticast, bent(segment(), |f| f[..6].copy_from_slice(&[0x33, 0x33, 0, 0, 0, 1]))),
        (Ip6Short, segment6()[..IP + 39].to_vec()),
        (Ip6Version, bent(segment6(), |f| f[IP] = 0x45)),
        (Ip6PayloadLength, bent(segment6(), |f| f[IP + 5] += 1)),
        (Ip6PayloadLength, bent(segment6(), |f| f[IP + 4] = 0xff)),
        (Ip6Source, from6(Ipv6Address::UNSPECIFIED)),
        (Ip6Source, from6(Ipv6Address::LOCALHOST)),
        (Ip6Source, from6(everyone)),
        (Ip6Source, from6(OUR_ADDRESS6)),
        (Ip6Source, from6(OUR_LINK_LOCAL)),
        (Ip6Source, from6(PEER_ADDRESS.to_ipv6_mapped())),
        (Ip6Source, packet6(Ipv6Address::UNSPECIFIED, OUR_ADDRESS6, 255, 58, &echo)),
        (Ip6NotOurs, to6(PEER_ADDRESS6)),
        (Ip6NotOurs, to6(Ipv6Address::LOCALHOST)),
        (Ip6NotOurs, to6(Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 2))),
        (Ip6Extension, behind(&[(43, VISITED), (0, PADDING)])),
        (Ip6Extension, behind(&[(60, PADDING); 9])),
        (Ip6Extension, behind(&[(60, &[9, 1, 4, 0, 0, 0, 0])])),
        (Ip6Extension, behind(&[(60, &[0, 1, 5, 0, 0, 0, 0])])),
        (Ip6Extension, ipv6(60, &[6, 0, 1])),
        (Ip6Extension, chain(&[(60, PADDING)], 17, &datagram)),
        (Ip6Extension, chain(&[(0, PADDING)], 58, &echo)),
        (Ip6Option, behind(&[(0, &[0, 0xc2, 4, 0, 1, 0, 0])])),
        (Ip6Option, behind(&[(60, &[0, 0x40, 4, 0, 0, 0, 0])])),
        (Ip6Routing, behind(&[(43, &[0, 0, 1, 0, 0, 0, 0])])),
        (Ip6Fragment, behind(&[(44, &[0, 0, 1, 0, 0, 0, 0])])),
        (Ip6Fragment, behind(&[(44, &[0, 1, 0, 0, 0, 0, 0])])),
        (IpProtocol, ipv6(59, &[])),
        (IpProtocol, ipv6(50, &[0; 16])),
        (TcpShort, ipv6(6, &[0; 19])),
        (TcpBroadcast, to6(everyone)),
        (TcpBroadcast, bent(segment6(), |f| f[..6].copy_from_slice(&[0x33, 0x33, 0, 0, 0, 1]))),
        (TcpChecksum, broken(segment6(), TRANSPORT6 + 20)),
        (TcpChecksum, broken(segment6(), IP + 15)),
        (UdpChecksum, broken(udp6(5000, 7070, b"help"), TRANSPORT6 + 8)),
        (UdpNoChecksum, with_checksum_0),
        (UdpMulticast, packet6(PEER_ADDRESS6, everyone, 64, 17, &datagram)),
        (IcmpShort, ipv6(58, &[128, 0, 0, 0, 0, 0, 0])),
        (IcmpChecksum, broken(icmp6(128, 0, [0; 4], b"ping"), TRANSPORT6 + 8)),
        (IcmpBroadcast, packet6(PEER_ADDRESS6, everyone, 64, 58, &echo)),
        (IcmpIgnored, icmp6(128, 1, [0; 4], b"ping")),
        (IcmpIgnored, icmp6(1, 4, [0; 4], &quote6())),
        (IcmpIgnored, icmp6(137, 0, [0; 4], &[0; 32])),
        (IcmpQuote, icmp6(2, 0, [0, 0, 5, 0], &quote6()[..47])),
        (IcmpQuote, icmp6(2, 0, [0, 0, 5, 0], &foreign)),
        (NeighborHopLimit, bent(solicitation(OUR_ADDRESS6, &[]), |f| f[IP + 7] = 64)),
        (NeighborFormat, solicitation(OUR_ADDRESS6, &[1, 0, 0, 0, 0, 0, 0, 0])),
        (NeighborFormat, solicitation(OUR_ADDRESS6, &[1, 2, 0, 0, 0, 0, 0, 0])),
        (NeighborFormat, solicitation(OUR_ADDRESS6, &[1])),
        (NeighborFormat, bent(solicitation(OUR_ADDRESS6, &[]), |f| f[TRANSPORT6 + 1] = 1)),
        (NeighborFormat, neighbor((PEER_ADDRESS6, asked), 135, [0; 4], &everyone.octets())),
        (NeighborFormat, neighbor((PEER_ADDRESS6, asked), 135, [0; 4], &OUR_ADDRESS6.octets()[..15])),
        (NeighborFormat, probe_for(OUR_ADDRESS6, asked, &link_option(1, PEER_MAC))),
        (NeighborFormat, probe_for(OUR_ADDRESS6, OUR_ADDRESS6, &[])),
        (NeighborFormat, advertisement(everyone, 0x40)),
        (NeighborFormat, router(PEER_ADDRESS6, &[0; 8])),
        (NeighborFormat, router(PEER_LINK_LOCAL, &[0; 7])),
        // A query without Router Alert.
        (ListenerQuery, packet6(PEER_LINK_LOCAL, everyone, 1, 58, &[&[130, 0, 0, 0][..], &[0; 24]].concat())),
        (NeighborNotOurs, neighbor((PEER_ADDRESS6, asked), 135, [0; 4], &PEER_ADDRESS6.octets())),
    ]
}

#[test]
fn every_lie_over_ipv6_meets_its_counter() {
    for (expected, frame) in lies6() {
        assert_eq!(verdict6(&frame), Err(expected), "{frame:02x?}");
    }
}

#[test]
fn without_ipv6_it_is_an_unknown_type() {
    assert_eq!(verdict(&segment6()), Err(DropReason::EtherType));
}

#[test]
fn a_sound_segment_of_ipv6_passes_without_its_padding() {
    let mut frame = segment6();
    let length = frame.len();
    frame.extend_from_slice(&[0xaa; 9]);
    frame[IP + 1] = 0x30;
    let Ok(Class::Tcp(tcp)) = verdict6(&frame) else { panic!("{:?}", verdict6(&frame)) };
    assert_eq!((tcp.source, tcp.destination), (PEER_ADDRESS6.into(), OUR_ADDRESS6.into()));
    assert_eq!((tcp.source_port, tcp.destination_port, tcp.link, tcp.congested), (40000, 7, PEER_MAC, true));
    assert_eq!(tcp.segment, TRANSPORT6..length);
    assert!(matches!(verdict6(&to6(OUR_LINK_LOCAL)), Ok(Class::Tcp(_))));
}

#[test]
fn extension_headers_that_say_nothing_are_passed_over() {
    for extensions in [
        &[(0, PADDING)][..],
        &[(60, PADDING)],
        &[(43, VISITED)],
        &[(44, WHOLE)],
        &[(0, NOTHING), (60, PADDING), (43, VISITED), (44, WHOLE), (60, SKIPPED)],
    ] {
        let frame = behind(extensions);
        let Ok(Class::Tcp(tcp)) = verdict6(&frame) else { panic!("{:?}", verdict6(&frame)) };
        assert_eq!(tcp.segment, TRANSPORT6 + 8 * extensions.len()..frame.len());
    }
}

#[test]
fn host_functions_get_ping_udp_and_neighbors() {
    let length = |frame: &[u8]| frame.len();
    for frame in [udp6(5000, 7070, b"help"), icmp6(128, 0, [0, 1, 0, 2], b"ping")] {
        assert_eq!(verdict6(&frame), Ok(Class::Host { length: length(&frame) }));
    }
    let asked = crate::frame::solicited(&OUR_LINK_LOCAL);
    for frame in [
        solicitation(OUR_ADDRESS6, &link_option(1, PEER_MAC)),
        solicitation(OUR_LINK_LOCAL, &[]),
        neighbor((PEER_ADDRESS6, OUR_ADDRESS6), 135, [0; 4], &OUR_ADDRESS6.octets()),
        probe_for(OUR_LINK_LOCAL, asked, &[]),
        advertisement(OUR_ADDRESS6, 0x60),
        advertisement(crate::frame::ALL_NODES, 0x20),
        router(PEER_LINK_LOCAL, &[0; 8]),
    ] {
        assert_eq!(verdict6(&frame), Ok(Class::Neighbor { length: length(&frame) }), "{frame:02x?}");
    }
}

#[test]
fn packet_too_big_quotes_our_segment() {
    let frame = icmp6(2, 0, 1300u32.to_be_bytes(), &quote6());
    let expected = TooBig {
        local: OUR_ADDRESS6.into(),
        remote: PEER_ADDRESS6.into(),
        local_port: 7,
        remote_port: 40000,
        sequence: 0x01020304,
        mtu: 1300,
        link: PEER_MAC,
    };
    assert_eq!(verdict6(&frame), Ok(Class::TooBig(expected)));
    let huge = icmp6(2, 0, u32::MAX.to_be_bytes(), &quote6());
    assert!(matches!(verdict6(&huge), Ok(Class::TooBig(TooBig { mtu: u16::MAX, .. }))));
}

#[test]
fn no_prefix_and_no_single_changed_octet_of_ipv6_makes_it_panic() {
    for frame in [
        segment6(),
        udp6(5000, 7070, b"help"),
        behind(&[(0, PADDING), (43, VISITED), (44, WHOLE)]),
        icmp6(2, 0, [0, 0, 5, 0], &quote6()),
        solicitation(OUR_ADDRESS6, &link_option(1, PEER_MAC)),
        router(PEER_LINK_LOCAL, &[0; 16]),
    ] {
        for end in 0..=frame.len() {
            let _ = verdict6(&frame[..end]);
        }
        for at in 0..frame.len() {
            for value in 0..=255 {
                let mut frame = frame.clone();
                frame[at] = value;
                let _ = verdict6(&frame);
                correct(&mut frame);
                let _ = verdict6(&frame);
            }
        }
    }
}
