use alloc::vec::Vec;

use super::{Delivered, Scoreboard};
use crate::tcp::rack::Transmission;
use crate::tcp::ranges::Range;
use crate::tcp::rate::{Rate, Snapshot};
use crate::tcp::seq::Seq;
use crate::time::Instant;

const BASE: u32 = u32::MAX - 3000;

fn range(start: u32, end: u32) -> Range {
    Range { start: Seq(BASE) + start, end: Seq(BASE) + end }
}

fn at(millis: i64) -> Instant {
    Instant::from_millis(millis)
}

fn snapshot() -> Snapshot {
    Rate::new(at(0)).sending(at(0), 0, 0, 0, 0)
}

/// Marks as lost what was sent before `end`, which left at `millis`, and 10 ms before `now`.
fn search(board: &mut Scoreboard, millis: i64, end: u32, now: i64) -> (u32, bool) {
    let newest = Transmission { at: at(millis), end: Seq(BASE) + end };
    let found = board.search(&newest, 10_000, at(now));
    (found.lost, found.waiting)
}

/// Ten segments of 1000 octets, sent one per millisecond.
fn ten() -> Scoreboard {
    let mut board = Scoreboard::default();
    for number in 0..10 {
        board.sent(range(number * 1000, number * 1000 + 1000), at(i64::from(number)), snapshot());
    }
    board
}

fn sack(board: &mut Scoreboard, start: u32, end: u32) -> Delivered {
    let mut delivered = Delivered::default();
    board.sack(range(start, end), 1000, &mut delivered);
    delivered
}

fn lost(board: &mut Scoreboard, now: i64) -> Vec<u32> {
    core::iter::from_fn(|| {
        let lost = board.next_lost()?;
        board.sent_again(lost, at(now), snapshot());
        Some(lost.start - Seq(BASE))
    })
    .collect()
}

#[test]
fn each_octet_is_delivered_once() {
    let mut board = ten();
    assert_eq!(sack(&mut board, 2000, 4000).octets, 2000);
    assert_eq!(sack(&mut board, 2000, 4000).octets, 0);
    let third = sack(&mut board, 1500, 4500);
    assert_eq!((third.octets, third.by_sack, third.newest), (1000, 1000, Some(at(4))));
    assert_eq!(third.last.map(|(last, _)| (last.at, last.end)), Some((at(4), Seq(BASE) + 4500)));
    assert_eq!(board.pipe(), 7000);
    let mut delivered = Delivered::default();
    board.acknowledged(Seq(BASE) + 4200, &mut delivered);
    assert_eq!(delivered.octets, 1500);
    assert_eq!((board.flight(), board.pipe()), (5800, 5500));
    board.acknowledged(Seq(BASE) + 10_000, &mut delivered);
    assert_eq!((delivered.octets, board.flight(), board.pipe(), board.records()), (7000, 0, 0, 0));
}

#[test]
fn what_was_sent_long_enough_before_what_arrived_is_lost() {
    let mut board = ten();
    sack(&mut board, 5000, 7000);
    assert_eq!(search(&mut board, 6, 7000, 9), (0, true), "each of the five may still come");
    assert_eq!(search(&mut board, 6, 7000, 12), (3000, true), "sent at 0, 1 and 2 ms");
    assert_eq!(search(&mut board, 6, 7000, 12), (0, true), "each is marked once");
    assert_eq!(search(&mut board, 6, 7000, 50), (2000, false), "what was sent after it is not judged");
    assert_eq!(board.pipe(), 10_000 - 2000 - 5000);
    assert_eq!(lost(&mut board, 20), [0, 1000, 2000, 3000, 4000]);
    assert_eq!(board.pipe(), 10_000 - 2000);
    assert_eq!(search(&mut board, 6, 7000, 60), (0, false), "what was sent again is judged by its new time");
}

#[test]
fn a_lost_retransmission_is_found() {
    let mut board = ten();
    sack(&mut board, 5000, 6000);
    assert_eq!(search(&mut board, 5, 6000, 50), (5000, false));
    for (millis, start) in [(50, 0), (51, 1000), (52, 2000)] {
        board.sent_again(range(start, start + 1000), at(millis), snapshot());
    }
    // The third arrives; neither the two sent before it do, nor what was sent once after the hole.
    sack(&mut board, 2000, 3000);
    assert_eq!(search(&mut board, 52, 3000, 60), (1000 + 4000, true));
    assert_eq!(search(&mut board, 52, 3000, 61), (1000, false));
    assert_eq!(lost(&mut board, 62), [0, 1000, 3000, 4000, 6000, 7000, 8000, 9000]);
    // Half of the first arrives this time.
    sack(&mut board, 500, 1000);
    assert_eq!(search(&mut board, 62, 5000, 80), (500 + 1000 + 1000, false), "before the last of those sent together");
}

