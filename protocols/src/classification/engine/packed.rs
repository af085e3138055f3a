//! Headers and rules as the engines compare them: a few words, so that a comparison is a few instructions without a branch.
//!
//! `N` is the number of 64-bit words that two addresses take: 1 for IPv4, 4 for IPv6.

use crate::classification::{
    header::Header,
    rule::{Pattern, Ports},
    table::{Entry, Order, RuleId},
};

/// Words of two IPv4 addresses.
pub(in crate::classification) const V4: usize = 1;
/// Words of two IPv6 addresses.
pub(in crate::classification) const V6: usize = 4;

/// A header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::classification) struct Key<const N: usize> {
    /// The source address, then the destination address.
    pub addresses: [u64; N],
    /// From the top: source port 16, destination port 16, protocol 8, flags 8, DSCP 8, interface 8.
    pub rest: u64,
    /// One bit.
    pub tracking: u8,
}

/// The bits of a [`Key`] that count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::classification) struct Mask<const N: usize> {
    pub addresses: [u64; N],
    pub rest: u64,
}

/// The words of two left-aligned addresses.
pub(in crate::classification) fn words<const N: usize>(source: u128, destination: u128) -> [u64; N] {
    if N == V4 {
        [(source >> 96 << 32 | destination >> 96) as u64; N]
    } else {
        let all = [source >> 64, source, destination >> 64, destination];
        core::array::from_fn(|n| all[n % 4] as u64)
    }
}

impl<const N: usize> Mask<N> {
    pub const ALL: Self = Self { addresses: [u64::MAX; N], rest: u64::MAX };
}

impl<const N: usize> Key<N> {
    pub const ZERO: Self = Self { addresses: [0; N], rest: 0, tracking: 0 };

    #[inline]
    pub fn new(header: &Header) -> Self {
        let rest = (header.source_port as u64) << 48
            | (header.destination_port as u64) << 32
            | (header.protocol as u64) << 24
            | (header.flags as u64) << 16
            | (header.dscp as u64) << 8
            | header.interface as u64;
        let addresses = words(header.source, header.destination);
        Self { addresses, rest, tracking: header.tracking as u8 }
    }

    /// A hash of the bits that count. Its upper bits are the best ones.
    ///
    /// A multiplication of 64 by 64 bits whose halves are folded mixes two words at a time. It is seeded, but no defence by
    /// itself: what keeps a sender of chosen headers from making lookups long is that only rules are stored under it.
    #[inline(always)]
    pub fn hash(&self, mask: &Mask<N>, seed: u64) -> u64 {
        let mut hash = fold(self.addresses[0] & mask.addresses[0] ^ seed, self.rest & mask.rest ^ FIRST);
        for n in 1..N {
            hash = fold(hash ^ (self.addresses[n] & mask.addresses[n]), SECOND);
        }
        hash
    }

    /// Whether both agree in the bits that count.
    pub fn agrees(&self, other: &Self, mask: &Mask<N>) -> bool {
        let mut differ = (self.rest ^ other.rest) & mask.rest;
        for n in 0..N {
            differ |= (self.addresses[n] ^ other.addresses[n]) & mask.addresses[n];
        }
        differ == 0
    }
}

/// Digits of pi, odd.
const FIRST: u64 = 0x2436_a088_85a3_08d3;
const SECOND: u64 = 0x1319_8a2e_0370_7345;

#[inline(always)]
pub(in crate::classification) fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

/// A rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::classification) struct Packed<const N: usize> {
    addresses: [u64; N],
    mask: [u64; N],
    /// Protocol, flags, DSCP, interface.
    rest: u32,
    rest_mask: u32,
    first: [u16; 2],
    /// Last port less first.
    span: [u16; 2],
    pub order: Order,
    pub id: RuleId,
    tracking: u8,
    /// The prefixes' lengths.
    pub lengths: [u8; 2],
}

impl<const N: usize> Packed<N> {
    /// Nobody's rule.
    pub const NONE: Self = Self {
        addresses: [0; N],
        mask: [0; N],
        rest: 0,
        rest_mask: 0,
        first: [0; 2],
        span: [0; 2],
        order: Order::NONE,
        id: RuleId(u32::MAX),
        tracking: 0,
        lengths: [0; 2],
    };

    /// Nothing meets a rule that nothing matches: for such there is no packed form.
    pub fn new(id: RuleId, entry: &Entry) -> Option<Self> {
        let Pattern { source, destination, source_ports, destination_ports, .. } = entry.rule.pattern;
        let Pattern { protocol, flags, dscp, interface, tracking, .. } = entry.rule.pattern;
        let span = |ports: Ports| ports.last.checked_sub(ports.first);
        let span = [span(source_ports)?, span(destination_ports)?];
        if flags.value & !flags.mask != 0 || tracking.bits() == 0 {
            return None;
        }
        let octet = |value: Option<u8>| (value.unwrap_or(0), if value.is_some() { 0xff } else { 0 });
        let fields = [octet(protocol), (flags.value, flags.mask), octet(dscp), octet(interface)];
        let (mask, mask_d) = (source.mask(), destination.mask());
        Some(Self {
            addresses: words(source.address(), destination.address()),
            mask: words(mask, mask_d),
            rest: u32::from_be_bytes(fields.map(|(value, _)| value)),
            rest_mask: u32::from_be_bytes(fields.map(|(_, mask)| mask)),
            first: [source_ports.first, destination_ports.first],
            span,
            order: entry.order,
            id,
            tracking: tracking.bits(),
            lengths: [source.length(), destination.length()],
        })
    }

    #[inline(always)]
    pub fn matches(&self, key: &Key<N>) -> bool {
        let mut differ = u64::from((key.rest as u32 ^ self.rest) & self.rest_mask);
        for n in 0..N {
            differ |= (key.addresses[n] ^ self.addresses[n]) & self.mask[n];
        }
        let ports = [(key.rest >> 48) as u16, (key.rest >> 32) as u16];
        // Not `&&`: which of these fails differs from header to header, and a branch that goes wrong costs more than all of them.
        (differ == 0)
            & (ports[0].wrapping_sub(self.first[0]) <= self.span[0])
            & (ports[1].wrapping_sub(self.first[1]) <= self.span[1])
            & (key.tracking & self.tracking != 0)
    }

    /// A header that matches as far as addresses, protocol and first ports go.
    pub fn key(&self) -> Key<N> {
        let rest = u64::from(self.first[0]) << 48 | u64::from(self.first[1]) << 32 | u64::from(self.rest);
        Key { addresses: self.addresses, rest, tracking: self.tracking }
    }

    /// Whether source and destination ports are one port each.
    pub fn exact_ports(&self) -> [bool; 2] {
        self.span.map(|span| span == 0)
    }

    /// The lowest and the highest port, of source and destination.
    pub fn ports(&self) -> [(u16, u16); 2] {
        [0, 1].map(|n| (self.first[n], self.first[n] + self.span[n]))
    }

    /// Whether the protocol counts.
    pub fn exact_protocol(&self) -> bool {
        self.rest_mask >> 24 == 0xff
    }
}
