use super::*;

#[test]
fn pieces_are_powers_of_two_within_the_limit() {
    let mut memory = Memory::new(8 * PIECE);
    let piece = memory.take(1, 1 << 20).unwrap();
    let larger = memory.take(PIECE + 1, 1 << 20).unwrap();
    assert_eq!((piece.len(), larger.len(), memory.used()), (PIECE, 2 * PIECE, 3 * PIECE));
    assert!(memory.take(4 * PIECE + 1, 1 << 20).is_none(), "8 are the limit");
    assert!(!memory.is_scarce());
    let last = memory.take(4 * PIECE + 1, 4 * PIECE).unwrap();
    assert_eq!((last.len(), memory.is_scarce()), (4 * PIECE, true));
    for piece in [piece, larger, last] {
        memory.give(piece);
    }
    assert_eq!(memory.used(), 0);
}

#[test]
fn the_smallest_are_kept_and_hold_nothing_of_before() {
    let mut memory = Memory::new(KEPT * PIECE);
    let pieces = [(); 2].map(|()| memory.take(1, PIECE).unwrap());
    let places = pieces.each_ref().map(|piece| piece.as_ptr());
    for mut piece in pieces {
        piece.fill(7);
        memory.give(piece);
    }
    assert_eq!(memory.pieces.len(), 1, "one of them is more than the limit permits to keep");
    let again = memory.take(1, PIECE).unwrap();
    assert_eq!(again.as_ptr(), places[0]);
    assert!(again.iter().all(|&octet| octet == 0));
}
