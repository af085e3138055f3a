//! Headers that rules were made for, and some that none was.

use alloc::vec::Vec;

use super::{TCP, UDP};
use crate::{
    classification::{
        header::{Family, Header, Tracking},
        rule::{Pattern, Ports, Prefix, Rule},
    },
    sim::Rng,
};

/// One of so many headers is drawn from no rule.
const STRAY: u64 = 16;

/// So many flows: each a header that a rule, drawn evenly, matches, with the rest of it random; one of 16 is random altogether, of
/// the family of the rule drawn.
pub fn flows(rules: &[Rule], count: usize, seed: u64) -> Vec<Header> {
    let mut rng = Rng::new(seed);
    (0..count).map(|_| flow(rules, &mut rng)).collect()
}

/// So many headers: [`flows`], each repeated as often as a Pareto distribution (shape 1, scale 1; at most 64 times) says, as
/// ClassBench's traces.
pub fn headers(rules: &[Rule], count: usize, seed: u64) -> Vec<Header> {
    let mut rng = Rng::new(seed);
    let mut headers = Vec::with_capacity(count);
    while headers.len() < count {
        let flow = flow(rules, &mut rng);
        let length = (1 << 32) / (rng.below(1 << 32) + 1);
        let length = (length.clamp(1, 64) as usize).min(count - headers.len());
        headers.extend(core::iter::repeat_n(flow, length));
    }
    headers
}

fn flow(rules: &[Rule], rng: &mut Rng) -> Header {
    let pattern = rules.get(rng.below(rules.len() as u64) as usize).map_or(Pattern::ANY, |rule| rule.pattern);
    let stray = rng.below(STRAY) == 0;
    let pattern = if stray { Pattern { family: pattern.family, ..Pattern::ANY } } else { pattern };
    let family = pattern.family.unwrap_or(Family::V4);
    let protocol = pattern.protocol.unwrap_or([TCP, TCP, UDP, 1][rng.below(4) as usize]);
    let with_ports = protocol == TCP || protocol == UDP || pattern.source_ports != Ports::ANY;
    let port = |ports: Ports, rng: &mut Rng| {
        let width = u64::from(ports.last.saturating_sub(ports.first)) + 1;
        let port = ports.first.saturating_add(rng.below(width) as u16);
        if with_ports || ports != Ports::ANY { port } else { 0 }
    };
    let states = [Tracking::New, Tracking::Established, Tracking::Related, Tracking::Invalid];
    let state = states.into_iter().find(|state| pattern.tracking.contains(*state)).unwrap_or_default();
    let flags = if protocol == TCP { rng.next_u64() as u8 & 0x1f } else { 0 };
    Header {
        source: address(pattern.source, family, rng),
        destination: address(pattern.destination, family, rng),
        source_port: port(pattern.source_ports, rng),
        destination_port: port(pattern.destination_ports, rng),
        family,
        protocol,
        flags: flags & !pattern.flags.mask | pattern.flags.value,
        dscp: pattern.dscp.unwrap_or(0),
        interface: pattern.interface.unwrap_or(0),
        tracking: state,
    }
}

/// An address that has the prefix.
fn address(prefix: Prefix, family: Family, rng: &mut Rng) -> u128 {
    let random = u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
    let free = Prefix::new(0, family.bits()).mask() & !prefix.mask();
    prefix.address() | random & free
}

/// Numbers by Zipf's law with exponent 1: k comes 1/(k+1) times as often as 0.
pub struct Zipf {
    /// Sums of weights.
    until: Vec<u64>,
}

impl Zipf {
    /// Numbers below `count` (at least 1).
    pub fn new(count: usize) -> Self {
        let weights = (1..=count.max(1) as u64).map(|k| (1 << 40) / k);
        let sums = weights.scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self { until: sums.collect() }
    }

    /// The next number.
    pub fn next(&self, rng: &mut Rng) -> usize {
        let at = rng.below(self.until.last().copied().unwrap_or(1));
        self.until.partition_point(|until| *until <= at)
    }
}
