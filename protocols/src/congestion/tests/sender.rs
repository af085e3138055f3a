//! Senders with a perfect scoreboard, on a simulated bottleneck: what a controller makes of a network, apart from TCP.
//!
//! The receiver reports each segment that arrives (an ideal SACK); a segment is lost when three sent after it have arrived.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use super::bench::Bench;
use crate::congestion::*;
use crate::sim::{Config, Counters, Duplex};
use crate::time::{Duration, Instant};

/// Segment size, bytes.
pub const MSS: u32 = 1_448;
/// What a segment occupies on the wire.
const WIRE: usize = MSS as usize + 52;
/// A report on the wire.
const REPORT: usize = 64;
/// RFC 6675 DupThresh.
const REORDERING: u64 = 3;

#[derive(Clone, Copy)]
struct Data {
    sender: usize,
    number: u64,
    /// Counts transmissions of this sender.
    transmission: u64,
    sent: u64,
}

#[derive(Clone, Copy)]
struct Report {
    arrived: Data,
    /// Every segment below has arrived.
    cumulative: u64,
}

#[derive(Clone, Copy, Default)]
struct Segment {
    arrived: bool,
    lost: bool,
    /// The latest transmission of it.
    transmission: u64,
}

/// One connection's sender.
pub struct Sender {
    flow: Flow,
    pub window: Window,
    /// The peer's window, segments.
    limit: u64,
    unacked: u64,
    segments: VecDeque<Segment>,
    transmissions: u64,
    /// Transmissions and their segments, in order; those too recent to be found lost.
    recent: VecDeque<(u64, u64)>,
    /// Segments to retransmit.
    lost: BTreeSet<u64>,
    /// The latest transmission that has arrived.
    newest: u64,
    recovery: Option<u64>,
    timeout_recovery: bool,
    cwnd_limited_until: u64,
    timer: u64,
    backed_off: bool,
    pub retransmissions: u64,
    pub timeouts: u64,
    pub recoveries: u64,
}

/// One connection's receiver.
#[derive(Default)]
struct Receiver {
    next: u64,
    beyond: BTreeSet<u64>,
}

/// Connections that share a link.
pub struct Network {
    pub bench: Bench,
    pub now: u64,
    data: crate::sim::Link<Data>,
    reports: crate::sim::Link<Report>,
    pub senders: Vec<Sender>,
    receivers: Vec<Receiver>,
}

impl Sender {
    fn new(flow: Flow, controller: &dyn Congestion, limit: u64, now: u64) -> Self {
        let mut window = Window::new(MSS);
        controller.open(flow, &mut window, &Open { now, syn_lost: false });
        Self {
            flow,
            window,
            limit,
            unacked: 0,
            segments: VecDeque::new(),
            transmissions: 0,
            recent: VecDeque::new(),
            lost: BTreeSet::new(),
            newest: 0,
            recovery: None,
            timeout_recovery: false,
            cwnd_limited_until: 0,
            timer: u64::MAX,
            backed_off: false,
            retransmissions: 0,
            timeouts: 0,
            recoveries: 0,
        }
    }

    fn next(&self) -> u64 {
        self.unacked + self.segments.len() as u64
    }

    fn flight(&self) -> u32 {
        self.segments.len() as u32 * MSS
    }

    fn rto(&self) -> u64 {
        (u64::from(self.window.srtt) + 4 * u64::from(self.window.rttvar)).max(1_000_000) << u32::from(self.backed_off)
    }

