//! One stream of datagrams: counting what comes, or sending at a rate.

use protocols::stack::UdpPeer;
use protocols::time::{Duration, Instant};

use super::header::Header;
use crate::iperf3::lobby::{Count, Report};
use crate::iperf3::parameters::Parameters;
use crate::service::DatagramPort;

/// A sender that is limited to a rate looks this often whether it may send again. Between two looks it is behind by as much as the rate allows
/// in that time, and sends that in one burst, which the receiver's buffer has to hold if nobody reads it meanwhile.
const PACE: Duration = Duration::from_micros(500);
/// A sender that was kept from looking in time makes good what it is behind with: in a look it sends at most so many times what the rate allows between
/// two. All at once would be more than many a receiver's buffer holds.
const CATCH_UP: u64 = 2;

/// A stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub peer: UdpPeer,
    flow: Flow,
    bytes: u64,
    omitted_bytes: u64,
    count: Count,
    /// How long the last datagram was under way, by two clocks of which nothing is known but that they run alike.
    transit_us: Option<i64>,
    omit_until: Option<Instant>,
    /// When a sender looks again.
    resume: Option<Instant>,
    /// When a sender at a rate begins the next burst, and how many octets it has sent when this one ends.
    next_burst: Instant,
    burst_end: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flow {
    /// The test has not begun. What comes early counts.
    Waiting,
    Receiving,
    Sending {
        since: Instant,
        /// Octets a second; 0 = as fast as it goes.
        rate: u64,
    },
}

impl Stream {
    pub(super) fn new(peer: UdpPeer) -> Self {
        Stream {
            peer,
            flow: Flow::Waiting,
            bytes: 0,
            omitted_bytes: 0,
            count: Count::default(),
            transit_us: None,
            omit_until: None,
            resume: None,
            next_burst: Instant::ZERO,
            burst_end: 0,
        }
    }

    /// The test begins.
    pub(super) fn start(&mut self, sends: bool, parameters: &Parameters, now: Instant) {
        if self.flow != Flow::Waiting {
            return;
        }
        self.flow = if sends { Flow::Sending { since: now, rate: parameters.rate } } else { Flow::Receiving };
        self.resume = sends.then_some(now);
        self.omit_until = (parameters.omit > 0).then(|| now + Duration::from_secs(parameters.omit));
    }

    /// What was counted.
    pub(super) fn report(&self) -> Report {
        Report { bytes: self.bytes - self.omitted_bytes, retransmits: -1, datagrams: self.count }
    }

    /// All octets so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When it has something to do though nothing comes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match (self.omit_until, self.resume) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Ends the omission when it is due.
    pub(super) fn tick(&mut self, now: Instant) {
        if self.omit_until.is_some_and(|until| until <= now) {
            self.omit_until = None;
            self.omitted_bytes = self.bytes;
            self.count.omitted_packets = self.count.packets;
            self.count.omitted_errors = self.count.errors;
            self.count.jitter = 0.0;
        }
    }

    /// Counts a datagram: a gap in the numbers is a loss, until what is missing comes late.
    pub(super) fn take(&mut self, datagram: &[u8], wide: bool, now: Instant) {
        if matches!(self.flow, Flow::Sending { .. }) {
            return;
        }
        let Some(Header { sent_us, number }) = Header::parse(datagram, wide) else { return };
        self.bytes += datagram.len() as u64;
        let Count { packets, errors, jitter, .. } = &mut self.count;
        if number > *packets {
            *errors = errors.saturating_add(number - 1 - *packets);
            *packets = number;
        } else {
            *errors = errors.saturating_sub(1);
        }
        let transit_us = now.total_micros().wrapping_sub(sent_us);
        let difference =
            self.transit_us.map_or(0, |before| transit_us.wrapping_sub(before)).unsigned_abs() as f64 / 1e6;
        *jitter += (difference - *jitter) / 16.0;
        self.transit_us = Some(transit_us);
    }

    /// Looks again later whether it can send.
    pub(super) fn wait(&mut self, now: Instant) {
        self.resume = self.resume.map(|_| now + PACE);
    }

    /// Sends what is due, at most `budget` datagrams, each as long as `block`. Returns how many it sent, and whether the queue had no room for another.
    pub(super) fn send(
        &mut self,
        port: &mut dyn DatagramPort,
        block: &mut [u8],
        wide: bool,
        now: Instant,
        budget: usize,
    ) -> (usize, bool) {
        let Flow::Sending { since, rate } = self.flow else { return (0, false) };
        if self.resume.is_some_and(|resume| resume > now) {
            return (0, false);
        }
        if now >= self.next_burst {
            self.next_burst = now + PACE;
            self.burst_end = self.bytes + (rate.saturating_mul(CATCH_UP * PACE.total_micros()) / 1_000_000).max(1);
        }
        let mut sent = 0;
        // Unless the rate is reached there is more to be sent at once.
        self.resume = Some(now);
        while sent < budget {
            let elapsed = now.total_micros().saturating_sub(since.total_micros()).cast_unsigned();
            // As the client does: a datagram goes out whenever the average is below the rate.
            let is_ahead = || u128::from(self.bytes) * 1_000_000 > u128::from(rate) * u128::from(elapsed);
            if rate > 0 && (self.bytes >= self.burst_end || is_ahead()) {
                self.resume = Some(self.next_burst);
                break;
            }
            Header::new(now, self.count.packets + 1).write(block, wide);
            if port.offer(self.peer, block).is_err() {
                return (sent, true);
            }
            self.count.packets += 1;
            self.bytes += block.len() as u64;
            sent += 1;
        }
        (sent, false)
    }
}
