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

#[test]
fn of_a_long_capture_parts_are_kept() {
    let frame = [&GUEST[..], &vec![1; 60_000]].concat();
    let piece = stream(&vec![frame; 100])[FILE_HEADER..].to_vec();
    let mut count = 0;
    let mut keeper = Keeper::new(Counter(&mut count), GUEST);
    keeper.take(&[9; FILE_HEADER]).unwrap();
    (0..60).for_each(|_| keeper.take(&piece).unwrap());
    let kept = keeper.end().unwrap();
    assert_eq!(kept.seen, 6_000);
    // 360 MB have five stretches, of each of which a window is kept.
    let expected = (BEGINNING + 5 * WINDOW) as usize;
    assert!(count.abs_diff(expected) < 10 * 60_000, "{count} of {expected}");
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
