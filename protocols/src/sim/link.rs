//! One direction of a link, and a pair of them.

use alloc::collections::{BinaryHeap, VecDeque};
use core::cmp::Reverse;

use super::loss::Process;
use super::{Loss, Probability, Rng};
use crate::time::{Duration, Instant};

/// What a link is like. The default is a perfect one: no delay, no limit of rate, no loss.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// Bytes per second that leave the queue; 0 means without limit, so that nothing ever queues.
    pub rate: u64,
    /// From leaving the queue to arrival.
    pub delay: Duration,
    /// A packet takes up to this much longer, uniformly. Packets do not overtake each other by it.
    pub jitter: Duration,
    /// Loss on the way, after the queue.
    pub loss: Loss,
    /// How likely a packet is held back by [`reorder_by`](Config::reorder_by), so that later ones overtake it.
    pub reorder: Probability,
    /// How long a reordered packet is held back. Zero: it skips the delay instead and so overtakes those before it, which is what
    /// netem's `reorder` does.
    pub reorder_by: Duration,
    /// Only every so many packets one may be reordered (netem's `gap`); 0 and 1: any.
    pub reorder_gap: u32,
    /// How likely a packet arrives twice.
    pub duplicate: Probability,
    /// Bytes that may wait behind the packet being sent (drop-tail): a packet that would make it more is refused.
    pub queue: usize,
    /// Packets that may wait behind the packet being sent: one more is refused.
    pub queue_packets: usize,
    /// The most packets on the link, waiting and under way together; one more is refused.
    pub packets: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rate: 0,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: Loss::None,
            reorder: Probability::NEVER,
            reorder_by: Duration::ZERO,
            reorder_gap: 0,
            duplicate: Probability::NEVER,
            queue: usize::MAX,
            queue_packets: usize::MAX,
            packets: 1 << 16,
        }
    }
}

/// What has happened on a link so far, in packets unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Offered to the link.
    pub offered: u64,
    /// Refused because the queue was full.
    pub overflowed: u64,
    /// Lost on the way.
    pub lost: u64,
    /// Held back, so that others could overtake them, or sent ahead of others.
    pub reordered: u64,
    /// Arrived twice.
    pub duplicated: u64,
    /// Handed over to the receiver.
    pub delivered: u64,
    /// Most bytes that ever waited.
    pub longest_queue: usize,
}

/// The link has no room: the packet is dropped, as by a router whose queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Bytes that were waiting.
    pub queued: usize,
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "the link's queue is full with {} bytes waiting: the packet is dropped", self.queued)
    }
}

impl core::error::Error for Refused {}

/// One direction of a simulated link for packets of type `P`.
#[derive(Debug)]
pub struct Link<P> {
    config: Config,
    rng: Rng,
    loss: Process,
    /// When the wire is free, in nanoseconds, so that rounding costs no rate.
    free_at: u64,
    /// Packets that have not begun to be sent: when they begin (nanoseconds), bytes.
    waiting: VecDeque<(u64, usize)>,
    queued: usize,
    /// The latest arrival of a packet that was not held back: jitter does not reorder.
    last_arrival: Instant,
    /// Packets since the last one that might have been reordered.
    since_candidate: u32,
    under_way: BinaryHeap<Reverse<Arrival<P>>>,
    order: u64,
    counters: Counters,
}

