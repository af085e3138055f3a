//! How the driver reaches a device's registers, whatever the bus (§4).

pub mod pci;

use core::fmt;
use core::ops::BitOr;

use crate::ring::Addresses;

/// The device status field (§2.1).
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Status(pub u8);

impl Status {
    /// Writing this resets the device.
    pub const RESET: Self = Self(0);
    /// The driver has seen the device.
    pub const ACKNOWLEDGE: Self = Self(1);
    /// The driver knows how to drive it.
    pub const DRIVER: Self = Self(2);
    /// The driver is ready.
    pub const DRIVER_OK: Self = Self(4);
    /// The features are settled.
    pub const FEATURES_OK: Self = Self(8);
    /// The device met an error that only a reset mends.
    pub const NEEDS_RESET: Self = Self(64);
    /// The driver gave the device up.
    pub const FAILED: Self = Self(128);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Status {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Status({:#x})", self.0)
    }
}

/// What the interrupt status register said (§4.1.4.5); reading it clears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct IsrStatus {
    /// A queue has completions.
    pub queue: bool,
    /// The device's configuration changed: the link went up or down, or the device gave up.
    pub configuration: bool,
}

/// Where an MSI-X message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MsixTarget {
    /// The local APIC of the processor, 0 to 255.
    pub apic_id: u8,
    /// The interrupt vector there, 16 to 255.
    pub vector: u8,
}

/// How the device interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// By messages: entry *n* is for queue pair *n*.
    Msix {
        /// Entries in use.
        entries: u16,
    },
    /// By the interrupt line with this number (the firmware's, for the legacy controller's or the I/O APIC's pin).
    Line(u8),
    /// Not at all: the queues must be polled.
    None,
}

/// A queue for the device.
#[derive(Clone, Copy, Debug)]
pub struct QueueSetup {
    /// The queue's number.
    pub queue: u16,
    /// Descriptors, as settled by [`Transport::settle_queue_size`].
    pub size: u16,
    /// Where its parts are.
    pub addresses: Addresses,
    /// MSI-X table entry for its interrupts, if any.
    pub entry: Option<u16>,
}

/// The device did not do what was asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// The device has no such queue.
    NoQueue {
        /// The queue's number.
        queue: u16,
        /// Queues that the device has.
        count: u16,
    },
    /// The device has the queue, but says a size that is no power of two (§4.1.4.3, field `queue_size`).
    BadQueueSize {
        /// The queue's number.
        queue: u16,
        /// The size that the device says.
        size: u16,
    },
    /// The queue's notification register is outside the device's notification structure or could not be mapped.
    BadNotify {
        /// The queue's number.
        queue: u16,
        /// The queue's notification offset.
        offset: u16,
    },
    /// The device did not take the MSI-X entry for the queue (§4.1.5.1.2.1).
    EntryRefused {
        /// The queue's number.
        queue: u16,
        /// The table entry.
        entry: u16,
    },
    /// There are fewer MSI-X entries than queue pairs.
    TooFewEntries {
        /// Entries wanted.
        wanted: usize,
        /// Entries that the device has.
        count: u16,
    },
    /// An MSI-X vector below 16, which the processor keeps for exceptions.
    BadVector(u8),
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoQueue { queue, count } => write!(f, "no queue {queue}: the device has {count}"),
            Self::BadQueueSize { queue, size } => write!(f, "queue {queue} has size {size}, not a power of two"),
            Self::BadNotify { queue, offset } => {
                write!(f, "queue {queue}: notification offset {offset} is out of range")
            }
            Self::EntryRefused { queue, entry } => write!(f, "queue {queue}: the device refused MSI-X entry {entry}"),
            Self::TooFewEntries { wanted, count } => {
                write!(
                    f,
                    "{wanted} MSI-X entries wanted, the device has {count}: use fewer queue pairs or more vectors"
                )
            }
            Self::BadVector(vector) => write!(f, "interrupt vector {vector} is below 16"),
        }
    }
}

impl core::error::Error for TransportError {}

/// Tells the device that a queue has new chains.
pub trait Notify {
    /// One 16-bit register write.
    fn notify(&self);
}

/// The registers that every virtio device has. None of this is on the data path, except what [`Transport::Notify`] does.
pub trait Transport {
    /// The notification register of one queue; goes to the processor that owns the queue.
    type Notify: Notify;

    /// The device status.
    fn status(&self) -> Status;
    /// Writes the device status.
    fn set_status(&mut self, status: Status);
    /// Feature bits that the device offers.
    fn device_features(&mut self) -> u64;
    /// Feature bits that the driver takes.
    fn set_driver_features(&mut self, bits: u64);
    /// Queues that the device has. Never select one beyond.
    fn queue_count(&self) -> u16;
    /// Settles a queue's size at `wanted` (a power of two) or less; what the device says in the end counts, also where it ignores the wish.
    fn settle_queue_size(&mut self, queue: u16, wanted: u16) -> Result<u16, TransportError>;
    /// Gives the queue to the device and enables it.
    fn enable_queue(&mut self, setup: &QueueSetup) -> Result<Self::Notify, TransportError>;
    /// Routes interrupts: entry *n* of the MSI-X table to target *n*. With no target, or a device without MSI-X, the line stays.
    fn route_interrupts(&mut self, targets: &[MsixTarget]) -> Result<Interrupt, TransportError>;
    /// Routes the interrupt for changes of the configuration (§2.5) by MSI-X entry `entry`, which no queue has. False: there is no such entry, or the
    /// device does not take it (§4.1.5.1.2.1).
    fn route_config_interrupt(&mut self, entry: u16, target: MsixTarget) -> bool;
    /// Reads the interrupt status, which clears it and lowers the line; of no use with MSI-X.
    fn acknowledge(&self) -> IsrStatus;
    /// Changes whenever the device's configuration does.
    fn config_generation(&self) -> u8;
    /// Reads 8 bits of the device's configuration.
    fn config8(&self, offset: usize) -> u8;
    /// Reads 16 bits of the device's configuration.
    fn config16(&self, offset: usize) -> u16;
}
