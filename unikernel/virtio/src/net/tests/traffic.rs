use super::*;
use crate::fake::{Event, Raised};
use crate::ring::tests::Random;

/// Frames of all lengths, both ways, in bursts, often enough for the 16-bit indices to wrap, on every shape.
#[test]
fn frames_pass_whole_and_in_order_over_wraps() {
    for (shape, event_idx, frames) in
        [(SHAPES[0], true, 66_000), (SHAPES[0], false, 66_000), (Shape::Uhyve, false, 66_000)]
    {
        let nic = FakeNic::new(shape);
        let (_net, mut pair) = small(&nic, 16, event_idx);
        let mut random = Random(11);
        let (mut sent, mut got, mut told, mut heard) = (0u32, 0u32, 0u32, 0u32);
        while got < frames {
            for _ in 0..random.below(17) {
                if nic.deliver(0, &frame(sent, 14 + random.below(40))) {
                    sent += 1;
                }
            }
            let (rx, tx) = pair.split();
            while rx.receive(|meta, bytes| {
                assert_eq!((meta, &bytes[..]), (RxMeta::default(), &frame(got, bytes.len())[..]));
                got += 1;
                // Answered while it is being received.
                let answer = frame(told, bytes.len());
                if tx.transmit(answer.len(), TxMeta::default(), |place| place.copy_from_slice(&answer)).is_ok() {
                    told += 1;
                }
            }) {}
            pair.kick();
            for (header, bytes) in nic.collect(0) {
                assert_eq!((header, &bytes), ([0; HEADER], &frame(heard, bytes.len())));
                heard += 1;
            }
        }
        let counters = pair.counters();
        assert_eq!((counters.rx_frames, counters.tx_frames), (u64::from(got), u64::from(told)));
        assert_eq!((told, heard, counters.faults()), (got, got, 0));
        assert_eq!(nic.model().violations, [""; 0]);
    }
}

/// A device that asks not to be told while it works, and sleeps without another look, is told all the same if the caller knows it for one.
#[test]
fn a_device_that_does_not_look_again_is_always_told() {
    for shape in SHAPES {
        for notify in [Notifications::AsAsked, Notifications::Always] {
            let nic = FakeNic::new(shape);
            let features = Features::DRIVER & !Features::RING_EVENT_IDX;
            let (_net, mut pairs) = open(&nic, &Options { features, notify, ..Options::default() }).unwrap();
            let pair = &mut pairs[0];
            let told = |queue| nic.model().log.iter().filter(|event| **event == Event::Notified(queue)).count();
            let before = [told(0), told(1)];
            for queue in [0, 1] {
                nic.queue(queue, |queue| _ = queue.ask_notify(false));
            }
            assert!(nic.deliver(0, &frame(1, 60)) && pair.rx().receive(|_, _| ()));
            pair.tx().transmit(60, TxMeta::default(), |place| place.copy_from_slice(&frame(2, 60))).unwrap();
            pair.kick();
            let more = usize::from(notify == Notifications::Always);
            assert_eq!([told(0), told(1)], before.map(|count| count + more), "{shape:?} {notify:?}");
            // Nothing new, nothing to tell.
            pair.kick();
            assert_eq!([told(0), told(1)], before.map(|count| count + more), "{shape:?} {notify:?}");
        }
    }
}

