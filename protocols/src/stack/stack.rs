//! The stack itself: what happens to a burst of frames, and what is sent.

mod known;
mod turns;

use alloc::sync::Arc;

use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{Ipv4Cidr, Ipv6Address, Ipv6Cidr};

use super::filter::Filter;
use super::gate::{From, Gate};
use super::host::Host;
use super::wire::{Sent, Wire};
use super::{Config, ConfigError, Counters, Receive, RxMeta, Shared, Transmit, Udp, UdpError, UdpLimits, UdpPeer};
use crate::classification::classifier::{Classifier, ClassifierRef, Totals};
use crate::classification::{Counter, RuleId};
use crate::frame::{self, Class, Local, MacAddress, Tcp, TooBig};
use crate::handover::{Hub, Sender};
use crate::steering::{FourTuple, Steering};
use crate::tcp::{Arrival, Buffered, Checksum, Engine, Intake, Path, Progress};

/// Frames that are sent for each of the other processors in one go.
const FORWARD_BUDGET: usize = 64;

/// How soon to try again after the link was full, if its wake-up does not come first.
pub(super) const RETRY: Duration = Duration::from_millis(1);

/// What processor 0 does for all.
pub struct First {
    /// Secret seed of what the host functions choose by chance (DHCP transactions).
    pub seed: u64,
    /// Which processor a connection lives on.
    pub steering: Steering,
    /// The links to the other processors.
    pub hub: Hub,
}

/// What another processor does with frames of its own queue pair that are not for it.
pub struct Relay {
    /// The processor's number.
    pub processor: usize,
    /// Which processor a connection lives on.
    pub steering: Steering,
    /// To processor 0, which knows what to do with them.
    pub strays: Sender<RxMeta>,
}

/// Something that whoever runs the stack should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The IPv4 address was acquired, changed, or lost. Connections of the old address get no more frames.
    Address(Option<Ipv4Cidr>),
    /// The same of the IPv6 address that is not the link's alone.
    Address6(Option<Ipv6Cidr>),
    /// Another station has this address of IPv6 too: it is not used (RFC 4862 section 5.4.5).
    Duplicate(Ipv6Address),
}

/// The network stack of one processor.
pub struct Stack {
    mac: MacAddress,
    mtu: usize,
    shared: Arc<Shared>,
    engine: Engine,
    main: Option<Main>,
    filter: Option<Filter>,
    /// Only with a queue pair, and not on processor 0.
    relay: Option<Relay>,
    counters: Counters,
    sent: Sent,
    /// The link was full when something was to be sent.
    full: bool,
    /// Classes wait for their turns, and can go on then.
    retry: Option<Instant>,
}

/// The part that only processor 0 has.
struct Main {
    host: Host,
    steering: Steering,
    hub: Hub,
    /// What [`Event::Address`] said last.
    announced: Option<Ipv4Cidr>,
    /// What [`Event::Address6`] said last.
    announced6: Option<Ipv6Cidr>,
    /// Whether the other processors' frames go before the own ones this time.
    others_first: bool,
}

impl Main {
    /// Lets the host functions work, and tells all processors what addresses there are.
    fn run_host(&mut self, now: Instant, shared: &Shared) {
        self.host.poll(now);
        shared.set_address(self.host.address());
        shared.set_address6(self.host.address6());
    }
}

impl Relay {
    /// Copies a frame to processor 0; whether there was room.
    fn hand_over(&mut self, frame: &[u8], meta: RxMeta) -> bool {
        self.strays.offer(frame.len(), meta, &mut |into| into.copy_from_slice(frame))
    }
}

impl Stack {
    /// The stack of processor 0, with the host functions.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration cannot be.
    pub fn first(
        config: &Config,
        shared: Arc<Shared>,
        engine: Engine,
        first: First,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        let mut stack = Self::alone(config, shared, engine, None)?;
        let host = Host::new(config, first.seed, now);
        stack.shared.set_address(host.address());
        stack.shared.set_address6(host.address6());
        let First { steering, hub, .. } = first;
        stack.main = Some(Main { host, steering, hub, announced: None, announced6: None, others_first: false });
        Ok(stack)
    }

    /// The stack of another processor: TCP only. Its link are the ends of a [`Spoke`](crate::handover::Spoke); or, with a `relay`, a queue pair of
    /// its own, and it also receives from its spoke.
    ///
    /// # Errors
    /// [`ConfigError`] if the configuration cannot be.
    pub fn other(
        config: &Config,
        shared: Arc<Shared>,
        engine: Engine,
        relay: Option<Relay>,
    ) -> Result<Self, ConfigError> {
        let mut stack = Self::alone(config, shared, engine, relay)?;
        if stack.relay.is_none() {
            stack.engine.publish(stack.shared.connections().clone());
        }
        Ok(stack)
    }

