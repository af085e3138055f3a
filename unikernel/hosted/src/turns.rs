//! The loop that each processor runs: turns of its node while there is work, sleep while there is none.

use std::convert::Infallible;
use std::sync::mpsc::Receiver;

use rustix::event::PollFlags;
use services::node::{Node, Turn};

use crate::Error;
use crate::nic::Nic;
use crate::platform::Process;

/// The processor that has the device. Returns when another one cannot run, with its reason.
pub fn run_first(mut node: Node, process: &Process, nic: &mut Nic, failure: &Receiver<String>) -> Result<(), Error> {
    loop {
        let turn = {
            let (mut rx, mut tx) = nic.split(&process.counters);
            node.turn(process.time(), &mut rx, &mut tx)
        };
        if !idle(process, 0, &turn) {
            continue;
        }
        if let Ok(error) = failure.try_recv() {
            return Err(error.into());
        }
        let events = if nic.is_full() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        process.sleep(0, turn.wake_at, Some((nic.device(), events)));
    }
}

/// Every other processor.
pub fn run_other(mut node: Node, process: &Process, processor: usize) -> Infallible {
    loop {
        let turn = node.turn_detached(process.time());
        if idle(process, processor, &turn) {
            process.sleep(processor, turn.wake_at, None);
        }
    }
}

/// Whether a processor may sleep after this turn.
fn idle(process: &Process, processor: usize, turn: &Turn) -> bool {
    !turn.again && !process.take_wake(processor)
}
