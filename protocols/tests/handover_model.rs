//! Models for loom: two processors that hand frames over, in every order of their steps that the bounds admit, each reading every value that the
//! memory model lets it read.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p protocols --test handover_model`
//!
//! A processor with nothing left to do looks whether it has been woken, and ends if not, as if it slept. When both have ended, whoever has been woken meanwhile
//! goes on, until nobody has. Then every frame must have arrived, once and in order: one that still lies somewhere had its wake-up lost.
#![cfg(loom)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use loom::thread;
use protocols::handover::{Counts, Hub, Lanes, Mailbox, Parking, Sender, Sizes, Spoke, UnderWay, Up, Wake, star};
use protocols::stack::{Fill, Full, Offloads, Receive, RxMeta, Transmit, TxMeta};

/// Frames that a turn takes: more than ever lie in a ring.
const BUDGET: usize = 8;

fn model(preemptions: usize, run: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(run);
}

/// Who has been woken. Not loom's: waking shows nobody anything by itself.
#[derive(Default)]
struct Woken([AtomicBool; 2]);

impl Wake for Woken {
    fn wake(&self, processor: usize) {
        self.0[processor].store(true, Ordering::SeqCst);
    }
}

impl Woken {
    fn take(&self, processor: usize) -> bool {
        self.0[processor].swap(false, Ordering::SeqCst)
    }
}

fn octets(octet: u8) -> impl FnMut(&mut [u8]) {
    move |frame| frame.fill(octet)
}

/// Processor 1, without a queue pair: sends `frames` frames of an octet, numbered.
struct Spokesman {
    tx: Sender<TxMeta>,
    woken: Arc<Woken>,
    sent: u8,
    frames: u8,
}

impl Spokesman {
    fn send(&mut self) -> bool {
        let Ok(lane) = self.tx.lanes().map(|lanes| lanes.lane(0)).transpose() else { return false };
        self.tx.transmit(1, TxMeta { lane, ..TxMeta::default() }, &mut octets(self.sent)).is_ok()
    }

    fn run(&mut self) {
        while self.sent < self.frames {
            let sent = self.send();
            self.sent += u8::from(sent);
            self.tx.flush();
            if !sent && !self.woken.take(1) {
                return;
            }
        }
    }
}

/// Processor 0, and the card.
struct Forwarder {
    hub: Hub,
    card: Card,
    budget: usize,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Card {
    lanes: Option<Arc<Lanes>>,
    taken: u8,
    /// Frames before which it is full once.
    full_before: Option<u8>,
}

impl Transmit for Card {
    fn offloads(&self) -> Offloads {
        Offloads::default()
    }

    fn transmit(&mut self, len: usize, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        let under_way = self.lanes.as_ref().zip(meta.lane).map(|(lanes, lane)| UnderWay::new(lanes, lane, len));
        if self.full_before.take_if(|before| *before == self.taken).is_some() {
            under_way.into_iter().for_each(UnderWay::stays);
            return Err(Full);
        }
        let mut frame = [0; 1];
        fill(&mut frame[..len]);
        assert_eq!(frame, [self.taken], "in order, none lost, none twice");
        self.taken += 1;
        Ok(())
    }

