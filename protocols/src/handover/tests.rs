extern crate std;

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;

use super::*;
use crate::stack::{Fill, Full, Offloads, Part, Payload, Receive, RxMeta, Transmit, TxMeta};

const NO_OFFLOADS: Offloads = Offloads { checksum: false, segmentation: None, segmentation6: None };
const SIZES: Sizes = Sizes { frames: 4, octets: 256, longest: 64 };

/// Counts wake-ups and lets threads sleep until theirs, as a platform must: one that comes early is not lost.
#[derive(Default)]
struct Alarm {
    wakes: [AtomicU64; 2],
    rung: Mutex<[bool; 2]>,
    bell: Condvar,
}

impl Wake for Alarm {
    fn wake(&self, processor: usize) {
        self.wakes[processor].fetch_add(1, Ordering::Relaxed);
        self.rung.lock().unwrap()[processor] = true;
        self.bell.notify_all();
    }
}

impl Alarm {
    fn sleep(&self, processor: usize) {
        let mut rung = self.bell.wait_while(self.rung.lock().unwrap(), |rung| !rung[processor]).unwrap();
        rung[processor] = false;
    }

    fn count(&self, processor: usize) -> u64 {
        self.wakes[processor].load(Ordering::Relaxed)
    }
}

fn pair() -> (Arc<Alarm>, Sender<TxMeta>, Receiver<TxMeta>) {
    let alarm = Arc::new(Alarm::default());
    let (sender, receiver) = link(SIZES, NO_OFFLOADS, 0, 1, &(alarm.clone() as Arc<dyn Wake>));
    (alarm, sender, receiver)
}

fn send(sender: &mut Sender<TxMeta>, octet: u8) -> Result<(), Full> {
    sender.transmit(usize::from(octet), TxMeta::default(), &mut |frame| frame.fill(octet))
}

fn take_all(receiver: &mut Receiver<TxMeta>) -> Vec<u8> {
    let mut taken = vec![];
    receiver.drain(100, &mut |frame, _| {
        assert!(frame.iter().all(|&octet| usize::from(octet) == frame.len()));
        taken.push(frame.len() as u8);
        Ok(())
    });
    taken
}

#[test]
fn frames_arrive_in_order_and_the_full_ring_says_so() {
    let (_, mut sender, mut receiver) = pair();
    for round in 0..10 {
        for n in 1..=4 {
            assert_eq!(send(&mut sender, n + round), Ok(()));
        }
        assert_eq!(send(&mut sender, 60), Err(Full));
        assert_eq!(take_all(&mut receiver), [1 + round, 2 + round, 3 + round, 4 + round]);
    }
    assert_eq!(sender.counts(), Counts { sent: 40, full: 10, too_long: 0, wakes: 0 });
}

#[test]
fn a_frame_without_room_behind_stays_first() {
    let (_, mut sender, mut receiver) = pair();
    (1..=3).for_each(|n| send(&mut sender, n).unwrap());
    let mut room = 1;
    let taken = receiver.drain(100, &mut |_, _| {
        room -= 1;
        if room < 0 { Err(Full) } else { Ok(()) }
    });
    assert_eq!(taken, 1);
    assert!(!receiver.is_empty());
    assert_eq!(take_all(&mut receiver), [2, 3]);
    assert!(receiver.is_empty());
}

#[test]
fn the_budget_is_kept() {
    let (_, mut sender, mut receiver) = pair();
    (1..=3).for_each(|n| send(&mut sender, n).unwrap());
    assert_eq!(receiver.drain(2, &mut |_, _| Ok(())), 2);
    assert_eq!(take_all(&mut receiver), [3]);
}

#[test]
fn a_frame_longer_than_the_longest_is_dropped_and_counted() {
    let (_, mut sender, mut receiver) = pair();
    assert_eq!(send(&mut sender, 65), Ok(()));
    assert_eq!(sender.counts().too_long, 1);
    assert!(take_all(&mut receiver).is_empty());
}

