//! A device that does what the frames' metadata asks of it, as VIRTIO 1.2 section 5.1.6.2 says.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, Ipv4Packet, TcpPacket};

use super::pipe::Pipe;
use crate::frame::checksum::Sum;
use crate::frame::craft::{OUR_ADDRESS, OUR_MAC, PEER_ADDRESS, PEER_MAC};
use crate::frame::{self, Class, ETHERNET_HEADER, Local, Own6};
use crate::stack::gate::Gate;
use crate::stack::wire::{Sent, Wire};
use crate::stack::{Ipv4Cidr, Offloads, RxMeta, TxMeta};
use crate::tcp::{Egress, Flags, Full, Header, Part, Path, Payload};

pub const ALL: Offloads = Offloads { checksum: true, segmentation: Some(65_550), segmentation6: Some(65_550) };

/// Completes a frame: cuts it into segments, and fills in the checksums.
pub fn complete(frame: &[u8], meta: TxMeta) -> Vec<Vec<u8>> {
    let Some(cut) = meta.segmentation else { return vec![with_checksum(frame.to_vec(), meta)] };
    let (header, payload) = frame.split_at(usize::from(cut.header_len));
    let pieces = payload.chunks(usize::from(cut.mss)).enumerate();
    pieces
        .map(|(index, piece)| {
            let mut segment = [header, piece].concat();
            let last = (index + 1) * usize::from(cut.mss) >= payload.len();
            let total = segment.len() - ETHERNET_HEADER;
            let (ip, tcp) = segment[ETHERNET_HEADER..].split_at_mut(if cut.ipv6 { 40 } else { 20 });
            match cut.ipv6 {
                true => ip[4..6].copy_from_slice(&((total - 40) as u16).to_be_bytes()),
                false => ip[2..4].copy_from_slice(&(total as u16).to_be_bytes()),
            }
            let sequence = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
            let sequence = sequence.wrapping_add((index * usize::from(cut.mss)) as u32);
            tcp[4..8].copy_from_slice(&sequence.to_be_bytes());
            if !last {
                // FIN and PSH belong to the last one.
                tcp[13] &= !0x09;
            }
            crate::frame::craft::correct(&mut segment);
            segment
        })
        .collect()
}

fn with_checksum(mut frame: Vec<u8>, meta: TxMeta) -> Vec<u8> {
    if let Some(partial) = meta.checksum {
        let (start, at) = (usize::from(partial.start), usize::from(partial.start + partial.offset));
        let checksum = match Sum::new().with(&frame[start..]).checksum() {
            // In UDP that would mean that there is none.
            0 if partial.offset == 6 => 0xffff,
            checksum => checksum,
        };
        frame[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
    }
    frame
}

fn path() -> Path {
    Path { local: OUR_ADDRESS.into(), remote: PEER_ADDRESS.into(), link: PEER_MAC }
}

fn header(segment_size: u16) -> Header {
    Header {
        source_port: 7,
        destination_port: 40000,
        sequence: 0xffff_fff0,
        acknowledgement: 99,
        flags: Flags::ACK.with(Flags::PSH),
        window: 512,
        segment_size,
        ..Header::default()
    }
}

fn gate(pipe: &mut Pipe) -> Gate<'_> {
    Gate::new(pipe, None, Instant::ZERO)
}

fn send(pipe: &mut Pipe, header: &Header, payload: Payload<'_>) -> (Result<(), Full>, Sent) {
    let mut sent = Sent::default();
    let result = Wire { tx: &mut gate(pipe), mac: OUR_MAC, mtu: 1500, sent: &mut sent }.send(&path(), header, payload);
    (result, sent)
}

fn one(octets: &[u8]) -> Payload<'_> {
    [octets.into(), Part::default()]
}

/// The payloads of the frames that the peer would see, each checked as the peer checks it.
fn seen(pipe: &mut Pipe) -> Vec<(u32, Vec<u8>)> {
    let peer = Local { mac: PEER_MAC, address: Some(Ipv4Cidr::new(PEER_ADDRESS, 24)), address6: Own6::default() };
    let frames: Vec<_> = pipe.frames.drain(..).flat_map(|(frame, meta)| complete(&frame, meta)).collect();
    let sound = frames.iter().map(|frame| match frame::check(frame, RxMeta::default(), &peer) {
        Ok(Class::Tcp(tcp)) => {
            let packet = TcpPacket::new_checked(&frame[tcp.segment]).unwrap();
            assert_eq!((packet.src_port(), packet.dst_port(), tcp.link), (7, 40000, OUR_MAC));
            (packet.seq_number().0 as u32, packet.payload().to_vec())
        }
        other => panic!("{other:?}"),
    });
    sound.collect()
}

#[test]
fn segments_are_whole_with_and_without_offload() {
    let octets: Vec<u8> = (0..1400u32).map(|n| (n * 7) as u8).collect();
    for checksum in [false, true] {
        for (first, second) in [(0, 0), (0, 1), (1, 0), (1, 1), (3, 700), (700, 0), (699, 701), (1400, 0)] {
            let mut pipe = Pipe { offloads: Offloads { checksum, ..Offloads::default() }, ..Pipe::default() };
            let payload = [&octets[..first], &octets[first..first + second]];
            let (result, sent) = send(&mut pipe, &header(1460), payload.map(Part::from));
            assert_eq!((result, sent.frames, sent.impossible), (Ok(()), 1, 0));
            assert_eq!(pipe.frames[0].1.checksum.is_some(), checksum);
            assert_eq!(seen(&mut pipe), [(0xffff_fff0, payload.concat())]);
        }
    }
}

