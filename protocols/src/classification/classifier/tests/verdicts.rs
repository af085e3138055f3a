//! What rules decide, count and limit.

use super::bench::*;
use crate::classification::classifier::*;
use crate::classification::{Counter, Reject, RuleId, Verdict};

const PEER: [u8; 4] = [10, 0, 0, 1];
const OURS: [u8; 4] = [10, 0, 0, 2];
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

#[test]
fn without_rules_everything_is_accepted_and_nothing_counted() {
    let bench = Bench::new("linear", 1);
    assert_eq!(bench.incoming(&tcp(PEER, OURS, (1, 2), SYN)), Decision::ACCEPT);
    assert_eq!(bench.incoming(&[]), Decision::ACCEPT, "nothing is even read");
    assert_eq!(bench.totals(), Totals::default());
    assert_eq!(bench.on(0, |classifier| classifier.refresh()), Duties::default());
}

#[test]
fn rules_decide_and_count() {
    let rules = ["10 tcp dport 80 class 3 counter 9 accept", "20 ip saddr 10.0.0.0/8 reject with tcp reset", "30 drop"];
    let bench = Bench::with_rules("linear", &rules);
    let web = bench.incoming(&tcp(PEER, OURS, (1000, 80), SYN));
    assert_eq!((web.verdict, web.class), (Verdict::Accept, 3));
    assert_eq!(bench.verdict(&tcp(PEER, OURS, (1000, 81), SYN)), Verdict::Reject(Reject::Reset));
    assert_eq!(bench.verdict(&udp([11, 0, 0, 1], OURS, (1000, 80))), Verdict::Drop);
    assert_eq!(bench.verdict(&[0x45, 0]), Verdict::Drop, "what cannot be read is accepted by no rule");
    let counted = |place| bench.counter(bench.handle(place)).packets;
    assert_eq!([counted(0), counted(1), counted(2)], [1, 1, 1]);
    let totals = bench.totals();
    assert_eq!(totals.shared[9], Counter { packets: 1, octets: 40 });
    assert_eq!(totals.classes[0][3], Counter { packets: 1, octets: 40 });
    assert_eq!(bench.counter(RuleId(999)), Counter::default());
}

#[test]
fn what_goes_out_meets_rules_with_oif_only() {
    let rules = ["10 drop", "20 oif 0 tcp sport 5201 class 2 accept", "30 oif 0 udp dport 53 drop"];
    let bench = Bench::with_rules("linear", &rules);
    assert!(bench.on(0, |classifier| classifier.refresh()).outgoing);
    let data = bench.send(&tcp(OURS, PEER, (5201, 1000), ACK));
    assert_eq!((data.verdict, data.class), (Verdict::Accept, 2));
    assert_eq!(bench.send(&tcp(OURS, PEER, (7, 1000), ACK)), Decision::ACCEPT);
    assert_eq!(bench.send(&udp(OURS, PEER, (7, 53))).verdict, Verdict::Drop);
    assert_eq!(bench.verdict(&tcp(OURS, PEER, (5201, 1000), ACK)), Verdict::Drop);
    assert_eq!(bench.totals().classes[1][2].packets, 1);
    assert_eq!(bench.counter(bench.handle(2)).packets, 1);
}

#[test]
fn limits_hold_and_are_not_refilled_by_changes_and_swaps() {
    let mut bench =
        Bench::with_rules("linear", &["10 udp dport 7 limit rate 10/second burst 4 packets accept", "20 accept"]);
    let datagram = udp(PEER, OURS, (1, 7));
    let accepted = |bench: &Bench| (0..10).filter(|_| bench.verdict(&datagram) == Verdict::Accept).count();
    assert_eq!(accepted(&bench), 4);
    assert!(bench.swap("linear").is_committed());
    assert_eq!(accepted(&bench), 0);
    bench.batch(adds(&["5 tcp dport 9 accept"]));
    assert_eq!(accepted(&bench), 0);
    bench.batch(adds(&["6 tcp dport 9 accept"]));
    assert_eq!(accepted(&bench), 0);
    assert_eq!(bench.book.tokens(bench.handle(2), bench.now.get()), Some(0));
    bench.now.set(bench.now.get() + 200_000);
    assert_eq!(accepted(&bench), 2);
    assert_eq!(bench.totals().limited.packets, 6 + 10 + 10 + 10 + 8);
}

