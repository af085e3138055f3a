//! Which processor a connection lives on.

#[cfg(test)]
mod tests;

use core::hash::Hasher;

use siphasher::sip::SipHasher13;
use smoltcp::wire::Ipv4Address;

/// The four values that name a TCP connection (RFC 9293 section 3.3.1), seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FourTuple {
    /// Our address.
    pub local: Ipv4Address,
    /// Our port.
    pub local_port: u16,
    /// The peer's address.
    pub remote: Ipv4Address,
    /// The peer's port.
    pub remote_port: u16,
}

/// Spreads connections over processors by a keyed hash of their four-tuple.
///
/// A connection stays where it is as long as the key and the number of processors do. The key is secret and random, so that
/// nobody outside can choose ports that all fall to one processor.
#[derive(Clone, Debug)]
pub struct Steering {
    hash: SipHasher13,
    processors: u32,
}

impl Steering {
    /// A spread over `processors` (at least 1 is assumed).
    pub fn new(key: [u8; 16], processors: usize) -> Self {
        let processors = u32::try_from(processors.max(1)).unwrap_or(u32::MAX);
        Steering { hash: SipHasher13::new_with_key(&key), processors }
    }

    /// The processor that a connection lives on, below the number given to [`Steering::new`].
    pub fn processor(&self, tuple: &FourTuple) -> usize {
        if self.processors == 1 {
            return 0;
        }
        let mut octets = [0; 12];
        octets[..4].copy_from_slice(&tuple.local.octets());
        octets[4..8].copy_from_slice(&tuple.remote.octets());
        octets[8..10].copy_from_slice(&tuple.local_port.to_be_bytes());
        octets[10..].copy_from_slice(&tuple.remote_port.to_be_bytes());
        let mut hash = self.hash;
        hash.write(&octets);
        // The hash as a fraction of 2^32, times the number of processors: no division, and no bias worth naming.
        let fraction = hash.finish() >> 32;
        ((fraction * u64::from(self.processors)) >> 32) as usize
    }
}
