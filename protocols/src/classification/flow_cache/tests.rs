use alloc::{vec, vec::Vec};

use super::usefulness::{ASIDE, LONGEST, TRIAL};
use super::*;
use crate::classification::{Entry, Linear, Pattern, Ports, Rule, RuleTable, Verdict, rule::Action};

/// An engine that says for every header what it was told to.
struct Always(Option<RuleId>);

impl Engine for Always {
    fn insert(&mut self, _: RuleId, _: &Entry) {}
    fn remove(&mut self, _: RuleId, _: &Entry) {}
    fn lookup(&self, _: &Header) -> Option<RuleId> {
        self.0
    }
    fn memory(&self) -> usize {
        0
    }
}

fn headers() -> [Header; 3] {
    let v4 = Header::v4(1, 2, 6, (3, 4));
    [
        v4,
        Header { tracking: crate::classification::Tracking::Established, ..v4 },
        Header::v6(1 << 96, 2 << 96, 6, (3, 4)),
    ]
}

#[test]
fn what_is_known_dies_with_its_generation() {
    let mut cache = FlowCache::new(64, 1);
    let [one, two, nothing] = [Always(Some(RuleId(1))), Always(Some(RuleId(2))), Always(None)];
    for header in headers() {
        assert_eq!(cache.lookup(1, &one, &header), Some(RuleId(1)));
        assert_eq!(cache.lookup(1, &two, &header), Some(RuleId(1)), "the engine is not asked again");
        assert_eq!(cache.lookup(2, &nothing, &header), None);
        assert_eq!(cache.lookup(2, &one, &header), None, "nothing is known as well");
        assert_eq!(cache.lookup(3, &two, &header), Some(RuleId(2)));
    }
}

#[test]
fn every_field_is_part_of_the_flow() {
    let mut cache = FlowCache::new(64, 1);
    let one = Always(Some(RuleId(1)));
    let base = Header::v4(1, 2, 6, (3, 4));
    cache.lookup(1, &one, &base);
    for other in [
        Header::v4(9, 2, 6, (3, 4)),
        Header::v4(1, 9, 6, (3, 4)),
        Header::v4(1, 2, 9, (3, 4)),
        Header::v4(1, 2, 6, (9, 4)),
        Header::v4(1, 2, 6, (3, 9)),
        Header { flags: 1, ..base },
        Header { dscp: 1, ..base },
        Header { interface: 1, ..base },
        headers()[1],
        headers()[2],
    ] {
        assert_eq!(cache.lookup(1, &Always(None), &other), None, "{other:?}");
    }
}

#[test]
fn a_flow_that_comes_again_is_not_driven_out_by_those_that_do_not() {
    let mut cache = FlowCache::new(64, 1);
    let flow = |n: u32| Header::v4(n, !n, 6, (1, 2));
    let known = Always(Some(RuleId(7)));
    cache.lookup(1, &known, &flow(0));
    cache.lookup(1, &known, &flow(0));
    (1..2000).for_each(|n| assert_eq!(cache.lookup(1, &Always(None), &flow(n)), None));
    assert_eq!(cache.lookup(1, &Always(None), &flow(0)), Some(RuleId(7)));
}

#[test]
fn it_steps_aside_and_comes_back() {
    let mut cache = FlowCache::new(64, 1);
    let mut run = |lookups: u32, flows: u32| {
        let flow = |n: u32| Header::v4(n % flows, 0, 6, (0, 0));
        (0..lookups).for_each(|n| assert_eq!(cache.lookup(1, &Always(None), &flow(n)), None));
        cache.usefulness.is_used()
    };
    // Flows that never come again: each time that it tries in vain, it stays away for longer.
    assert!(!run(2 * TRIAL, u32::MAX));
    let mut pause = ASIDE;
    for _ in 0..6 {
        assert!(!run(pause - 1, u32::MAX) && run(1, u32::MAX));
        assert!(!run(2 * TRIAL, u32::MAX));
        pause = (2 * pause).min(LONGEST);
    }
    // Few flows: it stays.
    assert!(run(pause, 8) && run(6 * TRIAL, 8));
    // And forgets that it was in vain once.
    assert!(!run(TRIAL, u32::MAX) && !run(ASIDE - 1, u32::MAX) && run(1, u32::MAX));
}

#[test]
fn a_generation_of_long_ago_does_not_come_to_life() {
    for header in headers() {
        let mut cache = FlowCache::new(64, 1);
        assert_eq!(cache.lookup(1, &Always(Some(RuleId(1))), &header), Some(RuleId(1)));
        // After 2^16 generations the places have seen every tag.
        let tag = cache.tag;
        (2..(1 << 16) + 1).for_each(|generation| cache.begin(generation));
        assert_eq!(cache.lookup((1 << 16) + 1, &Always(None), &header), None);
        assert_eq!(cache.tag, tag);
        assert_eq!(cache.lookup(1, &Always(None), &header), None, "nor when it comes back itself");
    }
}

#[test]
fn of_flows_that_come_again_a_new_one_drives_out_one() {
    let mut cache = FlowCache::new(64, 1);
    let flow = |n: u32| Header::v4(n, !n, 6, (1, 2));
    // More than there is room for, each of them twice in a row: later ones find their place all the same.
    for n in 0..2000 {
        cache.lookup(1, &Always(Some(RuleId(n))), &flow(n));
        assert_eq!(cache.lookup(1, &Always(None), &flow(n)), Some(RuleId(n)));
    }
    let known = (0..2000).filter(|n| cache.clone().lookup(1, &Always(None), &flow(*n)).is_some());
    assert!(known.count() > 64);
}

#[test]
fn batches_are_what_single_lookups_are() {
    let mut table = RuleTable::new(100);
    let mut engine = Linear::new();
    for port in 0..50 {
        let pattern = Pattern { destination_ports: Ports::one(port), ..Pattern::ANY };
        let id = table.insert(Rule { priority: 0, pattern, action: Action::of(Verdict::Drop) }).expect("room");
        engine.insert(id, table.get(id).expect("inserted"));
    }
    let header = |n: u16| {
        if n.is_multiple_of(3) { Header::v6(5, 6, 6, (1, n % 70)) } else { Header::v4(5, 6, 6, (1, n % 70)) }
    };
    let headers: Vec<Header> = (0..1000).map(header).collect();
    let mut cache = FlowCache::new(64, 1);
    let mut found = vec![Some(RuleId(999)); 1000];
    for _ in 0..3 {
        cache.lookup_batch(1, &engine, &headers, &mut found);
        for (header, found) in headers.iter().zip(&found) {
            assert_eq!(*found, engine.lookup(header));
        }
    }
}
