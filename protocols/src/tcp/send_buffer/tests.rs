use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

const CAPACITY: usize = 4096;

fn lender(len: usize, salt: u8) -> Arc<[u8]> {
    (0..len).map(|at| (at as u8).wrapping_mul(31) ^ salt).collect()
}

/// Everything from `offset` on, read in steps of at most `step`.
fn read(buffer: &SendBuffer, mut offset: usize, step: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while offset < buffer.len() {
        let wanted = step.min(buffer.len() - offset);
        let parts = buffer.parts(offset, wanted);
        let got: usize = parts.iter().map(|part| part.octets.len()).sum();
        assert!((1..=wanted).contains(&got), "{got} of {wanted} octets at {offset}");
        assert_eq!(buffer.reach(offset, wanted), got);
        for Part { octets, lender } in parts {
            // What is lent lies in what it was lent from.
            assert!(lender.is_none_or(|lender| lender.as_ptr_range().contains(&octets.as_ptr())));
            all.extend_from_slice(octets);
        }
        offset += got;
    }
    all
}

#[test]
fn lent_octets_need_no_memory_and_go_back() {
    let (mut buffer, octets) = (SendBuffer::new(CAPACITY), lender(100, 0));
    assert_eq!(buffer.lend(&octets, 0, 10_000), CAPACITY);
    assert_eq!((buffer.allocated(), buffer.free(), buffer.len()), (0, 0, CAPACITY));
    assert_eq!(Arc::strong_count(&octets), 2);
    buffer.consume(CAPACITY - 1);
    let [last, none] = buffer.parts(0, 9);
    assert_eq!((last.octets, none.octets), (&octets[(CAPACITY - 1) % 100..][..1], &[][..]));
    assert!(Arc::ptr_eq(last.lender.unwrap(), &octets));
    buffer.consume(1);
    assert_eq!((buffer.is_empty(), Arc::strong_count(&octets)), (true, 1));
}

#[test]
fn what_continues_is_one_piece_and_the_others_are_limited() {
    let (mut buffer, octets) = (SendBuffer::new(1 << 20), lender(100, 0));
    for at in 0..1000 {
        assert_eq!(buffer.lend(&octets, at * 30, 30), 30);
    }
    assert_eq!(buffer.pieces.len(), 1);
    let taken = (0..100).filter(|_| buffer.lend(&octets, 7, 1) == 1).count();
    assert_eq!(taken, MAX_PIECES - 1);
    assert_eq!(buffer.lend(&lender(0, 0), 0, 5), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Fill(usize),
    Lend(usize, usize, usize),
    Consume(usize),
    Grow,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..600usize).prop_map(Step::Push),
        (0..600usize).prop_map(Step::Fill),
        (1..700usize, 0..2000usize, 0..1500usize).prop_map(|(len, start, most)| Step::Lend(len, start, most)),
        (0..2500usize).prop_map(Step::Consume),
        Just(Step::Grow),
    ]
}

proptest! {
    #[test]
    fn it_is_a_queue_of_octets(steps in proptest::collection::vec(step(), 1..80)) {
        let mut buffer = SendBuffer::new(CAPACITY);
        let mut memory = Memory::new(1 << 20);
        let mut model: Vec<u8> = Vec::new();
        for (salt, step) in steps.into_iter().enumerate() {
            let octets = |len: usize| lender(len, salt as u8);
            prop_assert!(buffer.hold(600, &mut memory));
            match step {
                Step::Push(len) => {
                    let taken = buffer.push(&octets(len));
                    model.extend(&octets(len)[..taken]);
                }
                Step::Fill(len) => {
                    let room = buffer.room();
                    let len = len.min(room.len());
                    room[..len].copy_from_slice(&octets(len));
                    buffer.fill(len);
                    model.extend(&octets(len)[..]);
                }
                Step::Lend(len, start, most) => {
                    let octets = octets(len);
                    let taken = buffer.lend(&octets, start, most);
                    model.extend((0..taken).map(|at| octets[(start + at) % len]));
                }
                Step::Consume(len) => {
                    let len = len.min(model.len());
                    buffer.consume(len);
                    model.drain(..len);
                }
                Step::Grow => buffer.extend((buffer.capacity() * 2).min(4 * CAPACITY)),
            }
            prop_assert_eq!(buffer.len(), model.len());
            prop_assert_eq!(buffer.len() + buffer.free(), buffer.capacity());
            prop_assert_eq!(&read(&buffer, 0, 1000), &model);
            prop_assert_eq!(&read(&buffer, model.len() / 3, 77), &model[model.len() / 3..]);
        }
        buffer.discard(&mut memory);
        prop_assert_eq!((buffer.len(), memory.used()), (0, 0));
    }
}