#[test]
fn a_frame_takes_the_octets_that_it_has() {
    let alarm: Arc<dyn Wake> = Arc::new(Alarm::default());
    let sizes = Sizes { frames: 100, octets: 300, longest: 150 };
    let (mut sender, mut receiver) = link::<TxMeta>(sizes, NO_OFFLOADS, 0, 1, &alarm);
    assert_eq!((1..=60).filter(|_| send(&mut sender, 5).is_ok()).count(), 60);
    assert_eq!(send(&mut sender, 5), Err(Full), "300 octets are in it, though only 60 frames");
    assert_eq!(take_all(&mut receiver), [5; 60]);
    assert_eq!((send(&mut sender, 149), send(&mut sender, 150)), (Ok(()), Ok(())));
    assert_eq!(send(&mut sender, 5), Err(Full));
    assert_eq!(take_all(&mut receiver), [149, 150]);
}

/// Wherever the last frame ended, and even if the ring was asked to be smaller than it can be.
#[test]
fn an_empty_ring_takes_the_longest_frame() {
    let alarm: Arc<dyn Wake> = Arc::new(Alarm::default());
    let sizes = Sizes { frames: 8, octets: 0, longest: 100 };
    let (mut sender, mut receiver) = link::<TxMeta>(sizes, NO_OFFLOADS, 0, 1, &alarm);
    for n in 0..=100 {
        assert_eq!((send(&mut sender, n), send(&mut sender, 1)), (Ok(()), Ok(())), "{n}");
        assert_eq!(take_all(&mut receiver), [n, 1]);
        assert_eq!(send(&mut sender, 100), Ok(()), "{n}");
        assert_eq!(take_all(&mut receiver), [100]);
    }
}

#[test]
fn an_empty_frame_is_a_frame() {
    let (_, mut sender, mut receiver) = pair();
    assert_eq!((send(&mut sender, 3), send(&mut sender, 0), send(&mut sender, 2)), (Ok(()), Ok(()), Ok(())));
    assert_eq!(take_all(&mut receiver), [3, 0, 2]);
    assert!(receiver.is_empty());
}

#[test]
fn only_the_first_frame_into_an_empty_ring_wakes() {
    let (alarm, mut sender, mut receiver) = pair();
    send(&mut sender, 1).unwrap();
    assert_eq!(alarm.count(1), 0, "not before the burst is over");
    sender.flush();
    send(&mut sender, 2).unwrap();
    sender.flush();
    assert_eq!(alarm.count(1), 1);
    assert_eq!(receiver.drain(2, &mut |_, _| Ok(())), 2);
    send(&mut sender, 3).unwrap();
    sender.flush();
    assert_eq!(alarm.count(1), 1, "the receiver used its budget up: it comes back by itself");
    take_all(&mut receiver);
    sender.flush();
    assert_eq!(alarm.count(1), 1, "nothing new");
    send(&mut sender, 4).unwrap();
    sender.flush();
    assert_eq!(alarm.count(1), 2);
}

#[test]
fn a_sender_without_buffers_is_woken_once_they_return() {
    let (alarm, mut sender, mut receiver) = pair();
    (1..=4).for_each(|n| send(&mut sender, n).unwrap());
    take_all(&mut receiver);
    assert_eq!(alarm.count(0), 0, "it had not asked");
    (1..=4).for_each(|n| send(&mut sender, n).unwrap());
    assert_eq!(send(&mut sender, 5), Err(Full));
    take_all(&mut receiver);
    assert_eq!(alarm.count(0), 1);
    take_all(&mut receiver);
    assert_eq!(alarm.count(0), 1);
}

