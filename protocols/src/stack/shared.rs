//! What the stacks of all processors know in common.

use core::sync::atomic::{AtomicU64, Ordering};

use smoltcp::wire::{Ipv4Address, Ipv4Cidr};

/// The system's IPv4 address: set by processor 0, read by all, without a lock.
#[derive(Debug, Default)]
pub struct Shared {
    /// Address in the lower 32 bits, prefix length in the next 8, and a bit that says that there is one.
    address: AtomicU64,
}

const PRESENT: u64 = 1 << 40;

impl Shared {
    /// No address yet.
    pub const fn new() -> Self {
        Shared { address: AtomicU64::new(0) }
    }

    /// The address, if there is one at present.
    pub fn address(&self) -> Option<Ipv4Cidr> {
        let word = self.address.load(Ordering::Relaxed);
        (word & PRESENT != 0).then(|| Ipv4Cidr::new(Ipv4Address::from_bits(word as u32), (word >> 32) as u8))
    }

    pub(super) fn set_address(&self, address: Option<Ipv4Cidr>) {
        let word = address
            .map_or(0, |cidr| PRESENT | u64::from(cidr.prefix_len()) << 32 | u64::from(cidr.address().to_bits()));
        self.address.store(word, Ordering::Relaxed);
    }
}
