use alloc::vec::Vec;

use super::{Range, Ranges, TooMany};
use crate::tcp::seq::Seq;

fn range(start: u32, end: u32) -> Range {
    Range { start: Seq(start), end: Seq(end) }
}

#[test]
fn joins_what_touches_and_reports_what_is_new() {
    let mut ranges = Ranges::default();
    let mut insert = |start, end| {
        let mut gaps = Vec::new();
        let joined = ranges.insert(range(start, end), 8, |gap| gaps.push((gap.start.0, gap.end.0))).unwrap();
        (gaps, (joined.start.0, joined.end.0))
    };
    assert_eq!(insert(10, 20), ([(10, 20)].to_vec(), (10, 20)));
    assert_eq!(insert(30, 40), ([(30, 40)].to_vec(), (30, 40)));
    assert_eq!(insert(12, 18), ([].to_vec(), (10, 20)));
    assert_eq!(insert(20, 22), ([(20, 22)].to_vec(), (10, 22)));
    assert_eq!(insert(28, 30), ([(28, 30)].to_vec(), (28, 40)));
    assert_eq!(insert(5, 50), ([(5, 10), (22, 28), (40, 50)].to_vec(), (5, 50)));
    assert_eq!(ranges.as_slice(), [range(5, 50)]);
}

#[test]
fn agrees_with_a_bitmap_also_across_the_wrap() {
    let base = Seq(u32::MAX - 300);
    let mut ranges = Ranges::default();
    let mut bitmap = [false; 600];
    let mut random = 99u32;
    let mut next = |below: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) % below
    };
    let mut floor = 0;
    for round in 0..5000 {
        if round % 500 == 499 {
            floor = 0;
            ranges.clear();
            bitmap = [false; 600];
        }
        let start = floor + next(500 - floor.min(400));
        let end = (start + 1 + next(30)).min(600);
        let mut fresh = 0;
        ranges.insert(Range { start: base + start, end: base + end }, 1000, |gap| fresh += gap.len()).unwrap();
        let expected = bitmap[start as usize..end as usize].iter().filter(|set| !**set).count();
        assert_eq!(fresh as usize, expected);
        bitmap[start as usize..end as usize].fill(true);
        if next(20) == 0 {
            floor = (floor + next(40)).min(400);
            ranges.remove_before(base + floor);
            bitmap[..floor as usize].fill(false);
        }
        let mut seen = [false; 600];
        for range in ranges.as_slice() {
            seen[(range.start - base) as usize..(range.end - base) as usize].fill(true);
        }
        assert_eq!(seen[..], bitmap[..]);
    }
}

#[test]
fn the_limit_holds_and_changes_nothing() {
    let mut ranges = Ranges::default();
    for start in [0, 10, 20] {
        ranges.insert(range(start, start + 5), 3, |_| ()).unwrap();
    }
    assert_eq!(ranges.insert(range(30, 35), 3, |_| panic!("nothing is new")), Err(TooMany));
    assert!(ranges.insert(range(5, 10), 3, |_| ()).is_ok(), "joining needs no room");
    assert_eq!(ranges.as_slice(), [range(0, 15), range(20, 25)]);
    assert_eq!(ranges.containing(range(3, 15)), Some(range(0, 15)));
    assert_eq!(ranges.containing(range(3, 16)), None);
    assert_eq!(ranges.containing(range(15, 16)), None);
    assert_eq!(ranges.last(), Some(range(20, 25)));
}
