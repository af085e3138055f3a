//! The guarantee, and a copy of the classifier without it: the first never shows a third verdict, the second does.
//!
//! The race is between a frame that has found its rule and a batch that takes the rule's index for another one. The Rep takes
//! rule and action from one table; the copy takes each from the table in force.

use alloc::sync::Arc;

use super::bench::*;
use crate::classification::classifier::root::Root;
use crate::classification::classifier::snapshot::Snapshot;
use crate::classification::{
    BitVector, Engine, FlowCache, Header, Linear, RuleId, RuleTable, TupleMerge, TupleSpace, Verdict,
};

/// The tables of two generations. By the old one the frame to port 1 is accepted, by the new one also; but the index of the rule by
/// which the old one accepts it belongs, in the new one, to a rule that drops port 2.
fn tables<E: Engine>(make: fn(u64) -> E) -> (Snapshot<E>, Snapshot<E>) {
    let table = |generation, rules: [&str; 2]| {
        let mut ids = RuleTable::new(8);
        let mut snapshot = Snapshot::new(make(1), make(1));
        for text in rules {
            let id = ids.insert(rule(text)).expect("there is room");
            snapshot.insert(id, ids.get(id).expect("inserted"), generation as u32, None);
        }
        snapshot.generation = generation;
        snapshot
    };
    (table(1, ["10 udp dport 1 accept", "20 drop"]), table(2, ["10 udp dport 2 drop", "20 accept"]))
}

/// The frame to port 1.
fn header() -> Header {
    shown(&udp([10, 0, 0, 1], [10, 0, 0, 2], (9, 1))).read().expect("it is whole").header
}

/// One table for the whole frame, as the Rep does it. `between` happens between the two halves of the lookup.
fn whole<E: Engine>(root: &Root<E>, between: impl FnOnce(&Root<E>)) -> Verdict {
    let table = root.table();
    let found = table.incoming.lookup(&header());
    between(root);
    found.map_or(Verdict::Accept, |id: RuleId| table.action(id).verdict)
}

/// A table for each half.
fn torn<E: Engine>(root: &Root<E>, between: impl FnOnce(&Root<E>)) -> Verdict {
    let found = root.table().incoming.lookup(&header());
    between(root);
    found.map_or(Verdict::Accept, |id| root.table().action(id).verdict)
}

/// The verdicts of both, while a batch comes into force between the halves.
fn verdicts<E: Engine>(make: fn(u64) -> E) -> [Verdict; 2] {
    let run = |look: fn(&Root<E>, Batch<E>) -> Verdict| {
        let (old, new) = tables(make);
        look(&Root::new(Arc::new(old), [0; 16], false), Batch(new))
    };
    // Neither set alone drops it.
    let (old, new) = tables(make);
    for table in [old, new] {
        let found = table.incoming.lookup(&header()).expect("there is a rule");
        assert_eq!(table.action(found).verdict, Verdict::Accept);
    }
    [
        run(|root, batch| whole(root, |root| batch.comes_into_force(root))),
        run(|root, batch| torn(root, |root| batch.comes_into_force(root))),
    ]
}

struct Batch<E>(Snapshot<E>);

impl<E> Batch<E> {
    fn comes_into_force(self, root: &Root<E>) {
        root.exchange(Arc::new(self.0));
    }
}

#[test]
fn a_frame_that_takes_rule_and_action_from_one_table_gets_no_third_verdict_and_another_does() {
    let all =
        [verdicts(|_| Linear::new()), verdicts(TupleSpace::new), verdicts(TupleMerge::new), verdicts(BitVector::new)];
    for [whole, torn] in all {
        assert_eq!(whole, Verdict::Accept);
        assert_eq!(torn, Verdict::Drop, "this test must provoke the race");
    }
}

/// The verdict by way of a cache that has seen the frame under the old table, looked up under the new one as of `generation`.
fn cached<E: Engine>(make: fn(u64) -> E, generation: fn(u64) -> u64) -> Verdict {
    let (old, new) = tables(make);
    let mut cache = FlowCache::new(64, 1);
    let verdict = |cache: &mut FlowCache, table: &Snapshot<E>| {
        let found = cache.lookup(generation(table.generation), &table.incoming, &header()).expect("there is a rule");
        table.action(found).verdict
    };
    assert_eq!(verdict(&mut cache, &old), Verdict::Accept);
    verdict(&mut cache, &new)
}

#[test]
fn cached_verdicts_die_with_their_table_and_without_the_tag_they_turn_into_third_ones() {
    let all = |generation| {
        [
            cached(|_| Linear::new(), generation),
            cached(TupleSpace::new, generation),
            cached(TupleMerge::new, generation),
            cached(BitVector::new, generation),
        ]
    };
    assert_eq!(all(|generation| generation), [Verdict::Accept; 4]);
    assert_eq!(all(|_| 1), [Verdict::Drop; 4], "this test must provoke the race");
}
