//! Random rules and headers: every engine, with and without a cache, alone and behind the classifier, against the first rule that matches.

use protocols::classification::classifier::{
    Batch, Change, Classifier, ClassifierRef, Packet, Rulebook, Step, implementations,
};
use protocols::classification::{
    Action, BitVector, Bits, Engine, Entry, Family, FlowCache, Header, Limit, Linear, Pattern, Ports, Prefix, Rule,
    RuleId, RuleTable, Tracking, TrackingSet, TupleMerge, TupleSpace, Verdict,
};

use crate::input::Input;

/// Headers looked up at a time, at most.
const BURST: usize = 48;
/// Rules, at most.
const RULES: usize = 600;
/// In so many steps everything that changes of so few rules left to be done has been done, however little each does.
const SETTLED: usize = 1 << 20;

/// Plays changes of rules and lookups.
///
/// # Panics
/// If an engine or a classifier finds anything but the first rule that matches.
pub fn run(octets: &[u8]) {
    let mut input = Input::new(octets);
    if input.octet() & 1 == 0 {
        let mut engines = Engines::new(input.octet());
        while !input.is_empty() {
            engines.act(&mut input);
        }
    } else {
        let mut book = Book::new(input.octet());
        while !input.is_empty() {
            book.act(&mut input);
        }
    }
}

/// Addresses that differ at both ends only, so that prefixes of all lengths meet.
fn address(input: &mut Input<'_>, family: Family) -> u128 {
    let octet = u128::from(input.octet());
    let bits = family.bits();
    let low = octet & 15;
    (octet >> 4) << 124 | low << (128 - u32::from(bits)) | low << (128 - u32::from(bits) / 2)
}

fn prefix(input: &mut Input<'_>, family: Family) -> Prefix {
    let length = input.octet();
    let bits = family.bits();
    let length = match length {
        0..=63 => 0,
        64..=127 => bits,
        _ => (length - 128) % (bits + 1),
    };
    Prefix::new(address(input, family), length)
}

fn ports(input: &mut Input<'_>) -> Ports {
    let octet = input.octet();
    let (first, width) = (u16::from(octet & 15), u16::from(octet >> 4 & 3));
    match octet >> 6 {
        0 => Ports::ANY,
        1 => Ports::one(first),
        2 => Ports { first, last: first + width },
        _ => Ports { first: first.saturating_sub(width * 5), last: if width == 0 { u16::MAX } else { first } },
    }
}

fn some(octet: u8) -> Option<u8> {
    (octet & 3 == 3).then_some(octet >> 2 & 1)
}

fn pattern(input: &mut Input<'_>) -> Pattern {
    let kind = input.octet();
    let family = if kind & 1 == 0 { Family::V4 } else { Family::V6 };
    let prefixes = if kind & 6 == 6 { [Prefix::ANY; 2] } else { [prefix(input, family), prefix(input, family)] };
    let (source_ports, destination_ports) = (ports(input), ports(input));
    let fields = input.octet();
    let any = TrackingSet::ANY;
    Pattern {
        family: (kind & 6 != 6).then_some(family),
        source: prefixes[0],
        destination: prefixes[1],
        source_ports,
        destination_ports,
        protocol: some(fields).map(|n| [6, 17][usize::from(n)]),
        flags: if kind & 24 == 24 { Bits { mask: 3, value: fields >> 6 } } else { Bits::ANY },
        dscp: some(fields >> 3),
        interface: if kind & 96 == 96 { Some(fields & 1) } else { None },
        tracking: if kind & 128 == 0 { any } else { TrackingSet::NONE.with(Tracking::Established) },
    }
}

fn rule(input: &mut Input<'_>) -> Rule {
    let priority = u32::from(input.octet() & 7);
    let verdict = if priority & 1 == 0 { Verdict::Accept } else { Verdict::Drop };
    let limit = Limit { rate: 1, burst: 1 << 40, octets: false };
    let action = Action { limit: (priority == 7).then_some(limit), ..Action::of(verdict) };
    Rule { priority, pattern: pattern(input), action }
}

