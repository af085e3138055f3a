//! What the processors of a system share.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use protocols::congestion::{self, Implementation};
use protocols::handover::{self, Hub, Mailbox, Sizes, Spoke, Strays, Wake};
use protocols::stack::{self, Ipv6Address};
use protocols::steering::Steering;
use protocols::tcp::{Ecn, Secrets};
use protocols::time::Instant;
use spin::Once;
use spin::mutex::SpinMutex;
use swapper::Coid;

use super::platform::{Adapter, Nic, Platform};
use super::setup::{self, SetupError};
use crate::control::{Answer, Question, Ticket};
use crate::iperf3::Lobby;
use crate::options::Options;
use crate::service::System;

/// The longest frame that a card may deliver or take, in octets: an Ethernet header, and an IP packet of which it joined or will cut the segments.
const LONGEST: usize = 14 + 65_535;
/// Octets of a hand-over ring at most: the receive windows of eight connections.
const RING_OCTETS: usize = 4 << 20;
/// Octets of a ring for each frame that it may hold besides.
const RING_FRAME: usize = 256;
/// What part of the memory all rings may have together.
const RINGS_PART: u64 = 16;
/// Octets of memory that are assumed where the platform does not say.
const MEMORY: u64 = 128 << 20;
/// Questions that may wait in a processor's mailbox.
const QUESTIONS: usize = 64;

/// What the processors of a system share. Made once, before any of them runs.
pub struct Shared {
    pub(super) platform: &'static dyn Platform,
    pub(super) system: swapper::System,
    pub(super) stack: stack::Config,
    pub(super) ecn: Ecn,
    /// Processors that connections live on: all below this number.
    pub(super) spread: usize,
    pub(super) addresses: Arc<stack::Shared>,
    pub(super) lobby: Arc<Lobby>,
    /// Answers to the questions of the control service, for processor 0.
    pub(super) answers: Mailbox<(usize, Ticket, Answer)>,
    /// How many processors listen.
    pub(super) listening: AtomicUsize,
    pub(super) started_ns: u64,
    /// The congestion controller, once processor 0 has published it.
    pub(super) congestion: Once<Coid>,
    /// The classifier, likewise.
    pub(super) classifier: Once<Coid>,
    /// Place of the controller in place in the list of implementations.
    pub(super) current: AtomicUsize,
    ends: SpinMutex<Ends>,
    processors: Vec<Local>,
    seed: [u8; 32],
}

/// The ends of the hand-over rings until their processors take them.
struct Ends {
    first: Option<(Hub, Strays)>,
    spokes: Vec<Option<Spoke>>,
}

/// What is one processor's own, but read by others. On cache lines of its own.
#[repr(align(128))]
pub(super) struct Local {
    pub(super) busy_ns: AtomicU64,
    pub(super) activities: AtomicU64,
    pub(super) questions: Mailbox<(Ticket, Question)>,
}

/// What secrets are derived for, so that no two are the same.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Steering = 1,
    Stack = 2,
    Engine = 3,
    Classifier = 4,
}

impl Shared {
    /// Sets a system up. `processors` is 1 to 64; `seed` is random.
    ///
    /// # Errors
    /// What is wrong with the options, or why there can be no such system.
    pub fn new(
        options: &Options,
        processors: usize,
        nic: Nic,
        seed: [u8; 32],
        platform: &'static dyn Platform,
    ) -> Result<Arc<Shared>, SetupError> {
        let current = setup::controller(options)?;
        let stack = setup::stack(options, nic.mac, nic.mtu)?;
        let lobby = Arc::new(Lobby::new(stack.mtu));
        let system = swapper::System::new(processors, Adapter(platform)).map_err(SetupError::System)?;
        let wake: Arc<dyn Wake> = Arc::new(Adapter(platform));
        let sizes = ring_sizes(platform.memory().total, processors);
        let (hub, strays, spokes) = handover::star(processors, nic.pairs, sizes, nic.offloads, &wake);
        let local =
            |_| Local { busy_ns: AtomicU64::new(0), activities: AtomicU64::new(0), questions: Mailbox::new(QUESTIONS) };
        Ok(Arc::new(Shared {
            platform,
            system,
            stack,
            ecn: options.ecn,
            spread: if options.rps { processors } else { nic.pairs.clamp(1, processors) },
            addresses: Arc::new(stack::Shared::new()),
            lobby,
            answers: Mailbox::new(QUESTIONS * processors),
            listening: AtomicUsize::new(0),
            started_ns: platform.now_ns(),
            congestion: Once::new(),
            classifier: Once::new(),
            current: AtomicUsize::new(current),
            ends: SpinMutex::new(Ends { first: Some((hub, strays)), spokes: spokes.into_iter().map(Some).collect() }),
            processors: (0..processors).map(local).collect(),
            seed,
        }))
    }