    fn flush(&mut self) {}
}

impl Forwarder {
    fn run(&mut self) {
        loop {
            let before = self.card.taken;
            // A card that was full has room again at once.
            let full = self.hub.forward_all(self.budget, &mut self.card).is_err();
            if !full && usize::from(self.card.taken - before) < self.budget && !self.woken.take(0) {
                return;
            }
        }
    }
}

/// The two processors, with rings of `frames` frames and these octets; with credit, if classes share the way out.
fn two(ring: usize, octets: usize, shared: bool, frames: u8) -> (Forwarder, Spokesman) {
    let woken = Arc::new(Woken::default());
    let sizes = Sizes { frames: ring, octets, longest: 1 };
    let (hub, _, mut spokes) = star(2, 1, sizes, Offloads::default(), &(woken.clone() as Arc<dyn Wake>));
    hub.share(shared);
    let Some(Spoke { up: Up::Send(tx), .. }) = spokes.pop() else { panic!("no queue pair, so it sends by the hub") };
    let card = Card { lanes: hub.lanes().next().flatten().cloned(), ..Card::default() };
    (Forwarder { hub, card, budget: BUDGET, woken: woken.clone() }, Spokesman { tx, woken, sent: 0, frames })
}

/// Lets both run at once, and then who is woken.
fn send_all((mut forwarder, mut spokesman): (Forwarder, Spokesman)) -> (Forwarder, Spokesman) {
    let other = thread::spawn(move || {
        spokesman.run();
        spokesman
    });
    forwarder.run();
    let mut spokesman = other.join().expect("no panic");
    loop {
        if forwarder.woken.take(0) {
            forwarder.run();
        } else if forwarder.woken.take(1) {
            spokesman.run();
        } else {
            break;
        }
    }
    assert_eq!((spokesman.sent, forwarder.card.taken), (spokesman.frames, spokesman.frames), "a wake-up was lost");
    (forwarder, spokesman)
}

#[test]
fn who_found_no_frames_is_woken_for_the_next() {
    model(3, || {
        let (forwarder, spokesman) = send_all(two(4, 4, false, 2));
        assert!(!forwarder.hub.is_waiting() && spokesman.tx.counts().full == 0);
    });
}

#[test]
fn who_found_no_place_is_woken_when_there_is_one() {
    model(3, || {
        let (mut forwarder, spokesman) = two(1, 4, false, 2);
        // It does not find the ring empty in the same turn.
        forwarder.budget = 1;
        send_all((forwarder, spokesman));
    });
}

#[test]
fn who_found_no_octets_is_woken_when_there_are_some() {
    model(3, || {
        send_all(two(4, 2, false, 3));
    });
}

/// Credit is 2 octets here. When all is over there is neither less nor more of it: one frame may be under way, and nothing beside two.
fn credit_is_whole((mut forwarder, mut spokesman): (Forwarder, Spokesman)) {
    let taken = forwarder.card.taken;
    assert!(spokesman.send());
    assert!(forwarder.card.lanes.as_ref().unwrap().has_credit(0), "less came back than was taken");
    assert!(forwarder.hub.forward_all(BUDGET, &mut Card { taken, ..Card::default() }).is_ok());
    assert!(spokesman.send());
    assert!(!forwarder.card.lanes.as_ref().unwrap().has_credit(0), "more came back than was taken");
}

#[test]
fn credit_comes_back_once_and_wakes_who_waits_for_it() {
    model(3, || credit_is_whole(send_all(two(4, 4, true, 3))));
}

#[test]
fn a_frame_that_stays_in_the_ring_keeps_its_credit() {
    model(2, || {
        let (mut forwarder, spokesman) = two(4, 4, true, 3);
        forwarder.card.full_before = Some(1);
        credit_is_whole(send_all((forwarder, spokesman)));
    });
}

#[test]
fn a_frame_that_the_full_ring_refused_has_no_credit() {
    model(2, || {
        let (forwarder, mut spokesman) = send_all(two(1, 4, true, 2));
        assert!(spokesman.send() && !spokesman.send(), "the ring holds one");
        assert!(forwarder.card.lanes.unwrap().has_credit(0), "one is under way");
    });
}

#[test]
fn who_waits_for_credit_goes_on_when_classes_share_no_more() {
    model(3, || {
        let (mut forwarder, mut spokesman) = two(4, 4, true, 3);
        let other = thread::spawn(move || {
            spokesman.run();
            spokesman
        });
        forwarder.hub.share(false);
        let mut spokesman = other.join().expect("no panic");
        if forwarder.woken.take(1) {
            spokesman.run();
        }
        assert_eq!(spokesman.sent, 3, "a wake-up was lost");
        forwarder.run();
        assert_eq!(forwarder.card.taken, 3);
    });
}

/// The other way: received frames, which are dropped where there is no room.
#[test]
fn received_frames_arrive_or_are_counted() {
    model(3, || {
        let woken = Arc::new(Woken::default());
        let sizes = Sizes { frames: 1, octets: 2, longest: 1 };
        let (mut hub, _, mut spokes) = star(2, 1, sizes, Offloads::default(), &(woken.clone() as Arc<dyn Wake>));
        let Some(Spoke { mut rx, .. }) = spokes.pop() else { panic!("there are two processors") };
        let mut run = {
            let woken = woken.clone();
            move |seen: &mut Vec<u8>| {
                while rx.receive(BUDGET, &mut |frame, _| seen.extend_from_slice(frame)) == BUDGET || woken.take(1) {}
            }
        };
        let other = thread::spawn(move || {
            let mut seen = vec![];
            run(&mut seen);
            (run, seen)
        });
        let mut taken = vec![];
        for frame in 0..3 {
            if hub.hand_over(1, &[frame], RxMeta::default()) {
                taken.push(frame);
            }
            hub.flush();
        }
        let (mut run, mut seen) = other.join().expect("no panic");
        if woken.take(1) {
            run(&mut seen);
        }
        assert_eq!(seen, taken);
        let Counts { sent, full, .. } = hub.counts();
        assert_eq!((sent, full), (taken.len() as u64, 3 - taken.len() as u64));
    });
}

/// A processor that looks for work, a flag of each waker, and sleeps while there is some that it has not seen. Returns whether it has seen all; else it sleeps.
fn look(parking: &Parking, work: &[loom::sync::atomic::AtomicBool], interrupted: &AtomicBool) -> bool {
    while !work.iter().all(|work| work.load(Ordering::Relaxed)) {
        if parking.park() && !interrupted.swap(false, Ordering::SeqCst) {
            return false;
        }
        parking.leave();
    }
    true
}

/// `wakers` processors, each of which writes something and wakes this one.
fn parked_and_woken(wakers: usize) {
    let parking = Arc::new(Parking::default());
    let interrupted = Arc::new(AtomicBool::new(false));
    let work: Arc<Vec<_>> = Arc::new((0..wakers).map(|_| loom::sync::atomic::AtomicBool::new(false)).collect());
    let others: Vec<_> = (0..wakers)
        .map(|number| {
            let (parking, interrupted, work) = (parking.clone(), interrupted.clone(), work.clone());
            thread::spawn(move || {
                work[number].store(true, Ordering::Relaxed);
                if parking.unpark() {
                    interrupted.store(true, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let done = look(&parking, &work, &interrupted);
    others.into_iter().for_each(|other| other.join().expect("no panic"));
    assert!(done || interrupted.load(Ordering::SeqCst), "a wake-up was lost");
}

#[test]
fn who_is_about_to_sleep_is_woken() {
    model(3, || parked_and_woken(1));
}

#[test]
fn who_is_woken_twice_at_once_sees_both() {
    model(3, || parked_and_woken(2));
}

/// Two processors, each of which writes to one that sleeps while it finds nothing. `limit` letters have room; one that has none is not sent.
fn written_to(limit: usize) {
    let parking = Arc::new(Parking::default());
    let interrupted = Arc::new(AtomicBool::new(false));
    let mailbox = Arc::new(Mailbox::new(limit));
    let others = [0, 1].map(|letter| {
        let (parking, interrupted, mailbox) = (parking.clone(), interrupted.clone(), mailbox.clone());
        thread::spawn(move || {
            let put = mailbox.put(letter);
            if parking.unpark() {
                interrupted.store(true, Ordering::SeqCst);
            }
            put
        })
    });
    let mut taken = vec![];
    loop {
        taken.extend(std::iter::from_fn(|| mailbox.take()));
        if taken.len() == 2 || parking.park() && !interrupted.swap(false, Ordering::SeqCst) {
            break;
        }
        parking.leave();
    }
    let put = others.map(|other| other.join().expect("no panic"));
    if interrupted.load(Ordering::SeqCst) {
        taken.extend(std::iter::from_fn(|| mailbox.take()));
    }
    let all = [0, 1].into_iter().zip(put).filter(|(_, put)| *put).map(|(letter, _)| letter);
    taken.sort_unstable();
    assert!(all.eq(taken), "a letter was lost, or lies there with nobody to take it");
}

#[test]
fn letters_are_all_taken() {
    model(3, || written_to(2));
}

#[test]
fn a_full_mailbox_says_so() {
    model(3, || written_to(1));
}
