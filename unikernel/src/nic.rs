//! The network card: virtio-net, opened for the processor that owns it, in the form that the stack takes.

use core::fmt;

use log::info;
use protocols::stack::{Full, Offloads, Receive, RxMeta, Transmit, TxMeta};
use virtio::Features;
use virtio::net::{
    Checksum, Gso, GsoKind, Interrupt, LARGE_FRAME, MsixTarget, Net, Notifications, OpenError, Options, QueuePair,
    RxChecksum, RxQueue, TxError, TxQueue,
};
use virtio::transport::Transport;
use virtio::transport::pci::{self, ConfigPorts, PciError, PciTransport};

use crate::arch::{interrupts, ioapic, lapic};
use crate::boot::{Loader, loader};
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
        }
    }
}

/// How many counters a card has.
pub const COUNTERS: usize = 9;
/// Their names.
pub const COUNTER_NAMES: [&str; COUNTERS] = [
    "nic_rx_frames",
    "nic_rx_bytes",
    "nic_tx_frames",
    "nic_tx_bytes",
    "nic_tx_full",
    "nic_tx_refused",
    "nic_rx_kicks",
    "nic_tx_kicks",
    "nic_faults",
];

/// Buffers of 64 KiB in each direction that has such frames.
const LARGE_BUFFERS: u16 = 128;

/// The card, on the processor that opened it.
pub struct Nic {
    net: Net<Device>,
    pair: QueuePair<Notify>,
    /// A transmit found no room since the last [`Nic::split`].
    full: bool,
}

impl Nic {
    /// Opens the first card on the bus. Its interrupts come to this processor. Received frames may have up to 64 KiB, if the card
    /// can join segments.
    pub fn open() -> Result<Self, NicError> {
        let config = pci::find_network(Ports).ok_or(NicError::Absent)?;
        let mut transport = PciTransport::open(config, Registers).map_err(NicError::Pci)?;
        let target = [MsixTarget { apic_id: lapic::id() as u8, vector: interrupts::NIC }];
        let options = options(Features::from_bits(transport.device_features()), &target);
        let (net, mut pairs) = Net::open(transport, &DeviceMemory, &options).map_err(NicError::Open)?;
        match net.interrupt() {
            Interrupt::Msix { .. } => {}
            // uhyve raises the I/O APIC's pin by an edge for each frame, so there is nothing to acknowledge. A line of QEMU's machine stays up until its cause is
            // gone, and is not served.
            Interrupt::Line(pin) if loader() == Loader::Uhyve && pin < ioapic::PINS => {
                ioapic::route_edge(pin, interrupts::NIC, lapic::id() as u8);
            }
            other => return Err(NicError::Interrupt(other)),
        }
        let pair = pairs.pop().ok_or(NicError::Absent)?;
        info!("network card: {:?}, mtu {}, {}, {:?}", net.mac(), net.mtu(), net.features(), net.interrupt());
        Ok(Self { net, pair, full: false })
    }

    /// Its address, if it says one.
    pub fn mac(&self) -> Option<[u8; 6]> {
        self.net.mac()
    }

    /// The longest IP packet that it takes, in octets.
    pub fn mtu(&self) -> u16 {
        self.net.mtu()
    }

    /// Its counters, in the order of [`COUNTER_NAMES`].
    pub fn counters(&self) -> [u64; COUNTERS] {
        let c = self.pair.counters();
        [c.rx_frames, c.rx_bytes, c.tx_frames, c.tx_bytes, c.tx_full, c.tx_refused, c.rx_kicks, c.tx_kicks, c.faults()]
    }

    /// Whether the card broke the protocol and is out of use.
    pub fn is_broken(&mut self) -> bool {
        self.pair.is_broken()
    }

    /// Both directions, to be used at the same time.
    pub fn split(&mut self) -> (Rx<'_>, Tx<'_>) {
        let offloads = offloads(self.net.features(), self.pair.tx().longest());
        self.full = false;
        let (rx, tx) = self.pair.split();
        (Rx { queue: rx }, Tx { queue: tx, offloads, full: &mut self.full })
    }

    /// Whether a received frame waits, or there is room again for a transmit that found none.
    pub fn is_pending(&mut self) -> bool {
        self.pair.rx().pending() || self.full && self.pair.tx().pending()
    }

    /// Ends a burst: one notification at most for each direction.
    pub fn kick(&mut self) {
        self.pair.kick();
    }

    /// Asks for interrupts. False: something is there already, so do not sleep. With interrupts of the processor off.
    pub fn arm(&mut self) -> bool {
        self.pair.arm() && (!self.full || self.pair.arm_transmit())
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
fn options(offered: Features, target: &[MsixTarget]) -> Options<'_> {
    // uhyve asks not to be notified while it works, and does not look again before it sleeps.
    let notify = if loader() == Loader::Uhyve { Notifications::Always } else { Notifications::AsAsked };
    let mut options = Options { interrupts: target, notify, ..Options::default() };
    if offered.contains(Features::HOST_TSO4 | Features::CSUM) {
        options.features = options.features | Features::HOST_TSO4;
        (options.tx_frame, options.tx_buffers) = (LARGE_FRAME, LARGE_BUFFERS);
    }
    if offered.contains(Features::GUEST_TSO4 | Features::GUEST_CSUM) {
        options.features = options.features | Features::GUEST_TSO4;
        (options.rx_frame, options.rx_buffers) = (LARGE_FRAME, LARGE_BUFFERS);
    }
    options
}

fn offloads(features: Features, longest: usize) -> Offloads {
    let checksum = features.contains(Features::CSUM);
    Offloads { checksum, segmentation: (checksum && features.contains(Features::HOST_TSO4)).then_some(longest) }
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

    fn transmit(&mut self, len: usize, meta: TxMeta, fill: &mut dyn FnMut(&mut [u8])) -> Result<(), Full> {
        let meta = virtio::net::TxMeta {
            checksum: meta.checksum.map(|c| Checksum { start: c.start, offset: c.offset }),
            gso: meta.segmentation.map(|s| Gso { kind: GsoKind::TcpV4, header: s.header_len, segment: s.mss }),
        };
        match self.queue.transmit(len, meta, fill) {
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
