//! Frames of which the device reads a part where it lies.

use alloc::sync::Arc;

use super::*;
use crate::fake::Chain;

const LARGE: Options<'static> = Options {
    features: Features::DRIVER,
    pairs: 1,
    interrupts: &[],
    config_interrupt: None,
    notify: Notifications::AsAsked,
    rx_buffers: 4,
    tx_buffers: 4,
    rx_frame: LARGE_FRAME,
    tx_frame: LARGE_FRAME,
    tx_copybreak: TX_COPYBREAK,
};

fn large(nic: &FakeNic, queue_size: u16) -> Pair {
    nic.model().queue_size = queue_size;
    open(nic, &LARGE).unwrap().1.remove(0)
}

fn lender(len: usize) -> Arc<[u8]> {
    frame(7, len).into()
}

/// Transmits a head of 54 bytes and two parts; what the frame should be.
fn send(pair: &mut Pair, nic: &FakeNic, parts: [Part<'_>; 2]) -> Result<Vec<u8>, TxError> {
    let head = frame(1, 54);
    let memory = nic.memory().clone();
    pair.tx().transmit_parts(&memory, 54, &parts, TxMeta::default(), |place| place.copy_from_slice(&head))?;
    Ok([&head[..], parts[0].bytes, parts[1].bytes].concat())
}

fn lent<'a>(lender: &'a Arc<[u8]>, range: core::ops::Range<usize>) -> Part<'a> {
    Part { bytes: &lender[range], lender: Some(lender) }
}

fn copied(bytes: &[u8]) -> Part<'_> {
    Part { bytes, lender: None }
}

/// The next chain, which stays with the device.
fn take(nic: &FakeNic) -> Chain {
    nic.queue(1, |queue| queue.pop()).unwrap()
}

fn complete(nic: &FakeNic, chain: &Chain) {
    nic.queue(1, |queue| queue.push(chain.head.into(), 0));
}

fn read(nic: &FakeNic, chain: &Chain) -> Vec<u8> {
    nic.queue(1, |queue| queue.read(chain))[HEADER..].to_vec()
}

#[test]
fn what_is_lent_is_read_where_it_lies_and_kept_until_then() {
    for shape in SHAPES {
        let nic = FakeNic::new(shape);
        let mut pair = large(&nic, 256);
        let octets = lender(4000);
        nic.memory().lend(&octets, 4000);
        let at = |offset: usize| nic.memory().locate(&octets[offset..]).unwrap().bus;
        let expected = send(&mut pair, &nic, [lent(&octets, 1000..4000), lent(&octets, 0..2500)]).unwrap();
        let chain = take(&nic);
        assert_eq!(read(&nic, &chain), expected);
        let places: Vec<_> = chain.segments[1..].iter().map(|segment| (segment.bus, segment.len)).collect();
        assert_eq!(places, [(at(1000), 3000), (at(0), 2500)], "no octet of them was copied");
        // One for both parts, and ours.
        assert_eq!(Arc::strong_count(&octets), 2);
        pair.kick();
        assert_eq!((Arc::strong_count(&octets), pair.tx().reclaim()), (2, 0));
        complete(&nic, &chain);
        // The next burst lets go, though there are buffers enough.
        pair.kick();
        assert_eq!((Arc::strong_count(&octets), pair.tx().free()), (1, 4));
        assert_eq!((pair.counters().tx_lent, pair.counters().tx_bytes), (5500, 5554));
        assert_eq!(nic.model().violations, [""; 0]);
    }
}

/// The fake device panics if it reads what nobody keeps.
#[test]
fn memory_stays_although_its_owner_lets_go() {
    let nic = FakeNic::new(SHAPES[0]);
    let mut pair = large(&nic, 256);
    let (first, second) = (lender(3000), lender(2500));
    nic.memory().lend(&first, 3000);
    nic.memory().lend(&second, 2500);
    let expected = send(&mut pair, &nic, [lent(&first, 0..3000), lent(&second, 0..2500)]).unwrap();
    let kept = [Arc::downgrade(&first), Arc::downgrade(&second)];
    drop((first, second));
    assert_eq!(nic.collect(0)[0].1, expected);
    assert_eq!(pair.tx().reclaim(), 1);
    assert!(kept.iter().all(|kept| kept.upgrade().is_none()), "nothing is kept for ever");
    let third = lender(3000);
    nic.memory().lend(&third, 3000);
    let expected = send(&mut pair, &nic, [lent(&third, 0..3000), copied(&[])]).unwrap();
    drop((pair, third));
    assert_eq!(nic.collect(0)[0].1, expected, "a queue that is given up leaves the device what it has");
}

