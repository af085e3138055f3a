//! Tuples: how many bits of which fields a rule, or a table of rules, fixes (Srinivasan, Suri, Varghese, "Packet Classification using
//! Tuple Space Search", SIGCOMM 1999).

use super::packed::{Mask, Packed, V4, words};

/// Numbers of bits that are fixed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Tuple {
    /// Of source and destination address.
    pub lengths: [u8; 2],
    /// Whether source and destination port are one each. Other ranges of ports fix nothing.
    pub ports: [bool; 2],
    /// Whether the protocol is one.
    pub protocol: bool,
}

impl Tuple {
    /// All that the rule fixes.
    pub fn of<const N: usize>(rule: &Packed<N>) -> Self {
        Self { lengths: rule.lengths, ports: rule.exact_ports(), protocol: rule.exact_protocol() }
    }

    /// What both fix.
    pub fn common(self, other: Self) -> Self {
        Self {
            lengths: [0, 1].map(|n| self.lengths[n].min(other.lengths[n])),
            ports: [0, 1].map(|n| self.ports[n] & other.ports[n]),
            protocol: self.protocol & other.protocol,
        }
    }

    /// What either fixes.
    pub fn most(self, other: Self) -> Self {
        Self {
            lengths: [0, 1].map(|n| self.lengths[n].max(other.lengths[n])),
            ports: [0, 1].map(|n| self.ports[n] | other.ports[n]),
            protocol: self.protocol | other.protocol,
        }
    }

    /// The tuple `less`, but in the field where this one fixes most more than it: there half-way to this one.
    pub fn between(self, less: Self) -> Self {
        let lengths = [0, 1].map(|n| self.lengths[n] - less.lengths[n]);
        let ports = [0, 1].map(|n| if self.ports[n] && !less.ports[n] { 16 } else { 0 });
        let protocol = if self.protocol && !less.protocol { 8 } else { 0 };
        let most = lengths.into_iter().chain(ports).chain([protocol]).max().unwrap_or(0);
        let mut tuple = less;
        if most == 0 {
            return tuple;
        }
        for n in 0..2 {
            if lengths[n] == most {
                tuple.lengths[n] += most.div_ceil(2);
                return tuple;
            }
            if ports[n] == most {
                tuple.ports[n] = true;
                return tuple;
            }
        }
        tuple.protocol = true;
        tuple
    }

    /// How many bits are fixed.
    pub fn bits(self) -> u32 {
        let ports: u32 = self.ports.iter().map(|port| u32::from(*port) * 16).sum();
        self.lengths.iter().map(|length| u32::from(*length)).sum::<u32>() + ports + u32::from(self.protocol) * 8
    }

    /// Whether a rule with the tuple `other` can be in a table with this one.
    pub fn holds(self, other: Self) -> bool {
        self.common(other) == self
    }

    /// The bits that count.
    pub fn mask<const N: usize>(self) -> Mask<N> {
        let ones = |length: u8| if length == 0 { 0 } else { u128::MAX << (128 - u32::from(length)) };
        let fields = [(self.ports[0], 0xffff << 48), (self.ports[1], 0xffff << 32), (self.protocol, 0xff << 24)];
        Mask {
            addresses: words(ones(self.lengths[0]), ones(self.lengths[1])),
            rest: fields.iter().filter(|(fixed, _)| *fixed).map(|(_, bits)| bits).sum(),
        }
    }
}

/// How much longer an address of this size is than one of IPv4.
pub(super) const fn scale<const N: usize>() -> u8 {
    if N == V4 { 1 } else { 4 }
}
