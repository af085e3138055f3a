//! The network device (§5.1).
//!
//! [`Net::open`] brings the device up and gives a [`Net`], which holds what concerns the whole device, and the [`QueuePair`]s, each of which goes to the
//! processor that will use it.
//!
//! A processor that sends every frame back where it came from, and sleeps while there is none:
//! ```
//! use virtio::mem::Dma;
//! use virtio::net::{Net, OpenError, Options, TxMeta};
//! use virtio::transport::Transport;
//!
//! /// `sleep` waits for an interrupt, and turns the processor's interrupts on in the same step; `off` turns them off.
//! fn echo<T: Transport>(transport: T, dma: &impl Dma, off: fn(), sleep: fn()) -> Result<(), OpenError> {
//!     let (_net, mut pairs) = Net::open(transport, dma, &Options::default())?;
//!     let Some(pair) = pairs.first_mut() else { return Ok(()) };
//!     while !pair.is_broken() {
//!         pair.disarm();
//!         let (rx, tx) = pair.split();
//!         while rx.receive(|_, frame| {
//!             let (to, from) = frame.split_at_mut(6);
//!             to.swap_with_slice(&mut from[..6]);
//!             // A full queue refuses the frame, which is then dropped and counted.
//!             let _ = tx.transmit(frame.len(), TxMeta::default(), |place| place.copy_from_slice(frame));
//!         }) {}
//!         pair.kick();
//!         off();
//!         if pair.arm() {
//!             sleep();
//!         }
//!     }
//!     Ok(())
//! }
//! ```

mod buffers;
mod control;
mod counters;
mod header;
mod lend;
mod mac;
mod options;
mod pair;
mod rx;
#[cfg(test)]
mod tests;
mod tx;

use alloc::vec::Vec;

use control::Control;
pub use counters::Counters;
pub use header::{Checksum, Gso, GsoKind, HEADER, HeaderError, RxChecksum, RxMeta, TxMeta};
pub use lend::TX_COPYBREAK;
pub use mac::random_mac;
pub use options::{ETHERNET, GaveUp, LARGE_FRAME, MTU_DEFAULT, Notifications, OpenError, Options};
pub use pair::QueuePair;
pub use rx::{RxBuffer, RxQueue};
pub use tx::{Part, TxBuffer, TxError, TxQueue};

use crate::Features;
use crate::mem::Dma;
use crate::ring::{MAX_SIZE, Ring};
pub use crate::transport::{Interrupt, IsrStatus, MsixTarget};
use crate::transport::{QueueSetup, Status, Transport};

/// How often the status is read before a reset counts as failed.
const RESET_POLLS: u32 = 100_000;
/// How often the configuration is read again because it changed meanwhile (§2.5.1).
const CONFIG_RETRIES: u32 = 16;

/// Offsets in the device's configuration (§5.1.4).
mod config {
    pub const MAC: usize = 0;
    pub const STATUS: usize = 6;
    pub const MAX_PAIRS: usize = 8;
    pub const MTU: usize = 10;

    pub const STATUS_LINK_UP: u16 = 1;
}

/// What queues need to know of the device.
#[derive(Clone, Copy, Debug)]
struct Settings {
    features: Features,
    notify: Notifications,
    tx_copybreak: usize,
}

/// The device as a whole.
#[derive(Debug)]
pub struct Net<T: Transport> {
    transport: T,
    facts: Facts,
    /// The link was up at the last look.
    link: bool,
    /// Kept because the device holds its memory.
    _control: Option<Control<T::Notify>>,
}

/// What was settled when the device was opened.
#[derive(Clone, Copy, Debug)]
struct Facts {
    features: Features,
    interrupt: Interrupt,
    /// Changes of the configuration interrupt.
    tells: bool,
    mac: Option<[u8; 6]>,
    mtu: u16,
}

/// What [`Net::open`] gives: the device, and its queue pairs, pair *n* at place *n*.
pub type Opened<T> = (Net<T>, Vec<QueuePair<<T as Transport>::Notify>>);

impl<T: Transport> Net<T> {
    /// Initialises the device (§3.1.1), up to and with `DRIVER_OK`: features are negotiated, interrupts routed (but not asked for: see
    /// [`QueuePair::arm`]), queues made and receive buffers given. On an error the device is told that the driver gave it up.
    pub fn open<D: Dma + ?Sized>(mut transport: T, dma: &D, options: &Options<'_>) -> Result<Opened<T>, OpenError> {
        options.check()?;
        reset(&mut transport)?;
        match bring_up(&mut transport, dma, options) {
            Ok((facts, control, pairs)) => Ok((Self { transport, facts, link: true, _control: control }, pairs)),
            Err(error) => {
                let status = transport.status();
                transport.set_status(status | Status::FAILED);
                Err(error)
            }
        }
    }