impl<P: Clone> Link<P> {
    /// An empty link.
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            config,
            rng: Rng::new(seed),
            loss: Process::new(),
            free_at: 0,
            waiting: VecDeque::new(),
            queued: 0,
            last_arrival: Instant::ZERO,
            since_candidate: 0,
            under_way: BinaryHeap::new(),
            order: 0,
            counters: Counters::default(),
        }
    }

    /// Offers a packet of `size` bytes. A packet that is lost on the way is accepted here, as on a real link.
    pub fn send(&mut self, now: Instant, size: usize, packet: P) -> Result<(), Refused> {
        self.counters.offered += 1;
        let now_ns = nanoseconds(now);
        self.leave_queue(now_ns);
        let beyond =
            self.queued.saturating_add(size) > self.config.queue || self.waiting.len() >= self.config.queue_packets;
        let full = self.free_at > now_ns && beyond;
        if full || self.under_way.len() >= self.config.packets {
            self.counters.overflowed += 1;
            return Err(Refused { queued: self.queued });
        }
        let begins = self.free_at.max(now_ns);
        if begins > now_ns {
            self.waiting.push_back((begins, size));
            self.queued += size;
            self.counters.longest_queue = self.counters.longest_queue.max(self.queued);
        }
        self.free_at = begins.saturating_add(self.serialization(size));
        if self.loss.loses(&self.config.loss, &mut self.rng) {
            self.counters.lost += 1;
            return Ok(());
        }
        self.carry(packet);
        Ok(())
    }

    /// When [`receive`](Link::receive) will give a packet next.
    pub fn next_delivery(&self) -> Option<Instant> {
        self.under_way.peek().map(|Reverse(arrival)| arrival.at)
    }

    /// A packet that has arrived by `now`, in the order of arrival.
    pub fn receive(&mut self, now: Instant) -> Option<P> {
        if self.next_delivery()? > now {
            return None;
        }
        self.counters.delivered += 1;
        self.under_way.pop().map(|Reverse(arrival)| arrival.packet)
    }

    /// Bytes that wait at `now` behind the packet being sent.
    pub fn queued(&mut self, now: Instant) -> usize {
        self.leave_queue(nanoseconds(now));
        self.queued
    }

    /// What has happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Lets randomness begin anew, with the link in its good state: what befalls the packets from the next one on depends on `seed` alone.
    pub fn reseed(&mut self, seed: u64) {
        self.rng = Rng::new(seed);
        self.loss = Process::new();
        self.since_candidate = 0;
    }

    /// Changes what the link is like, from the next packet on.
    pub fn configure(&mut self, config: Config) {
        self.config = config;
    }

    /// Puts a packet on its way, whose last byte leaves at `self.free_at`.
    fn carry(&mut self, packet: P) {
        let left = Instant::from_micros(i64::try_from(self.free_at.div_ceil(1_000)).unwrap_or(i64::MAX));
        let jitter = Duration::from_micros(self.rng.below(self.config.jitter.total_micros().saturating_add(1)));
        let mut at = later(later(left, self.config.delay), jitter).max(self.last_arrival);
        if self.reorders() {
            self.counters.reordered += 1;
            at = if self.config.reorder_by == Duration::ZERO { left } else { later(at, self.config.reorder_by) };
        } else {
            self.last_arrival = at;
        }
        if self.rng.chance(self.config.duplicate) {
            self.counters.duplicated += 1;
            self.arrive(at, packet.clone());
        }
        self.arrive(at, packet);
    }

    /// Whether the next packet is one that is reordered.
    fn reorders(&mut self) -> bool {
        self.since_candidate += 1;
        if self.since_candidate < self.config.reorder_gap {
            return false;
        }
        self.since_candidate = 0;
        self.rng.chance(self.config.reorder)
    }

    fn arrive(&mut self, at: Instant, packet: P) {
        self.order += 1;
        self.under_way.push(Reverse(Arrival { at, order: self.order, packet }));
    }

    fn leave_queue(&mut self, now_ns: u64) {
        while let Some(&(begins, size)) = self.waiting.front() {
            if begins > now_ns {
                break;
            }
            self.waiting.pop_front();
            self.queued -= size;
        }
    }

    /// Nanoseconds that `size` bytes occupy the wire.
    fn serialization(&self, size: usize) -> u64 {
        (size as u64).saturating_mul(1_000_000_000).checked_div(self.config.rate).unwrap_or(0)
    }
}

/// A link in both directions.
#[derive(Debug)]
pub struct Duplex<P> {
    /// From the first end to the second.
    pub forward: Link<P>,
    /// From the second end to the first.
    pub backward: Link<P>,
}

impl<P: Clone> Duplex<P> {
    /// An empty link; the two directions draw independent random numbers from `seed`.
    pub fn new(forward: Config, backward: Config, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        Self { forward: Link::new(forward, rng.next_u64()), backward: Link::new(backward, rng.next_u64()) }
    }

    /// Lets the randomness of both directions begin anew, as in a new pair with this seed.
    pub fn reseed(&mut self, seed: u64) {
        let mut rng = Rng::new(seed);
        self.forward.reseed(rng.next_u64());
        self.backward.reseed(rng.next_u64());
    }

    /// When a packet arrives next at either end.
    pub fn next_delivery(&self) -> Option<Instant> {
        self.forward.next_delivery().into_iter().chain(self.backward.next_delivery()).min()
    }
}

/// A packet under way; ordered by arrival, then by the order of sending.
#[derive(Debug)]
struct Arrival<P> {
    at: Instant,
    order: u64,
    packet: P,
}

impl<P> PartialEq for Arrival<P> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<P> Eq for Arrival<P> {}

impl<P> PartialOrd for Arrival<P> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<P> Ord for Arrival<P> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// Nanoseconds on the clock; an instant before zero counts as zero.
fn nanoseconds(at: Instant) -> u64 {
    u64::try_from(at.total_micros()).unwrap_or(0).saturating_mul(1_000)
}

/// `at + by`, at most the end of time.
fn later(at: Instant, by: Duration) -> Instant {
    let by = i64::try_from(by.total_micros()).unwrap_or(i64::MAX);
    Instant::from_micros(at.total_micros().saturating_add(by))
}
