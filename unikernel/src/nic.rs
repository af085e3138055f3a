//! The network card: virtio-net, in the form that the stack takes. Each processor has a queue pair of its own, as far as the card has them.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use log::{info, warn};
use protocols::stack::{Fill, Full, Offloads, Payload, Receive, RxMeta, Transmit, TxMeta};
use services::options::{self, Unused};
use virtio::Features;
use virtio::mem::Dma;
use virtio::net::{
    Checksum, ETHERNET, GaveUp, Gso, GsoKind, Interrupt, LARGE_FRAME, MsixTarget, Net, Notifications, OpenError,
    Options, Part, QueuePair, RxChecksum, RxQueue, TxError, TxQueue,
};
use virtio::transport::Transport;
use virtio::transport::pci::{self, ConfigPorts, PciError, PciTransport};

use crate::arch::{interrupts, ioapic};
use crate::boot::{self, Loader, loader};
use crate::device::{DeviceMemory, Ports, Registers};

type Device = PciTransport<ConfigPorts<Ports>, Registers>;
type Notify = <Device as Transport>::Notify;

/// Why there is no network.
#[derive(Debug)]
pub enum NicError {
    /// No virtio-net device on the bus.
    Absent,
    /// The device's registers could not be found.
    Pci(PciError),
    /// The device could not be initialised.
    Open(OpenError),
    /// The device interrupts in a way that would not reach us.
    Interrupt(Interrupt),
    /// The device broke the protocol of a queue; its counters.
    Broken([u64; COUNTERS]),
    /// The device says that it works no more.
    GaveUp(GaveUp),
}

impl fmt::Display for NicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str(
                "no virtio network card: give the machine one, such as `-device virtio-net-pci,disable-legacy=on`",
            ),
            Self::Pci(error) => write!(f, "virtio network card: {error}"),
            Self::Open(error) => write!(f, "virtio network card: {error}"),
            Self::Interrupt(Interrupt::Line(line)) => {
                write!(
                    f,
                    "virtio network card: its interrupts would come by line {line}: give it MSI-X vectors (`vectors=4`)"
                )
            }
            Self::Interrupt(other) => write!(f, "virtio network card: {other:?} brings no interrupts"),
            Self::Broken(counters) => {
                write!(f, "virtio network card: it broke the protocol")?;
                COUNTER_NAMES.iter().zip(counters).try_for_each(|(name, count)| write!(f, " {name}={count}"))
            }
            Self::GaveUp(error) => write!(f, "virtio network card: {error}"),
        }
    }
}

/// How many counters a card has.
pub const COUNTERS: usize = 10;
/// Their names.
pub const COUNTER_NAMES: [&str; COUNTERS] = [
    "nic_rx_frames",
    "nic_rx_bytes",
    "nic_tx_frames",
    "nic_tx_bytes",
    "nic_tx_lent_bytes",
    "nic_tx_full",
    "nic_tx_refused",
    "nic_rx_kicks",
    "nic_tx_kicks",
    "nic_faults",
];

/// Buffers of 64 KiB in each direction that has such frames, of one queue pair: at most, and at least.
const LARGE_BUFFERS: core::ops::RangeInclusive<u64> = 16..=128;
/// Of those to receive in, what a queue pair has at most. The host writes them in turn: the more there are, the fewer of them its caches still hold when it
/// comes round. With 128 of them bulk transfers in were slower by a tenth than with 48, with 16 by more; what comes too fast waits in the host. Each
/// acknowledgement takes one too: with 24, what goes out was slower by a tenth.
const LARGE_RECEIVE_BUFFERS: u16 = 48;
/// What part of the memory all of them may have together.
const BUFFERS_PART: u64 = 8;

/// The card as a whole.
pub struct Card {
    /// Its address, if it says one that can be.
    pub mac: Option<[u8; 6]>,
    /// The longest IP packet that it takes, in octets.
    pub mtu: u16,
    /// What it does for the stack.
    pub offloads: Offloads,
    /// Queue pair *n*, for processor *n*; at least one.
    pub pairs: Vec<Nic>,
}

