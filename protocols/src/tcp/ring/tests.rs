use alloc::vec::Vec;

use super::Ring;
use crate::tcp::memory::{Memory, PIECE};

fn ring(capacity: usize) -> Ring {
    let mut ring = Ring::new(capacity);
    assert!(ring.hold(capacity, 0, &mut Memory::new(capacity)));
    ring
}

fn all(ring: &Ring) -> Vec<u8> {
    ring.slices(0, ring.len()).concat()
}

#[test]
fn keeps_order_across_the_end() {
    let mut ring = ring(8);
    assert_eq!(ring.push(b"abcdef"), 6);
    ring.consume(4);
    assert_eq!(ring.push(b"ghijklmn"), 6);
    assert_eq!(all(&ring), b"efghijkl");
    assert_eq!(ring.free(), 0);
    assert_eq!(ring.push(b"x"), 0);
    assert_eq!(ring.slices(3, 4).concat(), b"hijk");
    assert_eq!(ring.slices(7, 9).concat(), b"l");
    assert_eq!(ring.slices(8, 1).concat(), b"");
}

#[test]
fn out_of_order_octets_wait_beyond() {
    let mut ring = ring(8);
    ring.push(b"123456");
    ring.consume(5);
    ring.write_beyond(3, b"DEFGHIJ");
    ring.write_beyond(0, b"ABC");
    assert_eq!(all(&ring), b"6");
    ring.fill(7);
    assert_eq!(all(&ring), b"6ABCDEFG");
}

#[test]
fn room_is_contiguous_and_complete() {
    let mut ring = ring(8);
    ring.push(b"123456");
    ring.consume(4);
    assert_eq!(ring.room().len(), 2);
    ring.room().copy_from_slice(b"78");
    ring.fill(2);
    assert_eq!(ring.room().len(), 4);
    ring.room().copy_from_slice(b"9abc");
    ring.fill(4);
    assert_eq!(all(&ring), b"56789abc");
    assert!(ring.room().is_empty());
}

#[test]
fn an_empty_ring_begins_anew() {
    let mut ring = ring(8);
    ring.push(b"123456");
    ring.consume(5);
    ring.rewind();
    assert_eq!(all(&ring), b"6");
    ring.consume(1);
    ring.rewind();
    assert_eq!(ring.room().len(), 8);
}

#[test]
fn growing_keeps_filled_and_waiting_octets() {
    let mut memory = Memory::new(8 * PIECE);
    let mut ring = Ring::new(4 * PIECE);
    assert!(ring.hold(1, 0, &mut memory));
    assert_eq!((ring.allocated(), ring.free(), memory.used()), (PIECE, 4 * PIECE, PIECE));
    ring.push(&[0; PIECE - 2]);
    ring.consume(PIECE - 4);
    ring.push(b"56");
    ring.write_beyond(2, b"9a");
    assert!(ring.hold(PIECE, 4, &mut memory), "there is room already");
    assert!(ring.hold(PIECE + 1, 4, &mut memory));
    assert_eq!((ring.allocated(), memory.used()), (2 * PIECE, 2 * PIECE), "what it grew out of is given back");
    assert_eq!(all(&ring), b"\0\x0056");
    ring.write_beyond(0, b"78");
    ring.fill(4);
    assert_eq!(all(&ring), b"\0\x0056789a");
    assert!(ring.hold(100 * PIECE, 0, &mut memory), "no more than was promised is asked for");
    assert_eq!((ring.allocated(), memory.used()), (4 * PIECE, 4 * PIECE));
    ring.extend(8 * PIECE);
    assert!(!ring.hold(4 * PIECE + 1, 0, &mut memory), "while it grows both are there");
    assert_eq!((ring.capacity(), ring.allocated(), memory.used()), (8 * PIECE, 4 * PIECE, 4 * PIECE));
    assert_eq!(all(&ring), b"\0\x0056789a");
}

#[test]
fn a_ring_without_memory_takes_nothing() {
    let mut ring = Ring::default();
    assert_eq!(ring.push(b"x"), 0);
    ring.write_beyond(0, b"x");
    ring.fill(1);
    ring.consume(1);
    assert!(ring.room().is_empty() && ring.is_empty());
    assert_eq!(ring.slices(0, 1).concat(), b"");
}

#[test]
fn without_memory_it_is_a_promise() {
    let mut memory = Memory::new(8);
    let mut ring = Ring::new(8);
    assert_eq!((ring.capacity(), ring.free(), ring.allocated()), (8, 8, 0));
    assert_eq!((ring.push(b"abc"), ring.room().len(), ring.len()), (0, 0, 0));
    ring.write_beyond(2, b"x");
    ring.fill(3);
    ring.consume(1);
    assert!(ring.is_empty() && ring.slices(0, 8).concat().is_empty());
    assert!(ring.hold(1, 0, &mut memory));
    assert_eq!(ring.push(b"abcdef"), 6);
    ring.release(&mut memory);
    assert_eq!((ring.allocated(), memory.used()), (8, 8), "not while something is in it");
    ring.consume(6);
    ring.release(&mut memory);
    assert_eq!((ring.allocated(), ring.free(), memory.used()), (0, 8, 0));
}