#[test]
fn a_part_that_is_scattered_is_a_longer_chain_and_one_too_scattered_is_copied() {
    for (run, descriptors) in [(8000, 3), (3998, 5), (2000, 5), (1400, 6), (16, 1)] {
        let nic = FakeNic::new(SHAPES[0]);
        let mut pair = large(&nic, 256);
        let octets = lender(8000);
        nic.memory().lend(&octets, run);
        let expected = send(&mut pair, &nic, [lent(&octets, 4000..7998), lent(&octets, 0..4000)]).unwrap();
        let chain = take(&nic);
        assert_eq!((read(&nic, &chain), chain.segments.len()), (expected, descriptors), "runs of {run}");
        assert_eq!(Arc::strong_count(&octets), if descriptors > 1 { 2 } else { 1 });
    }
}

#[test]
fn what_is_short_or_not_lent_or_out_of_reach_is_copied_in_its_place() {
    let nic = FakeNic::new(SHAPES[0]);
    let mut pair = large(&nic, 256);
    let (octets, elsewhere) = (lender(4000), lender(3000));
    nic.memory().lend(&octets, 4000);
    for (parts, descriptors, kept) in [
        ([copied(&octets[..900]), lent(&octets, 0..4000)], 2, 2),
        ([lent(&octets, 0..4000), copied(&octets[..900])], 3, 2),
        ([lent(&octets, 0..4000), lent(&octets, 0..TX_COPYBREAK - 1)], 3, 2),
        ([lent(&octets, 0..TX_COPYBREAK), copied(&[])], 2, 2),
        ([lent(&octets, 0..TX_COPYBREAK - 1), copied(&[])], 1, 1),
        ([lent(&elsewhere, 0..3000), lent(&octets, 0..4000)], 2, 2),
        ([lent(&elsewhere, 0..3000), copied(&[])], 1, 1),
        ([copied(&[]), copied(&[])], 1, 1),
    ] {
        let expected = send(&mut pair, &nic, parts).unwrap();
        let chain = take(&nic);
        assert_eq!((read(&nic, &chain), chain.segments.len()), (expected, descriptors));
        assert_eq!((Arc::strong_count(&octets), Arc::strong_count(&elsewhere)), (kept, 1));
        complete(&nic, &chain);
        pair.tx().reclaim();
    }
}

#[test]
fn from_how_many_bytes_on_is_lent_is_the_callers_choice() {
    for (tx_copybreak, len, is_lent) in
        [(0, 1, true), (0, 1448, true), (500, 500, true), (500, 499, false), (65_535, 65_000, false)]
    {
        let nic = FakeNic::new(SHAPES[0]);
        let mut pair = open(&nic, &Options { tx_copybreak, ..LARGE }).unwrap().1.remove(0);
        assert_eq!(pair.tx().copybreak(), tx_copybreak);
        let octets = lender(65_000);
        nic.memory().lend(&octets, 65_000);
        let expected = send(&mut pair, &nic, [lent(&octets, 0..len), copied(&[])]).unwrap();
        let chain = take(&nic);
        assert_eq!((read(&nic, &chain), Arc::strong_count(&octets)), (expected, 1 + usize::from(is_lent)));
        assert_eq!(pair.counters().tx_lent, if is_lent { len as u64 } else { 0 });
    }
}

