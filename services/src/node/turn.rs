//! The event loop of one processor.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use protocols::classification::classifier::{self, Classifier, Rulebook};
use protocols::congestion::{Congestion, CongestionRef};
use protocols::control;
use protocols::handover::{Receiver, Sender, Spoke, Strays, Up};
use protocols::stack::{self, First, Receive, Relay, RxMeta, Stack, Transmit, TxMeta};
use protocols::tcp::{self, Answer, ConnId, Engine, Intake};
use protocols::time::Instant;
use swapper::{Coid, Processor, Progress};

use super::answers::answer;
use super::datagrams::{self, DatagramServices};
use super::port::ControlPort;
use super::ready::Ready;
use super::rehearsal::rehearse;
use super::setup::SetupError;
use super::shared::Shared;
use crate::echo::Echo;
use crate::iperf3::Iperf3;
use crate::service::{Context, Service, System};

/// Frames that one activity receives at most.
const BURST: usize = 64;
/// Events that one activity hands to services at most.
const EVENTS: usize = 1024;
/// Half-open connections of one port.
const BACKLOG: usize = 256;
/// Octets of the buffer that services may use within a call.
const SCRATCH: usize = 16 * 1024;

/// One processor. Made and used on that processor.
pub struct Node {
    number: usize,
    shared: Arc<Shared>,
    processor: Processor,
    stack: Stack,
    services: Vec<Box<dyn Service>>,
    /// Processor 0 only.
    control: Option<ControlPort>,
    /// Processor 0 only.
    datagrams: Option<DatagramServices>,
    handed: Handed,
    scratch: Vec<u8>,
    announced: bool,
}

/// Frames that other processors have handed to this one.
enum Handed {
    /// To processor 0.
    Strays(Strays),
    /// To a processor with a queue pair.
    Besides(Receiver<RxMeta>),
    /// To a processor without: all that it receives, and how it sends. Nothing while it does so.
    Alone(Option<(Receiver<RxMeta>, Sender<TxMeta>)>),
}

/// Lets services take what arrives where it lies.
struct InPlace<'a>(&'a mut [Box<dyn Service>]);

impl Intake for InPlace<'_> {
    fn take(&mut self, conn: ConnId, listener: Option<u16>, octets: &[u8], answer: Answer<'_>) -> usize {
        let service = self.0.iter_mut().find(|service| Some(service.port()) == listener);
        service.map_or(0, |service| service.take(conn, octets, answer))
    }
}

/// What the loop does after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// There is more to do: turn again at once.
    pub again: bool,
    /// Otherwise sleep until then, or until the network card or a wake says something.
    pub wake_at: Option<Instant>,
}

