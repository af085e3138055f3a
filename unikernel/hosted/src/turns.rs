//! The loop that each processor runs: turns of its node while there is work, sleep while there is none.

use std::convert::Infallible;
use std::sync::mpsc::Receiver;

use rustix::event::PollFlags;
use services::node::{Node, Turn};

use crate::Error;
use crate::nic::Nic;
use crate::platform::Process;

/// Processor 0, which always has a queue of the device. Returns when another one cannot run, with its reason.
pub fn run_first(mut node: Node, process: &Process, nic: &mut Nic, failure: &Receiver<String>) -> Result<(), Error> {
    loop {
        turn(&mut node, process, 0, nic);
        if let Ok(error) = failure.try_recv() {
            return Err(error.into());
        }
    }
}

/// Another processor that has a queue.
pub fn run_queue(mut node: Node, process: &Process, processor: usize, nic: &mut Nic) -> Infallible {
    loop {
        turn(&mut node, process, processor, nic);
    }
}

/// One without: its frames come and go by processor 0.
pub fn run_detached(mut node: Node, process: &Process, processor: usize) -> Infallible {
    loop {
        let turn = node.turn_detached(process.time());
        if idle(process, processor, &turn) {
            process.sleep(processor, turn.wake_at, None);
        }
    }
}

/// Turns until there is nothing to do, then sleeps until there is.
fn turn(node: &mut Node, process: &Process, processor: usize, nic: &mut Nic) {
    loop {
        let (mut rx, mut tx) = nic.split(&process.counters[processor]);
        let turn = node.turn(process.time(), &mut rx, &mut tx);
        if idle(process, processor, &turn) {
            let events = if nic.is_full() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            return process.sleep(processor, turn.wake_at, Some((nic.device(), events)));
        }
    }
}

/// Whether a processor may sleep after this turn.
fn idle(process: &Process, processor: usize, turn: &Turn) -> bool {
    !turn.again && !process.take_wake(processor)
}
