//! What a swap carries over.

use alloc::vec::Vec;

use super::bench::*;
use crate::classification::Verdict;
use crate::classification::classifier::*;

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];

fn pairs() -> Vec<(&'static str, &'static str)> {
    let names = implementations().iter().map(|known| known.name);
    names.clone().flat_map(|from| names.clone().map(move |to| (from, to))).collect()
}

#[test]
fn rules_counters_classes_and_connections_cross_over() {
    for (from, to) in pairs() {
        let rules = ["10 ct state established accept", "20 udp dport 1 class 2 counter 3 accept", "90 drop"];
        let mut bench = Bench::with_rules(from, &rules);
        bench.send(&udp(B, A, (5, 53)));
        for port in [1, 1, 2] {
            bench.incoming(&udp(A, B, (9, port)));
        }
        let counted = |bench: &Bench| {
            let rules: Vec<_> = (0..3).map(|place| bench.counter(bench.handle(place))).collect();
            (rules, bench.totals())
        };
        let before = counted(&bench);
        let report = bench.swap(to);
        assert!(report.is_committed(), "{from} to {to}: {report:?}");
        let cached = [from, to].iter().all(|name| name.ends_with("cached"));
        let protocol = if cached { transfer::CLASSIFIER_FLOWS } else { transfer::CLASSIFIER_STATE };
        assert_eq!((report.protocol, bench.book.implementation().name), (protocol, to));
        assert_eq!(counted(&bench), before, "{from} to {to}");
        assert_eq!(bench.verdict(&udp(A, B, (53, 5))), Verdict::Accept, "an answer to what was asked before the swap");
        assert_eq!(bench.verdict(&udp(A, B, (9, 1))), Verdict::Accept);
        assert_eq!(bench.counter(bench.handle(1)).packets, 3);
        // Rules can be changed as before.
        bench.batch(adds(&["5 udp dport 1 drop"]));
        assert_eq!(bench.verdict(&udp(A, B, (9, 1))), Verdict::Drop);
        bench.batch(adds(&["4 udp dport 1 accept"]));
        assert_eq!(bench.verdict(&udp(A, B, (9, 1))), Verdict::Accept);
    }
}

#[test]
fn verdicts_are_the_same_before_during_and_after_a_swap() {
    for (from, to) in pairs() {
        let mut bench = Bench::with_rules(from, &["10 udp dport 0-99 accept", "20 udp dport 50-149 reject", "90 drop"]);
        let verdicts = |bench: &Bench| {
            let ports = (0..200).step_by(7);
            ports.map(|port| bench.verdict(&udp(A, B, (9, port)))).collect::<Vec<_>>()
        };
        let before = verdicts(&bench);
        bench.book.prepare(lookup(to).expect("known")).expect("nothing is under way");
        loop {
            let step = bench.book.step(1);
            assert_eq!(verdicts(&bench), before);
            if step == Step::Prepared {
                break;
            }
        }
        bench.book.swapped(false);
        assert_eq!(bench.book.implementation().name, from, "given up");
        assert!(bench.swap(to).is_committed());
        assert_eq!(verdicts(&bench), before);
    }
}

#[test]
fn what_was_exported_can_be_restored() {
    use swapper::Transfer;
    let rep = rep();
    rep.incoming(&shown(&udp(A, B, (1, 2))), &|| false, 0);
    let mut before = Totals::default();
    rep.totals(&mut before);
    let state = rep.export(transfer::CLASSIFIER_STATE).expect("it is its protocol");
    assert!(rep.import(transfer::CLASSIFIER_STATE, &state).is_ok());
    rep.restore(transfer::CLASSIFIER_STATE, state);
    let mut after = Totals::default();
    rep.totals(&mut after);
    assert_eq!(after, before);
    assert!(rep.export(swapper::Protocol::NOTHING).is_err());
    assert!(rep.import(transfer::CLASSIFIER_STATE, &swapper::State::nothing()).is_err());
}

#[test]
fn a_table_that_is_older_than_the_rules_is_refused() {
    use super::super::{root::Root, snapshot::Snapshot};
    use crate::classification::Linear;
    use alloc::sync::Arc;
    use swapper::Transfer;
    let of = |generation| {
        let mut table = Snapshot::new(Linear::new(), Linear::new());
        table.generation = generation;
        Rep::new(&Arc::new(Root::new(Arc::new(table), [0; 16], false)))
    };
    let state = of(5).export(transfer::CLASSIFIER_STATE).expect("it is its protocol");
    assert!(of(5).import(transfer::CLASSIFIER_STATE, &state).is_ok());
    assert!(of(6).import(transfer::CLASSIFIER_STATE, &state).is_ok());
    assert!(matches!(of(4).import(transfer::CLASSIFIER_STATE, &state), Err(swapper::Failure::Refused(_))));
}

fn rep() -> Rep<crate::classification::Linear> {
    use super::super::{root::Root, snapshot::Snapshot};
    use alloc::sync::Arc;
    Rep::new(&Arc::new(Root::new(
        Arc::new(Snapshot::new(crate::classification::Linear::new(), crate::classification::Linear::new())),
        [0; 16],
        false,
    )))
}