impl Node {
    /// Makes the node of the processor on which this is called. That of processor 0 comes first.
    ///
    /// # Errors
    /// What could not be set up.
    pub fn new(shared: Arc<Shared>, processor: Processor) -> Result<Node, SetupError> {
        let number = processor.id().index();
        let now = shared.now();
        let engine = |congestion: CongestionRef| {
            let mut config = tcp::Config { mtu: shared.stack.mtu, ecn: shared.ecn, ..tcp::Config::default() };
            let total = usize::try_from(shared.platform.memory().total).unwrap_or(usize::MAX);
            if total > 0 {
                // A quarter of the memory for all connections' buffers.
                config.buffer_bytes = config.buffer_bytes.min(total / 4 / shared.spread);
            }
            Engine::new(config, shared.secrets(number), congestion)
        };
        let (mut stack, handed);
        let mut book = None;
        if number == 0 {
            let (hub, strays) = shared.take_first().ok_or(SetupError::Processor(number))?;
            let object = (shared.controller().create)();
            let coid = processor.create(object).map_err(SetupError::Object)?;
            let coid = *shared.congestion.call_once(|| coid);
            let congestion = bound(&processor, coid)?;
            let first = First { seed: shared.stack_seed(), steering: shared.steering(), hub };
            stack = Stack::first(&shared.stack, shared.addresses.clone(), engine(congestion), first, now)
                .map_err(SetupError::Stack)?;
            handed = Handed::Strays(strays);
            let rules = Rulebook::new(classifier::at_start(), shared.classifier_secret());
            let coid = processor.create(rules.object()).map_err(SetupError::Object)?;
            let coid = *shared.classifier.call_once(|| coid);
            stack.classify(processor.bind::<dyn Classifier>(coid).map_err(SetupError::Object)?);
            rehearse(shared.system(), &processor).map_err(SetupError::Object)?;
            book = Some(rules);
        } else {
            let coid = *shared.congestion.get().ok_or(SetupError::Order(number))?;
            let Spoke { rx, up, .. } = shared.take_spoke(number).ok_or(SetupError::Processor(number))?;
            let mut relay = None;
            handed = match up {
                Up::Send(tx) => Handed::Alone(Some((rx, tx))),
                Up::Stray(strays) => {
                    relay = Some(Relay { processor: number, steering: shared.steering(), strays });
                    Handed::Besides(rx)
                }
            };
            let congestion = bound(&processor, coid)?;
            stack = Stack::other(&shared.stack, shared.addresses.clone(), engine(congestion), relay)
                .map_err(SetupError::Stack)?;
            if let Handed::Besides(_) = &handed {
                let coid = *shared.classifier.get().ok_or(SetupError::Order(number))?;
                stack.classify(processor.bind::<dyn Classifier>(coid).map_err(SetupError::Object)?);
            }
        }
        let services: Vec<Box<dyn Service>> = vec![Box::new(Echo), Box::new(Iperf3::new(shared.lobby.clone()))];
        for service in &services {
            let listened = stack.engine().listen(service.port(), BACKLOG);
            listened.map_err(|error| SetupError::Listen(service.name(), error))?;
        }
        let (mut control, mut datagrams) = (None, None);
        if let Some(book) = book {
            control = Some(ControlPort::open(&mut stack, book).map_err(SetupError::Control)?);
            datagrams = Some(DatagramServices::open(&mut stack, shared.lobby.clone()).map_err(SetupError::Datagrams)?);
        }
        shared.listening.fetch_add(1, Ordering::AcqRel);
        shared.platform.wake(0);
        let scratch = vec![0; SCRATCH];
        Ok(Node { number, shared, processor, stack, services, control, datagrams, handed, scratch, announced: false })
    }

    /// One turn of a processor that has a queue pair of the network card: processor 0 always does.
    pub fn turn(&mut self, now: Instant, rx: &mut dyn Receive, tx: &mut dyn Transmit) -> Turn {
        let began = self.shared.platform.now_ns();
        self.processor.run_workers(began);
        let activity = self.processor.begin();
        let again = self.activity(now, rx, tx);
        drop(activity);
        self.finish(now, began, again)
    }

    /// One turn of any other processor; its frames come and go by hand-over rings.
    pub fn turn_detached(&mut self, now: Instant) -> Turn {
        let Handed::Alone(link) = &mut self.handed else {
            // The processor has a queue pair, and nothing to do without it.
            return Turn { again: false, wake_at: None };
        };
        let Some((mut rx, mut tx)) = link.take() else { return Turn { again: false, wake_at: None } };
        let turn = self.turn(now, &mut rx, &mut tx);
        self.handed = Handed::Alone(Some((rx, tx)));
        turn
    }

