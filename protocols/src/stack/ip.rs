//! The IP headers of what goes out.

use smoltcp::wire::{IpAddress, Ipv4Address, Ipv6Address};

use crate::frame::checksum::Sum;

pub(super) const IPV4_HEADER: usize = 20;
pub(super) const IPV6_HEADER: usize = 40;
/// RFC 1700's recommendation, and what everybody sends: TTL or hop limit.
const HOPS: u8 = 64;
/// ECT(0), RFC 3168 section 5.
const ECN_CAPABLE: u8 = 0b10;

/// Both addresses of a datagram.
#[derive(Clone, Copy)]
pub(super) enum Ends {
    V4(Ipv4Address, Ipv4Address),
    V6(Ipv6Address, Ipv6Address),
}

impl Ends {
    /// `None` if they are not of one family.
    #[inline]
    pub fn new(source: &IpAddress, destination: &IpAddress) -> Option<Self> {
        match (source, destination) {
            (IpAddress::Ipv4(source), IpAddress::Ipv4(destination)) => Some(Self::V4(*source, *destination)),
            (IpAddress::Ipv6(source), IpAddress::Ipv6(destination)) => Some(Self::V6(*source, *destination)),
            _ => None,
        }
    }

    /// The sum of the pseudo-header of a transport's `length` octets.
    #[inline]
    pub fn pseudo_header(&self, protocol: u8, length: usize) -> Sum {
        match *self {
            Self::V4(source, destination) => Sum::pseudo_header(&source.into(), &destination.into(), protocol, length),
            Self::V6(source, destination) => Sum::pseudo_header(&source.into(), &destination.into(), protocol, length),
        }
    }

    /// Octets of the header.
    #[inline]
    pub fn header_len(&self) -> usize {
        match self {
            Self::V4(..) => IPV4_HEADER,
            Self::V6(..) => IPV6_HEADER,
        }
    }

    /// The octets of Ethernet's type field.
    #[inline]
    pub fn ether_type(&self) -> [u8; 2] {
        match self {
            Self::V4(..) => [0x08, 0x00],
            Self::V6(..) => [0x86, 0xdd],
        }
    }

    /// Writes the header of a datagram with so many octets of payload; `into` is as long as the header. `label` counts for IPv6 only.
    #[inline]
    pub fn write(&self, into: &mut [u8], protocol: u8, payload: usize, ecn: bool, label: impl FnOnce() -> u32) {
        match self {
            Self::V4(source, destination) => {
                into.copy_from_slice(&ipv4(*source, *destination, protocol, IPV4_HEADER + payload, ecn));
            }
            Self::V6(source, destination) => {
                into.copy_from_slice(&ipv6(*source, *destination, protocol, payload, ecn, label()));
            }
        }
    }
}

/// `total` is at most 65,535 octets. "Don't fragment" is set, so the identification may be anything (RFC 6864 section 4.1).
#[inline]
fn ipv4(source: Ipv4Address, destination: Ipv4Address, protocol: u8, total: usize, ecn: bool) -> [u8; IPV4_HEADER] {
    let mut header = [0; IPV4_HEADER];
    header[0] = 0x45;
    header[1] = if ecn { ECN_CAPABLE } else { 0 };
    header[2..4].copy_from_slice(&(total as u16).to_be_bytes());
    header[6] = 0x40;
    header[8] = HOPS;
    header[9] = protocol;
    header[12..16].copy_from_slice(&source.octets());
    header[16..].copy_from_slice(&destination.octets());
    let checksum = Sum::new().with(&header).checksum();
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    header
}

/// RFC 8200 section 3. `payload` is at most 65,535 octets.
fn ipv6(
    source: Ipv6Address,
    destination: Ipv6Address,
    protocol: u8,
    payload: usize,
    ecn: bool,
    label: u32,
) -> [u8; IPV6_HEADER] {
    let mut header = [0; IPV6_HEADER];
    let class = if ecn { ECN_CAPABLE } else { 0 };
    header[..4].copy_from_slice(&(6 << 28 | u32::from(class) << 20 | label & 0xf_ffff).to_be_bytes());
    header[4..6].copy_from_slice(&(payload as u16).to_be_bytes());
    header[6] = protocol;
    header[7] = HOPS;
    header[8..24].copy_from_slice(&source.octets());
    header[24..].copy_from_slice(&destination.octets());
    header
}

/// The flow label of a connection: the same for all its segments, evenly spread over connections, and never 0 (RFC 6437 section 3). What
/// it is made of stands in the packet anyway, so the hash has no key.
pub(super) fn flow_label(source: &Ipv6Address, destination: &Ipv6Address, ports: (u16, u16)) -> u32 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    };
    let half = |address: &Ipv6Address, high: bool| (address.to_bits() >> if high { 64 } else { 0 }) as u64;
    let hosts = fold(half(source, false) ^ ODD, half(destination, false) ^ ODD.rotate_left(32));
    let networks = fold(half(source, true) ^ ODD, half(destination, true) ^ ODD.rotate_left(16));
    let ports = u64::from(ports.0) << 16 | u64::from(ports.1);
    let hash = fold(hosts ^ networks.rotate_left(7), ports ^ ODD);
    ((hash >> 44) as u32).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_spread_stable_and_never_zero() {
        let (a, b) = (Ipv6Address::new(0xfd00, 0, 0, 0, 0, 0, 0, 1), Ipv6Address::new(0xfd00, 0, 0, 0, 0, 0, 0, 2));
        let mut buckets = [0; 16];
        for port in 10_000..26_000 {
            let label = flow_label(&a, &b, (port, 5201));
            assert!((1..1 << 20).contains(&label) && label == flow_label(&a, &b, (port, 5201)));
            buckets[label as usize >> 16] += 1;
        }
        assert!(buckets.iter().all(|count| (800..1200).contains(count)), "{buckets:?}");
        assert_ne!(flow_label(&a, &b, (1, 2)), flow_label(&a, &b, (2, 1)));
    }
}
