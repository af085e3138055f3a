//! A rule as text.

use core::fmt::{self, Display, Formatter};
use core::net::{Ipv4Addr, Ipv6Addr};

use super::OUT;
use super::names::{self, FLAGS, STATES};
use crate::classification::{Action, Bits, Family, Pattern, Ports, Prefix, Reject, Rule, TrackingSet, Verdict};

/// A rule as [`parse_rule`](super::parse_rule) reads it, in one spelling.
#[derive(Clone, Copy, Debug)]
pub struct Printed<'a>(pub &'a Rule);

impl Display for Printed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Rule { priority, pattern, action } = self.0;
        write!(f, "{priority}")?;
        addresses(f, pattern)?;
        transport(f, pattern)?;
        if let Some(dscp) = pattern.dscp {
            named(f, " dscp", names::dscp_name(dscp), dscp)?;
        }
        match pattern.interface {
            Some(interface) if interface & OUT != 0 => write!(f, " oif {}", interface & !OUT)?,
            Some(interface) => write!(f, " iif {interface}")?,
            None => {}
        }
        tracking(f, pattern.tracking)?;
        statements(f, action)
    }
}

fn named(f: &mut Formatter<'_>, what: &str, name: Option<&str>, number: u8) -> fmt::Result {
    match name {
        Some(name) => write!(f, "{what} {name}"),
        None => write!(f, "{what} {number}"),
    }
}

fn addresses(f: &mut Formatter<'_>, pattern: &Pattern) -> fmt::Result {
    let Some(family) = pattern.family else { return Ok(()) };
    if pattern.source.length() == 0 && pattern.destination.length() == 0 {
        return f.write_str(if family == Family::V4 { " meta nfproto ipv4" } else { " meta nfproto ipv6" });
    }
    for (word, prefix) in [("saddr", pattern.source), ("daddr", pattern.destination)] {
        if prefix.length() != 0 {
            address(f, family, word, prefix)?;
        }
    }
    Ok(())
}

fn address(f: &mut Formatter<'_>, family: Family, word: &str, prefix: Prefix) -> fmt::Result {
    match family {
        Family::V4 => write!(f, " ip {word} {}", Ipv4Addr::from_bits((prefix.address() >> 96) as u32))?,
        Family::V6 => write!(f, " ip6 {word} {}", Ipv6Addr::from_bits(prefix.address()))?,
    }
    if prefix.length() < family.bits() { write!(f, "/{}", prefix.length()) } else { Ok(()) }
}

fn transport(f: &mut Formatter<'_>, pattern: &Pattern) -> fmt::Result {
    let word = match pattern.protocol {
        Some(6) => "tcp",
        Some(17) => "udp",
        Some(132) => "sctp",
        _ => "th",
    };
    let has_flags = pattern.flags != Bits::ANY;
    let has_ports = pattern.source_ports != Ports::ANY || pattern.destination_ports != Ports::ANY;
    // The word before a port or a flag says what the protocol is; without one, it has to be said.
    if let Some(protocol) = pattern.protocol
        && (word == "th" || !(has_ports || has_flags && word == "tcp"))
    {
        named(f, " meta l4proto", names::protocol_name(protocol), protocol)?;
    }
    for (name, Ports { first, last }) in [("sport", pattern.source_ports), ("dport", pattern.destination_ports)] {
        if (Ports { first, last }) == Ports::ANY {
            continue;
        }
        write!(f, " {word} {name} {first}")?;
        if first != last {
            write!(f, "-{last}")?;
        }
    }
    if has_flags {
        f.write_str(if word == "tcp" { " tcp flags " } else { " th flags " })?;
        flags(f, pattern.flags.value)?;
        f.write_str(" / ")?;
        flags(f, pattern.flags.mask)?;
    }
    Ok(())
}

fn flags(f: &mut Formatter<'_>, flags: u8) -> fmt::Result {
    if flags == 0 {
        return f.write_str("0x0");
    }
    let set = FLAGS.iter().enumerate().filter(|(bit, _)| flags & 1 << bit != 0);
    list(f, set.map(|(_, name)| *name))
}

fn tracking(f: &mut Formatter<'_>, set: TrackingSet) -> fmt::Result {
    if set == TrackingSet::ANY {
        return Ok(());
    }
    f.write_str(" ct state ")?;
    list(f, STATES.iter().filter(|(_, state)| set.contains(*state)).map(|(name, _)| *name))
}

fn list<'a>(f: &mut Formatter<'_>, words: impl Iterator<Item = &'a str>) -> fmt::Result {
    for (number, word) in words.enumerate() {
        f.write_str(if number == 0 { "" } else { "," })?;
        f.write_str(word)?;
    }
    Ok(())
}

fn statements(f: &mut Formatter<'_>, action: &Action) -> fmt::Result {
    if let Some(limit) = action.limit {
        if limit.octets {
            write!(f, " limit rate {} bytes/second burst {} bytes", limit.rate, limit.burst)?;
        } else {
            write!(f, " limit rate {}/second burst {} packets", limit.rate, limit.burst)?;
        }
    }
    if let Some(counter) = action.counter {
        write!(f, " counter {counter}")?;
    }
    if let Some(class) = action.class {
        write!(f, " class {class}")?;
    }
    f.write_str(match action.verdict {
        Verdict::Accept => " accept",
        Verdict::Drop => " drop",
        Verdict::Reject(Reject::Port) => " reject",
        Verdict::Reject(Reject::Reset) => " reject with tcp reset",
        Verdict::Reject(Reject::Prohibited) => " reject with icmpx admin-prohibited",
    })
}