#[test]
fn the_longest_and_shortest_frames_pass() {
    for shape in SHAPES {
        let nic = FakeNic::new(shape);
        let (_net, mut pair) = small(&nic, 4, true);
        let longest = pair.tx().longest();
        assert_eq!(longest, 2048 - HEADER);
        for len in [ETHERNET, 60, longest] {
            assert!(nic.deliver(0, &frame(9, len)));
            assert!(pair.rx().receive(|_, bytes| assert_eq!(bytes, frame(9, len))));
            pair.tx().transmit(len, TxMeta::default(), |place| place.copy_from_slice(&frame(8, len))).unwrap();
            assert_eq!(nic.collect(0)[0].1, frame(8, len));
        }
        for len in [0, ETHERNET - 1, longest + 1, usize::MAX] {
            let refused = pair.tx().transmit(len, TxMeta::default(), |_| panic!("nothing to write to"));
            assert_eq!(refused, Err(TxError::Length { len, most: longest }));
        }
        let checksum = Some(Checksum { start: 34, offset: 100 });
        assert_eq!(pair.tx().transmit(60, TxMeta { checksum, gso: None }, |_| ()), Err(TxError::BadMeta));
        let gso = Some(Gso { kind: GsoKind::TcpV4, header: 54, segment: 100 });
        let meta = TxMeta { checksum: Some(Checksum { start: 34, offset: 16 }), gso };
        let mut plain = open(&FakeNic::new(Shape::Uhyve), &Options::default()).unwrap().1;
        assert_eq!(plain[0].tx().transmit(60, meta, |_| ()), Err(TxError::NotNegotiated(Features::HOST_TSO4)));
        assert_eq!(pair.counters().tx_refused, 5);
        assert_eq!(pair.tx().free(), 4);
    }
}

#[test]
fn large_frames_pass_both_ways() {
    let nic = FakeNic::new(SHAPES[0]);
    let options = Options {
        features: Features::DRIVER,
        rx_buffers: 6,
        tx_buffers: 6,
        rx_frame: LARGE_FRAME,
        tx_frame: LARGE_FRAME,
        ..Options::default()
    };
    let (_net, mut pairs) = open(&nic, &options).unwrap();
    let header = [1, 1, 54, 0, 0xa8, 5, 34, 0, 16, 0, 1, 0];
    let gso = Gso { kind: GsoKind::TcpV4, header: 54, segment: 1448 };
    let checksum = Checksum { start: 34, offset: 16 };
    for number in 0..20 {
        assert!(nic.deliver_with(0, header, &frame(number, LARGE_FRAME)));
        let (rx, tx) = pairs[0].split();
        assert!(rx.receive(|meta, bytes| {
            assert_eq!(meta, RxMeta { checksum: RxChecksum::Partial(checksum), gso: Some(gso) });
            let meta = TxMeta { checksum: Some(checksum), gso: Some(gso) };
            tx.transmit(bytes.len(), meta, |place| place.copy_from_slice(bytes)).unwrap();
        }));
        assert_eq!(nic.collect(0)[0].1, frame(number, LARGE_FRAME));
    }
}

#[test]
fn one_notification_for_a_burst_and_none_while_the_device_works() {
    for shape in SHAPES {
        for event_idx in [false, true] {
            let nic = FakeNic::new(shape);
            let (_net, mut pair) = small(&nic, 16, event_idx);
            let before = nic.model().notified(0);
            let burst = |pair: &mut Pair| {
                for number in 0..8 {
                    nic.deliver(0, &frame(number, 60));
                }
                while pair.rx().receive(|_, _| ()) {}
                for number in 0..8 {
                    pair.tx()
                        .transmit(60, TxMeta::default(), |place| place.copy_from_slice(&frame(number, 60)))
                        .unwrap();
                }
                assert_eq!(nic.model().notified(1), pair.counters().tx_kicks as usize, "nothing before the kick");
                pair.kick();
                pair.kick();
            };
            burst(&mut pair);
            assert_eq!(nic.model().notified(1), 1);
            nic.collect(0);
            // The device polls now.
            nic.queue(0, |queue| queue.ask_notify(false));
            nic.queue(1, |queue| queue.ask_notify(false));
            let quiet = nic.model().notified(0);
            burst(&mut pair);
            assert_eq!(nic.model().notified(0), quiet);
            assert_eq!(nic.model().notified(1), 1);
            nic.collect(0);
            nic.queue(1, |queue| assert!(queue.ask_notify(true)));
            burst(&mut pair);
            assert_eq!(nic.model().notified(1), 2);
            assert!(before <= 1 && pair.counters().tx_kicks == 2);
        }
    }
}