#[test]
fn an_offered_frame_is_dropped_when_the_ring_is_full() {
    let (alarm, mut sender, mut receiver) = pair();
    let taken = (1..=6u8).filter(|&n| sender.offer(usize::from(n), TxMeta::default(), &mut |f| f.fill(n))).count();
    assert_eq!((taken, sender.counts().full), (4, 2));
    assert_eq!(take_all(&mut receiver), [1, 2, 3, 4]);
    assert_eq!(alarm.count(0), 0, "nobody waits for room");
}

/// A frame whose length and octets follow from its number.
fn numbered(n: u64) -> impl Iterator<Item = u8> {
    let length = 8 + (n.wrapping_mul(0x9e37_79b9) >> 7) % 57;
    n.to_be_bytes().into_iter().chain((8..length).map(move |at| (n + at) as u8))
}

/// Every octet is accounted for, and no wake-up is lost: a lost one would leave this test asleep for ever.
#[test]
fn two_threads_lose_neither_frames_nor_wake_ups() {
    const FRAMES: u64 = 200_000;
    // Few enough octets that they, too, run out.
    let alarm = Arc::new(Alarm::default());
    let sizes = Sizes { frames: 4, octets: 160, longest: 64 };
    let (mut sender, mut receiver) = link::<TxMeta>(sizes, NO_OFFLOADS, 0, 1, &(alarm.clone() as Arc<dyn Wake>));
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..FRAMES {
                let length = numbered(n).count();
                let mut fill = |frame: &mut [u8]| frame.iter_mut().zip(numbered(n)).for_each(|(to, from)| *to = from);
                while sender.transmit(length, TxMeta::default(), &mut fill).is_err() {
                    sender.flush();
                    alarm.sleep(0);
                }
                // Bursts of varying length.
                if n % 7 == 0 || n % 3 == 0 || n == FRAMES - 1 {
                    sender.flush();
                }
            }
        });
        scope.spawn(|| {
            let mut expected = 0;
            while expected < FRAMES {
                let taken = receiver.drain(3, &mut |frame, _| {
                    assert!(frame.iter().copied().eq(numbered(expected)), "{expected}");
                    expected += 1;
                    Ok(())
                });
                if taken < 3 && expected < FRAMES {
                    alarm.sleep(1);
                }
            }
        });
    });
    assert_eq!(sender.counts().sent, FRAMES);
    assert!(receiver.is_empty());
}

/// The way out of a processor without a queue pair.
fn sends(spoke: &mut Spoke) -> &mut Sender<TxMeta> {
    match &mut spoke.up {
        Up::Send(tx) => tx,
        Up::Stray(_) => panic!("processor {} has a queue pair", spoke.processor),
    }
}

/// A card that takes a number of frames and then is full.
struct Card {
    room: usize,
    frames: Vec<(Vec<u8>, TxMeta)>,
}

impl Transmit for Card {
    fn offloads(&self) -> Offloads {
        NO_OFFLOADS
    }

    fn transmit(&mut self, len: usize, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        self.room = self.room.checked_sub(1).ok_or(Full)?;
        let mut frame = vec![0; len];
        fill(&mut frame);
        self.frames.push((frame, meta));
        Ok(())
    }

    fn flush(&mut self) {}
}

