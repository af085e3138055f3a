use alloc::vec::Vec;

use super::*;
use crate::testing::{Bench, Computer};

const NOW: Instant = Instant::ZERO;

fn bench() -> (Bench<Echo>, Computer) {
    (Bench::new(Echo, 0), Computer { processors: 1, ..Computer::default() })
}

#[test]
fn what_comes_goes_back_in_order() {
    let (mut bench, system) = bench();
    let conn = bench.accept(NOW, &system, 10_000);
    let text: Vec<u8> = (0..1000_u32).map(|number| number as u8).collect();
    bench.give(NOW, &system, conn, &text[..300]);
    bench.give(NOW, &system, conn, &text[300..]);
    assert_eq!(bench.drain(NOW, &system, conn), text);
}

#[test]
fn what_comes_while_nothing_waits_goes_back_without_a_receive_buffer() {
    let (mut bench, system) = bench();
    let conn = bench.accept(NOW, &system, 100);
    let mut back = Vec::new();
    let mut answer = |octets: &[u8]| {
        back.extend_from_slice(octets);
        octets.len()
    };
    assert_eq!(bench.service.take(conn, &[1, 2, 3], &mut answer), 3);
    assert_eq!(bench.service.take(conn, &[4, 5], &mut |_| 1), 1);
    assert_eq!(back, [1, 2, 3]);
}

#[test]
fn nothing_is_taken_that_cannot_be_sent() {
    let (mut bench, system) = bench();
    let conn = bench.accept(NOW, &system, 100);
    bench.give(NOW, &system, conn, &[7; 250]);
    assert_eq!(bench.tcp.of(conn).inbound.len(), 150, "the rest waits in the receive buffer");
    let mut back = bench.drain(NOW, &system, conn);
    assert_eq!(bench.tcp.of(conn).inbound.len(), 50, "room lets more through");
    back.extend(bench.drain(NOW, &system, conn));
    back.extend(bench.drain(NOW, &system, conn));
    assert_eq!(back, [7; 250]);
}

#[test]
fn the_end_comes_after_the_last_octet() {
    let (mut bench, system) = bench();
    let conn = bench.accept(NOW, &system, 100);
    bench.give(NOW, &system, conn, &[7; 150]);
    bench.finish(NOW, &system, conn);
    assert!(!bench.tcp.of(conn).shut, "50 octets are still to be sent");
    assert_eq!(bench.drain(NOW, &system, conn).len(), 100);
    assert_eq!(bench.drain(NOW, &system, conn).len(), 50);
    assert!(bench.tcp.of(conn).shut);
}

#[test]
fn a_connection_that_is_gone_is_left_alone() {
    let (mut bench, system) = bench();
    let conn = bench.accept(NOW, &system, 100);
    bench.reset(NOW, &system, conn);
    bench.event(NOW, &system, conn, Kinds::READABLE);
    assert!(bench.tcp.of(conn).outbound.is_empty());
}
