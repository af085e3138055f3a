//! Every engine against the linear one, with and without a cache, over generated sets: also while rules change and engines are exchanged.
//! (`cargo xtask bench classifier` does the same with a million headers.)

use alloc::{vec, vec::Vec};

use super::{super::*, engines};
use crate::classification::{
    Family, FlowCache, Header, RuleId, RuleTable,
    generate::{Kind, Set, headers},
};
use crate::sim::Rng;

const KINDS: [Kind; 4] = [Kind::Acl, Kind::Firewall, Kind::Chain, Kind::Ranges];

fn answers(engine: &dyn Engine, headers: &[Header]) -> Vec<Option<RuleId>> {
    let mut found = vec![Some(RuleId(u32::MAX)); headers.len()];
    engine.lookup_batch(headers, &mut found);
    found
}

#[test]
fn engines_agree_over_generated_sets() {
    for (kind, family) in KINDS.iter().flat_map(|kind| [Family::V4, Family::V6].map(|family| (*kind, family))) {
        let rules = Set { kind, rules: 1500, family, seed: 11, ..Set::default() }.generate();
        let traffic = headers(&rules, 8000, 12);
        let mut table = RuleTable::new(rules.len());
        let mut oracle = Linear::new();
        let mut others = engines();
        for rule in &rules {
            let id = table.insert(*rule).expect("room");
            let entry = table.get(id).expect("inserted");
            oracle.insert(id, entry);
            others.iter_mut().for_each(|(_, engine)| engine.insert(id, entry));
        }
        let due = answers(&oracle, &traffic);
        // (The other kinds may have a rule for everything.)
        assert!(kind != Kind::Acl || due.contains(&None), "some meet nothing");
        let mut cache = FlowCache::new(256, 5);
        for (generation, (name, engine)) in others.iter().enumerate() {
            let found = answers(engine.as_ref(), &traffic);
            assert!(found == due, "{name}, {kind:?}, {family:?}");
            let mut found = vec![None; traffic.len()];
            cache.lookup_batch(generation as u64, engine.as_ref(), &traffic, &mut found);
            assert!(found == due, "{name} with a cache, {kind:?}, {family:?}");
            let single = traffic.iter().step_by(7).zip(due.iter().step_by(7));
            single.for_each(|(header, due)| assert_eq!(engine.lookup(header), *due, "{name}, {header:?}"));
        }
    }
}

/// The engine in use changes all the time, the rules too; the cache stays. Rules are inserted where others were removed.
#[test]
fn engines_agree_while_rules_and_engines_are_exchanged() {
    let mut rng = Rng::new(21);
    let mut rules: Vec<_> = [Kind::Acl, Kind::Firewall, Kind::Ranges]
        .iter()
        .flat_map(|kind| Set { kind: *kind, rules: 400, seed: 22, ..Set::default() }.generate())
        .collect();
    rules.extend(Set { kind: Kind::Chain, rules: 200, family: Family::V6, ..Set::default() }.generate());
    let traffic = headers(&rules, 1000, 23);
    let mut table = RuleTable::new(rules.len());
    let mut oracle = Linear::new();
    let mut others = engines();
    let mut cache = FlowCache::new(64, 5);
    let mut present: Vec<RuleId> = Vec::new();
    for generation in 0..120 {
        // Batches that first fill the table, then keep its size, then empty it.
        for _ in 0..60 {
            let insert = rng.below(100) < [80, 50, 15][generation / 40];
            if insert && let Ok(id) = table.insert(rules[rng.below(rules.len() as u64) as usize]) {
                let entry = table.get(id).expect("inserted");
                oracle.insert(id, entry);
                others.iter_mut().for_each(|(_, engine)| engine.insert(id, entry));
                present.push(id);
            } else if !present.is_empty() {
                let id = present.swap_remove(rng.below(present.len() as u64) as usize);
                let entry = table.remove(id).expect("present");
                oracle.remove(id, &entry);
                others.iter_mut().for_each(|(_, engine)| {
                    engine.remove(id, &entry);
                    engine.remove(id, &entry);
                });
            }
        }
        let at = rng.below(900) as usize;
        let traffic = &traffic[at..at + 100];
        let due = answers(&oracle, traffic);
        for _ in 0..4 {
            let (name, engine) = &others[rng.below(others.len() as u64) as usize];
            assert!(answers(engine.as_ref(), traffic) == due, "{name}, generation {generation}");
            let mut found = vec![None; traffic.len()];
            cache.lookup_batch(generation as u64, engine.as_ref(), traffic, &mut found);
            assert!(found == due, "{name} with a cache, generation {generation}");
        }
    }
}

#[test]
fn what_was_removed_takes_no_room_for_ever() {
    let rules = Set { kind: Kind::Chain, rules: 500, ..Set::default() }.generate();
    for (name, mut engine) in engines() {
        let mut most = 0;
        for round in 0..30 {
            let mut table = RuleTable::new(rules.len());
            let ids: Vec<RuleId> = rules.iter().map(|rule| table.insert(*rule).expect("room")).collect();
            ids.iter().for_each(|id| engine.insert(*id, table.get(*id).expect("inserted")));
            if round == 2 {
                most = engine.memory();
            }
            for id in ids {
                engine.remove(id, &table.remove(id).expect("inserted"));
            }
        }
        assert!(engine.memory() <= most, "{name}: {} then {most}", engine.memory());
        assert_eq!(engine.lookup(&Header::v4(1, 2, 6, (3, 4))), None);
    }
}
