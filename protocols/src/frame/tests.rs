mod ipv6;

use alloc::vec;
use alloc::vec::Vec;

use smoltcp::wire::Ipv4Address;

use super::craft::*;
use super::*;

const VERIFY: RxMeta = RxMeta { checksum_verified: false };
const IP: usize = ETHERNET_HEADER;
const TRANSPORT: usize = IP + 20;

fn verdict(frame: &[u8]) -> Result<Class, DropReason> {
    check(frame, VERIFY, &local())
}

/// A sound frame, changed; the checksums are made right again.
fn bent(mut frame: Vec<u8>, bend: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    bend(&mut frame);
    correct(&mut frame);
    frame
}

/// A sound frame, changed behind the checksums' back.
fn broken(mut frame: Vec<u8>, at: usize) -> Vec<u8> {
    frame[at] ^= 0x10;
    frame
}

fn segment() -> Vec<u8> {
    tcp(40000, 7, 0x10, b"payload")
}

fn from(source: [u8; 4]) -> Vec<u8> {
    bent(segment(), |f| f[IP + 12..IP + 16].copy_from_slice(&source))
}

fn to(frame: Vec<u8>, destination: [u8; 4]) -> Vec<u8> {
    bent(frame, |f| f[IP + 16..IP + 20].copy_from_slice(&destination))
}

fn to_all(frame: Vec<u8>) -> Vec<u8> {
    bent(to(frame, [255; 4]), |f| f[..6].fill(0xff))
}

