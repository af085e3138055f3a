//! Time passes, and what is due goes out.

use super::super::egress::{Egress, Progress};
use super::Engine;
use crate::time::Instant;

/// Timers that one `poll` lets expire at most; the others have their turn with the next.
const TIMERS_PER_POLL: usize = 1024;

impl Engine {
    /// Lets timers expire and sends everything that is due. To be called after each burst of [`receive`](Self::receive), after services
    /// have run, and at [`next_deadline`](Self::next_deadline).
    pub fn poll(&mut self, now: Instant, out: &mut dyn Egress) -> Progress {
        self.observe(now);
        self.link_full = false;
        for _ in 0..TIMERS_PER_POLL {
            let Some(index) = self.wheel.expired(self.now) else { break };
            self.with(index, |connection, env| connection.expire(env));
        }
        self.time_waits.expire(self.now, TIMERS_PER_POLL);
        // Each connection that has work now has one turn.
        for _ in 0..self.work.len() {
            let Some(index) = self.work.pop_front() else { break };
            let full = self.with(index, |connection, env| {
                connection.work_queued = false;
                connection.work = false;
                match connection.output(env, out) {
                    Ok(more) => {
                        connection.work = more;
                        false
                    }
                    Err(_) => {
                        env.counters.link_full += 1;
                        connection.work = true;
                        true
                    }
                }
            });
            if full == Some(true) {
                // It lost its turn: it is the first when there is room again.
                if let Some(last) = self.work.pop_back() {
                    self.work.push_front(last);
                }
                self.link_full = true;
                return Progress::Full;
            }
        }
        if self.work.is_empty() { Progress::Done } else { Progress::More }
    }

    /// The time at which [`poll`](Self::poll) has something to do if nothing happens before; in the past, if it has something to do now.
    /// When the link was full, only timers count: poll again when it has room.
    pub fn next_deadline(&self) -> Option<Instant> {
        if !self.work.is_empty() && !self.link_full {
            return Some(self.now);
        }
        self.wheel.next_deadline()
    }
}
