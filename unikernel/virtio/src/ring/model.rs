//! Models for loom: the driver's side of a ring and a device's, in every order of their steps that the bounds admit, each reading every value that the memory
//! model lets it read.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p virtio --lib model`
//!
//! Who has nothing left to do looks whether it was told of something, and ends if not, as if it slept. When both have ended, whoever was told meanwhile goes on.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use loom::thread;

use super::*;
use crate::fake::FakeMemory;

const CHAINS: u16 = 2;

/// An interrupt, or a notification.
#[derive(Clone, Default)]
struct Told(Arc<AtomicBool>);

impl Told {
    fn tell(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

/// A device as §2.7 wants it.
struct Device {
    memory: DmaRegion,
    layout: Layout,
    event_idx: bool,
    /// Chains taken, and completed.
    taken: u16,
    completed: u16,
    told: Told,
    tells: Told,
}

fn segment(token: u16) -> Segment {
    Segment { bus: 0x1000 * u64::from(token + 1), len: 8, direction: Direction::ToDevice }
}

fn both(event_idx: bool) -> (Ring, Device, Told, Told) {
    let ring = Ring::new(&FakeMemory::default(), CHAINS, event_idx).unwrap();
    let (kick, interrupt) = (Told::default(), Told::default());
    let (memory, layout) = (ring.memory.share(), ring.layout);
    let (told, tells) = (kick.clone(), interrupt.clone());
    (ring, Device { memory, layout, event_idx, taken: 0, completed: 0, told, tells }, kick, interrupt)
}

impl Device {
    fn available(&self) -> bool {
        self.memory.load_u16(self.layout.avail_idx(), Ordering::Acquire) != self.taken
    }

    /// Takes chains until there are none and nobody said that there are more.
    fn take_all(&mut self) {
        loop {
            while self.available() {
                let head = self.memory.load_u16(self.layout.avail_entry(self.taken), Ordering::Relaxed);
                assert_eq!(self.memory.load_u64(self.layout.desc(head)), segment(self.taken).bus, "not written yet");
                self.taken += 1;
            }
            if self.event_idx {
                self.memory.store_u16(self.layout.avail_event(), self.taken, Ordering::Relaxed);
            } else {
                self.memory.store_u16(self.layout.used_flags(), 0, Ordering::Relaxed);
            }
            fence(Ordering::SeqCst);
            if !self.available() && !self.told.take() {
                return;
            }
            if !self.event_idx {
                self.memory.store_u16(self.layout.used_flags(), NO_NOTIFY, Ordering::Relaxed);
            }
        }
    }

    /// Completes the chains that begin at these descriptors.
    fn complete(&mut self, heads: [u16; CHAINS as usize]) {
        for head in heads {
            self.memory.store_u32(self.layout.used_entry(self.completed), head.into());
            let old = self.completed;
            self.completed += 1;
            self.memory.store_u16(self.layout.used_idx(), self.completed, Ordering::Release);
            fence(Ordering::SeqCst);
            let wanted = if self.event_idx {
                crossed(self.memory.load_u16(self.layout.used_event(), Ordering::Relaxed), old, self.completed)
            } else {
                self.memory.load_u16(self.layout.avail_flags(), Ordering::Relaxed) & NO_INTERRUPT == 0
            };
            if wanted {
                self.tells.tell();
            }
        }
    }
}

fn model(run: fn(bool)) {
    for event_idx in [true, false] {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(move || run(event_idx));
    }
}

#[test]
fn a_device_that_waits_for_chains_is_notified() {
    model(|event_idx| {
        let (mut ring, mut device, kick, _) = both(event_idx);
        let other = thread::spawn(move || {
            device.take_all();
            device
        });
        for token in 0..CHAINS {
            ring.add(&[segment(token)], token).unwrap();
            if ring.kick_wanted(false) {
                kick.tell();
            }
        }
        let mut device = other.join().expect("no panic");
        if device.told.0.load(Ordering::SeqCst) {
            device.take_all();
        }
        assert_eq!(device.taken, CHAINS, "a notification was lost");
    });
}

/// Takes completions until there are none and no interrupt has come.
fn pop_all(ring: &mut Ring, popped: &mut u16, interrupt: &Told) {
    loop {
        ring.disarm();
        while let Some(used) = ring.pop().expect("a device that keeps to the protocol") {
            assert_eq!(used.token, *popped, "not written yet");
            *popped += 1;
        }
        if ring.arm() && !interrupt.take() {
            return;
        }
    }
}

#[test]
fn a_driver_that_waits_for_completions_is_interrupted() {
    model(|event_idx| {
        let (mut ring, mut device, _, interrupt) = both(event_idx);
        for token in 0..CHAINS {
            ring.add(&[segment(token)], token).unwrap();
        }
        let heads = [0, 1];
        let other = thread::spawn(move || device.complete(heads));
        let mut popped = 0;
        pop_all(&mut ring, &mut popped, &interrupt);
        other.join().expect("no panic");
        if interrupt.0.load(Ordering::SeqCst) {
            pop_all(&mut ring, &mut popped, &interrupt);
        }
        assert_eq!(popped, CHAINS, "an interrupt was lost");
    });
}