#[test]
fn what_was_sent_twice_again_is_judged_by_the_last_time() {
    let mut board = ten();
    for millis in [20, 30] {
        board.mark_lost_by_timeout(1000, Some(i64::MAX), at(millis));
        assert_eq!(lost(&mut board, millis), [0]);
    }
    assert_eq!(search(&mut board, 25, 1000, 100).0, 9000, "what was sent once");
    assert_eq!(search(&mut board, 31, 1000, 100).0, 1000);
}

#[test]
fn retransmissions_that_are_looked_for_are_bounded() {
    let mut board = Scoreboard::default();
    for number in 0..5000 {
        board.sent(range(number, number + 1), at(i64::from(number)), snapshot());
        board.sent_again(range(number, number + 1), at(5000), snapshot());
    }
    assert_eq!(board.again.len(), 4096);
}

#[test]
fn what_comes_late_is_noticed() {
    let mut board = ten();
    let mut delivered = Delivered::default();
    delivered.judge.highest = Seq(BASE);
    board.sack(range(5000, 6000), 1000, &mut delivered);
    board.sack(range(2000, 3000), 1000, &mut delivered);
    assert!(!delivered.reordered, "the blocks of one ACK have no order");
    delivered.judge.highest = Seq(BASE) + 6000;
    board.sack(range(7000, 8000), 1000, &mut delivered);
    assert!(!delivered.reordered);
    board.sack(range(3000, 3500), 1000, &mut delivered);
    assert!(delivered.reordered);
    // What was sent again is late because it was sent again.
    let mut board = ten();
    board.sent_again(range(0, 1000), at(20), snapshot());
    let mut delivered = Delivered::default();
    delivered.judge.highest = Seq(BASE) + 5000;
    board.acknowledged(Seq(BASE) + 1000, &mut delivered);
    assert!(!delivered.reordered && delivered.retransmitted);
}

#[test]
fn a_retransmission_that_may_be_its_original_proves_nothing() {
    for (echo, min_rtt, certain) in [(None, 0, true), (Some(19), 0, false), (Some(20), 0, true), (None, 11_000, false)]
    {
        let mut board = ten();
        board.sent_again(range(0, 1000), at(20), snapshot());
        let mut delivered = Delivered::default();
        delivered.judge.now = at(30);
        delivered.judge.echo = echo;
        delivered.judge.min_rtt = min_rtt;
        board.acknowledged(Seq(BASE) + 1000, &mut delivered);
        assert_eq!(delivered.certain.is_some(), certain, "echo {echo:?}, {min_rtt} µs");
        assert!(delivered.last.is_some());
    }
}

#[test]
fn what_arrives_late_is_not_lost() {
    let mut board = ten();
    sack(&mut board, 3000, 6001);
    search(&mut board, 6, 6001, 50);
    assert!(board.has_lost());
    sack(&mut board, 1000, 2000);
    assert_eq!(lost(&mut board, 20), [0, 2000]);
}

#[test]
fn a_timeout_spares_what_was_sent_lately() {
    let mut board = ten();
    sack(&mut board, 1000, 2000);
    board.mark_lost_by_timeout(1000, Some(5000), at(9));
    assert_eq!(board.pipe(), 5000, "sent at 5 to 9 ms");
    assert_eq!(lost(&mut board, 20), [0, 2000, 3000, 4000]);
}

#[test]
fn of_a_burst_that_may_still_arrive_a_timeout_loses_the_first_segment() {
    for (patience, late) in [(6000, 0), (5000, 1000)] {
        let mut board = Scoreboard::default();
        burst(&mut board, 0, 0);
        burst(&mut board, 3000, 1);
        sack(&mut board, 1500, 2000);
        board.mark_lost_by_timeout(1000, Some(patience), at(5));
        assert_eq!((board.pipe(), board.sacked()), (5500 - 1000 - (late * 3 / 2), 500), "{patience} µs");
        assert_eq!(board.next_lost(), Some(range(0, 1000)));
        assert_eq!(board.pipe() + board.lost_ever(), 5500);
    }
}

