use super::*;

const GUEST: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// A file with frames of these octets.
fn stream(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut octets = vec![9; FILE_HEADER];
    for frame in frames {
        octets.extend([0; 8]);
        octets.extend((frame.len() as u32).to_le_bytes());
        octets.extend((frame.len() as u32).to_le_bytes());
        octets.extend(frame);
    }
    octets
}

fn kept(octets: &[u8], pieces: usize) -> (Vec<u8>, Kept) {
    let mut out = Vec::new();
    let mut keeper = Keeper::new(&mut out, GUEST);
    octets.chunks(pieces).for_each(|piece| keeper.take(piece).unwrap());
    let kept = keeper.end().unwrap();
    (out, kept)
}

#[test]
fn frames_are_whole_however_they_come() {
    let frames: Vec<_> = (0..20).map(|at| [&GUEST[..], &vec![at; 60 + usize::from(at)]].concat()).collect();
    let octets = stream(&frames);
    for pieces in [1, 7, 1000] {
        let (out, kept) = kept(&octets, pieces);
        assert!(out == octets && kept.kept == 20, "{pieces}");
    }
}

#[test]
fn the_cards_header_is_taken_off() {
    let frame = [&[0xff; 6], &GUEST[..], &[7; 50]].concat();
    for skip in SKIPS {
        let (out, _) = kept(&stream(&[[&vec![0; skip], &frame[..]].concat()]), 100);
        assert_eq!(out, stream(std::slice::from_ref(&frame)), "{skip}");
    }
}

/// So many frames of `length` octets each in every tenth of a second of a minute: what was kept, and its octets.
fn minute(length: usize, frames: usize) -> (Kept, u64) {
    let frame = [&GUEST[..], &vec![1; length - 6]].concat();
    let mut count = 0;
    let mut keeper = Keeper::new(Counter(&mut count), GUEST);
    keeper.take(&[9; FILE_HEADER]).unwrap();
    for tenth in 0..600_u32 {
        let mut piece = stream(&vec![frame.clone(); frames])[FILE_HEADER..].to_vec();
        for header in piece.chunks_mut(HEADER + length) {
            header[..4].copy_from_slice(&(7 + tenth / 10).to_ne_bytes());
            header[4..8].copy_from_slice(&(tenth % 10 * 100_000 + 99_999).to_ne_bytes());
        }
        keeper.take(&piece).unwrap();
    }
    (keeper.end().unwrap(), count as u64)
}

#[test]
fn of_each_tenth_of_a_second_something_is_kept() {
    assert_eq!(minute(60, 50).0.kept, 600 * 50);
    assert_eq!(minute(60, 300).0.kept, 600 * FRAMES);
    // The frame that goes beyond the octets is the last one.
    let (kept, octets) = minute(60_000, 10);
    assert_eq!(kept.seen, 6_000);
    assert_eq!(kept.kept, (ALL_OCTETS / 60_000 + 1).min(600 * (OCTETS / 60_000 + 1)));
    assert!(octets < ALL_OCTETS + 60_000 + 16 * kept.kept + 24, "{octets}");
}

#[test]
fn a_second_has_as_many_parts_in_nanoseconds() {
    let frame = [&GUEST[..], &[1; 54]].concat();
    let mut octets = stream(&vec![frame; 300]);
    octets[..4].copy_from_slice(&NANOSECONDS.to_ne_bytes());
    for (at, header) in octets[FILE_HEADER..].chunks_mut(HEADER + 60).enumerate() {
        header[4..8].copy_from_slice(&(at as u32 / 150 * 100_000_000).to_ne_bytes());
    }
    assert_eq!(kept(&octets, 1000).1.kept, 2 * FRAMES);
}

struct Counter<'a>(&'a mut usize);

impl Write for Counter<'_> {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        *self.0 += octets.len();
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
