//! Classes on the way out of a whole stack: the link takes so many frames a turn, and connections send all they may.

use alloc::sync::Arc;
use alloc::vec::Vec;

use swapper::{Coid, Processor, Swap, SwapOptions, System};

use super::offload::ALL;
use super::world::World;
use crate::classification::Waiting;
use crate::classification::classifier::{Batch, Change, Classifier, Rulebook, Ruleset, Step, at_start, lookup};
use crate::classification::text::{Line, parse_either};
use crate::frame::craft::*;
use crate::stack::Offloads;
use crate::tcp::{ConnId, Path};
use crate::ticks::Ticks;

const RULES: [&str; 3] = [
    "10 oif 0 tcp sport 7001 class 1 accept",
    "10 oif 0 tcp sport 7002 class 2 accept",
    "20 oif 0 ip protocol icmp class 3 accept",
];

/// A server that sends without end, and its client; the server's classifier can be swapped.
struct Bench {
    world: World,
    system: System,
    processor: Processor,
    coid: Coid,
    book: Rulebook,
    swap: Option<Swap>,
    /// What the server lends; else it copies what it sends.
    lent: Option<Arc<[u8]>>,
    /// What the client has of each connection: the port that it is to, and octets.
    received: Vec<(ConnId, u16, u64)>,
}

/// Rules and settings, one a line.
pub fn set(lines: &[&str]) -> Ruleset {
    let mut set = Ruleset::new();
    for line in lines {
        match parse_either(line).unwrap() {
            Line::Rule(rule) => drop(set.insert(rule).unwrap()),
            Line::Setting(setting) => set.set(setting),
        }
    }
    set
}

impl Bench {
    /// The link takes `room` frames a turn.
    fn new(offloads: Offloads, room: usize, settings: &[&str], ports: &[u16]) -> Self {
        let mut world = World::new(offloads);
        let book = Rulebook::new(at_start(), [1; 16]);
        let system = System::new(1, Ticks::default()).unwrap();
        #[allow(unsafe_code)]
        // SAFETY: workers run in `step` only, between activities.
        let processor = unsafe { system.attach(0) }.unwrap();
        let coid = processor.create(book.object()).unwrap();
        world.server.stack.classify(processor.bind::<dyn Classifier>(coid).unwrap());
        world.server.tx.room = room;
        for port in [7001, 7002] {
            world.server.stack.engine().listen(port, 16).unwrap();
        }
        let mut bench = Self { world, system, processor, coid, book, swap: None, lent: None, received: Vec::new() };
        let lines: Vec<_> = RULES.iter().chain(settings).copied().collect();
        bench.batch(Batch::Replace(set(&lines)));
        ports.iter().for_each(|port| bench.connect(*port));
        bench
    }

    fn connect(&mut self, port: u16) {
        let path = Path { local: PEER_ADDRESS.into(), remote: OUR_ADDRESS.into(), link: OUR_MAC };
        let client = &mut self.world.client;
        let conn = client.stack.engine().connect(client.now, path, port, None).unwrap();
        self.received.push((conn, port, 0));
    }

    fn batch(&mut self, batch: Batch) {
        self.book.begin(batch).unwrap();
        while self.book.step(64) != Step::InForce {
            self.step();
        }
    }

    /// One turn of each, 100 microseconds long.
    fn step(&mut self) {
        self.world.take_all(&mut self.received);
        let server = &mut self.world.server;
        self.processor.run_workers(0);
        let activity = self.processor.begin();
        server.turn();
        let engine = server.stack.engine();
        while engine.next_event().is_some() {}
        let all: Vec<ConnId> = engine.connections().map(|(conn, _)| conn).collect();
        for conn in all {
            let _ = match &self.lent {
                Some(lent) => engine.send_lent(conn, lent, 0, 1 << 20),
                None => engine.send_with(conn, |room| room.len()),
            };
        }
        server.turn();
        drop(activity);
        self.processor.run_workers(0);
        if let Some(report) = self.swap.as_ref().and_then(Swap::poll) {
            assert!(report.is_committed());
            self.book.swapped(true);
            self.swap = None;
        }
        self.world.pass();
    }

