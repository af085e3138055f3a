//! The loop that each processor runs for ever: turns of its node while there is work, sleep while there is none.

use protocols::handover::Patience;
use services::node::{Node, Turn};

use crate::error::Error;
use crate::nic::Nic;
use crate::{clock, platform, processors};

/// After a transmit that found no room, look again after so many microseconds even without an interrupt.
const ROOM: u64 = 500;
/// Publish the card's counters at least every so many turns.
const PUBLISH: u32 = 256;

/// A processor with a queue pair of the network card.
pub fn run(mut node: Node, mut nic: Nic, processor: usize) -> ! {
    let (mut turns, mut patience) = (0u32, Patience::default());
    loop {
        let done = {
            let (mut rx, mut tx) = nic.split();
            node.turn(platform::now(), &mut rx, &mut tx)
        };
        nic.kick();
        turns = turns.wrapping_add(1);
        if turns.is_multiple_of(PUBLISH) {
            platform::publish(processor, nic.counters());
        }
        if let Some(mut until) = idle(processor, &done) {
            if let Err(error) = nic.check() {
                Error::Nic(error).end()
            }
            platform::publish(processor, nic.counters());
            if nic.is_full() {
                until = Some(until.unwrap_or(u64::MAX).min(clock::micros() + ROOM));
            }
            let octets = nic.octets();
            let found = || nic.is_pending() || processors::is_woken(processor);
            if patience.look(until, octets, clock::micros, found) {
                continue;
            }
            patience.slept(processors::sleep(processor, until, || nic.arm()));
            nic.disarm();
        }
    }
}

/// A processor without: it receives and sends by processor 0.
pub fn run_detached(mut node: Node, processor: usize) -> ! {
    let mut patience = Patience::default();
    loop {
        let done = node.turn_detached(platform::now());
        if let Some(until) = idle(processor, &done)
            && !patience.look(until, 0, clock::micros, || processors::is_woken(processor))
        {
            patience.slept(processors::sleep(processor, until, || true));
        }
    }
}

/// Whether a processor may sleep after this turn, and until when.
fn idle(processor: usize, turn: &Turn) -> Option<Option<u64>> {
    let busy = turn.again || processors::take_wake(processor);
    (!busy).then(|| turn.wake_at.map(platform::micros))
}