/// With four buffers and eight descriptors: what finds no descriptor is copied, and nothing is refused before the buffers are used up.
#[test]
fn at_the_limit_of_the_queue_parts_are_copied_or_the_frame_waits() {
    let nic = FakeNic::new(SHAPES[0]);
    let mut pair = large(&nic, 8);
    let octets = lender(4000);
    nic.memory().lend(&octets, 4000);
    let parts = || [lent(&octets, 1000..4000), lent(&octets, 0..2500)];
    let reserved = pair.tx().reserve().unwrap();
    let sent: Vec<_> = (0..4).map(|_| send(&mut pair, &nic, parts())).collect();
    assert_eq!(sent[3], Err(TxError::Full));
    pair.tx().submit(reserved, 60, TxMeta::default()).unwrap();
    assert_eq!(pair.tx().free(), 0);
    let chains: Vec<_> = (0..4).map(|_| take(&nic)).collect();
    let lengths: Vec<_> = chains.iter().map(|chain| chain.segments.len()).collect();
    assert_eq!(lengths, [3, 3, 1, 1], "one descriptor is kept for the buffer that was given out");
    for (chain, expected) in chains.iter().zip(&sent[..3]) {
        assert_eq!(Ok(&read(&nic, chain)), expected.as_ref());
    }
    // Descriptors, not buffers, are what is short now.
    complete(&nic, &chains[2]);
    complete(&nic, &chains[3]);
    send(&mut pair, &nic, parts()).unwrap();
    assert_eq!((pair.counters().faults(), pair.counters().tx_refused), (0, 0));
    assert_eq!(nic.model().violations, [""; 0]);
}

/// With as many buffers as the image has and as many descriptors as QEMU has: as long as the device completes what it has, nothing is copied for want of a descriptor.
#[test]
fn what_the_device_is_done_with_is_collected_before_anything_is_copied() {
    let nic = FakeNic::new(SHAPES[0]);
    nic.model().queue_size = 256;
    let mut pair = open(&nic, &Options { tx_buffers: 128, ..LARGE }).unwrap().1.remove(0);
    let octets = lender(1 << 16);
    nic.memory().lend(&octets, 1 << 16);
    let mut sent = 0;
    for round in 0..40 {
        for at in (0..30).map(|number| round + 1000 * number) {
            send(&mut pair, &nic, [lent(&octets, at..at + 4000), lent(&octets, 0..TX_COPYBREAK)]).unwrap();
            sent += 4000 + TX_COPYBREAK as u64;
        }
        assert_eq!(nic.collect(0).len(), 30);
    }
    assert_eq!((pair.counters().tx_lent, pair.counters().tx_full), (sent, 0));
}

/// Retransmission: the same part again, while the device still has it.
#[test]
fn the_same_bytes_may_be_with_the_device_more_than_once() {
    let nic = FakeNic::new(SHAPES[0]);
    let mut pair = large(&nic, 256);
    let octets = lender(4000);
    nic.memory().lend(&octets, 4000);
    let expected: Vec<_> =
        (0..3).map(|_| send(&mut pair, &nic, [lent(&octets, 0..4000), copied(&[])]).unwrap()).collect();
    assert_eq!(Arc::strong_count(&octets), 4);
    let chains: Vec<_> = (0..3).map(|_| take(&nic)).collect();
    for (done, (chain, expected)) in chains.iter().zip(&expected).enumerate() {
        assert_eq!(&read(&nic, chain), expected);
        complete(&nic, chain);
        pair.kick();
        assert_eq!(Arc::strong_count(&octets), 3 - done);
    }
}

/// A device that completes what it does not have, or twice, does not make the driver let go of what another frame lies in.
#[test]
fn a_device_that_lies_gets_nothing_freed() {
    let nic = FakeNic::new(SHAPES[0]);
    let mut pair = large(&nic, 256);
    let octets = lender(4000);
    nic.memory().lend(&octets, 4000);
    send(&mut pair, &nic, [lent(&octets, 0..4000), copied(&[])]).unwrap();
    send(&mut pair, &nic, [copied(&octets[..100]), copied(&[])]).unwrap();
    let chains = [take(&nic), take(&nic)];
    complete(&nic, &chains[1]);
    pair.kick();
    assert_eq!(pair.tx().in_flight(), 1);
    for id in [u32::from(chains[1].head), u32::from(chains[0].head) + 1, 999] {
        nic.queue(1, |queue| queue.push(id, 0));
        pair.kick();
        assert_eq!(Arc::strong_count(&octets), 2);
    }
    assert_eq!(pair.counters().faults(), 3);
}