#[test]
fn what_a_timeout_spares_has_its_time_and_no_more() {
    let mut board = Scoreboard::default();
    board.sent(range(0, 1000), at(0), snapshot());
    board.sent(range(1000, 2000), at(9), snapshot());
    board.mark_lost_by_timeout(1000, Some(5000), at(10));
    assert_eq!(lost(&mut board, 10), [0]);
    board.acknowledged(Seq(BASE) + 1000, &mut Delivered::default());
    assert_eq!(search(&mut board, 10, 1000, 15), (0, true));
    assert_eq!(
        search(&mut board, 10, 1000, 19),
        (1000, false),
        "although nothing is SACKed and nothing sent again is left"
    );
}

#[test]
fn what_was_sacked_before_the_peer_reneged_is_looked_for_again() {
    let mut board = ten();
    sack(&mut board, 1000, 6000);
    assert_eq!(search(&mut board, 5, 6000, 50), (1000, false));
    assert_eq!(lost(&mut board, 50), [0]);
    board.acknowledged(Seq(BASE) + 1000, &mut Delivered::default());
    board.mark_lost_by_timeout(1000, Some(100_000), at(51));
    assert_eq!((board.sacked(), board.pipe(), lost(&mut board, 51)), (0, 8000, Vec::from([1000])));
    sack(&mut board, 9000, 10_000);
    assert_eq!(search(&mut board, 9, 10_000, 60), (7000, false));
}

#[test]
fn a_timeout_loses_everything_but_what_is_sacked() {
    let mut board = ten();
    sack(&mut board, 3000, 5000);
    board.mark_lost_by_timeout(1000, None, at(20));
    assert_eq!(board.pipe(), 0);
    assert_eq!(lost(&mut board, 20), [0, 1000, 2000, 5000, 6000, 7000, 8000, 9000]);
    let mut delivered = Delivered::default();
    board.acknowledged(Seq(BASE) + 10_000, &mut delivered);
    assert_eq!((delivered.newest, delivered.retransmitted, delivered.octets), (None, true, 8000));
}

#[test]
fn reneging_is_noticed_at_a_timeout() {
    let mut board = ten();
    sack(&mut board, 1000, 3000);
    board.acknowledged(Seq(BASE) + 1000, &mut Delivered::default());
    board.mark_lost_by_timeout(1000, None, at(20));
    assert_eq!(board.sacked(), 0);
    assert_eq!(lost(&mut board, 20)[0], 1000);
}

#[test]
fn a_run_is_cut_where_sack_and_retransmission_cut_it() {
    let mut board = Scoreboard::default();
    board.sent(range(0, 20_000), at(0), snapshot());
    sack(&mut board, 4000, 9000);
    assert_eq!(search(&mut board, 0, 9000, 50), (4000, false));
    let first = board.next_lost().unwrap();
    assert_eq!(first, range(0, 4000));
    board.sent_again(range(0, 1000), at(1), snapshot());
    assert_eq!(board.next_lost(), Some(range(1000, 4000)));
    assert_eq!(board.pipe(), 20_000 - 5000 - 3000);
    assert_eq!(board.mark_first_lost(500), 500, "sent again, and lost again");
    assert_eq!(board.next_lost(), Some(range(0, 500)));
}

#[test]
fn a_mistake_is_taken_back() {
    let mut board = ten();
    sack(&mut board, 5000, 8000);
    search(&mut board, 7, 8000, 50);
    board.unmark_lost();
    assert_eq!((board.pipe(), board.next_lost()), (7000, None));
}

#[test]
fn splinters_are_bounded() {
    let mut board = Scoreboard::default();
    board.sent(range(0, 100_000), at(0), snapshot());
    for octet in 0..2000 {
        let mut delivered = Delivered::default();
        board.sack(range(1000 + octet * 2, 1001 + octet * 2), 100, &mut delivered);
    }
    assert!(board.records() <= 102, "{}", board.records());
}