    /// Largest IP datagram, octets.
    pub fn mtu(&self) -> usize {
        self.stack.mtu
    }

    /// The swapper's system, to which each processor attaches before its node is made.
    pub fn system(&self) -> &swapper::System {
        &self.system
    }

    /// The IPv6 address that reaches farthest.
    pub(super) fn address6(&self) -> Option<Ipv6Address> {
        let own = self.addresses.address6();
        own.global.or(own.link_local)
    }

    pub(super) fn local(&self, processor: usize) -> &Local {
        &self.processors[processor]
    }

    pub(super) fn now(&self) -> Instant {
        Instant::from_micros((self.platform.now_ns() / 1000).cast_signed())
    }

    pub(super) fn controller(&self) -> &'static Implementation {
        &congestion::implementations()[self.current.load(Ordering::Relaxed)]
    }

    pub(super) fn take_first(&self) -> Option<(Hub, Strays)> {
        self.ends.lock().first.take()
    }

    pub(super) fn take_spoke(&self, processor: usize) -> Option<Spoke> {
        self.ends.lock().spokes.get_mut(processor.checked_sub(1)?)?.take()
    }

    pub(super) fn steering(&self) -> Steering {
        let key = self.derive(Purpose::Steering, 0);
        Steering::new(core::array::from_fn(|index| key[index]), self.spread)
    }

    pub(super) fn secrets(&self, processor: usize) -> Secrets {
        Secrets::from_seed(self.derive(Purpose::Engine, processor))
    }

    /// For connection tracking.
    pub(super) fn classifier_secret(&self) -> [u8; 16] {
        let secret = self.derive(Purpose::Classifier, 0);
        core::array::from_fn(|index| secret[index])
    }

    pub(super) fn stack_seed(&self) -> u64 {
        let seed = self.derive(Purpose::Stack, 0);
        u64::from_le_bytes(core::array::from_fn(|index| seed[index]))
    }

    /// A secret of its own for each purpose and processor: SipHash as a pseudorandom function under the seed.
    fn derive(&self, purpose: Purpose, processor: usize) -> [u8; 32] {
        use core::hash::Hasher;
        let key = |half: usize| core::array::from_fn(|index| self.seed[half * 16 + index]);
        let mut secret = [0; 32];
        for (block, octets) in secret.chunks_exact_mut(8).enumerate() {
            let mut hasher = siphasher::sip::SipHasher24::new_with_key(&key(block % 2));
            hasher.write_u64(purpose as u64);
            hasher.write_u64(processor as u64);
            hasher.write_u64(block as u64);
            octets.copy_from_slice(&hasher.finish().to_le_bytes());
        }
        secret
    }
}

impl System for Shared {
    fn processors(&self) -> usize {
        self.processors.len()
    }

    fn wake(&self, processor: usize) {
        self.platform.wake(processor);
    }

    fn congestion(&self) -> &'static str {
        self.controller().name
    }

    fn busy_us(&self, processor: usize) -> u64 {
        self.processors.get(processor).map_or(0, |local| local.busy_ns.load(Ordering::Relaxed) / 1000)
    }
}

/// The sizes of the two hand-over rings of each processor but 0: their share of `memory` octets, though never so few that
/// two of the longest frames would not fit in.
fn ring_sizes(memory: u64, processors: usize) -> Sizes {
    let memory = if memory == 0 { MEMORY } else { memory };
    let rings = 2 * processors.saturating_sub(1).max(1) as u64;
    let share = usize::try_from(memory / RINGS_PART / rings).unwrap_or(usize::MAX);
    let octets = share.clamp(2 * LONGEST, RING_OCTETS);
    Sizes { frames: octets / RING_FRAME, octets, longest: LONGEST }
}

/// An address as `status` shows it.
pub(super) fn shown(address: Option<impl core::fmt::Display>) -> String {
    address.map_or_else(|| "none".into(), |address| alloc::format!("{address}"))
}
