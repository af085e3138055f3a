//! The turns of classes: with a queue pair those that wait send one after the other, without one those that have credit.

use super::super::gate::{From, Gate};
use super::super::wire::Wire;
use super::Stack;
use crate::classification::CLASSES;
use crate::tcp::Progress;
use crate::time::Instant;

impl Stack {
    /// Lets the classes that wait send by turns: each what is in its queue, then its connections. Returns whether there is more to do at once.
    pub(super) fn serve_classes(&mut self, now: Instant, tx: &mut Gate<'_>) -> bool {
        tx.from = From::Connection;
        if tx.filter.is_none() {
            return self.use_credit(now, tx);
        }
        while let Some(class) = tx.next_turn() {
            let connections_first = tx.are_connections_first(class);
            let mut more = false;
            if connections_first || tx.send_queued(class) {
                let mut wire = Wire { tx, mac: self.mac, mtu: self.mtu, sent: &mut self.sent };
                more = self.engine.poll_class(now, class, &mut wire) != Progress::Done;
            }
            if connections_first {
                tx.send_queued(class);
            }
            tx.end_turn(more);
        }
        tx.waits_until() == Some(now)
    }

    /// Without a queue pair: lets connections send whose class has credit again. Returns whether there is more to do at once.
    fn use_credit(&mut self, now: Instant, tx: &mut Gate<'_>) -> bool {
        let mut more = false;
        for class in 0..CLASSES as u8 {
            if self.engine.is_waiting(class) && !tx.must_wait(class) {
                let mut wire = Wire { tx, mac: self.mac, mtu: self.mtu, sent: &mut self.sent };
                more |= self.engine.poll_class(now, class, &mut wire) == Progress::More;
            }
        }
        more
    }
}
