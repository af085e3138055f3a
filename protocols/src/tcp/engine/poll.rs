//! Time passes, and what is due goes out.

use alloc::collections::VecDeque;

use super::super::egress::{Egress, Full, Progress};
use super::Engine;
use crate::time::Instant;

/// Timers that one `poll` lets expire at most; the others have their turn with the next.
const TIMERS_PER_POLL: usize = 1024;

/// What became of a connection's turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It has sent all that it may.
    Done,
    /// It has used up its burst, and has more.
    More,
    /// There was no room for all that it had; whether it has sent anything.
    Refused(Full, bool),
}

/// Puts a connection back for which there was no room: if it has sent nothing it is the first when there is room again, else the
/// last, so that none keeps the others from a link that takes less than a burst at a time.
fn back(queue: &mut VecDeque<u32>, index: u32, sent: bool) {
    if sent { queue.push_back(index) } else { queue.push_front(index) }
}

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
            if !self.waiting.is_empty()
                && let Some(class) = self.connections.at(index).and_then(|connection| connection.class)
                && out.must_wait(class)
            {
                self.park(class, index);
                continue;
            }
            match self.turn_of(index, out) {
                Turn::More => self.work.push_back(index),
                Turn::Done => {}
                Turn::Refused(Full::Turn(class), _) => self.park(class, index),
                Turn::Refused(Full::Link, sent) => {
                    back(&mut self.work, index, sent);
                    self.link_full = true;
                    return Progress::Full;
                }
            }
        }
        if self.work.is_empty() { Progress::Done } else { Progress::More }
    }

    /// The turn of a class: sends what its connections were refused ([`Full::Turn`]), each once around.
    /// [`Progress::Full`]: there is no room, or its turn is over.
    pub fn poll_class(&mut self, now: Instant, class: u8, out: &mut dyn Egress) -> Progress {
        self.observe(now);
        for _ in 0..self.waiting(class).len() {
            let Some(index) = self.waiting(class).pop_front() else { break };
            match self.turn_of(index, out) {
                Turn::More => self.park(class, index),
                Turn::Done => {}
                // Its segments are of another class now.
                Turn::Refused(Full::Turn(other), _) if other != class => self.park(other, index),
                Turn::Refused(_, sent) => {
                    back(self.waiting(class), index, sent);
                    return Progress::Full;
                }
            }
        }
        if self.waiting(class).is_empty() { Progress::Done } else { Progress::More }
    }

    /// Whether connections wait for the turn of a class.
    pub fn is_waiting(&self, class: u8) -> bool {
        self.waiting.get(usize::from(class)).is_some_and(|queue| !queue.is_empty())
    }

    /// Lets a connection send. If it has more, it is noted as queued, which the caller sees to.
    fn turn_of(&mut self, index: u32, out: &mut dyn Egress) -> Turn {
        let turn = self.with(index, |connection, env| {
            let before = env.counters.segments_out;
            let turn = match connection.output(env, out) {
                Ok(true) => Turn::More,
                Ok(false) => Turn::Done,
                Err(full) => Turn::Refused(full, env.counters.segments_out != before),
            };
            match turn {
                Turn::Refused(Full::Link, _) => env.counters.link_full += 1,
                Turn::Refused(Full::Turn(class), _) => connection.class = Some(class),
                _ => {}
            }
            connection.work = turn != Turn::Done;
            connection.work_queued = connection.work;
            turn
        });
        turn.unwrap_or(Turn::Done)
    }

    fn park(&mut self, class: u8, index: u32) {
        self.waiting(class).push_back(index);
    }

    /// Slots of connections that wait for the turn of a class.
    fn waiting(&mut self, class: u8) -> &mut VecDeque<u32> {
        let class = usize::from(class);
        if self.waiting.len() <= class {
            self.waiting.resize_with(class + 1, VecDeque::new);
        }
        &mut self.waiting[class]
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