/// A queue pair of the card, on the processor that it was opened for.
pub struct Nic {
    pair: QueuePair<Notify>,
    /// The card as a whole, with the first pair.
    card: Option<Net<Device>>,
    offloads: Offloads,
    /// A transmit found no room since the last [`Nic::split`].
    full: bool,
}

/// The card has interrupted for its configuration, and was not looked at since.
static CONFIG_CHANGED: AtomicBool = AtomicBool::new(false);

/// Called by that interrupt, on the first pair's processor: it looks at the card before it sleeps.
pub fn config_changed() {
    CONFIG_CHANGED.store(true, Ordering::Relaxed);
}

/// Opens the first card on the bus, with a queue pair for each processor as far as it has them, whose interrupts come to that processor. `apics` are the
/// identities of the processors' APICs. Received frames may have up to 64 KiB, if the card can join segments.
pub fn open(apics: &[u32], wanted: &options::Options) -> Result<Card, NicError> {
    match open_pairs(apics, wanted) {
        // It offered them, and yet it does not want to: one it must have.
        Err(NicError::Open(OpenError::PairsRefused { .. })) => open_pairs(&apics[..1], wanted),
        result => result,
    }
}

fn open_pairs(apics: &[u32], wanted: &options::Options) -> Result<Card, NicError> {
    let config = pci::find_network(Ports).ok_or(NicError::Absent)?;
    let mut transport = PciTransport::open(config, Registers).map_err(NicError::Pci)?;
    // Each pair interrupts its own processor, or there is only one.
    let most = usize::from(transport.msix_entries().unwrap_or(1)).max(1);
    let target = |&apic: &u32| MsixTarget { apic_id: apic as u8, vector: interrupts::NIC };
    let targets: Vec<_> = apics.iter().take(most).map(target).collect();
    let offered = Features::from_bits(transport.device_features()) & !features_of(wanted.unused);
    let mut options = options(offered, &targets);
    options.config_interrupt = Some(MsixTarget { vector: interrupts::NIC_CONFIG, ..targets[0] });
    if let Some(copybreak) = wanted.tx_copybreak {
        options.tx_copybreak = usize::from(copybreak);
    }
    let (net, pairs) = Net::open(transport, &DeviceMemory, &options).map_err(NicError::Open)?;
    match net.interrupt() {
        Interrupt::Msix { .. } => {}
        // uhyve raises the I/O APIC's pin by an edge for each frame, so there is nothing to acknowledge. A line of QEMU's machine stays up until its cause is
        // gone, and is not served.
        Interrupt::Line(pin) if loader() == Loader::Uhyve && pin < ioapic::PINS => {
            ioapic::route_edge(pin, interrupts::NIC, apics[0] as u8);
        }
        other => return Err(NicError::Interrupt(other)),
    }
    let features = net.features();
    let nic = |mut pair: QueuePair<Notify>| {
        let offloads = offloads(features, pair.tx().longest());
        Nic { pair, card: None, offloads, full: false }
    };
    let mut pairs: Vec<Nic> = pairs.into_iter().map(nic).collect();
    let count = pairs.len();
    let first = pairs.first_mut().ok_or(NicError::Absent)?;
    let offloads = first.offloads;
    let (mac, mtu) = (net.mac(), net.mtu());
    let address = mac.map_or("random".into(), |mac| mac.map(|octet| format!("{octet:02x}")).join(":"));
    let interrupt = net.interrupt();
    info!("network card: address {address}, mtu {mtu}, queue pairs {count}, {interrupt:?}, features {features}");
    if !net.tells() && loader() != Loader::Uhyve {
        warn!(
            "network card: no MSI-X vector is left by which it says that its link is down or that it gave up: give it one more than queue pairs (`vectors={}`)",
            count + 1
        );
    }
    first.card = Some(net);
    // Whatever it said before there was an interrupt for it.
    config_changed();
    Ok(Card { mac, mtu, offloads, pairs })
}