#[test]
fn default_drop_is_usable_because_replies_are_established() {
    let rules = ["10 ct state established,related accept", "20 tcp dport 80 ct state new accept", "90 drop"];
    let bench = Bench::with_rules("linear", &rules);
    assert!(bench.on(0, |classifier| classifier.refresh()).stateful);
    // What we ask for comes back, what nobody asked for does not.
    assert_eq!(bench.verdict(&udp(PEER, OURS, (53, 1000))), Verdict::Drop);
    bench.send(&udp(OURS, PEER, (1000, 53)));
    assert_eq!(bench.verdict(&udp(PEER, OURS, (53, 1000))), Verdict::Accept);
    assert_eq!(bench.verdict(&udp(PEER, OURS, (53, 1001))), Verdict::Drop);
    // DHCP: asked of everybody, answered by one.
    bench.send(&udp([0; 4], [255; 4], (68, 67)));
    assert_eq!(bench.verdict(&udp([10, 0, 2, 2], [10, 0, 2, 15], (67, 68))), Verdict::Accept);
    // A service that is open; and one that is not.
    assert_eq!(bench.verdict(&tcp(PEER, OURS, (2000, 80), SYN)), Verdict::Accept);
    bench.send(&tcp(OURS, PEER, (80, 2000), SYN | ACK));
    assert_eq!(bench.incoming(&tcp(PEER, OURS, (2000, 80), ACK)).rule, Some(bench.handle(0)));
    assert_eq!(bench.verdict(&tcp(PEER, OURS, (2000, 81), SYN)), Verdict::Drop);
    assert_eq!(bench.verdict(&tcp(PEER, OURS, (2000, 81), ACK)), Verdict::Drop);
    // An ICMP error about that connection, and one about another.
    let about = |port| {
        let quoted = tcp(OURS, PEER, (80, port), ACK);
        ipv4([10, 9, 9, 9], OURS, 1, &[&[3, 4, 0, 0, 0, 0, 5, 0][..], &quoted[..28]].concat())
    };
    assert_eq!(bench.verdict(&about(2000)), Verdict::Accept);
    assert_eq!(bench.verdict(&about(2001)), Verdict::Drop);
    assert_eq!(bench.totals().tracked, 3);
}

#[test]
fn a_connection_that_is_older_than_the_rules_is_established_if_it_exists() {
    let asked = core::cell::Cell::new(0);
    let exists = || {
        asked.set(asked.get() + 1);
        true
    };
    let rules = ["10 ct state established accept", "20 oif 0 ct state established accept", "90 drop", "91 oif 0 drop"];
    let bench = Bench::with_rules("linear", &rules);
    let verdict = |port, flags| bench.incoming_of(&tcp(PEER, OURS, (port, 80), flags), &exists).verdict;
    assert_eq!(bench.verdict(&tcp(PEER, OURS, (1, 80), ACK)), Verdict::Drop, "it does not");
    assert_eq!((verdict(1, SYN), asked.get()), (Verdict::Drop, 0), "to begin one is nothing old");
    assert_eq!(
        (verdict(1, ACK), verdict(1, ACK), asked.get()),
        (Verdict::Accept, Verdict::Accept, 1),
        "then it is tracked"
    );
    assert_eq!((verdict(2, RST), asked.get()), (Verdict::Accept, 2));
    assert_eq!(bench.totals().tracked, 2);
    // What the stack sends shows what there is; a reset may answer anything.
    assert_eq!(bench.send(&tcp(OURS, PEER, (80, 3), RST | ACK)).verdict, Verdict::Drop);
    assert_eq!(bench.send(&tcp(OURS, PEER, (80, 3), ACK)).verdict, Verdict::Accept);
    assert_eq!(bench.verdict(&tcp(PEER, OURS, (3, 80), ACK)), Verdict::Accept);
    // Rules that do not ask for it do not make anyone look.
    let bench = Bench::with_rules("linear", &["10 tcp dport 80 accept"]);
    bench.incoming_of(&tcp(PEER, OURS, (4, 80), ACK), &exists);
    assert_eq!(asked.get(), 2);
}

#[test]
fn fragments_and_extension_headers_are_read_without_their_ports() {
    let bench = Bench::with_rules(
        "linear",
        &["10 tcp dport 80 accept", "20 ip6 saddr 2001:db8::/32 udp dport 53 accept", "90 drop"],
    );
    let mut fragment = tcp(PEER, OURS, (1, 80), SYN);
    assert_eq!(bench.verdict(&fragment), Verdict::Accept);
    fragment[7] = 1;
    assert_eq!(bench.verdict(&fragment), Verdict::Drop);
    let mut six = alloc::vec![0x60, 0, 0, 0, 0, 16, 60, 64];
    six.extend([0x20, 1, 0x0d, 0xb8]);
    six.extend([0; 28]);
    // Destination options of 8 octets, then UDP.
    six.extend([17, 0, 1, 4, 0, 0, 0, 0, 0, 1, 0, 53, 0, 8, 0, 0]);
    assert_eq!(bench.verdict(&six), Verdict::Accept);
    for length in 0..six.len() - 4 {
        assert_eq!(bench.verdict(&six[..length]), Verdict::Drop, "cut at {length}");
    }
}
