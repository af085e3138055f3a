//! A virtio-net driver (virtio 1.2) for a kernel that has no driver framework.
//!
//! From the bottom up:
//! - [`mem`] and [`mmio`]: memory shared with the device and device registers. The only modules with `unsafe`; what the platform must promise
//!   is written at [`mem::Dma`] and [`mmio::MmioWindow::new`].
//! - [`ring`]: the driver's side of a split virtqueue (§2.7), in safe code, over [`mem`]. The device is not trusted.
//! - [`transport`]: how the driver reaches the device's registers: [`transport::Transport`], implemented over PCI by
//!   [`transport::pci::PciTransport`], whatever way the registers lie behind it (a BAR, or the configuration space itself).
//! - [`net`]: the network device: initialisation, and [`net::QueuePair`]s, one for each processor, with their buffers.
//!
//! **Invariants.** Nothing on the data path allocates, locks or touches a device register, except the one 16-bit notification of
//! [`net::QueuePair::kick`]. Nothing that the device writes can make safe code reach outside its buffers: every identifier, length and index is
//! checked, and what is wrong is counted. Memory given to the device stays given: the driver never frees it, so a device that keeps
//! writing after a reset harms nothing else.
//!
//! Section numbers (§) are those of "Virtual I/O Device (VIRTIO) Version 1.2".
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "fake"))]
extern crate std;

#[cfg(any(test, feature = "fake"))]
pub mod fake;
pub mod features;
#[allow(unsafe_code)]
pub mod mem;
#[allow(unsafe_code)]
pub mod mmio;
pub mod net;
pub mod ring;
pub mod transport;

pub use features::Features;