fn header(input: &mut Input<'_>, family: Family) -> Header {
    let (ports, fields) = (input.octet(), input.octet());
    Header {
        source: address(input, family),
        destination: address(input, family),
        source_port: u16::from(ports & 15),
        destination_port: u16::from(ports >> 4),
        family,
        protocol: [6, 17][usize::from(fields & 1)],
        flags: if fields & 1 == 0 { fields >> 1 & 3 } else { 0 },
        dscp: fields >> 3 & 1,
        interface: fields >> 4 & 1,
        tracking: if fields & 128 == 0 { Tracking::New } else { Tracking::Established },
    }
}

/// Some headers: of one family, or of both.
fn burst(input: &mut Input<'_>) -> Vec<Header> {
    let kind = input.octet();
    let count = usize::from(kind) % BURST + 1;
    let family = |n: usize| if kind & 128 == 0 || n.is_multiple_of(3) { Family::V4 } else { Family::V6 };
    (0..count).map(|n| header(input, family(n))).collect()
}

/// The first of the rules in order that matches: what everything is held to.
fn first(rules: &[(RuleId, Entry)], header: &Header) -> Option<RuleId> {
    let matching = rules.iter().filter(|(_, entry)| entry.rule.pattern.matches(header));
    matching.min_by_key(|(_, entry)| entry.order).map(|(id, _)| *id)
}