#[test]
fn the_sums_agree_with_a_map() {
    #[derive(Clone, Copy, PartialEq)]
    enum Cell {
        /// Sent at this time, in ms.
        Flying(i64),
        Sacked,
        Lost,
    }
    // A cell stands for 100 octets; all boundaries are multiples of that.
    const CELL: u32 = 100;
    let mut random = crate::sim::Rng::new(3);
    for _ in 0..300 {
        let mut board = ten();
        let mut map: Vec<Cell> = (0..100).map(|cell| Cell::Flying(cell / 10)).collect();
        let mut una = 0usize;
        let mut now = 10;
        for _ in 0..60 {
            now += random.below(6) as i64;
            match random.below(6) {
                0..3 => {
                    let start = random.below(100) as usize;
                    let end = (start + 1 + random.below(15) as usize).min(100);
                    if start < una {
                        continue;
                    }
                    let delivered = sack(&mut board, start as u32 * CELL, end as u32 * CELL);
                    let cells = &mut map[start..end];
                    let fresh = cells.iter().filter(|cell| **cell != Cell::Sacked).count();
                    assert_eq!(delivered.octets, fresh as u32 * CELL);
                    cells.fill(Cell::Sacked);
                }
                3 => {
                    let millis = random.below(now as u64) as i64;
                    let (marked, waiting) = search(&mut board, millis, 100 * CELL + 1, now);
                    // The definition of RFC 8985, cell by cell.
                    let (mut count, mut wait) = (0, false);
                    for cell in &mut map[una..] {
                        if let Cell::Flying(sent) = *cell
                            && sent <= millis
                        {
                            if now - sent >= 10 {
                                count += CELL;
                                *cell = Cell::Lost;
                            } else {
                                wait = true;
                            }
                        }
                    }
                    assert_eq!((marked, waiting), (count, wait));
                }
                4 => {
                    if let Some(next) = board.next_lost() {
                        let start = ((next.start - Seq(BASE)) / CELL) as usize;
                        let first = map[una..].iter().position(|cell| *cell == Cell::Lost);
                        assert_eq!(first, Some(start - una));
                        map[start..start + (next.len() / CELL) as usize].fill(Cell::Flying(now));
                        board.sent_again(next, at(now), snapshot());
                    }
                }
                _ => {
                    una = (una + random.below(8) as usize).min(99);
                    board.acknowledged(Seq(BASE) + una as u32 * CELL, &mut Delivered::default());
                }
            }
            let left = &map[una..];
            let pipe = left.iter().filter(|cell| matches!(cell, Cell::Flying(_))).count();
            assert_eq!((board.flight(), board.pipe()), (left.len() as u32 * CELL, pipe as u32 * CELL));
        }
    }
}

/// Three segments of 1000 octets, sent in one burst.
fn burst(board: &mut Scoreboard, start: u32, millis: i64) {
    for number in 0..3 {
        let first = start + 1000 * number;
        board.sent(range(first, first + 1000), at(millis), Snapshot { in_flight: first + 1000, ..snapshot() });
    }
}

#[test]
fn a_burst_is_one_record_of_which_each_part_has_its_own_fate() {
    let mut board = Scoreboard::default();
    burst(&mut board, 0, 0);
    burst(&mut board, 3000, 1);
    assert_eq!((board.records(), board.flight()), (2, 6000));
    // The second and the fifth arrive: of what was sent at one time, the first ones left first.
    sack(&mut board, 1000, 2000);
    let (fifth, noted) = sack(&mut board, 4000, 5000).last.unwrap();
    assert_eq!((fifth.at, fifth.end, noted.in_flight), (at(1), Seq(BASE) + 5000, 6000));
    assert_eq!(board.records(), 6);
    assert_eq!(search(&mut board, 1, 5000, 20), (3000, false), "but not the last, which left after it");
    assert_eq!(lost(&mut board, 20), [0, 2000, 3000]);
    let mut delivered = Delivered::default();
    board.acknowledged(Seq(BASE) + 5500, &mut delivered);
    assert_eq!((delivered.octets, board.flight(), board.records()), (3500, 500, 1));
}

#[test]
fn a_burst_ends_with_an_acknowledgement_a_mark_and_what_a_card_takes() {
    let mut board = Scoreboard::default();
    burst(&mut board, 0, 0);
    board.sent(range(3000, 4000), at(0), Snapshot { delivered: 5, ..snapshot() });
    assert_eq!(board.records(), 2, "an ACK came between the two");
    sack(&mut board, 3000, 4000);
    board.sent(range(4000, 5000), at(0), Snapshot { delivered: 5, ..snapshot() });
    assert_eq!(board.records(), 3, "what has arrived is another matter");
    board.sent(range(5000, 69_000), at(0), Snapshot { delivered: 5, ..snapshot() });
    board.sent(range(69_000, 70_000), at(0), Snapshot { delivered: 5, ..snapshot() });
    assert_eq!(board.records(), 4);
    let mut delivered = Delivered::default();
    board.acknowledged(Seq(BASE) + 70_000, &mut delivered);
    assert_eq!((delivered.octets, board.flight()), (69_000, 0));
}
