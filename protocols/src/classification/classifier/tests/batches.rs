//! Batches: all or nothing, for every frame.

use alloc::vec::Vec;

use super::bench::*;
use crate::classification::classifier::*;
use crate::classification::{RuleId, Verdict};

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];

/// Frames that the two sets of [`old`] and [`new`] treat differently.
fn frames() -> Vec<Vec<u8>> {
    (0..40).map(|port| udp(A, B, (1, port))).collect()
}

fn text(verdict: fn(u16) -> &'static str) -> Vec<alloc::string::String> {
    (0..40).map(|port| alloc::format!("10 udp dport {port} {}", verdict(port))).collect()
}

/// Accepts even ports, drops the others.
fn old() -> Vec<alloc::string::String> {
    text(|port| if port % 2 == 0 { "accept" } else { "drop" })
}

/// Drops even ports, accepts the others.
fn new() -> Vec<alloc::string::String> {
    text(|port| if port % 2 == 0 { "drop" } else { "accept" })
}

fn strings(text: &[alloc::string::String]) -> Vec<&str> {
    text.iter().map(|rule| rule.as_str()).collect()
}

/// Which set decides all frames of a burst: of the old one, of the new one, or of neither.
fn set(bench: &Bench, processor: usize) -> Option<bool> {
    let verdicts: Vec<bool> = bench.on(processor, |classifier| {
        classifier.refresh();
        frames()
            .iter()
            .map(|frame| classifier.incoming(&shown(frame), &|| false, 0).verdict == Verdict::Accept)
            .collect()
    });
    let by = |new: bool| verdicts.iter().enumerate().all(|(port, accepted)| *accepted == ((port % 2 == 0) != new));
    match (by(false), by(true)) {
        (true, false) => Some(false),
        (false, true) => Some(true),
        _ => None,
    }
}

/// Replaces the rules by deleting and adding; looks from both processors between any two steps.
fn watched(implementation: &str, batches: fn(Vec<(u32, Change)>) -> Vec<Batch>) -> Vec<Option<bool>> {
    let mut bench = Bench::new(implementation, 2);
    bench.batch(replacing(&strings(&old())));
    // There is a spare table from now on.
    bench.batch(adds(&["99 accept"]));
    let handles: Vec<RuleId> = (0..40).map(|place| bench.handle(place)).collect();
    let deletes = handles.iter().map(|id| (0, Change::Delete(*id)));
    let adds = new().iter().map(|text| (0, Change::Add(rule(text)))).collect::<Vec<_>>();
    let changes: Vec<_> = deletes.zip(adds).flat_map(|(delete, add)| [delete, add]).collect();
    let mut seen = Vec::new();
    for batch in batches(changes) {
        bench.book.begin(batch).expect("it is possible");
        loop {
            let step = bench.book.step(1);
            seen.extend([set(&bench, 0), set(&bench, 1)]);
            if step == Step::InForce {
                break;
            }
        }
    }
    assert_eq!((set(&bench, 0), set(&bench, 1)), (Some(true), Some(true)));
    seen
}

#[test]
fn every_frame_meets_the_old_rules_or_the_new_ones() {
    for known in implementations() {
        let seen = watched(known.name, |changes| Vec::from([Batch::Change(changes)]));
        assert!(seen.contains(&Some(false)) && seen.contains(&Some(true)));
        assert!(!seen.contains(&None), "{}: a third set, {:?}", known.name, seen.iter().position(|set| set.is_none()));
        let switch = seen.iter().position(|set| *set == Some(true));
        assert!(seen[switch.unwrap_or(0)..].iter().all(|set| *set == Some(true)), "and never goes back");
    }
}

#[test]
fn the_same_changes_one_by_one_show_a_third_set() {
    // What the batch is for: without it, the same test fails.
    let seen =
        watched("linear", |changes| changes.into_iter().map(|change| Batch::Change(Vec::from([change]))).collect());
    assert!(seen.contains(&None));
}

#[test]
fn a_frame_of_a_burst_that_has_begun_meets_the_rules_of_its_burst() {
    for known in implementations() {
        let mut bench = Bench::with_rules(known.name, &["10 accept"]);
        let frame = udp(A, B, (1, 1));
        // A cache knows it from now on.
        assert_eq!(bench.verdict(&frame), Verdict::Accept);
        bench.book.begin(replacing(&["10 drop"])).expect("it is possible");
        while bench.book.step(1) != Step::Waiting {}
        // In force, but this processor has not looked yet.
        assert_eq!(bench.verdict(&frame), Verdict::Accept, "{}", known.name);
        assert_eq!(bench.book.step(1), Step::Waiting, "and the table that it uses is not touched");
        bench.turn();
        assert_eq!(bench.verdict(&frame), Verdict::Drop, "{}", known.name);
        assert_eq!(bench.book.step(1), Step::InForce);
    }
}