#[test]
fn the_hub_sends_for_the_others_and_keeps_what_the_card_cannot_take() {
    let wake: Arc<dyn Wake> = Arc::new(Alarm::default());
    let offloads = Offloads { checksum: true, segmentation: Some(65_550), segmentation6: Some(50) };
    let (mut hub, _, mut spokes) = star(3, 1, SIZES, offloads, &wake);
    assert_eq!(spokes.len(), 2);
    assert_eq!(
        sends(&mut spokes[0]).offloads(),
        Offloads { checksum: true, segmentation: Some(64), segmentation6: Some(50) }
    );
    let partial = crate::stack::PartialChecksum { start: 34, offset: 16 };
    let segmentation = crate::stack::Segmentation { mss: 1460, header_len: 54, ipv6: false };
    let meta = TxMeta { checksum: Some(partial), segmentation: Some(segmentation), lane: None };
    for spoke in &mut spokes {
        for n in 0..3 {
            let processor = spoke.processor as u8;
            sends(spoke).transmit(2, meta, &mut |f| f.copy_from_slice(&[processor, n])).unwrap();
        }
    }
    let mut card = Card { room: 4, frames: vec![] };
    assert_eq!(hub.forward_all(10, &mut card), Err(Full));
    assert!(hub.is_waiting());
    card.room = 10;
    assert_eq!((hub.forward_all(10, &mut card), hub.forwarded()), (Ok(()), 6));
    assert!(!hub.is_waiting());
    for processor in [1, 2] {
        let of: Vec<u8> = card.frames.iter().filter(|(f, _)| f[0] == processor).map(|(f, _)| f[1]).collect();
        assert_eq!(of, [0, 1, 2]);
    }
    assert!(card.frames.iter().all(|(_, m)| *m == meta));
}

/// A card that reads lent octets where they lie: where that was, and whole frames.
#[derive(Default)]
struct Reads {
    places: Vec<(usize, usize)>,
    frames: Vec<Vec<u8>>,
}

impl Transmit for Reads {
    fn offloads(&self) -> Offloads {
        NO_OFFLOADS
    }

    fn transmit(&mut self, len: usize, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        self.transmit_parts(len, Payload::default(), meta, fill)
    }

    fn transmit_parts(&mut self, head: usize, body: Payload<'_>, _: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        let mut frame = vec![0; head];
        fill(&mut frame);
        for part in body {
            frame.extend_from_slice(part.octets);
            self.places.extend(part.lender.map(|_| (part.octets.as_ptr().addr(), part.octets.len())));
        }
        self.frames.push(frame);
        Ok(())
    }

    fn flush(&mut self) {}
}

/// And its lender is held as long as the frame is in the ring.
#[test]
fn what_is_lent_crosses_without_a_copy() {
    let wake: Arc<dyn Wake> = Arc::new(Alarm::default());
    let sizes = Sizes { frames: 8, octets: 2 * 1600, longest: 1600 };
    let (mut hub, _, mut spokes) = star(2, 1, sizes, NO_OFFLOADS, &wake);
    let octets: Arc<[u8]> = (0..2000u32).map(|at| (at % 251) as u8).collect();
    let lent = |range: core::ops::Range<usize>| Part { octets: &octets[range], lender: Some(&octets) };
    let copied = |range: core::ops::Range<usize>| Part { octets: &octets[range], lender: None };
    let short = lent::LEAST - 1;
    let bodies = [
        [lent(100..1100), lent(0..short + 1)],
        [copied(0..20), lent(1000..2000)],
        [lent(1000..2000), copied(0..20)],
        [lent(0..short), copied(7..30)],
        [copied(0..900), Part::default()],
    ];
    let tx = sends(&mut spokes[0]);
    for body in bodies {
        tx.transmit_parts(10, body, TxMeta::default(), &mut |head| head.fill(9)).unwrap();
    }
    tx.transmit_parts(700, bodies[0], TxMeta::default(), &mut |_| panic!("too long")).unwrap();
    assert_eq!(tx.counts().too_long, 1);
    assert_eq!(Arc::strong_count(&octets), 5, "four parts are lent");
    assert_eq!(hub.forward_all(10, &mut Card { room: 0, frames: vec![] }), Err(Full));
    assert_eq!(Arc::strong_count(&octets), 5);
    let mut card = Reads::default();
    assert_eq!(hub.forward_all(10, &mut card), Ok(()));
    assert_eq!(Arc::strong_count(&octets), 1);
    let at = |offset: usize| octets.as_ptr().addr() + offset;
    assert_eq!(card.places, [(at(100), 1000), (at(0), short + 1), (at(1000), 1000), (at(1000), 1000)]);
    let whole = bodies.map(|body| [&[9; 10], body[0].octets, body[1].octets].concat());
    assert_eq!(card.frames, whole);
    // Nothing is held for ever.
    tx.transmit_parts(10, bodies[0], TxMeta::default(), &mut |head| head.fill(9)).unwrap();
    drop((hub, spokes));
    assert_eq!(Arc::strong_count(&octets), 1);
}

