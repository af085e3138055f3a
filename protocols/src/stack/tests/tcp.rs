use smoltcp::time::Duration;

use super::peer::{Peer, STATIC};
use super::world::{ECHO, World, echo};
use crate::frame::craft::*;
use crate::frame::{DropReason, ETHERNET_HEADER};
use crate::stack::Offloads;
use crate::tcp::{Config, State};

const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn a_stream_goes_there_and_back() {
    let mut world = World::new(Offloads::default());
    world.connect(1_000_000);
    world.run(LIMIT);
    for peer in [&world.client, &world.server] {
        let counters = peer.stack.counters();
        assert_eq!((counters.drops.total(), counters.impossible), (0, 0));
        assert!(counters.segments > 700 && counters.frames_out > 700);
    }
}

#[test]
fn a_stream_uses_the_device_where_it_can() {
    let mut world = World::new(Offloads { checksum: true, segmentation: Some(65_550), segmentation6: None });
    world.connect(1_000_000);
    world.run(LIMIT);
    for peer in [&world.client, &world.server] {
        assert_eq!((peer.stack.counters().drops.total(), peer.stack.counters().impossible), (0, 0));
    }
    let counters = world.client.stack.counters();
    assert!(counters.octets_out / counters.frames_out > 3000, "runs of segments leave in one frame");
}

#[test]
fn a_link_that_loses_frames_slows_a_stream_and_no_more() {
    let mut world = World::new(Offloads::default());
    world.lose = |number| number % 37 == 0;
    world.connect(300_000);
    world.run(LIMIT);
}

#[test]
fn a_link_that_is_full_all_the_time_loses_nothing() {
    let mut world = World::new(Offloads::default());
    world.client.tx.room = 1;
    world.server.tx.room = 2;
    for _ in 0..4 {
        world.connect(50_000);
    }
    world.run(LIMIT);
    let engine = world.client.stack.engine();
    assert_eq!(engine.connections().map(|(_, info)| info.retransmitted_segments).sum::<u64>(), 0);
}

#[test]
fn many_streams_at_once() {
    let mut world = World::new(Offloads::default());
    for n in 0..50 {
        world.connect(n * 1000 + 1);
    }
    world.run(LIMIT);
}

/// A SYN from one of many forged sources.
fn flood(n: u32) -> alloc::vec::Vec<u8> {
    let mut frame = tcp(1024 + (n % 60_000) as u16, ECHO, 2, &[]);
    frame[ETHERNET_HEADER + 12..ETHERNET_HEADER + 16].copy_from_slice(&[172, 16, (n >> 8) as u8, n as u8]);
    frame[ETHERNET_HEADER + 24..ETHERNET_HEADER + 28].copy_from_slice(&n.to_be_bytes());
    correct(&mut frame);
    frame
}

#[test]
fn a_flood_of_syns_is_bounded_and_established_connections_live() {
    const BACKLOG: usize = 64;
    const FRAMES: u32 = 100_000;
    let mut world = World::new(Offloads::default());
    let conn = world.connect(200_000);
    (0..4).for_each(|_| world.step());
    let server = &mut world.server;
    let mut answers = 0;
    for n in 0..FRAMES {
        server.rx.put(&flood(n));
        if n % 32 == 31 {
            server.turn();
            answers += server.tx.take().len();
            let half_open = server.stack.engine().connections().filter(|(_, info)| info.state == State::SynReceived);
            assert!(half_open.count() <= BACKLOG);
        }
    }
    assert!(server.stack.engine().connections().count() <= BACKLOG + 1);
    assert_eq!(server.stack.counters().segments, u64::from(FRAMES) + server_segments(&world));
    assert!(answers > 0);
    world.run(LIMIT);
    assert!(world.streams[&conn].over);
}

/// Segments of the stream that the server had received when the flood began.
fn server_segments(world: &World) -> u64 {
    world.client.stack.counters().frames_out
}

#[test]
fn more_connections_than_the_limit_are_refused_without_harm() {
    let mut server = Peer::with_engine(&STATIC, Config { max_connections: 8, ..Config::default() });
    server.stack.engine().listen(ECHO, 4).unwrap();
    for n in 0..1000 {
        server.ask(&flood(n));
        echo(&mut server);
        assert!(server.stack.engine().connections().count() <= 8);
    }
}

#[test]
fn frames_that_lie_do_not_reach_the_engine() {
    let mut server = Peer::new(&STATIC);
    server.stack.engine().listen(ECHO, 4).unwrap();
    let mut syn = tcp(40000, ECHO, 2, &[]);
    syn[ETHERNET_HEADER + 20 + 16] ^= 1;
    assert!(server.ask(&syn).is_empty());
    let counters = server.stack.counters();
    assert_eq!((counters.segments, counters.drops.get(DropReason::TcpChecksum)), (0, 1));
}

#[test]
fn a_syn_that_meets_a_full_link_is_answered_later() {
    let mut server = Peer::new(&STATIC);
    server.stack.engine().listen(ECHO, 4).unwrap();
    server.tx.room = 0;
    assert!(server.ask(&flood(1)).is_empty());
    assert!(server.stack.next_deadline(server.now).is_some(), "there is something left to do");
    server.tx.room = 1;
    server.turn();
    assert_eq!(server.tx.take().len(), 1);
}

/// RFC 1191 and RFC 8201: what a router says of a segment in flight is believed, and the stream goes on in shorter ones.
#[test]
fn a_router_that_carries_less_is_believed() {
    for (mut world, mtu) in [(World::new(Offloads::default()), 1100), (World::over_ipv6(Offloads::default()), 1300)] {
        world.router = Some(mtu);
        world.connect(300_000);
        world.run(Duration::from_secs(60));
        let counters = world.server.stack.counters();
        let drops = counters.drops.total() - counters.drops.get(DropReason::EthernetMulticast);
        assert_eq!((drops - counters.drops.get(DropReason::NeighborNotOurs), counters.impossible), (0, 0));
        // Of a burst each segment is answered; once the first is believed, the others say nothing new.
        assert!(counters.too_big_ignored < 20, "{}", counters.too_big_ignored);
        let mean = counters.octets_out / counters.frames_out;
        assert!(mean <= mtu as u64 + 14, "{mean}");
    }
}
