//! The data path allocates nothing and shows frames where the device put them: counted by the allocator itself, on the thread that drives the pair.

use std::collections::BTreeSet;

use allocation_counter::measure;

use super::*;

const BUFFERS: u16 = 64;
const ROUNDS: u64 = 100;

#[test]
fn a_burst_both_ways_allocates_nothing_and_is_seen_in_place() {
    for (shape, event_idx) in [(SHAPES[0], true), (SHAPES[0], false), (Shape::Uhyve, false)] {
        let nic = FakeNic::new(shape);
        let (_net, mut pair) = small(&nic, BUFFERS, event_idx);
        // The device writes down each notification.
        nic.model().log.reserve(4 * ROUNDS as usize);
        let (mut received, mut sent, mut allocated) = (0, 0, 0);
        let mut places = BTreeSet::<usize>::new();
        for round in 0..ROUNDS as u32 {
            while nic.deliver(0, &frame(round, 1514)) {}
            let mut seen = [0; BUFFERS as usize];
            let mut count = 0;
            allocated += measure(|| {
                pair.disarm();
                let (rx, tx) = pair.split();
                while rx.receive(|_, bytes| {
                    assert_eq!(bytes.len(), 1514);
                    seen[count] = bytes.as_ptr() as usize;
                    count += 1;
                    let answered = tx.transmit(bytes.len(), TxMeta::default(), |place| place.copy_from_slice(bytes));
                    sent += u64::from(answered.is_ok());
                }) {}
                pair.kick();
                let _ = pair.arm();
            })
            .count_total;
            received += count as u64;
            places.extend(&seen[..count]);
            assert_eq!(nic.collect(0).len(), count);
        }
        assert_eq!((received, sent), (ROUNDS * u64::from(BUFFERS), ROUNDS * u64::from(BUFFERS)));
        assert_eq!(allocated, 0, "{shape:?}: {received} frames received and sent");
        assert_eq!(places.len(), usize::from(BUFFERS), "each frame was seen in the buffer that the device filled");
    }
}

#[test]
fn lending_allocates_nothing_and_copies_nothing() {
    for (tx_copybreak, octets) in [(TX_COPYBREAK, TX_COPYBREAK), (TX_COPYBREAK, 6_000), (0, 1_448), (0, 1)] {
        let nic = FakeNic::new(SHAPES[0]);
        let options = Options { tx_buffers: BUFFERS, tx_frame: LARGE_FRAME, tx_copybreak, ..Options::default() };
        let mut pair = open(&nic, &options).unwrap().1.remove(0);
        nic.model().log.reserve(4 * ROUNDS as usize);
        let lender: std::sync::Arc<[u8]> = frame(3, 1 << 16).into();
        nic.memory().lend(&lender, 1 << 16);
        let memory = nic.memory().clone();
        let (mut sent, mut allocated) = (0, 0);
        for round in 0..ROUNDS as usize {
            allocated += measure(|| {
                for at in 0..usize::from(BUFFERS) {
                    let bytes = &lender[round + at..][..octets];
                    let parts = [Part { bytes, lender: Some(&lender) }, Part::default()];
                    let result = pair.tx().transmit_parts(&memory, 54, &parts, TxMeta::default(), |head| head.fill(1));
                    sent += u64::from(result.is_ok());
                }
                pair.kick();
            })
            .count_total;
            assert_eq!(nic.collect(0).len(), usize::from(BUFFERS));
        }
        assert_eq!((sent, allocated), (ROUNDS * u64::from(BUFFERS), 0));
        assert_eq!(pair.counters().tx_lent, sent * octets as u64);
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(core::hint::black_box(alloc::boxed::Box::new(7)))).count_total, 1);
}