    /// Features in use.
    pub fn features(&self) -> Features {
        self.facts.features
    }

    /// How the device interrupts.
    pub fn interrupt(&self) -> Interrupt {
        self.facts.interrupt
    }

    /// Whether the device interrupts [`Options::config_interrupt`] when something is there for [`look`](Self::look).
    pub fn tells(&self) -> bool {
        self.facts.tells
    }

    /// The device's MAC address, if it says one that can be its own; else [`random_mac`] makes one.
    pub fn mac(&self) -> Option<[u8; 6]> {
        self.facts.mac
    }

    /// The device's MTU in bytes (68 and more), or [`MTU_DEFAULT`] if it says none.
    pub fn mtu(&self) -> u16 {
        self.facts.mtu
    }

    /// Whether the link is up; true where the device does not say.
    pub fn link_up(&self) -> bool {
        !self.facts.features.contains(Features::STATUS)
            || self.transport.config16(config::STATUS) & config::STATUS_LINK_UP != 0
    }

    /// Looks whether the device still works, and whether its link has gone up (`Some(true)`) or down since the last look, or at first, is down. Two register
    /// reads: after the device was opened, and when it told of a change ([`tells`](Self::tells)).
    ///
    /// # Errors
    /// The device gave up: nothing comes from it any more. [`close`](Self::close) and open it anew, or do without.
    pub fn look(&mut self) -> Result<Option<bool>, GaveUp> {
        let status = self.transport.status();
        if status.contains(Status::NEEDS_RESET) {
            return Err(GaveUp { status });
        }
        let up = self.link_up();
        Ok((core::mem::replace(&mut self.link, up) != up).then_some(up))
    }

    /// Reads the interrupt status, which clears it. For the interrupt line's handler; of no use with MSI-X.
    pub fn acknowledge(&self) -> IsrStatus {
        self.transport.acknowledge()
    }

    /// Resets the device and gives the registers back, to open it anew. The old pairs do nothing from then on, and their memory stays given.
    pub fn close(mut self) -> Result<T, OpenError> {
        reset(&mut self.transport)?;
        Ok(self.transport)
    }
}

fn reset<T: Transport>(transport: &mut T) -> Result<(), OpenError> {
    transport.set_status(Status::RESET);
    for _ in 0..RESET_POLLS {
        if transport.status() == Status::RESET {
            return Ok(());
        }
        core::hint::spin_loop();
    }
    Err(OpenError::ResetTimeout { status: transport.status() })
}

/// What [`bring_up`] found and made.
type Up<N> = (Facts, Option<Control<N>>, Vec<QueuePair<N>>);

/// Steps 2 to 8 of §3.1.1. Each status write adds one bit to the last: some devices take nothing else.
fn bring_up<T: Transport, D: Dma + ?Sized>(
    transport: &mut T,
    dma: &D,
    options: &Options<'_>,
) -> Result<Up<T::Notify>, OpenError> {
    let mut status = Status::ACKNOWLEDGE;
    transport.set_status(status);
    status = status | Status::DRIVER;
    transport.set_status(status);

    let (features, mtu) = negotiate(transport, options)?;
    status = status | Status::FEATURES_OK;
    transport.set_status(status);
    if !transport.status().contains(Status::FEATURES_OK) {
        return Err(OpenError::FeaturesRefused { taken: features });
    }

    let most_pairs = if features.contains(Features::MQ) { transport.config16(config::MAX_PAIRS).max(1) } else { 1 };
    let pairs = options.pairs.min(most_pairs);
    if !options.interrupts.is_empty() && options.interrupts.len() < usize::from(pairs) {
        return Err(OpenError::TooFewTargets { pairs, targets: options.interrupts.len() });
    }
    let targets = &options.interrupts[..options.interrupts.len().min(usize::from(pairs))];
    let interrupt = transport.route_interrupts(targets)?;
    let tells = match (interrupt, options.config_interrupt) {
        (Interrupt::Msix { entries }, Some(target)) => transport.route_config_interrupt(entries, target),
        _ => false,
    };

    let mut made = Vec::with_capacity(usize::from(pairs));
    for pair in 0..pairs {
        made.push(make_pair(transport, dma, options, (pair, features, interrupt))?);
    }
    let mut control = None;
    if pairs > 1 {
        let queue = control_queue(most_pairs)?;
        let (ring, notify, _) = make_queue(transport, dma, (queue, control::QUEUE_SIZE), features, None)?;
        control = Some(Control::new(dma, ring, notify)?);
    }
    let mac = features.contains(Features::MAC).then(|| read_mac(transport)).filter(|&mac| mac::is_own(mac));

    transport.set_status(status | Status::DRIVER_OK);
    // Only now may the device be notified (§3.1.1).
    for pair in &mut made {
        pair.kick();
    }
    if let Some(control) = &mut control
        && !control.set_pairs(pairs)
    {
        return Err(OpenError::PairsRefused { pairs });
    }
    Ok((Facts { features, interrupt, tells, mac, mtu }, control, made))
}