    /// Whether there is more to do at once.
    fn activity(&mut self, now: Instant, rx: &mut dyn Receive, tx: &mut dyn Transmit) -> bool {
        let intake = &mut InPlace(&mut self.services);
        let mut again = self.stack.receive_with(now, rx, tx, intake, BURST) == BURST;
        again |= match &mut self.handed {
            Handed::Strays(strays) if strays.are_impossible() => false,
            Handed::Strays(strays) => self.stack.receive_with(now, strays, tx, intake, BURST) == BURST,
            Handed::Besides(rx) => self.stack.receive_with(now, rx, tx, intake, BURST) == BURST,
            Handed::Alone(_) => false,
        };
        again |= self.serve(now);
        while let Some((ticket, question)) = self.shared.local(self.number).questions.take() {
            let answer = answer(question, self.number, &mut self.stack, &self.shared);
            // Each question has its place there; if it were full, the request would be given up in time.
            let _ = self.shared.answers.put((self.number, ticket, answer));
            self.shared.wake(0);
        }
        if let Some(control) = &mut self.control {
            control.turn(now, &mut self.stack, &self.shared, &mut self.scratch);
            again |= control.again;
            self.announce();
        }
        if let Some(datagrams) = &mut self.datagrams {
            again |= datagrams.turn(now, (&mut self.stack, tx), &*self.shared, self.number, &mut self.scratch);
        }
        again | self.stack.transmit(now, tx)
    }

    /// Lets the services have what happened. Returns whether something is left.
    fn serve(&mut self, now: Instant) -> bool {
        let Node { stack, services, shared, scratch, number, .. } = self;
        let system: &dyn System = &**shared;
        let mut left = EVENTS;
        while left > 0 {
            let Some(event) = stack.engine().next_event() else { break };
            left -= 1;
            let Some(port) = event.listener else { continue };
            if let Some(service) = services.iter_mut().find(|service| service.port() == port) {
                let mut context = Context { now, processor: *number, tcp: stack.engine(), system, scratch };
                service.event(&mut context, &event);
            }
        }
        for service in services {
            service.poll(&mut Context { now, processor: *number, tcp: stack.engine(), system, scratch });
        }
        left == 0
    }

    /// Says once that everything listens.
    fn announce(&mut self) {
        while let Some(event) = self.stack.next_event() {
            match event {
                stack::Event::Address(address) => log::info!("address {}", super::shared::shown(address)),
                stack::Event::Address6(address) => log::info!("address {} (IPv6)", super::shared::shown(address)),
                stack::Event::Duplicate(address) => {
                    log::warn!("another station has {address} too: it is not used");
                }
            }
        }
        if self.announced || self.shared.listening.load(Ordering::Acquire) < self.shared.processors() {
            return;
        }
        let Some(address) = self.shared.addresses.address() else { return };
        self.announced = true;
        let tcp = self.services.iter().map(|service| service.port()).collect();
        let ready = Ready {
            address,
            address6: self.shared.address6(),
            processors: self.shared.processors(),
            tcp,
            udp: [&datagrams::PORTS[..], &[control::PORT]].concat(),
        };
        self.shared.platform.ready(&ready);
    }

    /// Ends a turn: the workers have a look at the activity's end, and the time is noted.
    fn finish(&mut self, now: Instant, began: u64, again: bool) -> Turn {
        let platform = self.shared.platform;
        let Progress { again: workers, deadline, .. } = self.processor.run_workers(platform.now_ns());
        let local = self.shared.local(self.number);
        let spent = platform.now_ns().saturating_sub(began);
        // Only this processor writes these, so nothing is lost between load and store.
        local.busy_ns.store(local.busy_ns.load(Ordering::Relaxed) + spent, Ordering::Relaxed);
        local.activities.store(local.activities.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        let workers_at = deadline.map(|deadline| Instant::from_micros(deadline.div_ceil(1000).cast_signed()));
        let services_at = self.services.iter().filter_map(|service| service.next_deadline()).min();
        let control_at = self.control.as_ref().and_then(ControlPort::next_deadline);
        let datagrams_at = self.datagrams.as_ref().and_then(DatagramServices::next_deadline);
        let deadlines = [self.stack.next_deadline(now), workers_at, services_at, control_at, datagrams_at];
        let wake_at = deadlines.into_iter().flatten().min();
        Turn { again: again || workers, wake_at }
    }
}

/// The congestion controller, as the engine calls it.
fn bound(processor: &Processor, coid: Coid) -> Result<CongestionRef, SetupError> {
    processor.bind::<dyn Congestion>(coid).map_err(SetupError::Object)
}
