//! Rules of the classifier in a whole node.

use protocols::control::{TraceRecord, crc32};
use protocols::time::Duration;
use smoltcp::socket::tcp;

use crate::rig::Rig;

/// Adds a rule and waits until it is in force.
fn add(rig: &mut Rig, rule: &str) {
    rig.ask(&format!("rule add {rule}")).outcome.unwrap();
}

fn status(rig: &mut Rig, name: &str) -> u64 {
    rig.records("status").iter().filter_map(|record| record.number(name)).sum()
}

#[test]
fn a_rejected_connection_is_refused_and_a_dropped_one_is_not_heard_of() {
    let mut rig = Rig::new(2, "");
    add(&mut rig, "10 tcp dport 7 reject with tcp reset");
    let refused = rig.begin(7);
    rig.until("a reset", |rig| rig.socket(refused).state() == tcp::State::Closed);
    add(&mut rig, "5 tcp dport 7 drop");
    let dropped = rig.begin(7);
    rig.pass(Duration::from_millis(200));
    assert_eq!(rig.socket(dropped).state(), tcp::State::SynSent);
    let (counted, told) = (status(&mut rig, "stack.rule_dropped"), status(&mut rig, "stack.rule_rejected"));
    assert!(counted >= 2 && told == 1, "{counted} {told}");
    let rules = rig.records("rules");
    let packets: Vec<_> = rules.iter().map(|rule| rule.number("packets").unwrap()).collect();
    assert_eq!(packets, [counted - 1, 1]);
    let handle = rules[0].number("handle").unwrap();
    rig.ask(&format!("rule delete {handle}")).outcome.unwrap();
    rig.ask("rules flush").outcome.unwrap();
    rig.connect(7);
    assert!(rig.records("rules").is_empty());
}

#[test]
fn default_drop_lets_in_what_is_asked_for_and_what_is_open() {
    let mut rig = Rig::new(2, "");
    let rules = "10 udp dport 7070 accept\n20 tcp dport 7 tcp flags syn / syn,ack accept\n\
                 30 ct state established,related accept\n90 drop\n";
    let upload = rig.ask(&format!("rules begin length={} crc32={:x}", rules.len(), crc32(rules.as_bytes())));
    let upload = upload.outcome.unwrap()[0].number("upload").unwrap();
    rig.ask(&format!("rules part {upload} 0\n{rules}")).outcome.unwrap();
    let done = rig.ask(&format!("rules commit {upload}")).outcome.unwrap();
    assert_eq!(done[0].number("rules"), Some(4));
    // Connections on both processors, whose answers processor 0 sends.
    for _ in 0..6 {
        let handle = rig.connect(7);
        rig.send(handle, &[1; 20_000]);
        rig.receive(handle, 20_000);
    }
    let closed = rig.begin(5201);
    rig.pass(Duration::from_millis(100));
    assert_eq!(rig.socket(closed).state(), tcp::State::SynSent);
    let rules = rig.records("rules");
    assert!(rules[2].number("packets").unwrap() > 20, "{rules:?}");
    assert_eq!(rig.records("counters")[0].number("tracked"), Some(7), "six connections and the control port");
}

#[test]
fn a_swap_of_the_classifier_keeps_rules_counters_and_connections() {
    let mut rig = Rig::new(2, "");
    let names: Vec<String> = rig
        .records("list")
        .iter()
        .filter(|record| record.text("object") == Some("classifier"))
        .map(|record| record.text("implementation").unwrap().into())
        .collect();
    for number in 0..200 {
        add(&mut rig, &format!("{number} ip saddr 192.0.2.{number} drop"));
    }
    add(&mut rig, "1000 tcp dport 7 class 1 accept");
    let handle = rig.connect(7);
    let mut sent = 0;
    let mut before = 0;
    for name in names.iter().chain(&names) {
        rig.send(handle, &[1; 5_000]);
        sent += 5_000;
        let reply = rig.ask(&format!("swap classifier {name}")).outcome.unwrap();
        match TraceRecord::try_from(&reply[0]) {
            Ok(trace) => {
                assert_eq!((trace.outcome.as_str(), trace.object.as_str()), ("committed", "classifier"));
                assert_eq!((trace.to.as_str(), trace.moved), (name.as_str(), 201));
            }
            Err(_) => assert_eq!(reply[0].text("result"), Some("unchanged")),
        }
        let packets = rig.records("rules").last().unwrap().number("packets").unwrap();
        assert!(packets > before, "{packets} after {before}");
        before = packets;
    }
    rig.receive(handle, sent);
    let counters = rig.records("counters");
    assert!(counters.iter().any(|record| record.number("class") == Some(1)), "{counters:?}");
    assert_eq!(status(&mut rig, "stack.rule_dropped"), 0);
}

