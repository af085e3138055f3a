//! The device on a thread of its own: the orders of memory accesses that one thread cannot show.

use super::*;
use crate::fake::Raised;
use std::thread;

/// The driver sleeps whenever it has armed; the device must then raise an interrupt for what comes. Asleep with a frame waiting and no interrupt
/// raised is a lost wake-up.
#[test]
fn no_wake_up_is_lost() {
    const FRAMES: u32 = 4_000;
    for (shape, event_idx) in [(SHAPES[0], false), (SHAPES[0], true), (Shape::Uhyve, false)] {
        let nic = FakeNic::new(shape);
        let (_net, mut pair) = small(&nic, 8, event_idx);
        let device = nic.clone();
        let sender = thread::spawn(move || {
            let mut number = 0;
            while number < FRAMES {
                if device.deliver(0, &frame(number, 60)) {
                    number += 1;
                } else {
                    thread::yield_now();
                }
            }
        });
        let (mut got, mut slept) = (0, 0);
        while got < FRAMES {
            pair.disarm();
            while pair.rx().receive(|_, bytes| {
                assert_eq!(bytes, frame(got, 60));
                got += 1;
            }) {}
            pair.kick();
            nic.model().raised.clear();
            if got < FRAMES && pair.arm() {
                slept += 1;
                loop {
                    // The device completes and interrupts with its model locked: seen with the lock held, both have happened or neither.
                    let model = nic.model();
                    if !model.raised.is_empty() {
                        break;
                    }
                    assert!(!pair.rx().pending(), "asleep at frame {got} of {FRAMES} with nobody to wake the driver");
                    drop(model);
                    thread::yield_now();
                }
                let how = if shape.is_uhyve() { Raised::Line } else { Raised::Message(0xfee0_0000, 0xe0) };
                assert_eq!(nic.model().raised[0], how);
            }
        }
        sender.join().unwrap();
        assert!(slept > 0);
    }
}
