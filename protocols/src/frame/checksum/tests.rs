use alloc::vec;
use alloc::vec::Vec;

use super::*;

/// The definition, word by word (RFC 1071 section 1).
fn reference(octets: &[u8]) -> u16 {
    let mut sum = 0u64;
    for word in octets.chunks(2) {
        sum += u64::from(u16::from_be_bytes([word[0], word.get(1).copied().unwrap_or(0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Octets that look random and hold long runs of ones, where carries matter.
fn octets(length: usize) -> Vec<u8> {
    let mut state = 0x1234_5678u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if state >> 30 == 0 { (state >> 16) as u8 } else { 0xff }
        })
        .collect()
}

#[test]
fn agrees_with_the_definition_at_every_length() {
    let all = octets(400);
    for length in 0..all.len() {
        assert_eq!(Sum::new().with(&all[..length]).partial(), reference(&all[..length]), "{length} octets");
    }
}

#[test]
fn pieces_of_any_length_give_the_same_sum() {
    let all = octets(200);
    for first in 0..all.len() {
        for second in (first..all.len()).step_by(7) {
            let sum = Sum::new().with(&all[..first]).with(&all[first..second]).with(&all[second..]);
            assert_eq!(sum.partial(), reference(&all), "cut at {first} and {second}");
        }
    }
}

#[test]
fn copying_sums_and_copies() {
    let all = octets(200);
    for cut in 0..all.len() {
        let mut into = vec![0; all.len()];
        let (a, b) = into.split_at_mut(cut);
        let sum = Sum::new().copy(a, &all[..cut]).copy(b, &all[cut..]);
        assert_eq!(sum.partial(), reference(&all));
        assert_eq!(into, all);
    }
}

#[test]
fn the_example_of_rfc_1071() {
    let sum = Sum::new().with(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
    assert_eq!(sum.partial(), 0xddf2);
    assert_eq!(sum.checksum(), !0xddf2);
}

#[test]
fn what_carries_its_checksum_is_right() {
    let mut all = octets(64);
    all[10..12].fill(0);
    let checksum = Sum::new().with(&all).checksum();
    all[10..12].copy_from_slice(&checksum.to_be_bytes());
    assert!(Sum::new().with(&all).is_right());
    all[40] ^= 1;
    assert!(!Sum::new().with(&all).is_right());
}