/// The features that were taken, and the MTU that goes with them.
fn negotiate<T: Transport>(transport: &mut T, options: &Options<'_>) -> Result<(Features, u16), OpenError> {
    let offered = Features::from_bits(transport.device_features());
    if !offered.contains(Features::VERSION_1) {
        return Err(OpenError::Legacy { offered });
    }
    // Read once: what is used later is what was found to be possible.
    let mtu = if offered.contains(Features::MTU) { transport.config16(config::MTU) } else { MTU_DEFAULT };
    let taken = options.choose(offered, mtu);
    transport.set_driver_features(taken.bits());
    Ok((taken, if taken.contains(Features::MTU) { mtu } else { MTU_DEFAULT }))
}

/// The control queue comes after all pairs that the device has (§5.1.2).
fn control_queue(most_pairs: u16) -> Result<u16, OpenError> {
    most_pairs.checked_mul(2).ok_or(OpenError::PairsRefused { pairs: most_pairs })
}

/// A ring of at least `wanted` descriptors, if the device has that many, given to the device; and how many buffers can be used with it.
fn make_queue<T: Transport, D: Dma + ?Sized>(
    transport: &mut T,
    dma: &D,
    (queue, wanted): (u16, u16),
    features: Features,
    entry: Option<u16>,
) -> Result<(Ring, T::Notify, u16), OpenError> {
    let size = transport.settle_queue_size(queue, wanted.next_power_of_two())?;
    let ring = Ring::new(dma, size, features.contains(Features::RING_EVENT_IDX))?;
    let notify = transport.enable_queue(&QueueSetup { queue, size, addresses: ring.addresses(), entry })?;
    Ok((ring, notify, size))
}

/// Pair *n* has queues 2*n* to receive and 2*n*+1 to transmit (§5.1.2).
fn make_pair<T: Transport, D: Dma + ?Sized>(
    transport: &mut T,
    dma: &D,
    options: &Options<'_>,
    (pair, features, interrupt): (u16, Features, Interrupt),
) -> Result<QueuePair<T::Notify>, OpenError> {
    let settings = Settings { features, notify: options.notify, tx_copybreak: options.tx_copybreak };
    let entry = matches!(interrupt, Interrupt::Msix { .. }).then_some(pair);
    let (ring, notify, most) = make_queue(transport, dma, (2 * pair, options.rx_buffers), features, entry)?;
    let rx = RxQueue::new(dma, ring, notify, settings, (options.rx_buffers.min(most), options.rx_frame))?;
    // A frame's head, and two parts after it.
    let descriptors = options.tx_buffers.saturating_mul(3).min(MAX_SIZE);
    let (ring, notify, most) = make_queue(transport, dma, (2 * pair + 1, descriptors), features, entry)?;
    let tx = TxQueue::new(dma, ring, notify, settings, (options.tx_buffers.min(most), options.tx_frame))?;
    Ok(QueuePair::new(rx, tx))
}

/// Reads the address whole: again, if the configuration changed meanwhile (§2.5.1).
fn read_mac<T: Transport>(transport: &T) -> [u8; 6] {
    let mut mac = [0; 6];
    for _ in 0..CONFIG_RETRIES {
        let before = transport.config_generation();
        for (i, byte) in mac.iter_mut().enumerate() {
            *byte = transport.config8(config::MAC + i);
        }
        if transport.config_generation() == before {
            break;
        }
    }
    mac
}
