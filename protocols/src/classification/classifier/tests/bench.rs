//! A system of processors on one thread, with a classifier, its rulebook, and a clock that the test turns.

use alloc::vec::Vec;
use core::cell::Cell;

use swapper::{Coid, Processor, Report, SwapOptions, System};

use crate::classification::classifier::*;
use crate::classification::text::parse_rule;
use crate::classification::{Counter, Rule, RuleId, Verdict};
use crate::ticks::Ticks;

pub struct Bench {
    system: System,
    processors: Vec<Processor>,
    references: Vec<ClassifierRef>,
    coid: Coid,
    pub book: Rulebook,
    /// Microseconds.
    pub now: Cell<u64>,
}

pub fn rule(text: &str) -> Rule {
    parse_rule(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub fn adds(rules: &[&str]) -> Batch {
    Batch::Change(rules.iter().map(|text| (1, Change::Add(rule(text)))).collect())
}

pub fn replacing(rules: &[&str]) -> Batch {
    let mut set = Ruleset::new();
    for text in rules {
        set.insert(rule(text)).expect("there is room");
    }
    Batch::Replace(set)
}

impl Bench {
    pub fn new(implementation: &str, processors: usize) -> Self {
        let book = Rulebook::new(lookup(implementation).expect("it is in the list"), [7; 16]);
        let system = System::new(processors, Ticks::default()).expect("a system is possible");
        #[allow(unsafe_code)]
        let attach = |processor| {
            // SAFETY: workers run in `turn` only, which is called between activities.
            unsafe { system.attach(processor) }.expect("nobody else is this processor")
        };
        let processors: Vec<_> = (0..processors).map(attach).collect();
        let coid = processors[0].create(book.object()).expect("there is room");
        let references = processors.iter().map(|p| p.bind::<dyn Classifier>(coid).expect("it is one")).collect();
        Self { system, processors, references, coid, book, now: Cell::new(1_000_000) }
    }

    pub fn with_rules(implementation: &str, rules: &[&str]) -> Self {
        let mut bench = Self::new(implementation, 1);
        bench.batch(replacing(rules));
        bench
    }

    pub fn on<R>(&self, processor: usize, f: impl FnOnce(&dyn Classifier) -> R) -> R {
        self.processors[processor].activity(|| f(&self.references[processor]))
    }

    /// Every processor begins an activity and runs its workers.
    pub fn turn(&self) {
        for (processor, reference) in self.processors.iter().zip(&self.references) {
            processor.activity(|| reference.refresh());
            processor.run_workers(0);
        }
    }

    /// Brings a batch into force.
    pub fn batch(&mut self, batch: Batch) {
        self.book.begin(batch).expect("the batch is possible");
        for _ in 0..1_000_000 {
            match self.book.step(64) {
                Step::InForce => return,
                Step::Waiting => self.turn(),
                _ => {}
            }
        }
        panic!("the batch does not come into force");
    }

    /// Makes another implementation ready and swaps it in.
    pub fn swap(&mut self, implementation: &str) -> Report {
        self.book.prepare(lookup(implementation).expect("it is in the list")).expect("nothing is under way");
        while self.book.step(64) != Step::Prepared {}
        let object = self.book.prepared().expect("it was made ready");
        let swap = self.system.swap(self.coid, object, SwapOptions::default()).expect("nothing is under way");
        for _ in 0..1_000 {
            self.turn();
            if let Some(report) = swap.poll() {
                self.book.swapped(report.is_committed());
                return report;
            }
        }
        panic!("the swap to {implementation} does not end");
    }

    /// Shows a packet to processor 0.
    pub fn incoming(&self, packet: &[u8]) -> Decision {
        self.incoming_of(packet, &|| false)
    }

    /// The same of one whose connection exists, or does not.
    pub fn incoming_of(&self, packet: &[u8], exists: &dyn Fn() -> bool) -> Decision {
        self.on(0, |classifier| classifier.incoming(&shown(packet), exists, self.now.get()))
    }

    pub fn verdict(&self, packet: &[u8]) -> Verdict {
        self.incoming(packet).verdict
    }

    /// Lets processor 0 send a packet.
    pub fn send(&self, packet: &[u8]) -> Decision {
        self.on(0, |classifier| {
            let decision = classifier.outgoing(&shown(packet), self.now.get());
            classifier.sent(&shown(packet), &decision, self.now.get());
            decision
        })
    }

    pub fn counter(&self, id: RuleId) -> Counter {
        let mut counter = [Counter::default()];
        self.on(0, |classifier| classifier.counters(id, &mut counter));
        counter[0]
    }

    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.on(0, |classifier| classifier.totals(&mut totals));
        totals
    }

    /// The handle of the rule at this place in the order.
    pub fn handle(&self, place: usize) -> RuleId {
        self.book.rules().from(None).and_then(|mut rules| rules.nth(place)).expect("so many rules").0
    }
}

pub fn shown(packet: &[u8]) -> Packet<'_> {
    Packet { octets: packet, length: packet.len(), interface: 0 }
}

/// An IPv4 packet with a TCP header.
pub fn tcp(from: [u8; 4], to: [u8; 4], ports: (u16, u16), flags: u8) -> Vec<u8> {
    let mut segment = [0; 20];
    segment[..2].copy_from_slice(&ports.0.to_be_bytes());
    segment[2..4].copy_from_slice(&ports.1.to_be_bytes());
    segment[12] = 0x50;
    segment[13] = flags;
    ipv4(from, to, 6, &segment)
}

/// An IPv4 packet with a UDP header.
pub fn udp(from: [u8; 4], to: [u8; 4], ports: (u16, u16)) -> Vec<u8> {
    let mut datagram = [0; 8];
    datagram[..2].copy_from_slice(&ports.0.to_be_bytes());
    datagram[2..4].copy_from_slice(&ports.1.to_be_bytes());
    ipv4(from, to, 17, &datagram)
}

pub fn ipv4(from: [u8; 4], to: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::from([0x45, 0, 0, (20 + payload.len()) as u8, 0, 0, 0, 0, 64, protocol, 0, 0]);
    packet.extend_from_slice(&from);
    packet.extend_from_slice(&to);
    packet.extend_from_slice(payload);
    packet
}
