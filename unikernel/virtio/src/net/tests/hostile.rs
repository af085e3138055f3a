use super::*;
use crate::ring::tests::Random;

#[test]
fn frames_that_are_none_are_dropped_and_their_buffers_come_back() {
    for shape in SHAPES {
        let nic = FakeNic::new(shape);
        let (_net, mut pair) = small(&nic, 4, true);
        for len in [0, 1, 11, 12, 25] {
            nic.queue(0, |queue| {
                let chain = queue.pop().unwrap();
                queue.push(chain.head.into(), len);
            });
            assert!(!pair.rx().receive(|_, _| panic!("no frame")));
        }
        assert_eq!((pair.counters().rx_short, pair.counters().rx_frames, pair.rx().in_flight()), (5, 0, 4));
        // A header that asks for what was not negotiated, or points outside.
        for header in [
            [0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0],
            [1, 0, 0, 0, 0, 0, 50, 0, 9, 0, 1, 0],
            [0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert!(nic.deliver_with(0, header, &frame(0, 60)));
            assert!(!pair.rx().receive(|_, _| panic!("no frame")));
        }
        assert_eq!((pair.counters().rx_bad_header, pair.rx().in_flight()), (3, 4));
        // A frame behind bad ones is still received, in the same call.
        assert!(nic.deliver_with(0, [0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &frame(0, 60)));
        assert!(nic.deliver(0, &frame(6, 60)));
        assert!(pair.rx().receive(|_, bytes| assert_eq!(bytes, frame(6, 60))));
    }
}

#[test]
fn a_length_beyond_the_buffer_shows_no_other_buffer() {
    for shape in SHAPES {
        let nic = FakeNic::new(shape);
        let (_net, mut pair) = small(&nic, 4, true);
        for len in [2049, 4096, u32::MAX] {
            nic.queue(0, |queue| {
                let chain = queue.pop().unwrap();
                queue.push(chain.head.into(), len);
            });
            assert!(!pair.rx().receive(|_, _| panic!("no frame")));
        }
        assert_eq!((pair.counters().too_long, pair.rx().in_flight(), pair.is_broken()), (3, 4, false));
    }
}

#[test]
fn a_device_that_completes_without_end_is_left_after_a_while() {
    for shape in SHAPES {
        let nic = FakeNic::new(shape);
        let (_net, mut pair) = small(&nic, 4, true);
        for round in 1..=3 {
            nic.queue(0, |queue| (0..4).for_each(|_| queue.push(1000, 0)));
            assert!(!pair.rx().receive(|_, _| panic!("no frame")));
            assert_eq!(pair.counters().unknown_id, 4 * round);
        }
        nic.queue(0, |queue| queue.jump(queue.used().wrapping_add(5)));
        assert!(!pair.rx().receive(|_, _| panic!("no frame")));
        assert!(pair.is_broken() && pair.arm());
        assert_eq!(pair.counters().index_jump, 1);
    }
}

#[test]
fn a_broken_transmit_queue_refuses_and_keeps_its_buffers() {
    for shape in SHAPES {
        let nic = FakeNic::new(shape);
        let (_net, mut pair) = small(&nic, 4, true);
        nic.queue(1, |queue| queue.jump(0x4000));
        assert_eq!(pair.tx().free(), 4);
        assert!(pair.is_broken());
        for _ in 0..10 {
            assert_eq!(pair.tx().transmit(60, TxMeta::default(), |_| ()), Err(TxError::Unusable));
        }
        pair.kick();
        assert_eq!((pair.tx().free(), nic.model().notified(1)), (4, 0));
    }
}

/// A device that does whatever comes to its mind. Whatever it does: no panic, buffers are conserved, frames lie in their buffers.
#[test]
fn buffers_are_conserved_whatever_the_device_does() {
    let mut steps = 0;
    for seed in 1..=60u64 {
        let nic = FakeNic::new(SHAPES[seed as usize % SHAPES.len()]);
        let event_idx = seed % 2 == 0;
        let (_net, mut pair) = small(&nic, 16, event_idx);
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // Buffers that the device took and may complete, or not, or twice.
        let mut heads = [Vec::new(), Vec::new()];
        let mut held = Vec::new();
        for _ in 0..3000 {
            steps += 1;
            // With nothing to send in flight any completion would break the queue at once.
            let queue = if pair.tx().in_flight() == 0 { 0 } else { random.below(2) as u16 };
            match random.below(12) {
                0..4 => nic.queue(queue, |side| heads[usize::from(queue)].extend(side.pop().map(|chain| chain.head))),
                4..6 => nic.queue(queue, |side| {
                    let known = &mut heads[usize::from(queue)];
                    if !known.is_empty() {
                        let head = known.swap_remove(random.below(known.len()));
                        side.push(head.into(), random.below(2100) as u32);
                    }
                }),
                6 => nic.queue(queue, |side| {
                    let id = if random.below(2) == 0 { random.below(40) as u32 } else { random.next() as u32 };
                    side.push(id, random.next() as u32);
                }),
                7 => nic.queue(queue, |side| _ = side.ask_notify(random.below(2) == 0)),
                8 => {
                    let len = random.below(2200);
                    let _ = pair.tx().transmit(len, TxMeta::default(), |bytes| assert_eq!(bytes.len(), len));
                }
                9 => {
                    pair.rx().receive(|_, bytes| assert!((ETHERNET..=2048 - HEADER).contains(&bytes.len())));
                }
                10 => {
                    if random.below(2) == 0 {
                        held.extend(pair.rx().take());
                    } else if let Some(buffer) = held.pop() {
                        pair.rx().recycle(buffer);
                    }
                }
                _ => {
                    pair.kick();
                    let _ = pair.arm();
                    let _ = pair.arm_transmit();
                    pair.disarm();
                }
            }
            // A broken queue takes no buffer back: conservation ends there.
            if pair.is_broken() {
                break;
            }
            assert_eq!(usize::from(pair.rx().in_flight()) + held.len(), 16, "seed {seed}");
            assert_eq!(pair.tx().free() + usize::from(pair.tx().in_flight()), 16, "seed {seed}");
        }
        let counters = pair.counters();
        assert!(counters.faults() > 0, "seed {seed}");
    }
    assert!(steps > 50_000, "queues broke too early to show much: {steps} steps");
}