    /// The next segment to send, if the windows permit one.
    fn transmit(&mut self, sender: usize, now: u64) -> Option<Data> {
        if self.window.in_flight + MSS > self.window.cwnd {
            self.cwnd_limited_until = self.next();
            return None;
        }
        let index = match self.lost.pop_first() {
            Some(number) => {
                self.retransmissions += 1;
                (number - self.unacked) as usize
            }
            None if (self.segments.len() as u64) < self.limit => {
                self.segments.push_back(Segment::default());
                self.segments.len() - 1
            }
            None => return None,
        };
        self.transmissions += 1;
        self.recent.push_back((self.transmissions, self.unacked + index as u64));
        self.segments[index] = Segment { arrived: false, lost: false, transmission: self.transmissions };
        self.window.in_flight += MSS;
        if self.timer == u64::MAX {
            self.timer = now + self.rto();
        }
        Some(Data { sender, number: self.unacked + index as u64, transmission: self.transmissions, sent: now })
    }

    fn report(&mut self, controller: &dyn Congestion, now: u64, report: &Report) {
        let prior_in_flight = self.window.in_flight;
        let rtt = (now - report.arrived.sent) as u32;
        self.measure(rtt);
        let Some(index) = report.arrived.number.checked_sub(self.unacked) else { return };
        let segment = &mut self.segments[index as usize];
        if segment.arrived {
            return;
        }
        if segment.lost {
            self.lost.remove(&report.arrived.number);
        } else {
            self.window.in_flight -= MSS;
        }
        *segment = Segment { arrived: true, lost: false, ..*segment };
        self.newest = self.newest.max(report.arrived.transmission);
        self.window.delivered += u64::from(MSS);

        let mut acked = 0;
        while self.unacked < report.cumulative {
            self.segments.pop_front();
            self.unacked += 1;
            acked += MSS;
        }
        if acked > 0 {
            self.backed_off = false;
            self.timer = if self.segments.is_empty() { u64::MAX } else { now + self.rto() };
        }
        if self.recovery.is_some_and(|end| self.unacked >= end) {
            self.recovery = None;
            if !core::mem::take(&mut self.timeout_recovery) {
                controller.recovered(self.flow, &mut self.window, now);
            }
        }
        let lost = self.find_losses();
        let mut flags = AckFlags::NONE;
        if self.recovery.is_some() {
            flags |= if self.timeout_recovery { AckFlags::TIMEOUT_RECOVERY } else { AckFlags::FAST_RECOVERY };
        }
        if self.unacked <= self.cwnd_limited_until {
            flags |= AckFlags::CWND_LIMITED;
        }
        let ack = Ack { now, acked, delivered: MSS, lost, prior_in_flight, rtt, flags, ..Ack::default() };
        controller.acknowledged(self.flow, &mut self.window, &ack);
        if lost > 0 && self.recovery.is_none() {
            self.recovery = Some(self.next());
            self.recoveries += 1;
            let event = CongestionEvent { now, flight: self.flight(), cause: Cause::Loss };
            controller.congestion(self.flow, &mut self.window, &event);
            self.timer = now + self.rto();
        }
    }

    /// Marks what was sent three transmissions before something that arrived.
    fn find_losses(&mut self) -> u32 {
        let mut lost = 0;
        while let Some(&(transmission, number)) = self.recent.front() {
            if transmission + REORDERING > self.newest {
                break;
            }
            self.recent.pop_front();
            let Some(index) = number.checked_sub(self.unacked) else { continue };
            let segment = &mut self.segments[index as usize];
            if !segment.arrived && !segment.lost && segment.transmission == transmission {
                segment.lost = true;
                self.lost.insert(number);
                lost += MSS;
            }
        }
        self.window.in_flight -= lost;
        lost
    }

    fn measure(&mut self, rtt: u32) {
        let window = &mut self.window;
        window.min_rtt = if window.min_rtt == 0 { rtt } else { window.min_rtt.min(rtt) };
        if window.srtt == 0 {
            (window.srtt, window.rttvar) = (rtt, rtt / 2);
        } else {
            window.rttvar = (3 * window.rttvar + window.srtt.abs_diff(rtt)) / 4;
            window.srtt = (7 * window.srtt + rtt) / 8;
        }
    }