    /// What the client receives from each port in so many steps.
    fn run(&mut self, steps: usize) -> [u64; 2] {
        let before = self.octets();
        (0..steps).for_each(|_| self.step());
        let after = self.octets();
        core::array::from_fn(|index| after[index] - before[index])
    }

    fn octets(&self) -> [u64; 2] {
        [7001, 7002]
            .map(|port| self.received.iter().filter(|(_, to, _)| *to == port).map(|(.., octets)| octets).sum::<u64>())
    }

    fn waiting(&self, class: usize) -> Waiting {
        self.world.server.stack.rule_totals().waiting[class]
    }

    fn order_swap(&mut self, implementation: &str) {
        self.book.prepare(lookup(implementation).unwrap()).unwrap();
        while self.book.step(64) != Step::Prepared {}
        let object = self.book.prepared().unwrap();
        self.swap = Some(self.system.swap(self.coid, object, SwapOptions::default()).unwrap());
    }

    fn sent_again(&mut self) -> u64 {
        self.world.server.stack.engine().counters().retransmitted
    }
}

fn ratio([first, second]: [u64; 2]) -> f64 {
    first as f64 / second as f64
}

const WEIGHTS: [&str; 2] = ["class 1 weight 3", "class 2 weight 1"];

/// Neither rules nor turns need more of a frame than its headers.
#[test]
fn what_is_lent_is_not_copied_while_classes_take_turns() {
    let mut bench = Bench::new(ALL, 2, &WEIGHTS, &[7001, 7002]);
    bench.world.server.tx.least_lent = 500;
    bench.lent = Some(alloc::vec![7; 65_536].into());
    bench.run(500);
    let before = bench.world.server.tx.lent as u64;
    let sent = bench.run(1_000);
    let lent = bench.world.server.tx.lent as u64 - before;
    assert!((ratio(sent) - 3.0).abs() < 0.1, "{sent:?}");
    // What is short of the least at the block's end is copied.
    assert!(lent * 100 >= 99 * (sent[0] + sent[1]), "{lent} of {sent:?}");
    assert_eq!(bench.sent_again(), 0);
}

#[test]
fn connections_share_a_full_link_by_the_weights_of_their_classes() {
    for (offloads, room) in [(Offloads::default(), 10), (ALL, 2)] {
        // As many connections as one wants: classes share, not connections.
        let mut bench = Bench::new(offloads, room, &WEIGHTS, &[7001, 7002, 7002, 7002]);
        bench.run(500);
        let sent = bench.run(1_000);
        assert!((ratio(sent) - 3.0).abs() < 0.1, "{offloads:?}: {sent:?}");
        assert_eq!(bench.sent_again(), 0);
        assert_eq!((bench.waiting(1).dropped, bench.waiting(2).dropped), (0, 0));
        assert!(bench.waiting(1).backlogs > 0);
    }
}

#[test]
fn without_weights_connections_share_and_classes_do_not_count() {
    let mut bench = Bench::new(Offloads::default(), 10, &[], &[7001, 7002, 7002, 7002]);
    bench.run(500);
    let sent = bench.run(1_000);
    assert!((ratio(sent) - 1.0 / 3.0).abs() < 0.05, "{sent:?}");
    assert_eq!(bench.waiting(1), Waiting::default(), "nothing is done for classes");
}

#[test]
fn a_class_that_is_alone_has_the_whole_link() {
    let mut bench = Bench::new(Offloads::default(), 10, &["class 1 weight 1", "class 2 weight 100"], &[7001]);
    bench.run(1_000);
    let [alone, _] = bench.run(1_000);
    assert!(alone > 1_000 * 9 * 1_448, "{alone} octets in 1000 turns of 10 frames");
    // Another one that comes later has its share at once, and leaves it when it ends.
    bench.connect(7002);
    bench.run(1_000);
    let sent = bench.run(1_000);
    assert!(ratio(sent) < 0.02 && sent[0] > 0, "{sent:?}");
}

