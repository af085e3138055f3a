//! Three processors behind one card, run by turns on one thread.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use super::peer::{Peer, STATIC, engine};
use super::world::{ECHO, Stream, World};
use crate::frame::craft::*;
use crate::handover::{Sizes, Spoke, Wake, star};
use crate::stack::{First, Offloads, Shared, Stack};
use crate::steering::{FourTuple, Steering};
use crate::tcp;

const PROCESSORS: usize = 3;

/// The wake-ups, one bit per processor.
#[derive(Default)]
struct Alarm(AtomicU64);

impl Wake for Alarm {
    fn wake(&self, processor: usize) {
        self.0.fetch_or(1 << processor, Ordering::Relaxed);
    }
}

impl Alarm {
    fn rang(&self, processor: usize) -> bool {
        self.0.fetch_and(!(1 << processor), Ordering::Relaxed) >> processor & 1 == 1
    }
}

struct Cluster {
    alarm: Arc<Alarm>,
    /// Processor 0 sits in the world as its server.
    world: World,
    others: Vec<(Peer, Spoke)>,
}

fn steering() -> Steering {
    Steering::new([5; 16], PROCESSORS)
}

impl Cluster {
    fn new(sizes: Sizes) -> Self {
        let alarm = Arc::new(Alarm::default());
        let (hub, spokes) = star(PROCESSORS, sizes, Offloads::default(), &(alarm.clone() as Arc<dyn Wake>));
        let mut world = World::new(Offloads::default());
        let shared = Arc::new(Shared::new());
        let first = First { seed: 7, steering: steering(), hub };
        let now = world.server.now;
        world.server.stack =
            Stack::first(&STATIC, shared.clone(), engine(1, tcp::Config::default()), first, now).unwrap();
        world.server.stack.engine().listen(ECHO, 64).unwrap();
        let others = spokes.into_iter().map(|spoke| {
            let mut peer = Peer::new(&STATIC);
            let engine = engine(1 + spoke.processor as u8, tcp::Config::default());
            peer.stack = Stack::other(&STATIC, shared.clone(), engine).unwrap();
            peer.stack.engine().listen(ECHO, 64).unwrap();
            (peer, spoke)
        });
        Cluster { alarm, world, others: others.collect() }
    }

    /// One turn of everybody. A processor that was not woken and has no deadline must have nothing to do.
    fn step(&mut self) {
        let mut busy = self.world.exchange() > 0;
        let now = self.world.server.now;
        let mut next = None;
        for (peer, spoke) in &mut self.others {
            peer.now = now;
            let due = peer.stack.next_deadline(now).is_some_and(|at| at <= now);
            if self.alarm.rang(spoke.processor) || due {
                busy = true;
                while peer.stack.receive(now, &mut spoke.rx, &mut spoke.tx, 8) == 8 {}
                super::world::echo(peer);
                while peer.stack.transmit(now, &mut spoke.tx) {}
            }
            next = [next, peer.stack.next_deadline(now)].into_iter().flatten().min();
        }
        if !busy {
            self.world.advance(next);
        }
    }
}

#[test]
fn connections_live_where_steering_puts_them() {
    let mut cluster = Cluster::new(Sizes { frames: 256, octets: 256 * 1514, longest: 1514 });
    for _ in 0..30 {
        cluster.world.connect(20_000);
    }
    let mut places = [0; PROCESSORS];
    for _ in 0..100_000 {
        cluster.step();
        let own = [&mut cluster.world.server].into_iter();
        let engines = own.chain(cluster.others.iter_mut().map(|(peer, _)| peer)).map(|peer| peer.stack.engine());
        for (processor, engine) in engines.enumerate() {
            places[processor] = places[processor].max(engine.connections().count());
            for (_, info) in engine.connections() {
                let tuple = FourTuple {
                    local: OUR_ADDRESS,
                    local_port: info.local_port,
                    remote: PEER_ADDRESS,
                    remote_port: info.remote_port,
                };
                assert_eq!(steering().processor(&tuple), processor);
            }
        }
        if cluster.world.streams.values().all(|stream| stream.over) {
            break;
        }
    }
    assert!(cluster.world.streams.values().all(|stream: &Stream| stream.over));
    assert!(places.iter().all(|&connections| connections > 3), "{places:?}");
    let counters = cluster.world.server.stack.counters();
    assert!(counters.handed_over > 0 && counters.forwarded > 0);
    assert_eq!((counters.handover_dropped, counters.drops.total()), (0, 0));
}

#[test]
fn rings_that_are_too_small_slow_the_streams_and_no_more() {
    let mut cluster = Cluster::new(Sizes { frames: 64, octets: 4 * 1514, longest: 1514 });
    for _ in 0..6 {
        cluster.world.connect(20_000);
    }
    for _ in 0..1_000_000 {
        cluster.step();
        if cluster.world.streams.values().all(|stream| stream.over) {
            break;
        }
    }
    assert!(cluster.world.streams.values().all(|stream| stream.over));
    assert!(cluster.world.server.stack.counters().handover_dropped > 0, "this test must meet full rings");
}

#[test]
fn other_processors_speak_no_udp_and_know_the_address() {
    let shared = Arc::new(Shared::new());
    let mut other = Stack::other(&STATIC, shared.clone(), engine(1, tcp::Config::default())).unwrap();
    assert_eq!(other.address(), None);
    let first = super::peer::first();
    let now = smoltcp::time::Instant::from_secs(1);
    let _first = Stack::first(&STATIC, shared, engine(2, tcp::Config::default()), first, now).unwrap();
    assert_eq!(other.address(), local().address);
    assert_eq!(other.next_event(), None);
    let limits = crate::stack::UdpLimits { datagrams: 1, octets: 100 };
    assert_eq!(other.udp_bind(7070, limits), Err(crate::stack::UdpError::NotHere));
}
