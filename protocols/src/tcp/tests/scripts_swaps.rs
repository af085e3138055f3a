//! A swap of the controller in each state that a connection can be in: nothing of the connection changes by it, and what is sent afterwards is the same,
//! segment by segment, as without.

use alloc::vec::Vec;

use super::script::{PORT, Script, Seen, config};
use crate::congestion::tests::bench::Bench;
use crate::tcp::{Engine, Flags, Info, Secrets};

const NAMES: [&str; 3] = ["reno", "cubic", "cubic-nofc"];
const ECE: Flags = Flags(0x50);

/// A state: how a connection gets there, and what happens next. With SACK, ECN agreed on, a round trip of 10 ms and much to send.
struct Case {
    name: &'static str,
    begin: fn(&mut Script),
    /// Whether it is in this state.
    is: fn(&Info) -> bool,
    go_on: fn(&mut Script, &mut Vec<Seen>),
}

/// Queues what there is room for.
fn feed(script: &mut Script) {
    script.engine.send(script.conn(), &[7; 60_000]).unwrap();
}

/// Ten segments have left.
fn load(script: &mut Script) {
    feed(script);
    assert_eq!(script.sent_data().len(), 10);
    script.advance(10);
}

/// ACKs up to each of these.
fn acks(script: &mut Script, ends: &[i64], seen: &mut Vec<Seen>) {
    for &end in ends {
        script.ack(end);
        seen.append(&mut script.sent());
        script.advance(1);
    }
}

/// All that the window permits leaves, and is acknowledged segment by segment `millis` later.
fn round(script: &mut Script, millis: u64, seen: &mut Vec<Seen>) {
    feed(script);
    let sent = script.sent();
    script.advance(millis);
    for end in sent.iter().map(|seen| seen.seq + seen.len as i64) {
        script.ack(end);
    }
    seen.extend(sent);
}

fn time(script: &mut Script, steps: &[u64], seen: &mut Vec<Seen>) {
    for &millis in steps {
        script.advance(millis);
        seen.append(&mut script.sent());
    }
}

const CASES: &[Case] = &[
    Case {
        name: "slow start",
        begin: |script| {
            load(script);
            script.ack(2000);
        },
        is: |info| info.cwnd == 12_000 && info.ssthresh == u32::MAX,
        go_on: |script, seen| acks(script, &[3000, 5000, 8000, 9000, 10_000], seen),
    },
    Case {
        name: "conservative slow start",
        begin: |script| [10, 30].into_iter().for_each(|millis| round(script, millis, &mut Vec::new())),
        is: |info| info.cwnd > 28_000 && info.cwnd < 35_000 && info.ssthresh == u32::MAX,
        go_on: |script, seen| (0..3).for_each(|_| round(script, 30, seen)),
    },
    Case {
        name: "fast recovery",
        begin: |script| {
            load(script);
            script.sack(0, &[(2000, 5000)]);
            script.sent();
        },
        is: |info| info.fast_recoveries == 1 && info.flight == 10_000,
        go_on: |script, seen| {
            for end in 6..11 {
                script.sack(0, &[(2000, end * 1000)]);
                seen.append(&mut script.sent());
                script.advance(1);
            }
            acks(script, &[2000, 10_000], seen);
        },
    },
    Case {
        name: "after a timeout",
        begin: |script| {
            load(script);
            time(script, &[250, 250], &mut Vec::new());
        },
        is: |info| info.timeouts == 1 && info.cwnd == 1000,
        go_on: |script, seen| {
            script.sack(1000, &[(10_000, 11_000)]);
            seen.append(&mut script.sent());
            acks(script, &[2000, 4000], seen);
        },
    },
    Case {
        name: "while F-RTO asks",
        begin: |script| {
            load(script);
            time(script, &[250, 250], &mut Vec::new());
            script.ack(2000);
            script.sent();
        },
        is: |info| info.timeouts == 1 && info.undone == 0,
        go_on: |script, seen| acks(script, &[4000, 6000, 8000], seen),
    },
    Case {
        name: "after an echo of a mark",
        begin: |script| {
            load(script);
            script.segment(ECE, 0, 1000, b"");
        },
        is: |info| info.ecn_reductions == 1 && info.cwnd < 10_000,
        go_on: |script, seen| {
            script.segment(ECE, 0, 2000, b"");
            acks(script, &[3000, 4000, 5000, 6000], seen);
        },
    },
    Case {
        name: "held back by the service",
        begin: |script| {
            script.send(3000);
            script.sent();
            script.advance(10);
            script.ack(3000);
            script.sent();
        },
        is: |info| info.service_limited && info.flight == 0,
        go_on: |script, seen| {
            script.send(2000);
            seen.append(&mut script.sent());
            script.advance(10);
            acks(script, &[5000], seen);
            // A long pause takes the window back to the initial one at most.
            script.advance(5000);
            feed(script);
            seen.append(&mut script.sent());
        },
    },
    Case {
        name: "while a tail loss probe is out",
        begin: |script| {
            script.send(3000);
            script.sent();
            time(script, &[100], &mut Vec::new());
        },
        is: |info| info.tail_probes == 1,
        go_on: |script, seen| {
            acks(script, &[3000], seen);
            feed(script);
            seen.append(&mut script.sent());
            script.advance(10);
            // Not a word of a duplicate: the probe repaired a loss.
            acks(script, &[4000, 5000], seen);
        },
    },
    Case {
        name: "window of zero",
        begin: |script| {
            load(script);
            script.segment_with(Flags::ACK, 0, 10_000, b"", 0, &[]);
            time(script, &[1000], &mut Vec::new());
        },
        is: |info| info.send_window == 0,
        go_on: |script, seen| {
            time(script, &[500, 1000], seen);
            script.segment_with(Flags::ACK, 0, 10_000, b"", 4000, &[]);
            seen.append(&mut script.sent());
            script.advance(10);
            acks(script, &[14_000], seen);
        },
    },
];

/// What is sent after a connection was in the state under `from`, with a swap there if `to` is given.
fn run(case: &Case, from: &str, to: Option<&str>) -> Vec<Seen> {
    let bench = Bench::new(from, 1);
    let mut script = Script::new(&config());
    script.engine = Engine::new(config(), Secrets::from_seed([9; 32]), bench.reference(0));
    let (mut seen, both) = (Vec::new(), Flags(0xC0));
    let info = |script: &Script| script.engine.info(script.conn()).unwrap();
    bench.on(0, |_| {
        script.engine.listen(PORT, 4).unwrap();
        script.handshake_with(Flags::SYN.with(both), Script::with_sack());
        (case.begin)(&mut script);
    });
    let before = info(&script);
    assert!((case.is)(&before), "{} under {from}: {before:?}", case.name);
    if let Some(to) = to {
        let report = bench.swap(to);
        assert!(report.is_committed() && report.items() == 1);
        assert_eq!(info(&script), before, "{}: {from} to {to}", case.name);
    }
    bench.on(0, |_| (case.go_on)(&mut script, &mut seen));
    seen
}

#[test]
fn in_no_state_a_swap_changes_what_is_sent() {
    for case in CASES {
        for from in NAMES {
            let without = run(case, from, None);
            assert!(without.iter().any(|seen| seen.len > 0), "{}", case.name);
            for to in NAMES {
                let with = run(case, from, Some(to));
                assert_eq!(with, without, "{}: {from} to {to}", case.name);
            }
        }
    }
}