impl Nic {
    /// Octets received and sent.
    pub fn octets(&self) -> u64 {
        let c = self.pair.counters();
        c.rx_bytes.wrapping_add(c.tx_bytes)
    }

    /// Its counters, in the order of [`COUNTER_NAMES`].
    pub fn counters(&self) -> [u64; COUNTERS] {
        let c = self.pair.counters();
        [
            c.rx_frames,
            c.rx_bytes,
            c.tx_frames,
            c.tx_bytes,
            c.tx_lent,
            c.tx_full,
            c.tx_refused,
            c.rx_kicks,
            c.tx_kicks,
            c.faults(),
        ]
    }

    /// Looks whether the card still works, and says what became of its link, if something may have changed.
    ///
    /// A card that works no more is not reset and set up anew: what made it give up is a mistake in it or in the driver, which comes again, and each time all
    /// memory that it may still write to would be lost.
    ///
    /// # Errors
    /// It broke the protocol or gave up: without it nothing can go on.
    pub fn check(&mut self) -> Result<(), NicError> {
        if self.pair.is_broken() {
            return Err(NicError::Broken(self.counters()));
        }
        if self.is_changed() && CONFIG_CHANGED.swap(false, Ordering::Relaxed) {
            match self.card.as_mut().map_or(Ok(None), Net::look).map_err(NicError::GaveUp)? {
                Some(true) => info!("network card: the link is up"),
                Some(false) => warn!("network card: the link is down"),
                None => {}
            }
        }
        Ok(())
    }

    /// Whether the card has interrupted for its configuration: the first pair's affair.
    fn is_changed(&self) -> bool {
        self.card.is_some() && CONFIG_CHANGED.load(Ordering::Relaxed)
    }

    /// Both directions, to be used at the same time.
    pub fn split(&mut self) -> (Rx<'_>, Tx<'_>) {
        self.full = false;
        let (rx, tx) = self.pair.split();
        (Rx { queue: rx }, Tx { queue: tx, offloads: self.offloads, full: &mut self.full })
    }

    /// Whether a received frame waits, or there is room again for a transmit that found none.
    pub fn is_pending(&mut self) -> bool {
        self.pair.rx().pending() || self.full && self.pair.tx().pending()
    }

    /// Sends a frame that the card is to read where `dma` says: for a test.
    pub fn send_from(&mut self, dma: &impl Dma) {
        let lender: Arc<[u8]> = alloc::vec![0; LARGE_FRAME / 2].into();
        let parts = [Part { bytes: &lender, lender: Some(&lender) }, Part::default()];
        let sent =
            self.pair.tx().transmit_parts(dma, ETHERNET, &parts, virtio::net::TxMeta::default(), |head| head.fill(0));
        if let Err(error) = sent {
            warn!("network card: a frame of {} octets: {error}", lender.len());
        }
        self.kick();
    }

    /// Ends a burst: one notification at most for each direction.
    pub fn kick(&mut self) {
        self.pair.kick();
    }

    /// Asks for interrupts. False: something is there already, so do not sleep. With interrupts of the processor off.
    pub fn arm(&mut self) -> bool {
        self.pair.arm() && (!self.full || self.pair.arm_transmit()) && !self.is_changed()
    }

    /// Asks for no interrupts, while polling.
    pub fn disarm(&mut self) {
        self.pair.disarm();
    }

    /// Whether a transmit found no room since the last [`Nic::split`].
    pub fn is_full(&self) -> bool {
        self.full
    }
}

