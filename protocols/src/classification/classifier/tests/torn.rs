//! The guarantee, and a copy of the classifier without it: the first never shows a third verdict, the second does.
//!
//! The race is between a frame that has found its rule and a batch that takes the rule's index for another one. The Rep takes
//! rule and action from one table; the copy takes each from the table in force.

use alloc::sync::Arc;

use super::bench::*;
use crate::classification::classifier::root::Root;
use crate::classification::classifier::snapshot::Snapshot;
use crate::classification::{Engine, FlowCache, Header, Linear, RuleId, RuleTable, Verdict};

/// The tables of two generations. By the old one the frame to port 1 is accepted, by the new one also; but the index of the rule by
/// which the old one accepts it belongs, in the new one, to a rule that drops port 2.
fn tables() -> (Snapshot<Linear>, Snapshot<Linear>) {
    let table = |generation, rules: [&str; 2]| {
        let mut ids = RuleTable::new(8);
        let mut snapshot = Snapshot::new(Linear::new(), Linear::new());
        for text in rules {
            let id = ids.insert(rule(text)).expect("there is room");
            snapshot.insert(id, ids.get(id).expect("inserted"), generation as u32, None);
        }
        snapshot.generation = generation;
        snapshot
    };
    (table(1, ["10 udp dport 1 accept", "20 drop"]), table(2, ["10 udp dport 2 drop", "20 accept"]))
}

/// What happens between the two halves of a lookup.
trait Between {
    fn happen(&self, root: &Root<Linear>);
}

/// A batch comes into force.
struct Batch(core::cell::RefCell<Option<Snapshot<Linear>>>);

impl Between for Batch {
    fn happen(&self, root: &Root<Linear>) {
        if let Some(table) = self.0.borrow_mut().take() {
            root.exchange(Arc::new(table));
        }
    }
}

/// One table for the whole frame, as the Rep does it.
fn whole(root: &Root<Linear>, header: &Header, between: &dyn Between) -> Verdict {
    let table = root.table();
    let found = table.incoming.lookup(header);
    between.happen(root);
    found.map_or(Verdict::Accept, |id: RuleId| table.action(id).verdict)
}

/// A table for each half.
fn torn(root: &Root<Linear>, header: &Header, between: &dyn Between) -> Verdict {
    let found = root.table().incoming.lookup(header);
    between.happen(root);
    found.map_or(Verdict::Accept, |id| root.table().action(id).verdict)
}

#[test]
fn a_frame_that_takes_rule_and_action_from_one_table_gets_no_third_verdict_and_another_does() {
    let header = shown(&udp([10, 0, 0, 1], [10, 0, 0, 2], (9, 1))).read().expect("it is whole").header;
    let run = |look: fn(&Root<Linear>, &Header, &dyn Between) -> Verdict| {
        let (old, new) = tables();
        let root = Root::new(Arc::new(old), [0; 16], false);
        look(&root, &header, &Batch(core::cell::RefCell::new(Some(new))))
    };
    assert_eq!(run(whole), Verdict::Accept);
    assert_eq!(run(torn), Verdict::Drop, "this test must provoke the race");
    // Neither set alone drops it.
    let (old, new) = tables();
    for table in [old, new] {
        let found = table.incoming.lookup(&header).expect("there is a rule");
        assert_eq!(table.action(found).verdict, Verdict::Accept);
    }
}

/// The verdict by way of a cache that has seen the frame under the old table, looked up under the new one as of `generation`.
fn cached(generation: fn(&Snapshot<Linear>) -> u64) -> Verdict {
    let header = shown(&udp([10, 0, 0, 1], [10, 0, 0, 2], (9, 1))).read().expect("it is whole").header;
    let (old, new) = tables();
    let mut cache = FlowCache::new(64, 1);
    let verdict = |cache: &mut FlowCache, table: &Snapshot<Linear>| {
        let found = cache.lookup(generation(table), &table.incoming, &header).expect("there is a rule");
        table.action(found).verdict
    };
    assert_eq!(verdict(&mut cache, &old), Verdict::Accept);
    verdict(&mut cache, &new)
}

#[test]
fn cached_verdicts_die_with_their_table_and_without_the_tag_they_turn_into_third_ones() {
    assert_eq!(cached(|table| table.generation), Verdict::Accept);
    assert_eq!(cached(|_| 1), Verdict::Drop, "this test must provoke the race");
}
