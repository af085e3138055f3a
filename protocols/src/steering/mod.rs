//! Which processor a connection lives on.

#[cfg(test)]
mod tests;

use core::hash::Hasher;

use siphasher::sip::SipHasher13;
use smoltcp::wire::IpAddress;

/// The four values that name a TCP connection (RFC 9293 section 3.3.1), seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FourTuple {
    /// Our address.
    pub local: IpAddress,
    /// Our port.
    pub local_port: u16,
    /// The peer's address.
    pub remote: IpAddress,
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
        let mut hash = self.hash;
        match (&tuple.local, &tuple.remote) {
            (IpAddress::Ipv4(local), IpAddress::Ipv4(remote)) => {
                let mut octets = [0; 12];
                octets[..4].copy_from_slice(&local.octets());
                octets[4..8].copy_from_slice(&remote.octets());
                octets[8..10].copy_from_slice(&tuple.local_port.to_be_bytes());
                octets[10..].copy_from_slice(&tuple.remote_port.to_be_bytes());
                hash.write(&octets);
            }
            (local, remote) => hash.write(&wide(local, remote, tuple)),
        }
        // The hash as a fraction of 2^32, times the number of processors: no division, and no bias worth naming.
        let fraction = hash.finish() >> 32;
        ((fraction * u64::from(self.processors)) >> 32) as usize
    }
}

/// What is hashed of a tuple of IPv6: longer than one of IPv4, so the two cannot be taken for each other.
fn wide(local: &IpAddress, remote: &IpAddress, tuple: &FourTuple) -> [u8; 36] {
    let mut octets = [0; 36];
    for (place, address) in octets.chunks_exact_mut(16).zip([local, remote]) {
        match address {
            IpAddress::Ipv4(address) => place[..4].copy_from_slice(&address.octets()),
            IpAddress::Ipv6(address) => place.copy_from_slice(&address.octets()),
        }
    }
    octets[32..34].copy_from_slice(&tuple.local_port.to_be_bytes());
    octets[34..].copy_from_slice(&tuple.remote_port.to_be_bytes());
    octets
}