    fn alone(config: &Config, shared: Arc<Shared>, engine: Engine, relay: Option<Relay>) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Stack {
            mac: config.mac,
            mtu: config.mtu,
            shared,
            engine,
            main: None,
            filter: None,
            relay,
            counters: Counters::default(),
            sent: Sent::default(),
            full: false,
            retry: None,
        })
    }

    /// From now on every frame from and to this stack's link meets the classifier. For each processor with a queue pair: those of a connection all meet it on
    /// the connection's processor, or on processor 0 if that has no pair.
    pub fn classify(&mut self, classifier: ClassifierRef) {
        let lanes = self.main.iter().flat_map(|main| main.hub.lanes()).map(Option::<&_>::cloned).collect();
        self.filter = Some(Filter::new(classifier, lanes));
    }

    /// What a rule counted here; nothing without a classifier.
    pub fn rule_counter(&self, id: RuleId) -> Counter {
        let mut counter = [Counter::default()];
        if let Some(filter) = &self.filter {
            filter.classifier().counters(id, &mut counter);
        }
        counter[0]
    }

    /// What the classifier counted here otherwise.
    pub fn rule_totals(&self) -> Totals {
        let mut totals = Totals::default();
        if let Some(filter) = &self.filter {
            filter.classifier().totals(&mut totals);
            if let Some(scheduler) = &filter.scheduler {
                totals.waiting = scheduler.counts();
            }
        }
        totals
    }

    /// Takes at most `budget` frames from the link, and returns their number; fewer than `budget` means that no more were there.
    /// Answers that cannot wait go out at once; call [`transmit`](Self::transmit) after the services have had their turn.
    pub fn receive(&mut self, now: Instant, rx: &mut dyn Receive, tx: &mut dyn Transmit, budget: usize) -> usize {
        self.receive_with(now, rx, tx, &mut Buffered, budget)
    }

    /// Like [`receive`](Self::receive), without a copy of the octets of connections that `intake` takes: it sees them in the link's own buffer.
    pub fn receive_with(
        &mut self,
        now: Instant,
        rx: &mut dyn Receive,
        tx: &mut dyn Transmit,
        intake: &mut dyn Intake,
        budget: usize,
    ) -> usize {
        let local = Local { mac: self.mac, address: self.shared.address(), address6: self.shared.address6() };
        let mut filter = self.filter.take();
        if let Some(filter) = &mut filter {
            filter.refresh();
        }
        let taken = rx.receive(budget, &mut |frame, meta| {
            self.counters.frames_in += 1;
            self.counters.octets_in += frame.len() as u64;
            let checked = frame::check(frame, meta, &local);
            if let (Ok(class), Some(filter)) = (&checked, &mut filter)
                && !self.is_met_elsewhere(class)
                && !filter.admits(now, (frame, class), &|| self.knows(class), &local, tx)
            {
                return;
            }
            match checked {
                Ok(Class::Tcp(tcp)) => self.tcp(now, frame, &tcp, intake, &mut Gate::new(tx, filter.as_mut(), now)),
                Ok(Class::Host { length }) => match &mut self.main {
                    Some(main) => {
                        self.counters.host += 1;
                        main.host.offer(now, &frame[..length]);
                    }
                    None => self.host_elsewhere(&frame[..length]),
                },
                Ok(Class::Neighbor { length }) => match &mut self.main {
                    Some(main) => {
                        self.counters.host += 1;
                        main.host.offer_neighbor(now, &frame[..length]);
                    }
                    None => self.host_elsewhere(&frame[..length]),
                },
                Ok(Class::TooBig(too_big)) => self.too_big(frame, meta, &too_big),
                Err(reason) => self.counters.drops.count(reason),
            }
        });
        self.filter = filter;
        if let Some(main) = &mut self.main {
            main.hub.flush();
            main.run_host(now, &self.shared);
        }
        if let Some(relay) = &mut self.relay {
            relay.strays.flush();
        }
        taken
    }

    /// Runs timers, and sends what the engine, the host functions and (on processor 0) the other processors have to send, as far
    /// as the link has room. Returns whether there is more to do at once.
    pub fn transmit(&mut self, now: Instant, tx: &mut dyn Transmit) -> bool {
        let mut filter = self.filter.take();
        let more = self.transmit_through(now, &mut Gate::new(tx, filter.as_mut(), now));
        self.filter = filter;
        more
    }

    fn transmit_through(&mut self, now: Instant, tx: &mut Gate<'_>) -> bool {
        tx.begin();
        self.full = false;
        let mut more = false;
        let mut others_first = false;
        if let Some(main) = &mut self.main {
            main.hub.share(tx.filter.as_ref().is_some_and(|filter| filter.duties.shared));
            main.run_host(now, &self.shared);
            tx.from = From::Host;
            self.full |= !main.host.send(tx);
            more |= main.host.has_more(now);
            // By turns, so that neither side can keep the other from a link that is always full.
            main.others_first = !main.others_first;
            others_first = main.others_first;
        }
        if others_first {
            more |= self.forward(tx);
            more |= self.poll_engine(now, tx);
        } else {
            more |= self.poll_engine(now, tx);
            more |= self.forward(tx);
        }
        more |= self.serve_classes(now, tx);
        self.retry = tx.waits_until();
        tx.flush();
        more && !self.full
    }

    /// The earliest time at which [`transmit`](Self::transmit) has to be called though nothing arrives; may be in the past. `None`: never.
    pub fn next_deadline(&self, now: Instant) -> Option<Instant> {
        if let Some(at) = self.retry {
            return Some(at);
        }
        if self.full {
            // Trying again at once would only find the link full again. If it wakes us up when it has room, so much the better.
            return Some(now + RETRY);
        }
        let main = self.main.as_ref();
        let host = main.and_then(|main| main.host.poll_at());
        let waiting = main.is_some_and(|main| main.host.is_waiting() || main.hub.is_waiting()).then_some(now);
        [self.engine.next_deadline(), host, waiting].into_iter().flatten().min()
    }

    /// The processor's TCP engine, for the services.
    pub fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// What happened since the last call.
    pub fn next_event(&mut self) -> Option<Event> {
        let main = self.main.as_mut()?;
        let (address, address6) = (main.host.address(), main.host.global6());
        if address != main.announced {
            main.announced = address;
            return Some(Event::Address(address));
        }
        if address6 != main.announced6 {
            main.announced6 = address6;
            return Some(Event::Address6(address6));
        }
        main.host.take_duplicate().map(Event::Duplicate)
    }

    /// The IPv4 address at present.
    pub fn address(&self) -> Option<Ipv4Cidr> {
        self.shared.address()
    }

    /// Binds a UDP port. It stays bound.
    ///
    /// # Errors
    /// [`UdpError::NotHere`], [`UdpError::Port`] or [`UdpError::TooManyPorts`].
    pub fn udp_bind(&mut self, port: u16, limits: UdpLimits) -> Result<Udp, UdpError> {
        self.main.as_mut().ok_or(UdpError::NotHere)?.host.udp_bind(port, limits)
    }

    /// Calls `each` with the oldest datagram that waits at the port. Returns whether there was one.
    pub fn udp_receive(&mut self, udp: Udp, each: &mut dyn FnMut(&[u8], UdpPeer)) -> bool {
        self.main.as_mut().is_some_and(|main| main.host.udp_receive(udp, each))
    }

    /// Queues a datagram; the next [`transmit`](Self::transmit) sends it.
    ///
    /// # Errors
    /// [`UdpError::NotHere`], [`UdpError::Full`], [`UdpError::TooLong`] or [`UdpError::Unaddressable`].
    pub fn udp_send(&mut self, udp: Udp, to: UdpPeer, data: &[u8]) -> Result<(), UdpError> {
        self.main.as_mut().ok_or(UdpError::NotHere)?.host.udp_send(udp, to, data)
    }

    /// Sends a datagram, at once if that is possible: by one copy straight into the buffer of the link, which completes its checksum if it can. Where the way
    /// to the peer has to be found out, or other datagrams wait, it is queued as by [`udp_send`](Self::udp_send). The next
    /// [`transmit`](Self::transmit) tells the device.
    ///
    /// # Errors
    /// As [`udp_send`](Self::udp_send); [`UdpError::Full`] also if the link has no room.
    pub fn udp_transmit(
        &mut self,
        now: Instant,
        udp: Udp,
        to: UdpPeer,
        data: &[u8],
        tx: &mut dyn Transmit,
    ) -> Result<(), UdpError> {
        let host = &mut self.main.as_mut().ok_or(UdpError::NotHere)?.host;
        let mut gate = Gate::new(tx, self.filter.as_mut(), now);
        gate.from = From::Host;
        host.udp_transmit(now, udp, to, data, &mut gate)
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters;
        counters.frames_out = self.sent.frames;
        counters.octets_out = self.sent.octets;
        counters.impossible = self.sent.impossible;
        if let Some(filter) = &self.filter {
            counters.rule_dropped = filter.counts.dropped;
            counters.rule_rejected = filter.counts.rejected;
            counters.rule_dropped_out = filter.counts.dropped_out;
        }
        if let Some(main) = &self.main {
            counters.host_full = main.host.dropped;
            counters.datagrams_written = main.host.written;
            counters.datagrams_queued = main.host.queued;
            counters.forwarded = main.hub.forwarded();
            counters.handover_wakes = main.hub.counts().wakes;
            counters.impossible += main.host.too_long();
        }
        if let Some(relay) = &self.relay {
            counters.handover_wakes = relay.strays.counts().wakes;
        }
        counters
    }

    fn tcp(&mut self, now: Instant, frame: &[u8], tcp: &Tcp, intake: &mut dyn Intake, tx: &mut Gate<'_>) {
        // The checksum has been verified here; the other processor need not do it again.
        let verified = RxMeta { checksum_verified: true };
        if self.hand_over(&tcp.tuple(), &frame[..tcp.segment.end], verified) {
            return;
        }
        self.counters.segments += 1;
        let path = Path { local: tcp.destination, remote: tcp.source, link: tcp.link };
        let mut wire = Wire { tx, mac: self.mac, mtu: self.mtu, sent: &mut self.sent };
        let arrival = Arrival { checksum: Checksum::Verified, congested: tcp.congested };
        self.engine.receive_with(now, &path, &frame[tcp.segment.clone()], arrival, intake, &mut wire);
    }

    fn too_big(&mut self, frame: &[u8], meta: RxMeta, too_big: &TooBig) {
        let TooBig { local, remote, local_port, remote_port, sequence, mtu, link } = *too_big;
        if self.hand_over(&too_big.tuple(), frame, meta) {
            return;
        }
        let path = Path { local, remote, link };
        if !self.engine.packet_too_big(&path, local_port, remote_port, sequence, usize::from(mtu)) {
            self.counters.too_big_ignored += 1;
        }
    }

    /// Whether the frame is handed over to a processor that has a queue pair, and so a classifier of its own.
    fn is_met_elsewhere(&self, class: &Class) -> bool {
        let tuple = match class {
            Class::Tcp(tcp) => tcp.tuple(),
            Class::TooBig(too_big) => too_big.tuple(),
            Class::Host { .. } | Class::Neighbor { .. } => return self.relay.is_some(),
        };
        match (&self.main, &self.relay) {
            (Some(main), _) => main.hub.has_pair(main.steering.processor(&tuple)),
            (None, Some(relay)) => relay.steering.processor(&tuple) != relay.processor,
            (None, None) => false,
        }
    }

    /// Returns whether the connection lives on another processor; the frame has then gone there, or was dropped.
    fn hand_over(&mut self, tuple: &FourTuple, frame: &[u8], meta: RxMeta) -> bool {
        let taken = match (&mut self.main, &mut self.relay) {
            (Some(main), _) => match main.steering.processor(tuple) {
                0 => return false,
                processor => main.hub.hand_over(processor, frame, meta),
            },
            (None, Some(relay)) if relay.steering.processor(tuple) != relay.processor => relay.hand_over(frame, meta),
            _ => return false,
        };
        self.count_handed(taken);
        true
    }

    /// A frame for the host functions has come to a processor that has none.
    fn host_elsewhere(&mut self, frame: &[u8]) {
        self.counters.host_elsewhere += 1;
        if let Some(relay) = &mut self.relay {
            // Its checksums have been verified.
            let taken = relay.hand_over(frame, RxMeta { checksum_verified: true });
            self.count_handed(taken);
        }
    }

    fn count_handed(&mut self, taken: bool) {
        self.counters.handed_over += u64::from(taken);
        self.counters.handover_dropped += u64::from(!taken);
    }

    /// Sends for the other processors. Returns whether they may have more.
    fn forward(&mut self, tx: &mut Gate<'_>) -> bool {
        let Some(main) = &mut self.main else { return false };
        tx.from = From::Another;
        self.full |= main.hub.forward_all(FORWARD_BUDGET, tx).is_err();
        main.hub.is_waiting()
    }

    /// Returns whether the engine has more to do at once.
    fn poll_engine(&mut self, now: Instant, tx: &mut Gate<'_>) -> bool {
        tx.from = From::Connection;
        let mut wire = Wire { tx, mac: self.mac, mtu: self.mtu, sent: &mut self.sent };
        match self.engine.poll(now, &mut wire) {
            Progress::Done => false,
            Progress::More => true,
            Progress::Full => {
                self.full = true;
                false
            }
        }
    }
}
