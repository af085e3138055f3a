use super::{MAX_RANGES, NoRoom, Reassembly};
use crate::tcp::ranges::Range;
use crate::tcp::seq::Seq;

fn range(start: u32, end: u32) -> Range {
    Range { start: Seq(start), end: Seq(end) }
}

#[test]
fn the_first_block_has_the_newest_segment() {
    // RFC 2018 section 4, case 2 turned round: each segment makes a range of its own.
    let mut held = Reassembly::default();
    held.hold(range(5500, 6000)).unwrap();
    assert_eq!(held.blocks(4).as_slice(), [(5500, 6000)]);
    held.hold(range(6500, 7000)).unwrap();
    assert_eq!(held.blocks(4).as_slice(), [(6500, 7000), (5500, 6000)]);
    held.hold(range(7500, 8000)).unwrap();
    held.hold(range(8500, 9000)).unwrap();
    held.hold(range(9500, 9900)).unwrap();
    assert_eq!(held.blocks(4).as_slice(), [(9500, 9900), (8500, 9000), (7500, 8000), (6500, 7000)]);
    assert_eq!(held.blocks(3).as_slice().len(), 3);
    // A hole is filled: the joined range is reported first, and once.
    held.hold(range(7000, 7500)).unwrap();
    assert_eq!(held.blocks(4).as_slice(), [(6500, 8000), (9500, 9900), (8500, 9000)]);
}

#[test]
fn advancing_takes_what_continues() {
    let mut held = Reassembly::default();
    held.hold(range(20, 30)).unwrap();
    held.hold(range(40, 50)).unwrap();
    assert_eq!(held.reach(Seq(10)), 40);
    assert_eq!(held.advance(Seq(15)), Seq(15));
    assert_eq!(held.advance(Seq(20)), Seq(30));
    assert_eq!(held.advance(Seq(45)), Seq(50));
    assert!(held.is_empty());
    assert_eq!(held.reach(Seq(50)), 0);
}

#[test]
fn a_duplicate_is_reported_once_and_first() {
    let mut held = Reassembly::default();
    held.hold(range(20, 30)).unwrap();
    held.hold(range(22, 25)).unwrap();
    assert_eq!(held.blocks(4).as_slice(), [(22, 25), (20, 30)]);
    held.reported();
    assert_eq!(held.blocks(4).as_slice(), [(20, 30)]);
    held.note_duplicate(range(1, 5));
    assert_eq!(held.blocks(4).as_slice(), [(1, 5), (20, 30)]);
}

#[test]
fn ranges_are_bounded() {
    let mut held = Reassembly::default();
    for number in 0..MAX_RANGES as u32 {
        held.hold(range(number * 10, number * 10 + 5)).unwrap();
    }
    assert_eq!(held.hold(range(10_000, 10_001)), Err(NoRoom));
    assert!(held.hold(range(5, 10)).is_ok());
}
