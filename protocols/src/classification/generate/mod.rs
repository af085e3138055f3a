//! Rule sets and traffic to test and measure with, in the manner of ClassBench (Taylor and Turner, "ClassBench: A Packet
//! Classification Benchmark", INFOCOM 2005): the same each time for the same seed.
//!
//! A rule's ports fall into ClassBench's classes (see `profile`), its prefixes' lengths depend on them, and prefixes come from a
//! trie whose branching decides how many there are and how they nest. The tables of the profiles are condensed from
//! ClassBench's parameter files acl1, fw1 and ipc1. Those files hold TCP flags too, so rules have them.
//!
//! ```
//! use protocols::classification::generate::{Kind, Set, headers};
//!
//! let rules = Set { kind: Kind::Firewall, rules: 1000, seed: 1, ..Set::default() }.generate();
//! let traffic = headers(&rules, 5000, 2);
//! assert!(traffic.iter().any(|header| rules[0].pattern.matches(header)));
//! ```

mod addresses;
mod profile;
mod traffic;

#[cfg(test)]
mod tests;

pub use traffic::{Zipf, flows, headers};

use alloc::vec::Vec;

use hashbrown::HashSet;

use super::{
    header::Family,
    rule::{Action, Bits, Pattern, Ports, Prefix, Rule, Verdict},
};
use crate::sim::Rng;
use addresses::Trie;
use profile::{Class, Profile};

/// What a rule set is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An access control list: hosts to hosts' ports, after ClassBench's acl1.
    Acl,
    /// A firewall: everybody to hosts' ports, both ways; after fw1.
    Firewall,
    /// A chain of IP filters, a mixture of both: after ipc1.
    Chain,
    /// Few hosts and arbitrary, overlapping ranges of ports. Not from ClassBench, where ranges are few: for what ranges do to an engine.
    Ranges,
}

/// A rule set to generate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Set {
    /// What it is like.
    pub kind: Kind,
    /// How many rules; no two have the same pattern.
    pub rules: usize,
    /// The same seed gives the same set.
    pub seed: u64,
    /// The family of all rules. For IPv6 a prefix of length n, up to 31, becomes one of 32 + n; a host is a host.
    pub family: Family,
    /// How many rules in a row have the same priority.
    pub ties: usize,
}

impl Default for Set {
    fn default() -> Self {
        Self { kind: Kind::Acl, rules: 1000, seed: 1, family: Family::V4, ties: 4 }
    }
}

impl Set {
    /// Generates it: in the order of priority, which is from the more specific to the more general by and large, as in ClassBench.
    pub fn generate(&self) -> Vec<Rule> {
        let mut rng = Rng::new(self.seed);
        let profile = profile::of(self.kind);
        let tries = [0, 1].map(|n| Trie::new(rng.next_u64(), profile.distinct[n].at(self.rules)));
        let mut seen = HashSet::with_hasher(Seeded(rng.next_u64()));
        let mut patterns = Vec::new();
        // A set that cannot have so many patterns stays smaller; none of the profiles does.
        for _ in 0..self.rules.saturating_mul(100) {
            if patterns.len() == self.rules {
                break;
            }
            let pattern = self.pattern(&profile, &tries, &mut rng);
            if seen.insert(pattern) {
                let length = u64::from(pattern.source.length()) + u64::from(pattern.destination.length());
                // Of two rules that are alike in length, either may come first.
                let place = length * 2 / 3 + rng.below(u64::from(self.family.bits()));
                patterns.push((u64::MAX - place, patterns.len(), pattern));
            }
        }
        patterns.sort_unstable_by_key(|(place, number, _)| (*place, *number));
        let verdicts = [Verdict::Accept, Verdict::Drop];
        let patterns = patterns.into_iter().enumerate();
        let rule = |(n, (.., pattern)): (usize, (_, _, Pattern))| Rule {
            priority: (n / self.ties.max(1)) as u32,
            pattern,
            action: Action::of(verdicts[n % 2]),
        };
        patterns.map(rule).collect()
    }

