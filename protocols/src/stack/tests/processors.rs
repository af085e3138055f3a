//! Three processors behind one card, run by turns on one thread.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use super::filter::classifier;
use super::peer::{Peer, STATIC, engine};
use super::world::{ECHO, Stream, World};
use crate::frame::craft::{OUR_ADDRESS, PEER_ADDRESS, icmp, local, tcp as segment};
use crate::handover::{Receiver, Sender, Sizes, Spoke, Strays, Up, Wake, star};
use crate::stack::{First, Offloads, Relay, RxMeta, Shared, Stack, Transmit, TxMeta};
use crate::steering::{FourTuple, Steering};
use crate::tcp::{self, Flags};

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
    strays: Strays,
    others: Vec<Other>,
    /// Processors with a queue pair.
    pairs: usize,
    arrived: usize,
}

struct Other {
    processor: usize,
    /// Its pipes are the processor's queue pair, if it has one.
    peer: Peer,
    rx: Receiver<RxMeta>,
    /// Without a queue pair.
    tx: Option<Sender<TxMeta>>,
}

fn steering() -> Steering {
    Steering::new([5; 16], PROCESSORS)
}

impl Cluster {
    fn new(sizes: Sizes, pairs: usize) -> Self {
        let alarm = Arc::new(Alarm::default());
        let wake = alarm.clone() as Arc<dyn Wake>;
        let (hub, strays, spokes) = star(PROCESSORS, pairs, sizes, Offloads::default(), &wake);
        let mut world = World::new(Offloads::default());
        let shared = Arc::new(Shared::new());
        let first = First { seed: 7, steering: steering(), hub };
        let now = world.server.now;
        world.server.stack =
            Stack::first(&STATIC, shared.clone(), engine(1, tcp::Config::default()), first, now).unwrap();
        world.server.stack.engine().listen(ECHO, 64).unwrap();
        let others = spokes.into_iter().map(|Spoke { processor, rx, up }| {
            let mut peer = Peer::new(&STATIC);
            let engine = engine(1 + processor as u8, tcp::Config::default());
            let (relay, tx) = match up {
                Up::Stray(strays) => (Some(Relay { processor, steering: steering(), strays }), None),
                Up::Send(tx) => (None, Some(tx)),
            };
            peer.stack = Stack::other(&STATIC, shared.clone(), engine, relay).unwrap();
            peer.stack.engine().listen(ECHO, 64).unwrap();
            Other { processor, peer, rx, tx }
        });
        Cluster { alarm, world, strays, others: others.collect(), pairs, arrived: 0 }
    }

    /// The card puts frames into the queues by turns, which is as bad as can be.
    fn steer_badly(&mut self) {
        for (frame, meta) in core::mem::take(&mut self.world.server.rx.frames) {
            self.arrived += 1;
            let rx = match self.arrived % self.pairs {
                0 => &mut self.world.server.rx,
                queue => &mut self.others[queue - 1].peer.rx,
            };
            rx.frames.push_back((frame, meta));
        }
    }

    /// One turn of everybody. A processor that was not woken, has no frames and no deadline must have nothing to do.
    fn step(&mut self) {
        self.steer_badly();
        let now = self.world.server.now;
        let mut busy = false;
        if self.alarm.rang(0) {
            let server = &mut self.world.server;
            while server.stack.receive(now, &mut self.strays, &mut server.tx, 8) == 8 {}
            busy = self.pairs > 1;
        }
        busy |= self.world.exchange() > 0;
        let mut next = None;
        for Other { processor, peer, rx, tx } in &mut self.others {
            peer.now = now;
            let due = peer.stack.next_deadline(now).is_some_and(|at| at <= now);
            if self.alarm.rang(*processor) || due || !peer.rx.frames.is_empty() {
                busy = true;
                let stack = &mut peer.stack;
                let tx = tx.as_mut().map_or(&mut peer.tx as &mut dyn Transmit, |tx| tx);
                while stack.receive(now, &mut peer.rx, tx, 8) == 8 || stack.receive(now, rx, tx, 8) == 8 {}
                super::world::echo_by(stack.engine());
                while stack.transmit(now, tx) {}
                self.world.client.rx.frames.append(&mut peer.tx.frames);
            }
            next = [next, peer.stack.next_deadline(now)].into_iter().flatten().min();
        }
        if !busy {
            self.world.advance(next);
        }
    }

