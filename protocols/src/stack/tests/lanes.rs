//! Classes on the way out of two processors of which only one has a queue pair: the link takes so many frames a turn, and connections send all
//! they may.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use swapper::{Processor, ProcessorId, System};

use super::classes::set;
use super::offload::ALL;
use super::peer::{Peer, STATIC, engine};
use super::world::World;
use crate::classification::classifier::{Batch, Classifier, Rulebook, Step, at_start};
use crate::frame::craft::*;
use crate::handover::{Receiver, Sender, Sizes, Up, Wake, star};
use crate::stack::{First, Offloads, RxMeta, Shared, Stack, TxMeta};
use crate::steering::{FourTuple, Steering};
use crate::tcp::{self, ConnId, Engine, Path};

/// A clock, and the wake-ups of processor 1.
#[derive(Default)]
struct Bell(AtomicU64);

impl swapper::Platform for Bell {
    fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn wake(&self, _: ProcessorId) {}

    fn wait(&self, _: ProcessorId, _: Option<u64>) {}
}

impl Wake for Bell {
    fn wake(&self, processor: usize) {
        self.0.fetch_add(processor as u64, Ordering::Relaxed);
    }
}

struct Bench {
    world: World,
    processor: Processor,
    book: Rulebook,
    other: Peer,
    rx: Receiver<RxMeta>,
    tx: Sender<TxMeta>,
    bell: Arc<Bell>,
    steering: Steering,
    next_port: u16,
    /// What the client has of each connection: the port that it is to, its processor, and octets.
    received: Vec<(ConnId, (u16, usize), u64)>,
}

const RULES: [&str; 2] = ["10 oif 0 tcp sport 7001 class 1 accept", "10 oif 0 tcp sport 7002 class 2 accept"];
const WEIGHTS: [&str; 2] = ["class 1 weight 3", "class 2 weight 1"];

impl Bench {
    /// The link takes `room` frames a turn; connections are to a port on a processor.
    fn new(offloads: Offloads, room: usize, connections: &[(u16, usize)]) -> Self {
        let bell = Arc::new(Bell::default());
        let sizes = Sizes { frames: 4096, octets: 4 << 20, longest: 65_549 };
        let (hub, _, mut spokes) = star(2, 1, sizes, offloads, &(bell.clone() as Arc<dyn Wake>));
        let spoke = spokes.remove(0);
        let Up::Send(tx) = spoke.up else { panic!("processor 1 has a queue pair") };
        let (shared, steering) = (Arc::new(Shared::new()), Steering::new([5; 16], 2));
        let mut world = World::new(offloads);
        let first = First { seed: 7, steering: steering.clone(), hub };
        let stack = Stack::first(&STATIC, shared.clone(), engine(1, tcp::Config::default()), first, world.server.now);
        world.server.stack = stack.unwrap();
        let mut other = Peer::new(&STATIC);
        other.stack = Stack::other(&STATIC, shared, engine(2, tcp::Config::default()), None).unwrap();
        let book = Rulebook::new(at_start(), [1; 16]);
        let system = System::new(1, Bell::default()).unwrap();
        #[allow(unsafe_code)]
        // SAFETY: workers run in `step` only, between activities.
        let processor = unsafe { system.attach(0) }.unwrap();
        let coid = processor.create(book.object()).unwrap();
        world.server.stack.classify(processor.bind::<dyn Classifier>(coid).unwrap());
        world.server.tx.room = room;
        for stack in [&mut world.server.stack, &mut other.stack] {
            [7001, 7002].iter().for_each(|port| stack.engine().listen(*port, 16).unwrap());
        }
        let (rx, received) = (spoke.rx, Vec::new());
        let mut bench = Self { world, processor, book, other, rx, tx, bell, steering, next_port: 50_000, received };
        bench.set(&[&RULES[..], &WEIGHTS].concat());
        connections.iter().for_each(|(port, processor)| bench.connect(*port, *processor));
        bench
    }

