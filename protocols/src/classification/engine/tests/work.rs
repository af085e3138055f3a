//! No change of a rule moves many others: neither while tables are filled nor while they are emptied again.

use alloc::vec::Vec;

use super::{super::*, engines};
use crate::classification::{
    RuleId, RuleTable,
    generate::{Kind, Set},
};

/// Rules, buckets and slots that one change may move.
const MOST: usize = 1_200;

#[test]
fn one_change_moves_few_rules_however_many_there_are() {
    for (kind, count) in [(Kind::Acl, 30_000), (Kind::Firewall, 10_000), (Kind::Ranges, 10_000)] {
        let rules = Set { kind, rules: count, ..Set::default() }.generate();
        for (name, mut engine) in engines() {
            let mut table = RuleTable::new(rules.len());
            let ids: Vec<RuleId> = rules.iter().map(|rule| table.insert(*rule).expect("room")).collect();
            let mut most = 0;
            work::take();
            for id in &ids {
                engine.insert(*id, table.get(*id).expect("inserted"));
                most = most.max(work::take());
            }
            while !engine.settle(8) {
                most = most.max(work::take());
            }
            assert!(engine.settle(8), "nothing is left");
            for id in ids {
                engine.remove(id, &table.remove(id).expect("inserted"));
                most = most.max(work::take());
            }
            assert!((1..=MOST).contains(&most), "{name}, {kind:?}: {most}");
        }
    }
}
