//! What the stacks of all processors know in common.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use smoltcp::wire::{Ipv4Address, Ipv4Cidr, Ipv6Address};

use crate::frame::Own6;
use crate::tcp::Directory;

/// The system's addresses: set by processor 0, read by all, without a lock. And connections that rules are asked about elsewhere than where they live.
#[derive(Debug, Default)]
pub struct Shared {
    /// Address in the lower 32 bits, prefix length in the next 8, and a bit that says that there is one.
    address: AtomicU64,
    link_local: Halves,
    global: Halves,
    /// Of processors without a queue pair; for processor 0, where their frames meet the rules.
    connections: Arc<Directory>,
}

/// An IPv6 address, or 0 for none. Its lower half, the interface's identifier, stays the same as long as it is in use, so a reader never sees
/// parts of two addresses.
#[derive(Debug, Default)]
struct Halves {
    network: AtomicU64,
    identifier: AtomicU64,
}

impl Halves {
    fn load(&self) -> Option<Ipv6Address> {
        // Acquire: with the network comes the identifier that was stored before it.
        let network = self.network.load(Ordering::Acquire);
        let identifier = self.identifier.load(Ordering::Relaxed);
        (network != 0).then(|| Ipv6Address::from_bits(u128::from(network) << 64 | u128::from(identifier)))
    }

    /// Writes only what is new: other processors read it all the time.
    fn store(&self, address: Option<Ipv6Address>) {
        if self.load() == address {
            return;
        }
        if let Some(address) = address {
            self.identifier.store(address.to_bits() as u64, Ordering::Relaxed);
        }
        let network = address.map_or(0, |address| (address.to_bits() >> 64) as u64);
        self.network.store(network, Ordering::Release);
    }
}

const PRESENT: u64 = 1 << 40;

impl Shared {
    /// No address yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The connections of processors without a queue pair.
    pub fn connections(&self) -> &Arc<Directory> {
        &self.connections
    }

    /// The address, if there is one at present.
    pub fn address(&self) -> Option<Ipv4Cidr> {
        let word = self.address.load(Ordering::Relaxed);
        (word & PRESENT != 0).then(|| Ipv4Cidr::new(Ipv4Address::from_bits(word as u32), (word >> 32) as u8))
    }

    /// The IPv6 addresses at present.
    pub fn address6(&self) -> Own6 {
        Own6 { link_local: self.link_local.load(), global: self.global.load() }
    }

    pub(super) fn set_address6(&self, own: Own6) {
        self.link_local.store(own.link_local);
        self.global.store(own.global);
    }

    pub(super) fn set_address(&self, address: Option<Ipv4Cidr>) {
        let word = address
            .map_or(0, |cidr| PRESENT | u64::from(cidr.prefix_len()) << 32 | u64::from(cidr.address().to_bits()));
        self.address.store(word, Ordering::Relaxed);
    }
}