/// Every way for a frame to lie, with the counter that must show it.
fn lies() -> Vec<(DropReason, Vec<u8>)> {
    use DropReason::*;
    let arp_request = || arp(1, (PEER_MAC, PEER_ADDRESS), OUR_ADDRESS, [0xff; 6]);
    let quote = |protocol: u8| {
        let mut quoted = tcp(7, 40000, 0x10, &[]).split_off(IP);
        quoted[9] = protocol;
        quoted[12..16].copy_from_slice(&OUR_ADDRESS.octets());
        quoted
    };
    vec![
        (EthernetShort, vec![]),
        (EthernetShort, segment()[..13].to_vec()),
        (EthernetSource, bent(segment(), |f| f[6] |= 1)),
        (EthernetSource, bent(segment(), |f| f[6..12].fill(0))),
        (EthernetSource, bent(segment(), |f| f[6..12].copy_from_slice(&OUR_MAC))),
        (EthernetNotOurs, bent(segment(), |f| f[5] = 9)),
        (EthernetMulticast, bent(segment(), |f| f[..6].copy_from_slice(&[1, 0, 0x5e, 0, 0, 1]))),
        (EthernetLength, ethernet(OUR_MAC, 0x05ff, &[0; 46])),
        (EtherType, ethernet(OUR_MAC, 0x86dd, &[0x60; 46])),
        (EtherType, ethernet(OUR_MAC, 0x8100, &[0; 46])),
        (ArpShort, arp_request()[..IP + 27].to_vec()),
        (ArpFormat, bent(arp_request(), |f| f[IP + 1] = 6)),
        (ArpFormat, bent(arp_request(), |f| f[IP + 2] = 0x86)),
        (ArpFormat, bent(arp_request(), |f| f[IP + 4] = 255)),
        (ArpFormat, bent(arp_request(), |f| f[IP + 5] = 255)),
        (ArpFormat, bent(arp_request(), |f| f[IP + 7] = 3)),
        (ArpSender, arp(1, ([0xff; 6], PEER_ADDRESS), OUR_ADDRESS, [0xff; 6])),
        (ArpSender, arp(1, (PEER_MAC, Ipv4Address::BROADCAST), OUR_ADDRESS, [0xff; 6])),
        (ArpConflict, arp(1, (PEER_MAC, OUR_ADDRESS), OUR_ADDRESS, [0xff; 6])),
        (ArpNotOurs, arp(1, (PEER_MAC, PEER_ADDRESS), PEER_ADDRESS, [0xff; 6])),
        (IpShort, segment()[..IP].to_vec()),
        (IpShort, segment()[..IP + 19].to_vec()),
        (IpVersion, bent(segment(), |f| f[IP] = 0x65)),
        (IpHeaderLength, bent(segment(), |f| f[IP] = 0x44)),
        (IpHeaderLength, bent(segment()[..IP + 40].to_vec(), |f| f[IP] = 0x4f)),
        (IpTotalLength, bent(segment(), |f| f[IP + 3] = 19)),
        (IpTotalLength, bent(segment(), |f| f[IP + 3] += 1)),
        (IpTotalLength, bent(segment(), |f| f[IP + 2] = 0xff)),
        (IpChecksum, broken(segment(), IP + 8)),
        (IpOptions, ipv4(6, &[7, 1, 0, 0], &[0; 20])),
        (IpOptions, ipv4(6, &[7, 5, 0, 0], &[0; 20])),
        (IpOptions, ipv4(6, &[1, 1, 1, 7], &[0; 20])),
        (IpSourceRoute, ipv4(6, &[1, 131, 7, 4, 10, 0, 0, 1], &[0; 20])),
        (IpSourceRoute, ipv4(6, &[137, 7, 4, 10, 0, 0, 1], &[0; 20])),
        (IpFragment, bent(segment(), |f| f[IP + 6] = 0x20)),
        (IpFragment, bent(segment(), |f| f[IP + 7] = 1)),
        (IpSource, from([0; 4])),
        (IpSource, from([127, 0, 0, 1])),
        (IpSource, from([224, 0, 0, 1])),
        (IpSource, from([240, 0, 0, 1])),
        (IpSource, from([255; 4])),
        (IpSource, from([10, 77, 0, 255])),
        (IpSource, from(OUR_ADDRESS.octets())),
        (IpNotOurs, to(segment(), [10, 77, 0, 3])),
        (IpNotOurs, to(segment(), [255; 4])),
        (IpNotOurs, to(segment(), [224, 0, 0, 1])),
        (IpProtocol, ipv4(2, &[], &[0; 8])),
        (TcpShort, ipv4(6, &[], &[0; 19])),
        (TcpShort, ipv4(6, &[], &[])),
        (TcpDataOffset, bent(segment(), |f| f[TRANSPORT + 12] = 4 << 4)),
        (TcpDataOffset, bent(segment(), |f| f[TRANSPORT + 12] = 7 << 4)),
        (TcpBroadcast, to_all(segment())),
        (TcpBroadcast, bent(segment(), |f| f[..6].fill(0xff))),
        (TcpPort, tcp(0, 7, 2, &[])),
        (TcpPort, tcp(40000, 0, 2, &[])),
        (TcpChecksum, broken(segment(), TRANSPORT + 20)),
        (UdpShort, ipv4(17, &[], &[0; 7])),
        (UdpLength, bent(udp(5000, 7070, b"help"), |f| f[TRANSPORT + 5] = 7)),
        (UdpLength, bent(udp(5000, 7070, b"help"), |f| f[TRANSPORT + 5] = 13)),
        (UdpPort, udp(5000, 0, b"help")),
        (UdpChecksum, broken(udp(5000, 7070, b"help"), TRANSPORT + 8)),
        (IcmpShort, ipv4(1, &[], &[8, 0, 0, 0, 0, 0, 0])),
        (IcmpChecksum, broken(icmp(8, 0, [0; 4], b"ping"), TRANSPORT + 8)),
        (IcmpBroadcast, to_all(icmp(8, 0, [0; 4], b"ping"))),
        (IcmpIgnored, icmp(3, 3, [0; 4], &quote(6))),
        (IcmpIgnored, icmp(5, 1, [10, 77, 0, 9], &quote(6))),
        (IcmpQuote, icmp(3, 4, [0, 0, 5, 0], &[])),
        (IcmpQuote, icmp(3, 4, [0, 0, 5, 0], &quote(17))),
        (IcmpQuote, icmp(3, 4, [0, 0, 0, 67], &quote(6))),
        (IcmpQuote, icmp(3, 4, [0, 0, 5, 0], &quote(6)[..27])),
    ]
}

#[test]
fn every_lie_meets_its_counter() {
    let mut drops = Drops::default();
    for (expected, frame) in lies() {
        assert_eq!(verdict(&frame), Err(expected), "{frame:02x?}");
        drops.count(expected);
    }
    ipv6::lies6().into_iter().for_each(|(reason, _)| drops.count(reason));
    assert_eq!(drops.total(), (lies().len() + ipv6::lies6().len()) as u64);
    drops.each(|name, count| assert!(count > 0, "no frame in this table provokes {name}"));
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), DropReason::ALL.len());
}

#[test]
fn a_sound_segment_passes_without_its_padding() {
    let mut frame = tcp(40000, 7, 2, &[]);
    let length = frame.len();
    frame.resize(60, 0xaa);
    let Ok(Class::Tcp(tcp)) = verdict(&frame) else { panic!("{:?}", verdict(&frame)) };
    assert_eq!((tcp.source, tcp.destination), (PEER_ADDRESS.into(), OUR_ADDRESS.into()));
    assert_eq!((tcp.source_port, tcp.destination_port, tcp.link), (40000, 7, PEER_MAC));
    assert_eq!(tcp.segment, TRANSPORT..length);
}

