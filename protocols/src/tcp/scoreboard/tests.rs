use alloc::vec::Vec;

use super::{Delivered, Scoreboard};
use crate::tcp::ranges::Range;
use crate::tcp::seq::Seq;
use crate::time::Instant;

const BASE: u32 = u32::MAX - 3000;

fn range(start: u32, end: u32) -> Range {
    Range { start: Seq(BASE) + start, end: Seq(BASE) + end }
}

fn at(millis: i64) -> Instant {
    Instant::from_millis(millis)
}

/// Ten segments of 1000 octets, sent one per millisecond.
fn ten() -> Scoreboard {
    let mut board = Scoreboard::default();
    for number in 0..10 {
        board.sent(range(number * 1000, number * 1000 + 1000), at(i64::from(number)));
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
        board.sent_again(lost, at(now));
        Some(lost.start - Seq(BASE))
    })
    .collect()
}

#[test]
fn each_octet_is_delivered_once() {
    let mut board = ten();
    assert_eq!(sack(&mut board, 2000, 4000).octets, 2000);
    assert_eq!(sack(&mut board, 2000, 4000).octets, 0);
    assert_eq!(
        sack(&mut board, 1500, 4500),
        Delivered { octets: 1000, by_sack: 1000, newest: Some(at(4)), ..Delivered::default() }
    );
    assert_eq!(board.pipe(), 7000);
    let mut delivered = Delivered::default();
    board.acknowledged(Seq(BASE) + 4200, &mut delivered);
    assert_eq!(delivered.octets, 1500);
    assert_eq!((board.flight(), board.pipe()), (5800, 5500));
    board.acknowledged(Seq(BASE) + 10_000, &mut delivered);
    assert_eq!((delivered.octets, board.flight(), board.pipe(), board.records()), (7000, 0, 0, 0));
}

#[test]
fn the_edge_of_loss() {
    let mut board = ten();
    sack(&mut board, 5000, 7000);
    assert_eq!(board.judge(1000), 0, "two segments are not more than two");
    sack(&mut board, 7000, 7001);
    assert_eq!(board.judge(1000), 5000);
    assert_eq!(board.judge(1000), 0, "each is marked once");
    assert_eq!(board.pipe(), 10_000 - 2001 - 5000);
    assert_eq!(lost(&mut board, 20), [0, 1000, 2000, 3000, 4000]);
    assert_eq!(board.pipe(), 10_000 - 2001);
    assert_eq!(board.judge(1000), 0, "what was sent again is not judged again");
}

#[test]
fn three_ranges_mean_loss_however_small() {
    let mut board = ten();
    sack(&mut board, 2000, 2010);
    sack(&mut board, 4000, 4010);
    assert_eq!(board.judge(1000), 0);
    sack(&mut board, 6000, 6010);
    assert_eq!(board.judge(1000), 2000, "what lies below the third from the top");
}

#[test]
fn what_arrives_late_is_not_lost() {
    let mut board = ten();
    sack(&mut board, 3000, 6001);
    board.judge(1000);
    assert!(board.has_lost());
    sack(&mut board, 1000, 2000);
    assert_eq!(lost(&mut board, 20), [0, 2000]);
}

#[test]
fn a_timeout_loses_everything_but_what_is_sacked() {
    let mut board = ten();
    sack(&mut board, 3000, 5000);
    board.mark_all_lost();
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
    board.mark_all_lost();
    assert_eq!(board.highest_sacked(), None);
    assert_eq!(lost(&mut board, 20)[0], 1000);
}

#[test]
fn a_run_is_cut_where_sack_and_retransmission_cut_it() {
    let mut board = Scoreboard::default();
    board.sent(range(0, 20_000), at(0));
    sack(&mut board, 4000, 9000);
    assert_eq!(board.judge(1000), 4000);
    let first = board.next_lost().unwrap();
    assert_eq!(first, range(0, 4000));
    board.sent_again(range(0, 1000), at(1));
    assert_eq!(board.next_lost(), Some(range(1000, 4000)));
    assert_eq!(board.pipe(), 20_000 - 5000 - 3000);
    assert_eq!(board.mark_first_lost(500), 500, "sent again, and lost again");
    assert_eq!(board.next_lost(), Some(range(0, 500)));
}

#[test]
fn a_mistake_is_taken_back() {
    let mut board = ten();
    sack(&mut board, 5000, 8000);
    board.judge(1000);
    board.unmark_lost();
    assert_eq!((board.pipe(), board.next_lost()), (7000, None));
}

#[test]
fn splinters_are_bounded() {
    let mut board = Scoreboard::default();
    board.sent(range(0, 100_000), at(0));
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
        Flying,
        Sacked,
        Lost,
        Again,
    }
    // A cell stands for 100 octets; all boundaries are multiples of that.
    const CELL: u32 = 100;
    let mut random = crate::sim::Rng::new(3);
    for _ in 0..300 {
        let mut board = ten();
        let mut map = [Cell::Flying; 100];
        let mut una = 0usize;
        for _ in 0..60 {
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
                    let marked = board.judge(1000);
                    let mut count = 0;
                    // The definition of RFC 6675, cell by cell.
                    for cell in una..100 {
                        let above = &map[cell..];
                        let octets = above.iter().filter(|cell| **cell == Cell::Sacked).count() as u32 * CELL;
                        let begins = |pair: &&[Cell]| pair[0] != Cell::Sacked && pair[1] == Cell::Sacked;
                        let ranges = above.windows(2).filter(begins).count();
                        if map[cell] == Cell::Flying && (ranges >= 3 || octets > 2000) {
                            count += CELL;
                            map[cell] = Cell::Lost;
                        }
                    }
                    assert_eq!(marked, count);
                }
                4 => {
                    if let Some(next) = board.next_lost() {
                        let start = ((next.start - Seq(BASE)) / CELL) as usize;
                        let first = map[una..].iter().position(|cell| *cell == Cell::Lost);
                        assert_eq!(first, Some(start - una));
                        map[start..start + (next.len() / CELL) as usize].fill(Cell::Again);
                        board.sent_again(next, at(50));
                    }
                }
                _ => {
                    una = (una + random.below(8) as usize).min(99);
                    board.acknowledged(Seq(BASE) + una as u32 * CELL, &mut Delivered::default());
                }
            }
            let left = &map[una..];
            let pipe = left.iter().filter(|cell| matches!(cell, Cell::Flying | Cell::Again)).count();
            assert_eq!((board.flight(), board.pipe()), (left.len() as u32 * CELL, pipe as u32 * CELL));
        }
    }
}