#[test]
fn an_impossible_batch_changes_nothing() {
    let mut bench = Bench::with_rules("linear", &["10 drop", "20 accept"]);
    let gone = RuleId(77);
    let before = (bench.book.rules().len(), bench.book.generation());
    let mut refused = |changes: &[Change]| {
        let changes = changes.iter().enumerate().map(|(line, change)| (line as u32 + 1, *change)).collect();
        bench.book.begin(Batch::Change(changes)).expect_err("it is impossible")
    };
    let add = Change::Add(rule("1 accept"));
    let first = RuleId(0);
    assert_eq!(refused(&[add, Change::Delete(gone)]), RulesError::NoSuchRule { line: 2, id: gone });
    assert_eq!(refused(&[Change::Delete(first), add, Change::Delete(first)]), RulesError::Twice { id: first });
    assert_eq!(refused(&[add; Batch::CHANGES + 1]), RulesError::TooMany(Batch::CHANGES + 1));
    assert_eq!((bench.book.rules().len(), bench.book.generation()), before);
    assert_eq!(bench.book.step(1), Step::Idle);
    bench.book.begin(adds(&["1 accept"])).expect("it is possible");
    assert_eq!(bench.book.begin(adds(&["1 accept"])), Err(RulesError::Busy(Busy)));
    assert_eq!(bench.book.prepare(lookup("linear").expect("known")), Err(Busy));
}

#[test]
fn there_is_a_limit_to_the_rules() {
    let mut set = Ruleset::new();
    let any = rule("10 ip saddr 10.0.0.1 accept");
    for _ in 0..Ruleset::LIMIT {
        set.insert(any).expect("there is room");
    }
    assert!(set.insert(any).is_err());
    let mut bench = Bench::new("linear", 1);
    bench.batch(Batch::Replace(set));
    let error = bench.book.begin(adds(&["1 accept"])).expect_err("it is full");
    assert_eq!(error, RulesError::Full { line: 1 });
    let exchange = [(1, Change::Delete(RuleId(5))), (2, Change::Add(any))];
    assert!(bench.book.begin(Batch::Change(exchange.to_vec())).is_ok());
}

#[test]
fn counters_stay_with_their_rules_and_begin_at_0_for_new_ones() {
    let mut bench = Bench::with_rules("linear", &["10 udp dport 1 accept", "20 udp dport 2 accept"]);
    let (one, two) = (bench.handle(0), bench.handle(1));
    for port in [1, 2, 2] {
        bench.incoming(&udp(A, B, (9, port)));
    }
    bench.batch(Batch::Change(Vec::from([(1, Change::Delete(one)), (2, Change::Add(rule("30 udp dport 3 accept")))])));
    assert_eq!(bench.handle(1), one, "the handle is used again");
    assert_eq!((bench.counter(two).packets, bench.counter(one).packets), (2, 0));
    bench.incoming(&udp(A, B, (9, 3)));
    assert_eq!((bench.counter(two).packets, bench.counter(one).packets), (2, 1));
    bench.batch(replacing(&["10 udp dport 1 accept", "20 udp dport 2 accept"]));
    assert_eq!((bench.counter(two).packets, bench.counter(one).packets), (0, 0));
}

#[test]
fn many_changes_one_after_the_other_stay_in_step_with_the_rules() {
    // A sequential oracle: after each batch the table in force agrees with the first rule of the book that matches.
    let mut bench = Bench::new(implementations()[0].name, 2);
    let mut random = 1u64;
    let mut draw = move |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    for round in 0..300 {
        let mut changes = Vec::new();
        let mut handles: Vec<_> = bench.book.rules().from(None).expect("all").map(|(id, _)| id).collect();
        for _ in 0..1 + draw(4) {
            if !handles.is_empty() && draw(5) < 2 {
                changes.push((0, Change::Delete(handles.swap_remove(draw(handles.len())))));
            } else {
                let verdict = ["accept", "drop", "reject"][draw(3)];
                let text = alloc::format!("{} udp dport {}-{} {verdict}", draw(4), draw(8), 8 + draw(8));
                changes.push((0, Change::Add(rule(&text))));
            }
        }
        bench.batch(Batch::Change(changes));
        if round % 50 == 49 {
            let next = implementations()[round / 50 % implementations().len()].name;
            assert!(bench.swap(next).is_committed(), "to {next}");
        }
        for port in 0..16 {
            let frame = udp(A, B, (1, port));
            let header = shown(&frame).read().expect("it is whole").header;
            let mut rules = bench.book.rules().from(None).expect("all");
            let first = rules.find(|(_, entry)| entry.rule.pattern.matches(&header));
            let decision = bench.incoming(&frame);
            assert_eq!(decision.rule, first.map(|(id, _)| id), "round {round}");
            assert_eq!(decision.verdict, first.map_or(Verdict::Accept, |(_, entry)| entry.rule.action.verdict));
        }
    }
}
