//! What is measured: sets, engines, traffic.

use crate::jobs::Setting;
use protocols::{
    classification::{
        BitVector, Engine, Header, Linear, Rule, RuleId, RuleTable, TupleMerge, TupleSpace,
        generate::{Kind, Set, Zipf, flows},
    },
    sim::Rng,
};

/// A rule set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Case {
    pub kind: Kind,
    pub rules: usize,
}

/// ClassBench's kinds with the least rates promised, in millions a second, at each of [`SIZES`].
pub const KINDS: [(Kind, [f64; 3]); 3] =
    [(Kind::Acl, [15.0, 9.0, 5.0]), (Kind::Firewall, [11.0, 7.0, 2.5]), (Kind::Chain, [12.0, 4.0, 2.0])];
/// Numbers of rules.
pub const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

impl Case {
    /// Every case.
    pub fn all() -> Vec<Self> {
        let kinds = KINDS.map(|(kind, _)| kind).into_iter().chain([Kind::Ranges]);
        kinds.flat_map(|kind| SIZES.map(|rules| Self { kind, rules })).collect()
    }

    /// Those that are to be measured: of at most so many rules when it shall be quick.
    pub fn chosen(setting: &Setting, quick: usize) -> Vec<Self> {
        let only = &setting.only;
        let named = |case: &Self| only.is_empty() || only.contains(&case.word());
        Self::all().into_iter().filter(|case| named(case) && (!setting.quick || case.rules <= quick)).collect()
    }

    pub fn name(self) -> String {
        let kind = match self.kind {
            Kind::Acl => "acl",
            Kind::Firewall => "fw",
            Kind::Chain => "ipc",
            Kind::Ranges => "ranges",
        };
        format!("{kind} {}k", self.rules / 1000)
    }

    /// Its name as an option takes it.
    fn word(self) -> String {
        self.name().replace(' ', "-")
    }

    pub fn generate(self) -> Vec<Rule> {
        Set { kind: self.kind, rules: self.rules, seed: 2026, ..Set::default() }.generate()
    }
}

/// Fails unless all of `only` name cases.
pub fn known(only: &[String]) -> Result<(), String> {
    let words: Vec<String> = Case::all().into_iter().map(Case::word).collect();
    match only.iter().find(|name| !words.contains(name)) {
        Some(name) => Err(format!("there is no set {name:?}; the sets are: {}", words.join(", "))),
        None => Ok(()),
    }
}

/// Engines by name. The linear one is measured where it ends in reasonable time.
pub const ENGINES: [&str; 4] = ["TupleMerge", "bit vectors", "tuple space", "linear"];
/// Added to an engine's name.
pub const CACHED: &str = " + cache";
/// The number of flows that the cache holds.
pub const CACHE: usize = 32_768;

pub fn engine(name: &str) -> Box<dyn Engine> {
    match name {
        "TupleMerge" => Box::new(TupleMerge::new(SEED)),
        "bit vectors" => Box::new(BitVector::new(SEED)),
        "tuple space" => Box::new(TupleSpace::new(SEED)),
        _ => Box::new(Linear::new()),
    }
}

pub const SEED: u64 = 0x5eed;

/// A table of rules.
pub fn table(rules: &[Rule]) -> (RuleTable, Vec<RuleId>) {
    let mut table = RuleTable::new(rules.len());
    let ids = rules.iter().map(|rule| table.insert(*rule).expect("there is room, and rules are valid")).collect();
    (table, ids)
}

/// An engine with the rules of the table.
pub fn filled(name: &str, table: &RuleTable) -> Box<dyn Engine> {
    let mut engine = engine(name);
    table.iter().for_each(|(id, entry)| engine.insert(id, entry));
    while !engine.settle(usize::MAX) {}
    engine
}

/// Flows of the traffic.
const FLOWS: usize = 200_000;

/// Traffic by name: uniform, Zipf.
pub fn traffic(rules: &[Rule], packets: usize) -> [(&'static str, Vec<Header>); 2] {
    let flows = flows(rules, FLOWS, 7);
    let (mut rng, zipf) = (Rng::new(8), Zipf::new(FLOWS));
    let uniform = (0..packets).map(|_| flows[rng.below(FLOWS as u64) as usize]).collect();
    [("uniform", uniform), ("Zipf", (0..packets).map(|_| flows[zipf.next(&mut rng)]).collect())]
}
