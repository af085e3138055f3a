//! Arming against completing, on two threads, without a lock between them: the one order that only fences give. Without the fence in
//! `arm_after` some rounds of a run are lost where two processors are free to run both sides at once.

use core::sync::atomic::{AtomicU32, Ordering, fence};
use std::thread;

use super::*;
use crate::fake::FakeMemory;

const ROUNDS: u32 = 60_000;

/// Waits until the other side has come to the same step.
fn meet(mine: &AtomicU32, other: &AtomicU32, step: u32) {
    mine.store(step, Ordering::Release);
    let mut turns = 0u32;
    while other.load(Ordering::Acquire) < step {
        turns += 1;
        // The other may be waiting for this very processor.
        if turns.is_multiple_of(256) { thread::yield_now() } else { core::hint::spin_loop() }
    }
}

/// In every round the driver arms while the device completes. If arming said "sleep", the device must have seen the wish.
#[test]
fn arming_and_completing_at_once_loses_no_wake_up() {
    let memory = FakeMemory::default();
    let mut ring = Ring::new(&memory, 2, true).unwrap();
    let segment = Segment { bus: memory.allocate(1).unwrap().bus, len: 8, direction: Direction::ToDevice };
    let at = ring.addresses();
    let device = memory.region(at.descriptors);
    let layout = Layout::new(2).unwrap();
    let (driver_step, device_step, saw) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    let (driver_step, device_step, saw) = (&driver_step, &device_step, &saw);
    let mut lost = 0;
    thread::scope(|scope| {
        scope.spawn(move || {
            for round in 0..ROUNDS {
                meet(device_step, driver_step, 2 * round + 1);
                let index = round as u16;
                device.store_u32(layout.used_entry(index), 0);
                device.store_u16(layout.used_idx(), index.wrapping_add(1), Ordering::Release);
                fence(Ordering::SeqCst);
                let wish = device.load_u16(layout.used_event(), Ordering::Relaxed);
                saw.store(u32::from(wish == index), Ordering::Relaxed);
                meet(device_step, driver_step, 2 * round + 2);
            }
        });
        for round in 0..ROUNDS {
            ring.add(&[segment], 0).unwrap();
            meet(driver_step, device_step, 2 * round + 1);
            // A few different moments.
            for _ in 0..round % 23 {
                core::hint::spin_loop();
            }
            let sleep = ring.arm();
            meet(driver_step, device_step, 2 * round + 2);
            lost += u32::from(sleep && saw.load(Ordering::Relaxed) == 0);
            assert_eq!(ring.pop(), Ok(Some(Used { token: 0, len: 0 })));
            ring.disarm();
        }
    });
    assert_eq!(lost, 0, "times that the driver slept and the device saw no wish");
}