    /// The stacks that meet rules: of processor 0, and of the others with a queue pair.
    fn stacks(&mut self) -> impl Iterator<Item = &mut Stack> {
        let others = self.others.iter_mut().take(self.pairs - 1).map(|other| &mut other.peer.stack);
        core::iter::once(&mut self.world.server.stack).chain(others)
    }

    /// Runs until all streams are over.
    fn run(&mut self) {
        for _ in 0..1_000_000 {
            self.step();
            if self.world.streams.values().all(|stream| stream.over) {
                return;
            }
        }
        panic!("not over");
    }
}

#[test]
fn connections_live_where_steering_puts_them() {
    let mut cluster = Cluster::new(Sizes { frames: 256, octets: 256 * 1514, longest: 1514 }, 1);
    for _ in 0..30 {
        cluster.world.connect(20_000);
    }
    let mut places = [0; PROCESSORS];
    for _ in 0..100_000 {
        cluster.step();
        let own = [&mut cluster.world.server].into_iter();
        let engines = own.chain(cluster.others.iter_mut().map(|other| &mut other.peer)).map(|peer| peer.stack.engine());
        for (processor, engine) in engines.enumerate() {
            places[processor] = places[processor].max(engine.connections().count());
            for (_, info) in engine.connections() {
                let tuple = FourTuple {
                    local: OUR_ADDRESS.into(),
                    local_port: info.local_port,
                    remote: PEER_ADDRESS.into(),
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
    let mut cluster = Cluster::new(Sizes { frames: 64, octets: 4 * 1514, longest: 1514 }, 1);
    for _ in 0..6 {
        cluster.world.connect(20_000);
    }
    cluster.run();
    assert!(cluster.world.server.stack.counters().handover_dropped > 0, "this test must meet full rings");
}

#[test]
fn frames_in_the_wrong_queue_get_where_they_belong() {
    for pairs in 2..=PROCESSORS {
        let mut cluster = Cluster::new(Sizes { frames: 256, octets: 256 * 1514, longest: 1514 }, pairs);
        for _ in 0..30 {
            cluster.world.connect(20_000);
        }
        cluster.run();
        for (number, other) in cluster.others.iter().enumerate() {
            let counters = other.peer.stack.counters();
            assert_eq!(counters.handed_over > 0, number + 1 < pairs, "{pairs} pairs, {counters:?}");
            assert!(counters.segments > 100, "{pairs} pairs, {counters:?}");
            assert_eq!((counters.handover_dropped, counters.drops.total()), (0, 0));
        }
        // What is for the host functions goes to processor 0 too.
        let before = cluster.world.server.stack.counters().host;
        let ping = icmp(8, 0, [1, 2, 3, 4], b"hello");
        cluster.others[0].peer.rx.put(&ping);
        for _ in 0..4 {
            cluster.step();
        }
        assert!(cluster.world.server.stack.counters().host > before);
        assert!(cluster.others[0].peer.stack.counters().host_elsewhere > 0);
    }
}

/// Of a connection that is older than the rules everything is established, both ways, wherever it lives; of one that there is not, nothing.
#[test]
fn rules_for_established_connections_reject_none_that_is_older() {
    for pairs in 1..=PROCESSORS {
        let mut cluster = Cluster::new(Sizes { frames: 256, octets: 256 * 1514, longest: 1514 }, pairs);
        for _ in 0..30 {
            cluster.world.connect(100_000);
        }
        while cluster.world.streams.values().any(|stream| stream.received < 1000) {
            cluster.step();
        }
        assert!(cluster.world.streams.values().all(|stream| stream.received < stream.total));
        let rules =
            ["10 ct state established accept", "20 oif 0 ct state established accept", "90 reject", "91 oif 0 drop"];
        cluster.stacks().for_each(|stack| stack.classify(classifier(&rules)));
        cluster.run();
        for stack in cluster.stacks() {
            let counters = stack.counters();
            assert_eq!((counters.rule_dropped, counters.rule_dropped_out), (0, 0), "{pairs} pairs");
            assert!(stack.rule_totals().tracked > 5, "{pairs} pairs");
        }
        // Each processor gets some of these.
        for port in 3000..3030 {
            cluster.world.server.rx.put(&segment(port, ECHO, Flags::ACK.0, b"guessed"));
        }
        (0..8).for_each(|_| cluster.step());
        let rejected: u64 = cluster.stacks().map(|stack| stack.counters().rule_dropped).sum();
        assert_eq!(rejected, 30, "{pairs} pairs");
    }
}

/// Whoever did not get our last ACK sends its FIN again, when there is nothing left of the connection but TIME-WAIT, and that is older than the rules.
#[test]
fn rules_for_established_connections_reject_no_last_fin() {
    for pairs in 1..=PROCESSORS {
        let mut cluster = Cluster::new(Sizes { frames: 256, octets: 256 * 1514, longest: 1514 }, pairs);
        let connections: Vec<_> = (0..30).map(|_| cluster.world.connect(0)).collect();
        (0..30).for_each(|_| cluster.step());
        let client = cluster.world.client.stack.engine();
        let ports: Vec<_> = connections.iter().map(|&conn| client.info(conn).unwrap().local_port).collect();
        // We finish first, on every processor.
        for peer in cluster.others.iter_mut().map(|other| &mut other.peer).chain([&mut cluster.world.server]) {
            let engine = peer.stack.engine();
            let ours: Vec<_> = engine.connections().map(|(conn, _)| conn).collect();
            ours.into_iter().for_each(|conn| engine.shutdown(conn).unwrap());
        }
        (0..30).for_each(|_| cluster.step());
        for &conn in &connections {
            cluster.world.client.stack.engine().shutdown(conn).unwrap();
        }
        cluster.run();
        let rules = ["10 ct state established accept", "90 reject"];
        cluster.stacks().for_each(|stack| stack.classify(classifier(&rules)));
        let rejected = |cluster: &mut Cluster, flags: Flags| {
            for &port in &ports {
                cluster.world.server.rx.put(&segment(port, ECHO, flags.0, b""));
            }
            (0..8).for_each(|_| cluster.step());
            cluster.stacks().map(|stack| stack.counters().rule_dropped).sum::<u64>()
        };
        assert_eq!(rejected(&mut cluster, Flags::FIN.with(Flags::ACK)), 0, "{pairs} pairs");
        assert_eq!(rejected(&mut cluster, Flags::SYN), 30, "{pairs} pairs: the next connection is none of these");
    }
}

#[test]
fn other_processors_speak_no_udp_and_know_the_address() {
    let shared = Arc::new(Shared::new());
    let mut other = Stack::other(&STATIC, shared.clone(), engine(1, tcp::Config::default()), None).unwrap();
    assert_eq!(other.address(), None);
    let first = super::peer::first();
    let now = smoltcp::time::Instant::from_secs(1);
    let _first = Stack::first(&STATIC, shared, engine(2, tcp::Config::default()), first, now).unwrap();
    assert_eq!(other.address(), local().address);
    assert_eq!(other.next_event(), None);
    let limits = crate::stack::UdpLimits { datagrams: 1, octets: 100 };
    assert_eq!(other.udp_bind(7070, limits), Err(crate::stack::UdpError::NotHere));
}
