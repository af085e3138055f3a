//! The modern PCI transport (§4.1).
//!
//! ```text
//!  PciConfig ──▶ capabilities ──▶ places of the registers ──▶ Window ──▶ PciTransport ──▶ Notifier of each queue
//!                                                             ├ Bar: mapped memory (QEMU; uhyve with a BAR)
//!                                                             └ Config: the 256-byte configuration space itself
//! ```
//! Both ways of reaching registers end in the same [`Registers`](crate::mmio::Registers), so that everything above is one code.

mod bar;
mod capability;
mod config;
mod modern;
mod msix;
mod window;

#[cfg(test)]
mod tests;

use core::fmt;

pub use super::{Interrupt, IsrStatus, MsixTarget};
pub use capability::{Capabilities, MsixCapability, Place, StructureKind};
pub use config::{Address, ConfigPorts, PciConfig, PortIo, find_network, is_network};
pub use modern::{Notifier, PciTransport};
pub use window::Window;

/// The PCI function is not a virtio device that this driver can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PciError {
    /// Vendor and device are not those of a modern virtio network device (§4.1.2).
    NotVirtioNet {
        /// Vendor identifier.
        vendor: u16,
        /// Device identifier.
        device: u16,
    },
    /// The capability list does not end, or leaves the configuration space.
    BadCapabilityList {
        /// The pointer that is wrong or one too many.
        pointer: u8,
    },
    /// The device lacks a structure that the driver needs, or describes it with fewer bytes than it has.
    Missing(StructureKind),
    /// The structure lies in a BAR that is for I/O ports, of reserved type, or without an address.
    BadBar {
        /// Number of the BAR.
        bar: u8,
        /// Its register's content.
        value: u32,
    },
    /// The platform could not map the registers.
    NotMapped {
        /// The physical address.
        physical: u64,
        /// Bytes.
        length: usize,
    },
}

impl fmt::Display for PciError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotVirtioNet { vendor, device } => {
                write!(
                    f,
                    "PCI function {vendor:04x}:{device:04x} is not a modern virtio-net device (1af4:1041); with QEMU use disable-legacy=on"
                )
            }
            Self::BadCapabilityList { pointer } => write!(f, "PCI capability list broken at {pointer:#x}"),
            Self::Missing(kind) => write!(f, "device has no usable {kind:?} structure: is it a legacy virtio device?"),
            Self::BadBar { bar, value } => write!(f, "BAR {bar} ({value:#x}) has no memory address"),
            Self::NotMapped { physical, length } => {
                write!(f, "cannot map {length} bytes of registers at {physical:#x}")
            }
        }
    }
}

impl core::error::Error for PciError {}