    fn pattern(&self, profile: &Profile, tries: &[Trie; 2], rng: &mut Rng) -> Pattern {
        let group = pick(profile.groups, |group| group.weight, rng);
        let shape = pick(group.shapes, |shape| shape.0, rng);
        let lengths = [smear(shape.1, rng), smear(shape.2, rng)];
        let [source, destination] = [0, 1].map(|n| tries[n].prefix(lengths[n], rng));
        let ports = [self.ports(group.ports[0], profile, 0, rng), self.ports(group.ports[1], profile, 1, rng)];
        let protocol = if group.ports == [Class::Any; 2] {
            pick(profile.protocols, |protocol| protocol.0, rng).1
        } else {
            Some(if rng.below(100) < group.tcp { TCP } else { UDP })
        };
        let flags = if protocol == Some(TCP) { pick(profile.flags, |flags| flags.0, rng).1 } else { Bits::ANY };
        Pattern {
            family: Some(self.family),
            source: self.widen(source),
            destination: self.widen(destination),
            source_ports: ports[0],
            destination_ports: ports[1],
            protocol,
            flags,
            ..Pattern::ANY
        }
    }

    fn ports(&self, class: Class, profile: &Profile, side: usize, rng: &mut Rng) -> Ports {
        match class {
            Class::Any => Ports::ANY,
            Class::High => Ports { first: 1024, last: u16::MAX },
            Class::Low => Ports { first: 0, last: 1023 },
            Class::Exact => Ports::one(match pick(profile.exact[side], |port| port.0, rng).1 {
                0 => 1024 + (mix(rng.below(60)) % 60_000) as u16,
                port => port,
            }),
            Class::Range if self.kind == Kind::Ranges => {
                let (first, bits) = (rng.next_u64() as u16, rng.below(16));
                Ports { first, last: first.saturating_add(rng.below(1 << bits) as u16) }
            }
            Class::Range => {
                let (first, last) = *pick(profile.ranges, |_| 1, rng);
                Ports { first, last }
            }
        }
    }

    fn widen(&self, (address, length): (u32, u8)) -> Prefix {
        match (self.family, length) {
            (Family::V4, _) => Prefix::v4(address, length),
            (Family::V6, 0) => Prefix::ANY,
            (Family::V6, length) => {
                let host = if length == 32 { mix(u64::from(address)) } else { 0 };
                let address = 0x2001_0db8 << 96 | u128::from(address) << 64 | u128::from(host);
                Prefix::new(address, if length == 32 { 128 } else { 32 + length })
            }
        }
    }
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// One of the choices, by weight. There is at least one.
fn pick<'a, T>(choices: &'a [T], weight: impl Fn(&T) -> u64, rng: &mut Rng) -> &'a T {
    let mut rest = rng.below(choices.iter().map(&weight).sum());
    for choice in choices {
        match rest.checked_sub(weight(choice)) {
            None => return choice,
            Some(less) => rest = less,
        }
    }
    &choices[0]
}

/// ClassBench's smoothing: lengths that differ a little from those of the profile. 0 stays mostly.
fn smear(length: u8, rng: &mut Rng) -> u8 {
    let by = match rng.below(10) {
        0..6 => 0,
        6..9 => 1,
        _ => 2,
    };
    match length {
        0 => by,
        32.. => 32 - by,
        _ if rng.below(2) == 0 => length.saturating_sub(by),
        _ => (length + by).min(32),
    }
}

/// A number that looks random, from a number.
const fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// A hash for sets of patterns.
#[derive(Clone, Copy)]
struct Seeded(u64);

impl core::hash::BuildHasher for Seeded {
    type Hasher = siphasher::sip::SipHasher13;

    fn build_hasher(&self) -> Self::Hasher {
        siphasher::sip::SipHasher13::new_with_keys(self.0, 0)
    }
}