#[test]
fn the_hub_hands_frames_to_the_right_processor() {
    let wake: Arc<dyn Wake> = Arc::new(Alarm::default());
    let (mut hub, _, mut spokes) = star(2, 1, SIZES, NO_OFFLOADS, &wake);
    let meta = RxMeta { checksum_verified: true };
    assert!(hub.hand_over(1, b"frame", meta));
    assert!(!hub.hand_over(2, b"frame", meta), "there is no processor 2");
    assert!(!hub.hand_over(0, b"frame", meta));
    hub.flush();
    assert_eq!(hub.counts(), Counts { sent: 1, full: 0, too_long: 0, wakes: 1 });
    let mut seen = 0;
    spokes[0].rx.receive(10, &mut |frame, m| {
        assert_eq!((&*frame, m), (&b"frame"[..], meta));
        seen += 1;
    });
    assert_eq!(seen, 1);
}

#[test]
fn processors_with_a_queue_pair_hand_strays_to_the_first_and_the_others_send_by_it() {
    let alarm = Arc::new(Alarm::default());
    let (hub, mut strays, mut spokes) = star(4, 3, SIZES, NO_OFFLOADS, &(alarm.clone() as Arc<dyn Wake>));
    assert!(!strays.are_impossible() && !hub.is_waiting());
    assert!(star(4, 1, SIZES, NO_OFFLOADS, &(alarm.clone() as Arc<dyn Wake>)).1.are_impossible());
    let meta = RxMeta { checksum_verified: true };
    for spoke in &mut spokes[..2] {
        let processor = spoke.processor as u8;
        let Up::Stray(to_first) = &mut spoke.up else { panic!("processor {processor} has no queue pair") };
        for n in 0..2 {
            assert!(to_first.offer(2, meta, &mut |frame| frame.copy_from_slice(&[processor, n])));
        }
        to_first.flush();
    }
    assert!(matches!(spokes[2].up, Up::Send(_)));
    let mut seen = vec![];
    let mut take = |strays: &mut Strays, budget| strays.receive(budget, &mut |frame, _| seen.push(frame.to_vec()));
    assert_eq!([take(&mut strays, 3), take(&mut strays, 3)], [3, 1]);
    seen.sort_unstable();
    assert_eq!(seen, [[1, 0], [1, 1], [2, 0], [2, 1]]);
    alarm.sleep(0);
}

#[test]
fn a_wake_up_is_taken_once_and_interrupts_only_who_sleeps() {
    let parking = Parking::new();
    assert!(!parking.unpark() && parking.is_woken(), "awake: nothing to interrupt");
    assert!(!parking.park(), "the wake-up that came first keeps it awake");
    parking.leave();
    assert!(parking.park());
    assert!(parking.unpark() && !parking.unpark(), "one interrupt is enough");
    parking.leave();
    assert!(!parking.unpark());
    assert!(parking.take() && !parking.take() && !parking.is_woken());
    parking.owe();
    assert!(parking.take() && !parking.take());
}

#[test]
fn a_mailbox_keeps_the_order_and_its_limit() {
    let mailbox = Mailbox::new(2);
    assert_eq!(mailbox.take(), None);
    assert_eq!([mailbox.put(1), mailbox.put(2), mailbox.put(3)], [true, true, false]);
    assert_eq!([mailbox.take(), mailbox.take(), mailbox.take()], [Some(1), Some(2), None]);
    assert!(mailbox.put(4));
    assert_eq!(mailbox.take(), Some(4));
}
