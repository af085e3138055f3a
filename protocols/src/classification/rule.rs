//! Rules.

#[cfg(test)]
mod tests;

use super::header::{Family, Header, Tracking};

/// The upper `length` bits of an address (see [`Header`]); the others are 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Prefix {
    /// Not a `u128`, whose alignment would make a rule half as large again.
    address: [u8; 16],
    length: u8,
}

impl Prefix {
    /// Every address.
    pub const ANY: Self = Self { address: [0; 16], length: 0 };

    /// The addresses that agree with `address` (left-aligned) in the upper `length` bits. More than 128 counts as 128.
    pub const fn new(address: u128, length: u8) -> Self {
        let length = if length > 128 { 128 } else { length };
        Self { address: (address & mask(length)).to_ne_bytes(), length }
    }

    /// A prefix of IPv4. More than 32 counts as 32.
    pub const fn v4(address: u32, length: u8) -> Self {
        Self::new((address as u128) << 96, if length > 32 { 32 } else { length })
    }

    /// The lowest address, left-aligned.
    pub const fn address(self) -> u128 {
        u128::from_ne_bytes(self.address)
    }

    /// The number of bits that count.
    pub const fn length(self) -> u8 {
        self.length
    }

    /// Ones in the bits that count.
    pub const fn mask(self) -> u128 {
        mask(self.length)
    }

    /// Whether the address (left-aligned) has this prefix.
    pub const fn contains(self, address: u128) -> bool {
        address & mask(self.length) == self.address()
    }
}

/// Ones in the upper `length` (at most 128) bits.
const fn mask(length: u8) -> u128 {
    if length == 0 { 0 } else { u128::MAX << (128 - length as u32) }
}

/// The ports from `first` to `last`, both included. With `first > last` there are none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ports {
    /// The lowest port.
    pub first: u16,
    /// The highest port.
    pub last: u16,
}

impl Ports {
    /// Every port; frames without ports too (they count as port 0).
    pub const ANY: Self = Self { first: 0, last: u16::MAX };

    /// One port.
    pub const fn one(port: u16) -> Self {
        Self { first: port, last: port }
    }

    /// Whether the port is one of them.
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

/// Bits that must have given values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Bits {
    /// The bits that count.
    pub mask: u8,
    /// Their values. A value of 1 outside of the mask matches nothing.
    pub value: u8,
}

impl Bits {
    /// Whatever the bits are.
    pub const ANY: Self = Self { mask: 0, value: 0 };

    /// Whether the bits that count have their values.
    pub const fn contains(self, bits: u8) -> bool {
        bits & self.mask == self.value
    }
}

/// A set of [`Tracking`] states.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TrackingSet(u8);

impl TrackingSet {
    /// All states.
    pub const ANY: Self = Self(15);
    /// No state.
    pub const NONE: Self = Self(0);

    /// This set and one state more.
    #[must_use]
    pub const fn with(self, state: Tracking) -> Self {
        Self(self.0 | state as u8)
    }

    /// The states as bits, numbered as in [`Tracking`].
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether the state is in the set.
    pub const fn contains(self, state: Tracking) -> bool {
        self.0 & state as u8 != 0
    }
}

/// What a header must look like. Every field that is not "any" must agree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pattern {
    /// The version of IP, or both. Prefixes that are longer than 0 make sense with one version only, and a prefix of IPv4 is
    /// at most 32 long: see [`Pattern::is_valid`].
    pub family: Option<Family>,
    /// Where from.
    pub source: Prefix,
    /// Where to.
    pub destination: Prefix,
    /// From which port.
    pub source_ports: Ports,
    /// To which port.
    pub destination_ports: Ports,
    /// The protocol above IP, or any.
    pub protocol: Option<u8>,
    /// Flags of TCP (which are 0 in what is not TCP).
    pub flags: Bits,
    /// The Differentiated Services codepoint, or any.
    pub dscp: Option<u8>,
    /// The interface, or any.
    pub interface: Option<u8>,
    /// What connection tracking must say.
    pub tracking: TrackingSet,
}

impl Pattern {
    /// What every header looks like.
    pub const ANY: Self = Self {
        family: None,
        source: Prefix::ANY,
        destination: Prefix::ANY,
        source_ports: Ports::ANY,
        destination_ports: Ports::ANY,
        protocol: None,
        flags: Bits::ANY,
        dscp: None,
        interface: None,
        tracking: TrackingSet::ANY,
    };

    /// Whether the prefixes fit the family; [`RuleTable::insert`](super::RuleTable::insert) takes no others. (A pattern that
    /// nothing can match is valid.)
    pub fn is_valid(&self) -> bool {
        self.source.length.max(self.destination.length) <= self.family.map_or(0, Family::bits)
    }

    /// Whether the header looks like that. This is what classification means: every engine has to agree with it.
    pub fn matches(&self, header: &Header) -> bool {
        self.family.is_none_or(|family| family == header.family)
            && self.source.contains(header.source)
            && self.destination.contains(header.destination)
            && self.source_ports.contains(header.source_port)
            && self.destination_ports.contains(header.destination_port)
            && self.protocol.is_none_or(|protocol| protocol == header.protocol)
            && self.flags.contains(header.flags)
            && self.dscp.is_none_or(|dscp| dscp == header.dscp)
            && self.interface.is_none_or(|interface| interface == header.interface)
            && self.tracking.contains(header.tracking)
    }
}

/// How a frame is refused, beside being dropped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reject {
    /// A RST for a TCP segment (RFC 9293 section 3.10.7.1), otherwise as [`Reject::Port`].
    Reset,
    /// ICMP port unreachable (RFC 792; RFC 4443 section 3.1).
    Port,
    /// ICMP administratively prohibited (RFC 1812 section 5.2.7.1; RFC 4443 section 3.1).
    Prohibited,
}

/// What becomes of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    /// It goes on.
    Accept,
    /// It disappears.
    Drop,
    /// It disappears, and its sender hears of it.
    Reject(Reject),
}

/// A token bucket (RFC 2697 calls its size the committed burst size), which starts full.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Limit {
    /// What flows in.
    pub rate: u64,
    /// What it holds.
    pub burst: u64,
    /// Whether both count octets (of IP packets); otherwise packets. The rate is for a second.
    pub octets: bool,
}

/// What a rule does with the frames that meet it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Action {
    /// What becomes of them.
    pub verdict: Verdict,
    /// The class they belong to.
    pub class: Option<u16>,
    /// What exceeds this is dropped, whatever the verdict.
    pub limit: Option<Limit>,
    /// The shared counter that they are counted in beside the rule's own.
    pub counter: Option<u16>,
}

impl Action {
    /// A verdict and nothing else.
    pub const fn of(verdict: Verdict) -> Self {
        Self { verdict, class: None, limit: None, counter: None }
    }
}

/// A rule: of all rules whose pattern a header matches, it meets the one with the lowest priority; if several have that, the one
/// that was inserted first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rule {
    /// Its place: lower comes first. At most [`Rule::LAST_PRIORITY`].
    pub priority: u32,
    /// Whom it is for.
    pub pattern: Pattern,
    /// What it does.
    pub action: Action,
}

impl Rule {
    /// The greatest priority: such a rule comes last.
    pub const LAST_PRIORITY: u32 = (1 << 24) - 1;
}
