use alloc::vec::Vec;

use super::Ring;

fn all(ring: &Ring) -> Vec<u8> {
    ring.slices(0, ring.len()).concat()
}

#[test]
fn keeps_order_across_the_end() {
    let mut ring = Ring::new(8);
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
    let mut ring = Ring::new(8);
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
    let mut ring = Ring::new(8);
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
fn resizing_keeps_filled_and_waiting_octets() {
    let mut ring = Ring::new(8);
    ring.push(b"123456");
    ring.consume(4);
    ring.write_beyond(2, b"9a");
    ring.resize(16, 4);
    assert_eq!(ring.capacity(), 16);
    assert_eq!(all(&ring), b"56");
    ring.write_beyond(0, b"78");
    ring.fill(4);
    assert_eq!(all(&ring), b"56789a");
    ring.resize(2, 0);
    assert_eq!(ring.capacity(), 16, "too small: left alone");
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