/// Large buffers only for a card that makes use of them.
fn options(offered: Features, targets: &[MsixTarget]) -> Options<'_> {
    // uhyve asks not to be notified while it works, and does not look again before it sleeps.
    let notify = if loader() == Loader::Uhyve { Notifications::Always } else { Notifications::AsAsked };
    let pairs = targets.len() as u16;
    let features = Options::default().features & offered;
    let mut options = Options { features, pairs, interrupts: targets, notify, ..Options::default() };
    let share = boot::memory_octets() / BUFFERS_PART / (2 * u64::from(pairs) * LARGE_FRAME as u64);
    let large = share.clamp(*LARGE_BUFFERS.start(), *LARGE_BUFFERS.end()) as u16;
    // The same buffers serve both families.
    let cut = offered & (Features::HOST_TSO4 | Features::HOST_TSO6);
    if cut != Features::NONE && offered.contains(Features::CSUM) {
        options.features = options.features | cut;
        (options.tx_frame, options.tx_buffers) = (LARGE_FRAME, large);
        // Segments that go alone are few.
        options.tx_copybreak = 0;
    }
    let joined = offered & (Features::GUEST_TSO4 | Features::GUEST_TSO6);
    if joined != Features::NONE && offered.contains(Features::GUEST_CSUM) {
        options.features = options.features | joined;
        (options.rx_frame, options.rx_buffers) = (LARGE_FRAME, large.min(LARGE_RECEIVE_BUFFERS));
    }
    options
}

/// What is not to be used, as the device calls it.
fn features_of(unused: Unused) -> Features {
    let Unused { csum, guest_csum, tso, guest_tso, event_idx, mq } = unused;
    let all = [
        (csum, Features::CSUM),
        (guest_csum, Features::GUEST_CSUM),
        (tso, Features::HOST_TSO4 | Features::HOST_TSO6),
        (guest_tso, Features::GUEST_TSO4 | Features::GUEST_TSO6),
        (event_idx, Features::RING_EVENT_IDX),
        (mq, Features::MQ),
    ];
    all.into_iter().filter(|(off, _)| *off).fold(Features::NONE, |sum, (_, feature)| sum | feature)
}

fn offloads(features: Features, longest: usize) -> Offloads {
    let checksum = features.contains(Features::CSUM);
    let cuts = |feature| (checksum && features.contains(feature)).then_some(longest);
    Offloads { checksum, segmentation: cuts(Features::HOST_TSO4), segmentation6: cuts(Features::HOST_TSO6) }
}

/// Receiving.
pub struct Rx<'a> {
    queue: &'a mut RxQueue<Notify>,
}

impl Receive for Rx<'_> {
    fn receive(&mut self, budget: usize, each: &mut dyn FnMut(&mut [u8], RxMeta)) -> usize {
        for received in 0..budget {
            let one = self.queue.receive(|meta, frame| {
                each(frame, RxMeta { checksum_verified: meta.checksum != RxChecksum::Unknown });
            });
            if !one {
                return received;
            }
        }
        budget
    }
}

/// Transmitting.
pub struct Tx<'a> {
    queue: &'a mut TxQueue<Notify>,
    offloads: Offloads,
    full: &'a mut bool,
}

impl Transmit for Tx<'_> {
    fn offloads(&self) -> Offloads {
        self.offloads
    }

    fn transmit(&mut self, len: usize, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        self.transmit_parts(len, Payload::default(), meta, fill)
    }

    fn least_lent(&self) -> usize {
        self.queue.copybreak()
    }

    fn transmit_parts(&mut self, head: usize, body: Payload<'_>, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        let kind = |ipv6| if ipv6 { GsoKind::TcpV6 } else { GsoKind::TcpV4 };
        let meta = virtio::net::TxMeta {
            checksum: meta.checksum.map(|c| Checksum { start: c.start, offset: c.offset }),
            gso: meta.segmentation.map(|s| Gso { kind: kind(s.ipv6), header: s.header_len, segment: s.mss }),
        };
        let parts = body.map(|part| Part { bytes: part.octets, lender: part.lender });
        match self.queue.transmit_parts(&DeviceMemory, head, &parts, meta, fill) {
            Err(TxError::Full) => {
                *self.full = true;
                Err(Full)
            }
            // What the card can never take is dropped; the queue counts it.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn flush(&mut self) {
        self.queue.kick();
    }
}