type Named = (&'static str, Box<dyn Engine>, FlowCache);

/// All engines with the same rules, each with a cache; and a cache that all share.
struct Engines {
    table: RuleTable,
    rules: Vec<(RuleId, Entry)>,
    engines: Vec<Named>,
    shared: FlowCache,
    generation: u64,
}

fn engine(name: &str, seed: u64) -> Box<dyn Engine> {
    match name {
        "linear" => Box::new(Linear::new()),
        "tuple space" => Box::new(TupleSpace::new(seed)),
        "TupleMerge" => Box::new(TupleMerge::new(seed)),
        _ => Box::new(BitVector::new(seed)),
    }
}

impl Engines {
    fn new(seed: u8) -> Self {
        let names = ["linear", "tuple space", "TupleMerge", "bit vectors"];
        let cache = || FlowCache::new(64, u64::from(seed));
        Self {
            table: RuleTable::new(RULES),
            rules: Vec::new(),
            engines: names.map(|name| (name, engine(name, u64::from(seed)), cache())).into(),
            shared: cache(),
            generation: 0,
        }
    }

    fn act(&mut self, input: &mut Input<'_>) {
        match input.octet() {
            // A batch: changes, and a generation of its own.
            batch @ 0..=159 => {
                self.generation += 1;
                for _ in 0..=batch % 16 {
                    self.change(input);
                }
            }
            // Another engine of a kind, with the same rules.
            swap @ 160..=175 => {
                let at = usize::from(swap) % self.engines.len();
                let (name, fresh, _) = &mut self.engines[at];
                *fresh = engine(name, u64::from(input.octet()));
                self.rules.iter().for_each(|(id, entry)| fresh.insert(*id, entry));
            }
            // What changes left to be done: a little of it, or all.
            settle @ 176..=191 => {
                let budget = usize::from(input.octet() & 31) + 1;
                for (name, engine, _) in &mut self.engines {
                    let mut steps = 0;
                    while !engine.settle(budget) && settle & 1 == 0 {
                        steps += 1;
                        assert!(steps < SETTLED, "{name} is never done");
                    }
                }
            }
            _ => self.look(&burst(input)),
        }
    }

    fn change(&mut self, input: &mut Input<'_>) {
        let what = input.octet();
        if what & 3 == 0 && !self.rules.is_empty() {
            let (id, entry) = self.rules.swap_remove(usize::from(what >> 2) % self.rules.len());
            assert_eq!(self.table.remove(id), Some(entry));
            self.engines.iter_mut().for_each(|(_, engine, _)| engine.remove(id, &entry));
        } else {
            // Many of a kind, that differ in one port: what lists and bit vectors are for.
            let rule = rule(input);
            let many = if what & 0xf0 == 0xf0 { 40 } else { 1 };
            for n in 0..many {
                let mut rule = rule;
                rule.pattern.source_ports.first = rule.pattern.source_ports.first.saturating_add(n);
                if let Ok(id) = self.table.insert(rule) {
                    let entry = *self.table.get(id).expect("just inserted");
                    self.engines.iter_mut().for_each(|(_, engine, _)| engine.insert(id, &entry));
                    self.rules.push((id, entry));
                }
            }
        }
    }

    fn look(&mut self, headers: &[Header]) {
        let due: Vec<_> = headers.iter().map(|header| first(&self.rules, header)).collect();
        let generation = self.generation;
        for (name, engine, cache) in &mut self.engines {
            let mut found = vec![Some(RuleId(u32::MAX)); headers.len()];
            engine.lookup_batch(headers, &mut found);
            assert_eq!(found, due, "{name}");
            found.fill(Some(RuleId(u32::MAX)));
            cache.lookup_batch(generation, engine.as_ref(), headers, &mut found);
            assert_eq!(found, due, "{name} with a cache");
            self.shared.lookup_batch(generation, engine.as_ref(), headers, &mut found);
            assert_eq!(found, due, "{name} with the cache of all");
            for (header, due) in headers.iter().zip(&due).take(8) {
                assert_eq!(engine.lookup(header), *due, "{name}, one by one");
                assert_eq!(cache.lookup(generation, engine.as_ref(), header), *due, "{name} with a cache, one by one");
            }
        }
    }
}

/// The rules behind a classifier, and what they were before the batch that is under way.
struct Book {
    book: Rulebook,
    classifier: ClassifierRef,
    before: Vec<(RuleId, Entry)>,
    now: Vec<(RuleId, Entry)>,
}

fn bind(object: swapper::Object) -> ClassifierRef {
    swapper::standalone::<dyn Classifier>(object).expect("it is a classifier")
}

fn all(book: &Rulebook) -> Vec<(RuleId, Entry)> {
    book.rules().from(None).expect("all").map(|(id, entry)| (id, *entry)).collect()
}

impl Book {
    fn new(implementation: u8) -> Self {
        let known = implementations();
        let book = Rulebook::new(&known[usize::from(implementation) % known.len()], [7; 16]);
        let classifier = bind(book.object());
        Self { book, classifier, before: Vec::new(), now: Vec::new() }
    }

    fn act(&mut self, input: &mut Input<'_>) {
        match input.octet() {
            batch @ 0..=95 => {
                let mut changes = Vec::new();
                for line in 0..=u32::from(batch % 16) {
                    let what = input.octet();
                    let change = match self.now.get(usize::from(what >> 2)) {
                        Some((id, _)) if what & 3 == 0 => Change::Delete(*id),
                        _ => Change::Add(self.rule(input)),
                    };
                    changes.push((line, change));
                }
                if self.now.len() + changes.len() <= RULES && self.book.begin(Batch::Change(changes)).is_ok() {
                    self.bring_into_force(input);
                }
            }
            replacement @ 96..=111 => {
                let mut rules = protocols::classification::classifier::Ruleset::new();
                for _ in 0..replacement - 96 {
                    rules.insert(self.rule(input)).expect("there is room, and the rule is valid");
                }
                self.book.begin(Batch::Replace(rules)).expect("nothing is under way");
                self.bring_into_force(input);
            }
            swap @ 112..=143 => {
                let known = implementations();
                let next = &known[usize::from(swap) % known.len()];
                self.book.prepare(next).expect("nothing is under way");
                let mut last = Step::More;
                while last != Step::Prepared {
                    last = self.book.step(3);
                }
                let object = self.book.prepared().expect("it was made ready");
                let committed = input.octet() & 3 != 0;
                if committed {
                    self.classifier = bind(object);
                }
                self.book.swapped(committed);
            }
            _ => {
                let headers = burst(input);
                let found = self.look(&headers);
                assert_eq!(found, expected(&self.now, &headers), "{}", self.book.implementation().name);
            }
        }
    }

    /// A rule for what comes in, without connection tracking, which would make it depend on what was seen before.
    fn rule(&self, input: &mut Input<'_>) -> Rule {
        let mut rule = rule(input);
        rule.pattern.tracking = TrackingSet::ANY;
        rule
    }

    fn bring_into_force(&mut self, input: &mut Input<'_>) {
        self.before = std::mem::take(&mut self.now);
        let headers = burst(input);
        let old = expected(&self.before, &headers);
        let mut seen = Vec::new();
        loop {
            let step = self.book.step(usize::from(input.octet() & 7) + 1);
            seen.push(self.look(&headers));
            if step == Step::InForce {
                break;
            }
        }
        self.now = all(&self.book);
        let new = expected(&self.now, &headers);
        // The whole burst by the old rules or by the new ones; and once by the new, never again by the old.
        let switch = seen.iter().position(|found| *found != old).unwrap_or(seen.len());
        assert!(seen[switch..].iter().all(|found| *found == new), "{}: a third set", self.book.implementation().name);
        assert_eq!(self.look(&headers), new);
    }

    /// What a burst of frames meets.
    fn look(&self, headers: &[Header]) -> Vec<(Option<RuleId>, Verdict)> {
        self.classifier.refresh();
        let look = |header: &Header| {
            let octets = packet(header);
            let packet = Packet { octets: &octets, length: octets.len(), interface: header.interface };
            assert_eq!(packet.read().map(|read| read.header), Some(*header), "the packet says what the header does");
            let decision = self.classifier.incoming(&packet, &|| false, 1_000_000);
            (decision.rule, decision.verdict)
        };
        headers.iter().map(|header| look(&Header { tracking: Tracking::New, ..*header })).collect()
    }
}

fn expected(rules: &[(RuleId, Entry)], headers: &[Header]) -> Vec<(Option<RuleId>, Verdict)> {
    let one = |header: &Header| {
        let found = first(rules, &Header { tracking: Tracking::New, ..*header });
        let entry = rules.iter().find(|(id, _)| Some(*id) == found);
        (found, entry.map_or(Verdict::Accept, |(_, entry)| entry.rule.action.verdict))
    };
    headers.iter().map(one).collect()
}

/// A packet with this header.
fn packet(header: &Header) -> Vec<u8> {
    let mut packet = match header.family {
        Family::V4 => {
            let mut packet = vec![0x45, header.dscp << 2, 0, 0, 0, 0, 0, 0, 64, header.protocol, 0, 0];
            packet.extend_from_slice(&header.source.to_be_bytes()[..4]);
            packet.extend_from_slice(&header.destination.to_be_bytes()[..4]);
            packet
        }
        Family::V6 => {
            let class = header.dscp << 2;
            let mut packet = vec![0x60 | class >> 4, class << 4, 0, 0, 0, 20, header.protocol, 64];
            packet.extend_from_slice(&header.source.to_be_bytes());
            packet.extend_from_slice(&header.destination.to_be_bytes());
            packet
        }
    };
    packet.extend_from_slice(&header.source_port.to_be_bytes());
    packet.extend_from_slice(&header.destination_port.to_be_bytes());
    packet.extend_from_slice(&[0; 8]);
    packet.extend_from_slice(&[0x50, header.flags, 0, 0, 0, 0, 0, 0]);
    packet
}