#[test]
fn a_full_transmit_queue_says_so_counts_and_recovers() {
    for event_idx in [false, true] {
        let nic = FakeNic::new(SHAPES[0]);
        let (_net, mut pair) = small(&nic, 8, event_idx);
        let send = |pair: &mut Pair, number| {
            pair.tx().transmit(60, TxMeta::default(), |place| place.copy_from_slice(&frame(number, 60)))
        };
        for number in 0..8 {
            send(&mut pair, number).unwrap();
        }
        assert_eq!((send(&mut pair, 99), send(&mut pair, 99)), (Err(TxError::Full), Err(TxError::Full)));
        assert_eq!((pair.counters().tx_full, pair.counters().tx_frames, pair.tx().free()), (2, 8, 0));
        pair.kick();
        assert!(pair.arm_transmit());
        assert_eq!(nic.model().raised, []);
        let sent = nic.collect(0);
        assert_eq!(
            sent.iter().map(|(_, bytes)| bytes.clone()).collect::<Vec<_>>(),
            (0..8).map(|n| frame(n, 60)).collect::<Vec<_>>()
        );
        assert_eq!(nic.model().raised, [Raised::Message(0xfee0_0000, 0xe0)]);
        assert!(!pair.arm_transmit());
        pair.disarm();
        send(&mut pair, 100).unwrap();
        assert_eq!((pair.tx().free(), pair.tx().in_flight()), (7, 1));
    }
}

#[test]
fn starvation_drops_at_the_device_and_ends_with_the_burst() {
    for shape in SHAPES {
        let nic = FakeNic::new(shape);
        let (_net, mut pair) = small(&nic, 8, false);
        let taken = (0..20).filter(|&number| nic.deliver(0, &frame(number, 60))).count();
        assert_eq!(taken, 8);
        let mut numbers = Vec::new();
        while pair.rx().receive(|_, bytes| numbers.push(bytes[0])) {}
        assert_eq!(numbers, (0..8).collect::<Vec<u8>>());
        assert!(nic.deliver(0, &frame(20, 60)));
        assert!(pair.rx().receive(|_, bytes| assert_eq!(bytes[0], 20)));
    }
}

#[test]
fn interrupts_come_when_armed_and_by_the_way_there_is() {
    for shape in SHAPES {
        let nic = FakeNic::new(shape);
        let (net, mut pair) = small(&nic, 8, true);
        nic.deliver(0, &frame(0, 60));
        let uhyve = shape.is_uhyve();
        assert_eq!(nic.model().raised.len(), usize::from(uhyve), "opened disarmed, which uhyve does not care for");
        nic.model().raised.clear();
        net.acknowledge();
        assert!(!pair.arm(), "a frame is there");
        assert!(pair.rx().receive(|_, _| ()));
        assert!(pair.arm());
        nic.deliver(0, &frame(1, 60));
        let message = Raised::Message(0xfee0_0000, 0xe0);
        let msix = net.interrupt() == Interrupt::Msix { entries: 1 };
        assert_eq!(nic.model().raised, [if msix { message } else { Raised::Line }]);
        assert_eq!(net.acknowledge(), IsrStatus { queue: !msix, configuration: false });
        assert_eq!(net.acknowledge(), IsrStatus::default());
        pair.disarm();
        while pair.rx().receive(|_, _| ()) {}
        for number in 0..5 {
            nic.deliver(0, &frame(number, 60));
        }
        assert_eq!(nic.model().raised.len(), if uhyve { 6 } else { 1 });
    }
}

#[test]
fn a_frame_whose_interrupt_got_lost_is_found_at_the_next_look() {
    for shape in SHAPES {
        let nic = FakeNic::new(shape);
        let (_net, mut pair) = small(&nic, 8, true);
        assert!(pair.arm());
        nic.deliver(0, &frame(0, 60));
        nic.model().raised.clear();
        assert!(pair.rx().pending(), "{shape:?}");
        assert!(!pair.arm(), "{shape:?}: sleeps over a frame");
        assert!(pair.rx().receive(|_, _| ()) && pair.arm());
        nic.deliver(0, &frame(1, 60));
        assert_eq!(nic.model().raised.len(), 1, "{shape:?}: the next one interrupts again");
    }
}