#[test]
fn other_options_are_skipped() {
    let inner = segment().split_off(TRANSPORT);
    // Router alert, then the end of the list with rubbish behind it.
    let mut frame = ipv4(6, &[148, 4, 0, 0, 0, 7, 0], &inner);
    correct(&mut frame);
    let Ok(Class::Tcp(tcp)) = verdict(&frame) else { panic!("{:?}", verdict(&frame)) };
    assert_eq!(tcp.segment, TRANSPORT + 8..frame.len());
}

#[test]
fn a_low_ttl_is_no_reason_to_drop() {
    for ttl in [0, 1] {
        assert!(verdict(&bent(segment(), |f| f[IP + 8] = ttl)).is_ok());
    }
}

#[test]
fn the_device_may_vouch_for_tcp_and_udp_but_not_for_ip_and_icmp() {
    let vouched = RxMeta { checksum_verified: true };
    for (frame, passes) in [
        (broken(segment(), TRANSPORT + 20), true),
        (broken(udp(5000, 7070, b"help"), TRANSPORT + 8), true),
        (broken(segment(), IP + 8), false),
        (broken(icmp(8, 0, [0; 4], b"ping"), TRANSPORT + 8), false),
    ] {
        assert_eq!(check(&frame, vouched, &local()).is_ok(), passes);
        assert!(verdict(&frame).is_err());
    }
}

#[test]
fn host_functions_get_arp_ping_and_udp() {
    let trailing = |mut frame: Vec<u8>| {
        let length = frame.len();
        frame.extend_from_slice(&[0; 30]);
        (frame, length)
    };
    let zero_checksum = {
        let mut frame = udp(5000, 7070, b"help");
        frame[TRANSPORT + 6..TRANSPORT + 8].fill(0);
        frame
    };
    for frame in [
        arp(1, (PEER_MAC, PEER_ADDRESS), OUR_ADDRESS, [0xff; 6]),
        arp(1, (PEER_MAC, Ipv4Address::UNSPECIFIED), OUR_ADDRESS, [0xff; 6]),
        arp(2, (PEER_MAC, PEER_ADDRESS), OUR_ADDRESS, OUR_MAC),
        icmp(8, 0, [0, 1, 0, 2], b"ping"),
        udp(5000, 7070, b"help"),
        to_all(udp(67, 68, b"offer")),
        zero_checksum,
    ] {
        let (frame, length) = trailing(frame);
        assert_eq!(verdict(&frame), Ok(Class::Host { length }), "{frame:02x?}");
    }
}

#[test]
fn without_an_address_only_dhcp_comes_in() {
    let nobody = Local { mac: OUR_MAC, address: None, address6: Own6::default() };
    let check = |frame: &[u8]| check(frame, VERIFY, &nobody);
    assert!(check(&to_all(udp(67, 68, b"offer"))).is_ok());
    assert!(check(&udp(67, 68, b"offer")).is_ok(), "an offer may be sent to the address that it offers");
    assert_eq!(check(&udp(67, 7070, b"help")), Err(DropReason::IpNotOurs));
    assert_eq!(check(&segment()), Err(DropReason::IpNotOurs));
    assert_eq!(check(&arp(1, (PEER_MAC, PEER_ADDRESS), OUR_ADDRESS, [0xff; 6])), Err(DropReason::ArpNotOurs));
}

#[test]
fn fragmentation_needed_quotes_our_segment() {
    let mut quoted = tcp(7, 40000, 0x10, &[]).split_off(IP);
    quoted[12..16].copy_from_slice(&OUR_ADDRESS.octets());
    quoted[16..20].copy_from_slice(&PEER_ADDRESS.octets());
    quoted[24..28].copy_from_slice(&0x01020304u32.to_be_bytes());
    let frame = icmp(3, 4, [0, 0, 0x05, 0x14], &quoted[..28]);
    let expected = TooBig {
        local: OUR_ADDRESS.into(),
        remote: PEER_ADDRESS.into(),
        local_port: 7,
        remote_port: 40000,
        sequence: 0x01020304,
        mtu: 1300,
        link: PEER_MAC,
    };
    assert_eq!(verdict(&frame), Ok(Class::TooBig(expected)));
}

#[test]
fn no_prefix_and_no_single_changed_octet_makes_it_panic() {
    for frame in [
        segment(),
        udp(5000, 7070, b"help"),
        icmp(3, 4, [0, 0, 5, 0], &segment()[IP..]),
        arp(1, (PEER_MAC, PEER_ADDRESS), OUR_ADDRESS, [0xff; 6]),
        ipv4(6, &[148, 4, 0, 0, 7, 3, 0, 0], &[0x50; 24]),
    ] {
        for end in 0..=frame.len() {
            let _ = verdict(&frame[..end]);
        }
        for at in 0..frame.len() {
            for value in 0..=255 {
                let mut frame = frame.clone();
                frame[at] = value;
                let _ = verdict(&frame);
                correct(&mut frame);
                let _ = verdict(&frame);
            }
        }
    }
}