#[test]
fn answers_of_a_class_are_not_starved_and_dropped_beyond_their_limit_only() {
    let mut bench = Bench::new(Offloads::default(), 10, &WEIGHTS, &[7001, 7002]);
    bench.world.server.rx.put(&arp(1, (PEER_MAC, PEER_ADDRESS), OUR_ADDRESS, [0xff; 6]));
    bench.run(1_000);
    let asked = |bench: &mut Bench, count: u16| {
        for number in 0..count {
            let rest = [0, 1, (number >> 8) as u8, number as u8];
            bench.world.server.rx.put(&icmp(8, 0, rest, &[0; 900]));
        }
    };
    asked(&mut bench, 1);
    bench.step();
    assert_eq!(bench.waiting(3).dropped, 0);
    assert_eq!((bench.waiting(3).backlogs > 0, bench.waiting(3).queued <= 1), (true, true));
    bench.run(10);
    assert_eq!(bench.waiting(3).queued, 0, "it had its turn");
    for _ in 0..40 {
        asked(&mut bench, 20);
        bench.step();
    }
    let waiting = bench.waiting(3);
    assert!(waiting.dropped > 0 && waiting.queued > 130 && waiting.queued < 145, "{waiting:?}");
    let sent = bench.run(1_000);
    assert!((ratio(sent) - 3.0).abs() < 0.2, "{sent:?}");
    assert_eq!((bench.waiting(3).queued, bench.sent_again()), (0, 0));
}

#[test]
fn swaps_and_batches_of_weights_leave_turns_sane() {
    let mut bench = Bench::new(ALL, 2, &WEIGHTS, &[7001, 7002]);
    bench.run(500);
    for implementation in ["tuple-space", "linear-cached", "tuple-merge"] {
        bench.order_swap(implementation);
        let sent = bench.run(300);
        assert!(bench.swap.is_none(), "{implementation} is in place");
        assert!((ratio(sent) - 3.0).abs() < 0.2, "{implementation}: {sent:?}");
    }
    for (weights, expected) in [([1, 4], 0.25), ([50, 25], 2.0), ([1, 1], 1.0)] {
        let lines = [1, 2].map(|class| alloc::format!("class {class} weight {}", weights[class - 1]));
        let changes = lines.iter().map(|line| match parse_either(line).unwrap() {
            Line::Setting(setting) => (1, Change::Set(setting)),
            Line::Rule(_) => unreachable!("it is a setting"),
        });
        bench.batch(Batch::Change(changes.collect()));
        bench.run(100);
        let sent = bench.run(600);
        assert!((ratio(sent) / expected - 1.0).abs() < 0.06, "{weights:?}: {sent:?}");
    }
    // Without settings what waited goes on without turns.
    bench.batch(Batch::Replace(set(&RULES)));
    let [first, second] = bench.run(1_000);
    assert!(first > 0 && second > 0);
    let before = bench.waiting(1);
    bench.run(1_000);
    assert_eq!((bench.waiting(1), bench.sent_again()), (before, 0));
}

#[test]
fn the_rate_holds_and_is_shared_by_weight() {
    let settings = ["class 1 weight 3", "egress rate 80mbit"];
    let mut bench = Bench::new(Offloads::default(), 1_000, &settings, &[7001, 7002]);
    bench.run(2_000);
    // 0.2 seconds.
    let sent = bench.run(2_000);
    let payload = 2_000_000.0 * 1_448.0 / 1_500.0;
    assert!(((sent[0] + sent[1]) as f64 / payload - 1.0).abs() < 0.03, "{sent:?} of {payload}");
    assert!((ratio(sent) - 3.0).abs() < 0.15, "{sent:?}");
    assert_eq!(bench.sent_again(), 0);
}
