//! Arbitrary rules and headers, so close together that they meet often, in arbitrary order.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::{super::*, engines};
use crate::classification::{
    Action, Bits, Family, Header, Pattern, Ports, Prefix, Rule, RuleId, RuleTable, Tracking, TrackingSet, Verdict,
};

/// Addresses that differ in few bits, at both ends.
fn address() -> impl Strategy<Value = u128> {
    (0..4_u128, 0..4_u128).prop_map(|(high, low)| high << 126 | low << 96 | low)
}

fn prefix(longest: u8) -> impl Strategy<Value = Prefix> {
    let length = prop_oneof![Just(0), Just(1), Just(2), Just(31), Just(32), 0..=128_u8];
    (address(), length).prop_map(move |(address, length)| Prefix::new(address, length.min(longest)))
}

fn ports() -> impl Strategy<Value = Ports> {
    let range = (0..8_u16, 0..8_u16).prop_map(|(first, last)| Ports { first, last });
    prop_oneof![3 => Just(Ports::ANY), 3 => (0..8_u16).prop_map(Ports::one), 3 => range, 1 => Just(Ports { first: 3, last: u16::MAX })]
}

fn some(values: core::ops::Range<u8>) -> impl Strategy<Value = Option<u8>> {
    prop_oneof![2 => Just(None), 1 => values.prop_map(Some)]
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let family = prop_oneof![4 => Just(Some(Family::V4)), 2 => Just(Some(Family::V6)), 1 => Just(None)];
    let tracking = prop_oneof![3 => Just(TrackingSet::ANY), 1 => Just(TrackingSet::NONE.with(Tracking::Established)), 1 => Just(TrackingSet::NONE)];
    let bits =
        prop_oneof![3 => Just(Bits::ANY), 1 => (0..4_u8, 0..4_u8).prop_map(|(mask, value)| Bits { mask, value })];
    let small = (some(6..9), bits, some(0..2), some(0..2), tracking);
    (family, ports(), ports(), small).prop_flat_map(|(family, source_ports, destination_ports, small)| {
        let (protocol, flags, dscp, interface, tracking) = small;
        let longest = family.map_or(0, Family::bits);
        (prefix(longest), prefix(longest)).prop_map(move |(source, destination)| Pattern {
            family,
            source,
            destination,
            source_ports,
            destination_ports,
            protocol,
            flags,
            dscp,
            interface,
            tracking,
        })
    })
}

fn header() -> impl Strategy<Value = Header> {
    let tracking = prop_oneof![Just(Tracking::New), Just(Tracking::Established)];
    let small = (6..9_u8, 0..4_u8, 0..2_u8, 0..2_u8, tracking);
    (address(), address(), 0..9_u16, 0..9_u16, any::<bool>(), small).prop_map(
        |(source, destination, sp, dp, v4, small)| {
            let (protocol, flags, dscp, interface, tracking) = small;
            let mask = if v4 { u128::MAX << 96 } else { u128::MAX };
            Header {
                source: source & mask,
                destination: destination & mask,
                family: if v4 { Family::V4 } else { Family::V6 },
                protocol,
                flags,
                dscp,
                interface,
                tracking,
                ..Header::v4(0, 0, 0, (sp, dp))
            }
        },
    )
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u32, Pattern),
    Remove(usize),
    Look(Header),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_u32, pattern()).prop_map(|(priority, pattern)| Step::Insert(priority, pattern)),
        2 => any::<usize>().prop_map(Step::Remove),
        4 => header().prop_map(Step::Look),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn engines_agree_in_any_order(steps in prop::collection::vec(step(), 1..400)) {
        let mut table = RuleTable::new(1000);
        let mut oracle = Linear::new();
        let mut others = engines();
        let mut present: Vec<RuleId> = Vec::new();
        for step in steps {
            match step {
                Step::Insert(priority, pattern) => {
                    let id = table.insert(Rule { priority, pattern, action: Action::of(Verdict::Drop) }).expect("valid");
                    let entry = table.get(id).expect("inserted");
                    oracle.insert(id, entry);
                    others.iter_mut().for_each(|(_, engine)| engine.insert(id, entry));
                    present.push(id);
                }
                Step::Remove(_) if present.is_empty() => {}
                Step::Remove(n) => {
                    let id = present.swap_remove(n % present.len());
                    let entry = table.remove(id).expect("present");
                    oracle.remove(id, &entry);
                    others.iter_mut().for_each(|(_, engine)| engine.remove(id, &entry));
                }
                Step::Look(header) => {
                    let due = oracle.lookup(&header);
                    for (name, engine) in &others {
                        prop_assert_eq!(engine.lookup(&header), due, "{}", name);
                    }
                }
            }
        }
    }
}