    fn connect(&mut self, port: u16, processor: usize) {
        let tuple = |remote_port| FourTuple {
            local: OUR_ADDRESS.into(),
            local_port: port,
            remote: PEER_ADDRESS.into(),
            remote_port,
        };
        let own = (self.next_port..).find(|own| self.steering.processor(&tuple(*own)) == processor).unwrap();
        self.next_port = own + 1;
        let path = Path { local: PEER_ADDRESS.into(), remote: OUR_ADDRESS.into(), link: OUR_MAC };
        let client = &mut self.world.client;
        let conn = client.stack.engine().connect(client.now, path, port, Some(own)).unwrap();
        self.received.push((conn, (port, processor), 0));
    }

    fn set(&mut self, lines: &[&str]) {
        self.book.begin(Batch::Replace(set(lines))).unwrap();
        while self.book.step(64) != Step::InForce {
            self.step();
        }
    }

    /// One turn of each, 100 microseconds long. Processor 1 is let sleep while it has nothing to do.
    fn step(&mut self) {
        self.world.take_all(&mut self.received);
        let server = &mut self.world.server;
        self.processor.run_workers(0);
        let activity = self.processor.begin();
        server.turn();
        fill(server.stack.engine());
        server.turn();
        drop(activity);
        let now = server.now;
        let due = self.other.stack.next_deadline(now).is_some_and(|at| at <= now);
        if self.bell.0.swap(0, Ordering::Relaxed) > 0 || due {
            let stack = &mut self.other.stack;
            while stack.receive(now, &mut self.rx, &mut self.tx, 8) == 8 {}
            fill(stack.engine());
            while stack.transmit(now, &mut self.tx) {}
        }
        self.world.pass();
    }

    /// What came of each connection in so many steps.
    fn run(&mut self, steps: usize) -> Vec<u64> {
        let before: Vec<u64> = self.received.iter().map(|(.., octets)| *octets).collect();
        (0..steps).for_each(|_| self.step());
        self.received.iter().zip(before).map(|((.., octets), before)| octets - before).collect()
    }

    fn sent_again(&mut self) -> u64 {
        let stacks = [&mut self.world.server.stack, &mut self.other.stack];
        stacks.map(|stack| stack.engine().counters().retransmitted).iter().sum()
    }
}

/// Connections have all to send that they take.
fn fill(engine: &mut Engine) {
    while engine.next_event().is_some() {}
    let all: Vec<ConnId> = engine.connections().map(|(conn, _)| conn).collect();
    for conn in all {
        let _ = engine.send_with(conn, |room| room.len());
    }
}

fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other as f64
}

#[test]
fn weights_hold_among_connections_of_a_processor_without_a_queue_pair() {
    for (offloads, room) in [(Offloads::default(), 10), (ALL, 2)] {
        let mut bench = Bench::new(offloads, room, &[(7001, 1), (7002, 1), (7002, 1), (7002, 1)]);
        bench.run(1_000);
        let sent = bench.run(1_500);
        let of_two = sent[1..].iter().sum();
        assert!((ratio(sent[0], of_two) - 3.0).abs() < 0.15, "{offloads:?}: {sent:?}");
        assert_eq!(bench.sent_again(), 0);
        let waiting = bench.world.server.stack.rule_totals().waiting;
        assert_eq!((waiting[1].dropped, waiting[2].dropped), (0, 0));
    }
}

#[test]
fn weights_hold_between_processors_and_neither_starves_in_a_class() {
    let mut bench = Bench::new(Offloads::default(), 10, &[(7001, 0), (7001, 1), (7002, 1)]);
    bench.run(1_000);
    let sent = bench.run(1_500);
    assert!((ratio(sent[0] + sent[1], sent[2]) - 3.0).abs() < 0.15, "{sent:?}");
    assert!((0.5..=2.0).contains(&ratio(sent[0], sent[1])), "{sent:?}");
    // Without weights everything that waited goes on.
    bench.set(&RULES);
    bench.run(1_000);
    let sent = bench.run(500);
    assert!(sent.iter().all(|octets| *octets > 0), "{sent:?}");
    assert_eq!(bench.sent_again(), 0);
}