#[test]
fn a_swap_of_the_classifier_that_cannot_be_in_time_is_undone() {
    let mut rig = Rig::new(1, "");
    let list = rig.records("list");
    let mut others = list.iter().filter(|record| record.text("object") == Some("classifier"));
    let Some(other) = others.rfind(|record| record.text("in_place") == Some("no")) else { return };
    let other = other.text("implementation").unwrap().to_string();
    add(&mut rig, "10 tcp dport 5201 drop");
    assert!(rig.ask(&format!("swap classifier {other} deadline=0")).outcome.is_err());
    rig.connect(7);
    assert_eq!(rig.records("rules").len(), 1);
    rig.ask(&format!("swap classifier {other}")).outcome.unwrap();
}

#[test]
fn what_each_processor_counted_is_added_up() {
    let mut rig = Rig::with_pairs(3, 3, "");
    add(&mut rig, "10 tcp dport 7 tcp flags syn / syn,ack counter 1 accept");
    for _ in 0..12 {
        let handle = rig.connect(7);
        rig.send(handle, b"x");
        rig.receive(handle, 1);
    }
    assert_eq!(rig.records("rules")[0].number("packets"), Some(12), "one SYN a connection");
    let shared = rig.records("counters").into_iter().find(|record| record.number("counter") == Some(1));
    assert_eq!(shared.and_then(|record| record.number("packets")), Some(12));
}

#[test]
fn a_frame_meets_the_rules_where_its_connection_lives_whatever_the_engine_and_the_pairs() {
    // Frames come in by any pair; each meets the rules once, on its connection's processor or, if that has no pair, on processor 0.
    for pairs in [1, 2, 3] {
        let mut rig = Rig::with_pairs(3, pairs, "rps=on");
        // A connection that is known where its frames meet the rules is accepted there, and nowhere else.
        let policy = "10 tcp dport 7 tcp flags syn / syn,ack counter 1 accept\n20 tcp dport 7 ct state established counter 2 accept\n\
                      30 udp dport 7070 accept\n90 counter 3 drop\n";
        let upload = rig.ask(&format!("rules begin length={} crc32={:x}", policy.len(), crc32(policy.as_bytes())));
        let upload = upload.outcome.unwrap()[0].number("upload").unwrap();
        rig.ask(&format!("rules part {upload} 0\n{policy}")).outcome.unwrap();
        rig.ask(&format!("rules commit {upload}")).outcome.unwrap();
        let names: Vec<String> = rig
            .records("list")
            .iter()
            .filter(|record| record.text("object") == Some("classifier"))
            .map(|record| record.text("implementation").unwrap().into())
            .collect();
        let handles: Vec<_> = (0..9).map(|_| rig.connect(7)).collect();
        // On one thread a processor that is held back by a swap could not wait for the other.
        let swapped = if pairs == 1 { names.len() } else { 1 };
        for name in &names[..swapped] {
            rig.ask(&format!("swap classifier {name}")).outcome.unwrap();
            for handle in &handles {
                rig.send(*handle, &[1; 3_000]);
                rig.receive(*handle, 3_000);
            }
        }
        let counters = rig.records("counters");
        let counted = |number: u64| {
            let counter = counters.iter().find(|record| record.number("counter") == Some(number));
            counter.and_then(|record| record.number("packets")).unwrap_or(0)
        };
        assert_eq!((counted(1), counted(3)), (9, 0), "{pairs} pairs: one SYN each, and nothing that is not known");
        let segments = status(&mut rig, "stack.segments");
        assert_eq!(counted(1) + counted(2), segments, "{pairs} pairs: every segment met a rule, once");
        let connections = rig.records("connections");
        let lives = |processor| connections.iter().any(|record| record.number("processor") == Some(processor));
        assert!([0, 1, 2].into_iter().all(lives), "{connections:?}");
    }
}

#[test]
fn classes_share_the_rate_of_a_node() {
    let mut rig = Rig::new(1, "");
    for line in ["rule add 10 oif 0 tcp sport 7 class 2 accept", "class 2 weight 3", "egress rate 8mbit"] {
        rig.ask(line).outcome.unwrap();
    }
    let settings: Vec<_> =
        rig.records("class").iter().map(|record| record.text("setting").unwrap().to_string()).collect();
    assert_eq!(settings, ["egress rate 8mbit", "class 2 weight 3"]);
    let handle = rig.connect(7);
    // 300 kB are echoed at one megabyte a second: slower than they come.
    let began = rig.computer.now();
    let (mut sent, mut received) = (0, 0);
    rig.until("an echo of everything", |rig| {
        let rest = 300_000 - sent;
        sent += rig.socket(handle).send_slice(&vec![1; rest.min(10_000)]).unwrap();
        received += rig.read(handle).len();
        received == 300_000
    });
    let took = (rig.computer.now() - began).total_millis();
    assert!((200..400).contains(&took), "{took} ms for what the rate lets out in 240, and a burst");
    let counters = rig.records("counters");
    let class = counters.iter().find(|record| record.number("class") == Some(2)).unwrap();
    assert!(class.number("backlogs").unwrap() > 0 && class.number("dropped") == Some(0), "{class:?}");
    assert_eq!(status(&mut rig, "tcp.retransmitted"), 0);
    rig.ask("rules flush").outcome.unwrap();
    assert_eq!(rig.records("class").len(), 1);
}
