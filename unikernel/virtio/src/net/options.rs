//! What the caller wants of the device, and what can go wrong in opening it.

use core::fmt;

use super::{HEADER, TX_COPYBREAK};
use crate::Features;
use crate::ring::{MAX_SIZE, RingError};
use crate::transport::{MsixTarget, Status, TransportError};

/// Bytes of an Ethernet header, and of one with a VLAN tag.
pub const ETHERNET: usize = 14;
const ETHERNET_TAGGED: usize = 18;
/// The MTU of a device that does not say its own.
pub const MTU_DEFAULT: u16 = 1500;
/// The least MTU that a device may say (§5.1.4.1).
pub(super) const MTU_LEAST: u16 = 68;
/// The longest frame that `GUEST_TSO` brings or `HOST_TSO` takes (§5.1.6.3.1, without the virtio header).
pub const LARGE_FRAME: usize = 65550;
/// The longest frame that buffers may be made for.
const FRAME_MOST: usize = 128 * 1024;

/// When the device is told of new buffers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notifications {
    /// When it asks for it (§2.7.10).
    #[default]
    AsAsked,
    /// After every burst, whatever it asks for, which the standard allows (it SHOULD NOT be told, §2.7.10.1). For a device that looks for new buffers, then asks to be told, and does
    /// not look again: what was added between the two it would never find. uhyve 0.10 is one, for both queues.
    Always,
}

/// What the caller wants of the device.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Features to use where the device offers them. What is not in here is not negotiated; `VERSION_1` always is.
    pub features: Features,
    /// Queue pairs, 1 and more; more than one needs `MQ` and `CTRL_VQ`. Fewer are opened if the device has fewer.
    pub pairs: u16,
    /// MSI-X targets: entry *n* for pair *n*, receiving and transmitting. Empty: no MSI-X. Else one for each pair at least.
    pub interrupts: &'a [MsixTarget],
    /// MSI-X target for changes of the configuration, which [`Net::look`](super::Net::look) then finds: by an entry of its own behind those of the pairs, if
    /// there is one.
    pub config_interrupt: Option<MsixTarget>,
    /// When the device is told of new buffers.
    pub notify: Notifications,
    /// Receive buffers of each pair. The queue has at least as many descriptors, if the device allows it; else fewer are used.
    pub rx_buffers: u16,
    /// Transmit buffers of each pair, as above.
    pub tx_buffers: u16,
    /// Longest frame received, in bytes from the Ethernet header on. `GUEST_TSO` is negotiated only from [`LARGE_FRAME`] on.
    pub rx_frame: usize,
    /// Longest frame transmitted.
    pub tx_frame: usize,
    /// From how many bytes on a part of a transmitted frame that is lent is read where it lies; what is shorter is copied.
    pub tx_copybreak: usize,
}

impl Default for Options<'_> {
    /// One pair, 256 buffers of 2 KiB each way, checksum offload but no segmentation, no MSI-X.
    fn default() -> Self {
        let segmentation = Features::HOST_TSO4 | Features::HOST_TSO6 | Features::GUEST_TSO4 | Features::GUEST_TSO6;
        Self {
            features: Features::DRIVER & !segmentation,
            pairs: 1,
            interrupts: &[],
            config_interrupt: None,
            notify: Notifications::AsAsked,
            rx_buffers: 256,
            tx_buffers: 256,
            rx_frame: 2048 - HEADER,
            tx_frame: 2048 - HEADER,
            tx_copybreak: TX_COPYBREAK,
        }
    }
}