#[test]
fn buffers_can_be_held_and_given_back_out_of_order() {
    for shape in SHAPES {
        let nic = FakeNic::new(shape);
        let (_net, mut pair) = small(&nic, 4, true);
        for number in 0..4 {
            assert!(nic.deliver(0, &frame(number, 100)));
        }
        let mut held: Vec<RxBuffer> = core::iter::from_fn(|| pair.rx().take()).collect();
        assert!(held.len() == 4 && !nic.deliver(0, &frame(9, 100)), "all buffers are with the driver");
        for (number, buffer) in (0..).zip(&mut held) {
            assert_eq!(pair.rx().frame(buffer), frame(number, 100));
        }
        pair.rx().recycle(held.remove(2));
        assert!(nic.deliver(0, &frame(5, 100)));
        assert_eq!(pair.rx().frame(&mut held[0]), frame(0, 100));
        held.into_iter().for_each(|buffer| pair.rx().recycle(buffer));
        assert_eq!(pair.rx().in_flight(), 4);

        let mut buffer = pair.tx().reserve().unwrap();
        pair.tx().frame(&mut buffer)[..60].copy_from_slice(&frame(7, 60));
        pair.tx().submit(buffer, 60, TxMeta::default()).unwrap();
        assert_eq!(nic.collect(0)[0].1, frame(7, 60));
        let unused = pair.tx().reserve().unwrap();
        pair.tx().cancel(unused);
        let refused = pair.tx().reserve().unwrap();
        assert!(pair.tx().submit(refused, 3, TxMeta::default()).is_err());
        assert_eq!(pair.tx().free(), 4);
        let all: Vec<TxBuffer> = core::iter::from_fn(|| pair.tx().reserve()).collect();
        assert_eq!((all.len(), pair.counters().tx_full), (4, 1));
    }
}

#[test]
fn buffers_of_another_pair_are_refused() {
    let nic = FakeNic::new(SHAPES[0]);
    let options = Options { features: Features::DRIVER, pairs: 2, rx_buffers: 4, tx_buffers: 4, ..Options::default() };
    let (_net, mut pairs) = open(&nic, &options).unwrap();
    nic.deliver(0, &frame(0, 60));
    let mut buffer = pairs[0].rx().take().unwrap();
    assert!(pairs[1].rx().frame(&mut buffer).is_empty());
    pairs[1].rx().recycle(buffer);
    let mut buffer = pairs[0].tx().reserve().unwrap();
    assert!(pairs[1].tx().frame(&mut buffer).is_empty());
    assert_eq!(pairs[1].tx().submit(buffer, 60, TxMeta::default()), Err(TxError::Unusable));
    let buffer = pairs[0].tx().reserve().unwrap();
    pairs[1].tx().cancel(buffer);
    assert_eq!((pairs[1].counters().foreign, pairs[1].rx().in_flight(), pairs[1].tx().free()), (5, 4, 4));
}

#[test]
fn buffers_of_a_device_before_its_reset_are_refused() {
    for shape in SHAPES {
        let nic = FakeNic::new(shape);
        let (net, mut old) = small(&nic, 4, true);
        nic.deliver(0, &frame(0, 60));
        let (received, reserved) = (old.rx().take().unwrap(), old.tx().reserve().unwrap());
        let (_net, mut pairs) = Net::open(net.close().unwrap(), nic.memory(), &Options::default()).unwrap();
        pairs[0].rx().recycle(received);
        pairs[0].tx().cancel(reserved);
        assert_eq!((pairs[0].counters().foreign, pairs[0].rx().in_flight(), pairs[0].tx().free()), (2, 256, 256));
    }
}