    fn expire(&mut self, controller: &dyn Congestion, now: u64) {
        self.timeouts += 1;
        let timeout = Timeout { now, flight: self.flight(), repeated: self.backed_off };
        controller.timeout(self.flow, &mut self.window, &timeout);
        for (number, segment) in (self.unacked..).zip(&mut self.segments) {
            if !segment.arrived {
                segment.lost = true;
                self.lost.insert(number);
            }
        }
        self.window.in_flight = 0;
        self.recovery = Some(self.next());
        self.timeout_recovery = true;
        self.backed_off = true;
        self.timer = now + self.rto();
    }
}

impl Network {
    /// `senders` connections under one controller through one link; reports come back with the link's delay. `limit`: what
    /// each receiver permits in flight, segments.
    pub fn new(controller: &str, senders: usize, link: Config, limit: u64, seed: u64) -> Self {
        let back = Config { delay: link.delay, ..Config::default() };
        let Duplex { forward: data, .. } = Duplex::new(link, back, seed);
        let Duplex { backward: reports, .. } = Duplex::new(link, back, seed);
        let bench = Bench::new(controller, 1);
        let open = |index| bench.on(0, |controller| Sender::new(Flow(index as u32), controller, limit, 0));
        let senders = (0..senders).map(open).collect();
        let receivers = core::iter::repeat_with(Receiver::default).take(1_000).collect();
        Self { bench, now: 0, data, reports, senders, receivers }
    }

    /// Lets time pass.
    pub fn run(&mut self, micros: u64) {
        let end = self.now + micros;
        loop {
            self.bench.on(0, |controller| {
                for (index, sender) in self.senders.iter_mut().enumerate() {
                    if sender.timer <= self.now {
                        sender.expire(controller, self.now);
                    }
                    while let Some(data) = sender.transmit(index, self.now) {
                        // A refusal is a loss, which the sender finds out as any other.
                        let _ = self.data.send(at(self.now), WIRE, data);
                    }
                }
            });
            let timers = self.senders.iter().map(|sender| sender.timer);
            let links = [self.data.next_delivery(), self.reports.next_delivery()];
            let links = links.into_iter().flatten().map(|at| at.total_micros() as u64);
            let next = timers.chain(links).min().unwrap_or(end);
            if next >= end {
                self.now = end;
                return;
            }
            self.now = next;
            while let Some(data) = self.data.receive(at(self.now)) {
                let cumulative = self.receivers[data.sender].arrived(data.number);
                let _ = self.reports.send(at(self.now), REPORT, Report { arrived: data, cumulative });
            }
            while let Some(report) = self.reports.receive(at(self.now)) {
                let sender = &mut self.senders[report.arrived.sender];
                self.bench.on(0, |controller| sender.report(controller, self.now, &report));
            }
        }
    }

    /// Bytes that each receiver has in order.
    pub fn received(&self) -> Vec<u64> {
        self.receivers[..self.senders.len()].iter().map(|receiver| receiver.next * u64::from(MSS)).collect()
    }

    /// What happened on the way of the data.
    pub fn counters(&self) -> &Counters {
        self.data.counters()
    }
}

impl Receiver {
    fn arrived(&mut self, number: u64) -> u64 {
        if number >= self.next {
            self.beyond.insert(number);
        }
        while self.beyond.remove(&self.next) {
            self.next += 1;
        }
        self.next
    }
}

/// A bottleneck with this rate and round-trip time, and a queue of so many bandwidth-delay products (in percent).
pub fn bottleneck(bytes_per_second: u64, rtt_ms: u64, queue_percent: u64) -> Config {
    let product = bytes_per_second * rtt_ms / 1_000;
    Config {
        rate: bytes_per_second,
        delay: Duration::from_millis(rtt_ms / 2),
        queue: (product * queue_percent / 100) as usize,
        ..Config::default()
    }
}

fn at(micros: u64) -> Instant {
    Instant::from_micros(micros as i64)
}