impl Options<'_> {
    pub(super) fn check(&self) -> Result<(), OpenError> {
        let shortest = usize::from(MTU_DEFAULT) + ETHERNET_TAGGED;
        let frames = shortest..=FRAME_MOST;
        let buffers = 2..=MAX_SIZE;
        if self.pairs == 0 || self.pairs > 0x8000 {
            Err(OpenError::BadOption { name: "pairs", value: usize::from(self.pairs), least: 1, most: 0x8000 })
        } else if let Some((name, value)) =
            [("rx_frame", self.rx_frame), ("tx_frame", self.tx_frame)].into_iter().find(|(_, v)| !frames.contains(v))
        {
            Err(OpenError::BadOption { name, value, least: shortest, most: FRAME_MOST })
        } else if let Some((name, value)) = [("rx_buffers", self.rx_buffers), ("tx_buffers", self.tx_buffers)]
            .into_iter()
            .find(|(_, v)| !buffers.contains(v))
        {
            Err(OpenError::BadOption { name, value: usize::from(value), least: 2, most: usize::from(MAX_SIZE) })
        } else {
            Ok(())
        }
    }

    /// The features to take of those offered, where `mtu` is what the device says as its own.
    pub(super) fn choose(&self, offered: Features, mtu: u16) -> Features {
        let mut wanted = self.features & Features::DRIVER;
        if self.rx_frame < LARGE_FRAME {
            wanted = wanted & !(Features::GUEST_TSO4 | Features::GUEST_TSO6);
        }
        if self.pairs == 1 {
            wanted = wanted & !(Features::MQ | Features::CTRL_VQ);
        }
        let mut taken = (offered & wanted | Features::VERSION_1).consistent();
        if !taken.contains(Features::MQ) {
            taken = taken & !Features::CTRL_VQ;
        }
        // Who takes the feature promises buffers for it (§5.1.4.2), and is to send frames of that size.
        let fits = usize::from(mtu) + ETHERNET_TAGGED <= self.rx_frame.min(self.tx_frame);
        if mtu < MTU_LEAST || !fits {
            taken = taken & !Features::MTU;
        }
        taken
    }
}

/// The device could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// An option is out of range.
    BadOption {
        /// Its name in [`Options`].
        name: &'static str,
        /// What was asked for.
        value: usize,
        /// The least possible.
        least: usize,
        /// The most possible.
        most: usize,
    },
    /// The device did not come back from a reset.
    ResetTimeout {
        /// What it says.
        status: Status,
    },
    /// The device offers no `VERSION_1`: it is a legacy one.
    Legacy {
        /// What it offers.
        offered: Features,
    },
    /// The device refused the features taken from its own offer.
    FeaturesRefused {
        /// What the driver took.
        taken: Features,
    },
    /// A queue, notification register or interrupt is not as it should be.
    Transport(TransportError),
    /// A ring could not be made, or filled.
    Ring(RingError),
    /// There are fewer MSI-X targets than queue pairs.
    TooFewTargets {
        /// Queue pairs.
        pairs: u16,
        /// Targets.
        targets: usize,
    },
    /// The device did not carry out the command to use several queue pairs.
    PairsRefused {
        /// Queue pairs asked for.
        pairs: u16,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadOption { name, value, least, most } => {
                write!(f, "{name} is {value}, but {least} to {most} are possible")
            }
            Self::ResetTimeout { status } => write!(f, "device does not finish its reset ({status:?})"),
            Self::Legacy { offered } => write!(f, "device offers no VERSION_1 ({offered}): use a modern one"),
            Self::FeaturesRefused { taken } => write!(f, "device refuses the features {taken}: switch some off"),
            Self::Transport(error) => error.fmt(f),
            Self::Ring(error) => error.fmt(f),
            Self::TooFewTargets { pairs, targets } => {
                write!(f, "{targets} interrupt targets for {pairs} queue pairs: give one for each")
            }
            Self::PairsRefused { pairs } => write!(f, "device refuses to use {pairs} queue pairs: use 1"),
        }
    }
}

impl core::error::Error for OpenError {}

/// The device met an error that it cannot recover from (`DEVICE_NEEDS_RESET`, §2.1.2), or is not there any more. What it has it may never complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GaveUp {
    /// What it says.
    pub status: Status,
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "device gave up ({:?}, DEVICE_NEEDS_RESET): its monitor may say why", self.status)
    }
}

impl core::error::Error for GaveUp {}

impl From<TransportError> for OpenError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

impl From<RingError> for OpenError {
    fn from(error: RingError) -> Self {
        Self::Ring(error)
    }
}