#[test]
fn what_is_lent_is_read_where_it_lies_and_summed_there_without_offload() {
    let lender: Arc<[u8]> = (0..1400u32).map(|n| (n * 7) as u8).collect();
    let part = |range: core::ops::Range<usize>, lent| Part { octets: &lender[range], lender: lent };
    let all = Some(&lender);
    for checksum in [false, true] {
        for (payload, lent) in [
            ([part(0..1400, all), part(0..0, None)], 1400),
            ([part(901..1400, all), part(0..900, all)], 900),
            ([part(1..700, all), part(0..701, all)], 1400),
            // A header that was copied, and what the service lends after it.
            ([part(0..77, None), part(77..1400, all)], 1323),
            ([part(0..499, all), part(499..998, all)], 0),
            ([part(0..700, None), part(700..1400, None)], 0),
        ] {
            let offloads = Offloads { checksum, ..Offloads::default() };
            let mut pipe = Pipe { offloads, least_lent: 500, ..Pipe::default() };
            assert_eq!(send(&mut pipe, &header(1460), payload).0, Ok(()));
            assert_eq!(pipe.lent, lent);
            assert_eq!(seen(&mut pipe), [(0xffff_fff0, payload.map(|part| part.octets).concat())]);
            let mut copying = Pipe { offloads, ..Pipe::default() };
            assert_eq!(send(&mut copying, &header(1460), payload).0, Ok(()));
            assert_eq!((copying.lent, seen(&mut copying).len()), (0, 1), "not every link can");
        }
    }
}

#[test]
fn a_run_is_cut_by_the_device() {
    let octets: Vec<u8> = (0..10_000u32).map(|n| (n * 7) as u8).collect();
    let mut pipe = Pipe { offloads: ALL, ..Pipe::default() };
    assert_eq!(send(&mut pipe, &header(1448), [&octets[..777], &octets[777..]].map(Part::from)).0, Ok(()));
    let segments = seen(&mut pipe);
    assert_eq!(segments.len(), 7);
    assert_eq!(segments[1].0, 0xffff_fff0u32.wrapping_add(1448));
    let together: Vec<u8> = segments.into_iter().flat_map(|(_, payload)| payload).collect();
    assert_eq!(together, octets);
}

#[test]
fn a_run_of_small_segments_is_cut_too() {
    let mut pipe = Pipe { offloads: ALL, ..Pipe::default() };
    send(&mut pipe, &header(536), one(&[1; 600])).0.unwrap();
    assert_eq!(seen(&mut pipe).len(), 2);
}

#[test]
fn the_longest_run_fits_in_one_datagram() {
    for (longest, mtu, expected) in [(65_550, 1500, 44), (65_550, 576, 122), (4096, 1500, 2), (100, 1500, 1)] {
        let mut pipe = Pipe {
            offloads: Offloads { checksum: true, segmentation: Some(longest), segmentation6: None },
            ..Pipe::default()
        };
        let mut sent = Sent::default();
        let mut gate = gate(&mut pipe);
        let mut wire = Wire { tx: &mut gate, mac: OUR_MAC, mtu, sent: &mut sent };
        assert_eq!(wire.max_segments(&path()), expected, "longest frame {longest}, MTU {mtu}");
        if expected > 1 {
            let octets = vec![7; expected * (mtu - 40)];
            wire.send(&path(), &header((mtu - 40) as u16), one(&octets)).unwrap();
            assert_eq!((sent.frames, sent.impossible), (1, 0));
            assert!(pipe.frames[0].0.len() <= longest);
        }
    }
}

#[test]
fn without_segmentation_a_run_is_impossible() {
    for offloads in [Offloads::default(), Offloads { checksum: false, ..ALL }] {
        let mut pipe = Pipe { offloads, ..Pipe::default() };
        let (result, sent) = send(&mut pipe, &header(1460), one(&[0; 3000]));
        assert_eq!((result, sent.frames, sent.impossible, pipe.frames.len()), (Ok(()), 0, 1, 0));
    }
}

#[test]
fn a_full_link_loses_nothing_and_counts_nothing() {
    let mut pipe = Pipe { room: 0, ..Pipe::default() };
    let (result, sent) = send(&mut pipe, &header(1460), one(b"data"));
    assert_eq!((result, sent), (Err(Full::Link), Sent::default()));
}

#[test]
fn a_path_is_of_one_family() {
    let mut pipe = Pipe::default();
    let mut sent = Sent::default();
    let other = IpAddress::v6(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let path = Path { remote: other, ..path() };
    let result = Wire { tx: &mut gate(&mut pipe), mac: OUR_MAC, mtu: 1500, sent: &mut sent }.send(
        &path,
        &header(1460),
        Payload::default(),
    );
    assert_eq!((result, sent.impossible, pipe.frames.len()), (Ok(()), 1, 0));
}

#[test]
fn the_ip_header_says_what_it_should() {
    let mut pipe = Pipe::default();
    send(&mut pipe, &header(1460), one(b"data")).0.unwrap();
    let frame = &pipe.take()[0];
    let ip = Ipv4Packet::new_checked(&frame[ETHERNET_HEADER..]).unwrap();
    assert!(ip.verify_checksum() && ip.dont_frag() && !ip.more_frags());
    assert_eq!((ip.hop_limit(), ip.header_len(), ip.frag_offset()), (64, 20, 0));
    assert_eq!((ip.src_addr(), ip.dst_addr()), (OUR_ADDRESS, PEER_ADDRESS));
}
