//! A rule from its text.

use alloc::format;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::error::{Fault, TextError};
use super::names::{self, FLAGS, STATES};
use super::scan::Scan;
use super::{MAX_CLASS, MAX_COUNTER, MAX_INTERFACE, OUT};
use crate::classification::{Action, Bits, Family, Limit, Pattern, Ports, Prefix, Reject, Rule, TrackingSet, Verdict};

/// Protocols that have ports and a word of their own.
const WITH_PORTS: [(&str, u8); 3] = [("tcp", 6), ("udp", 17), ("sctp", 132)];
/// The most that a limit's rate and burst may be, in packets or octets.
const MOST: u64 = 1 << 40;
/// A limit's burst in packets, where none is given: that of nftables.
const BURST_PACKETS: u64 = 5;
/// A limit's burst in octets, where none is given: the longest packet.
const BURST_OCTETS: u64 = 65_536;
const ADDRESS: &str = "an address, or one with the length of its prefix";

/// Reads one rule, without comment. See the [grammar](super).
///
/// # Errors
/// Where it stops making sense, and why; the line is left at 0.
pub fn parse_rule(text: &str) -> Result<Rule, TextError> {
    let mut scan = Scan::new(text);
    let priority = scan.number("a priority", (0, u64::from(Rule::LAST_PRIORITY)))? as u32;
    let mut parser = Parser { scan, pattern: Pattern::ANY, said: Said::default(), action: Action::of(Verdict::Accept) };
    let verdict = loop {
        let word = parser.scan.word("a match, a statement or a verdict")?;
        if let Some(verdict) = parser.verdict(word)? {
            break verdict;
        }
        parser.part(word)?;
    };
    if parser.scan.next().is_some() {
        return Err(parser.scan.expected("the end of the rule after its verdict"));
    }
    let Parser { pattern, mut action, .. } = parser;
    action.verdict = verdict;
    Ok(Rule { priority, pattern, action })
}

struct Parser<'a> {
    scan: Scan<'a>,
    pattern: Pattern,
    said: Said,
    action: Action,
}

/// What was given already, where "any" could also have been given.
#[derive(Default)]
struct Said {
    source: bool,
    destination: bool,
    source_ports: bool,
    destination_ports: bool,
    flags: bool,
    tracking: bool,
}

/// Notes that something is given; an error if it was before.
fn once(said: &mut bool, scan: &Scan<'_>, what: &'static str) -> Result<(), TextError> {
    if core::mem::replace(said, true) { Err(scan.fail(Fault::Twice(what))) } else { Ok(()) }
}

impl Parser<'_> {
    fn verdict(&mut self, word: &str) -> Result<Option<Verdict>, TextError> {
        Ok(Some(match word {
            "accept" => Verdict::Accept,
            "drop" => Verdict::Drop,
            "reject" => {
                if self.pattern.interface.is_some_and(|interface| interface & OUT != 0) {
                    return Err(self.scan.fail(Fault::Conflict("`oif`: only what comes in is rejected")));
                }
                Verdict::Reject(if self.scan.take("with") { self.reject()? } else { Reject::Port })
            }
            _ => return Ok(None),
        }))
    }

    fn reject(&mut self) -> Result<Reject, TextError> {
        const KIND: &str = "`tcp reset`, or `icmpx` and `port-unreachable` or `admin-prohibited`";
        match self.scan.word(KIND)? {
            "tcp" => match self.scan.word("`reset`")? {
                "reset" => Ok(Reject::Reset),
                _ => Err(self.scan.expected("`reset`")),
            },
            "icmp" | "icmpv6" | "icmpx" => match self.scan.word("`port-unreachable` or `admin-prohibited`")? {
                "port-unreachable" => Ok(Reject::Port),
                "admin-prohibited" => Ok(Reject::Prohibited),
                _ => Err(self.scan.expected("`port-unreachable` or `admin-prohibited`")),
            },
            _ => Err(self.scan.expected(KIND)),
        }
    }

    /// One match or statement, whose first word was taken.
    fn part(&mut self, word: &str) -> Result<(), TextError> {
        match word {
            "ip" | "ip6" => self.ip(if word == "ip" { Family::V4 } else { Family::V6 }),
            "meta" => match self.scan.word("`l4proto` or `nfproto`")? {
                "l4proto" => self.protocol_word(),
                "nfproto" => match self.scan.word("`ipv4` or `ipv6`")? {
                    "ipv4" => self.family(Family::V4),
                    "ipv6" => self.family(Family::V6),
                    _ => Err(self.scan.expected("`ipv4` or `ipv6`")),
                },
                _ => Err(self.scan.expected("`l4proto` or `nfproto`")),
            },
            "th" => self.transport(None),
            "dscp" => self.dscp(),
            "iif" => self.interface(0),
            "oif" => self.interface(OUT),
            "ct" => self.tracking(),
            "class" => {
                let class = self.scan.number("a class", (0, MAX_CLASS.into()))? as u16;
                self.action.class.replace(class).map_or(Ok(()), |_| Err(self.scan.fail(Fault::Twice("`class`"))))
            }
            "counter" => {
                let counter = self.scan.number("a counter's number", (0, MAX_COUNTER.into()))? as u16;
                self.action.counter.replace(counter).map_or(Ok(()), |_| Err(self.scan.fail(Fault::Twice("`counter`"))))
            }
            "limit" => {
                let limit = self.limit()?;
                self.action.limit.replace(limit).map_or(Ok(()), |_| Err(self.scan.fail(Fault::Twice("`limit`"))))
            }
            _ => match WITH_PORTS.iter().find(|(name, _)| *name == word) {
                Some(&(_, number)) => self.transport(Some(number)),
                None => Err(self.scan.expected("a match, a statement or a verdict")),
            },
        }
    }

    fn family(&mut self, family: Family) -> Result<(), TextError> {
        match self.pattern.family.replace(family) {
            Some(other) if other != family => Err(self.scan.fail(Fault::Conflict("the version of IP"))),
            _ => Ok(()),
        }
    }

    fn ip(&mut self, family: Family) -> Result<(), TextError> {
        self.family(family)?;
        let word = self.scan.word("`saddr`, `daddr`, `protocol` or `dscp`")?;
        match (word, family) {
            ("saddr", _) => {
                let prefix = self.prefix(family)?;
                once(&mut self.said.source, &self.scan, "the source address")?;
                self.pattern.source = prefix;
                Ok(())
            }
            ("daddr", _) => {
                let prefix = self.prefix(family)?;
                once(&mut self.said.destination, &self.scan, "the destination address")?;
                self.pattern.destination = prefix;
                Ok(())
            }
            ("protocol", Family::V4) | ("nexthdr", Family::V6) => self.protocol_word(),
            ("dscp", _) => self.dscp(),
            _ => Err(self.scan.expected("`saddr`, `daddr`, `protocol` (of `ip6`: `nexthdr`) or `dscp`")),
        }
    }

    fn prefix(&mut self, family: Family) -> Result<Prefix, TextError> {
        let word = self.scan.word(ADDRESS)?;
        let (address, length) = word.split_once('/').map_or((word, None), |(address, length)| (address, Some(length)));
        let bits = family.bits();
        let length = match length {
            Some(length) => self.scan.within(length, "the length of a prefix", (0, bits.into()))? as u8,
            None => bits,
        };
        let (value, network): (u128, fn(u128) -> alloc::string::String) = match family {
            Family::V4 => {
                let address: Ipv4Addr = address.parse().map_err(|_| self.scan.expected(ADDRESS))?;
                (u128::from(address.to_bits()) << 96, |value| format!("{}", Ipv4Addr::from_bits((value >> 96) as u32)))
            }
            Family::V6 => {
                let address: Ipv6Addr = address.parse().map_err(|_| self.scan.expected(ADDRESS))?;
                (address.to_bits(), |value| format!("{}", Ipv6Addr::from_bits(value)))
            }
        };
        let prefix = Prefix::new(value, length);
        if prefix.address() != value {
            return Err(self.scan.fail(Fault::HostBits(format!("{}/{length}", network(prefix.address())))));
        }
        Ok(prefix)
    }

    fn protocol_word(&mut self) -> Result<(), TextError> {
        let word = self.scan.word("a protocol")?;
        let number = match names::protocol(word) {
            Some(number) => number,
            None => self.scan.within(word, "a protocol", (0, 255))? as u8,
        };
        self.protocol(number)
    }

    fn protocol(&mut self, number: u8) -> Result<(), TextError> {
        match self.pattern.protocol.replace(number) {
            Some(other) if other != number => Err(self.scan.fail(Fault::Conflict("the protocol"))),
            _ => Ok(()),
        }
    }

    fn transport(&mut self, protocol: Option<u8>) -> Result<(), TextError> {
        if let Some(protocol) = protocol {
            self.protocol(protocol)?;
        }
        match self.scan.word("`sport` or `dport`")? {
            "sport" => {
                let ports = self.ports()?;
                once(&mut self.said.source_ports, &self.scan, "the source port")?;
                self.pattern.source_ports = ports;
                Ok(())
            }
            "dport" => {
                let ports = self.ports()?;
                once(&mut self.said.destination_ports, &self.scan, "the destination port")?;
                self.pattern.destination_ports = ports;
                Ok(())
            }
            "flags" if protocol.is_none() || protocol == Some(6) => self.flags(protocol.is_some()),
            _ => Err(self.scan.expected("`sport` or `dport` (of `tcp`, also `flags`)")),
        }
    }

    fn ports(&mut self) -> Result<Ports, TextError> {
        const WHAT: &str = "a port";
        let word = self.scan.word("a port or a range such as 80-443")?;
        let port = |text| self.scan.within(text, WHAT, (0, 65_535));
        let (first, last) = match word.split_once('-') {
            Some((first, last)) => (port(first)?, port(last)?),
            None => (port(word)?, port(word)?),
        };
        if first > last {
            return Err(self.scan.fail(Fault::Backwards(first, last)));
        }
        Ok(Ports { first: first as u16, last: last as u16 })
    }

    /// `tcp flags syn / syn,ack`: of SYN and ACK only SYN is set. `tcp flags syn`: SYN is set.
    fn flags(&mut self, alone: bool) -> Result<(), TextError> {
        once(&mut self.said.flags, &self.scan, "`flags`")?;
        let word = self.scan.word("TCP flags")?;
        let (value, mask) = match word.split_once('/') {
            Some((value, mask)) => (self.flag_list(value)?, Some(self.flag_list(mask)?)),
            None => (self.flag_list(word)?, None),
        };
        let mask = match mask {
            Some(mask) => mask,
            None if self.scan.take("/") => {
                let word = self.scan.word("the flags that are looked at")?;
                self.flag_list(word)?
            }
            None if alone && value.count_ones() == 1 => value,
            None => {
                return Err(self
                    .scan
                    .expected("flags, a slash and the flags that are looked at, as in `syn / syn,ack`"));
            }
        };
        if value & !mask != 0 {
            return Err(self.scan.fail(Fault::Never("a flag must be set that is not looked at")));
        }
        self.pattern.flags = Bits { mask, value };
        Ok(())
    }

    fn flag_list(&self, text: &str) -> Result<u8, TextError> {
        let wrong =
            || self.scan.expected("TCP flags: fin, syn, rst, psh, ack, urg, ece, cwr, separated by commas, or 0x0");
        if let Some(digits) = text.strip_prefix("0x") {
            let hexadecimal = (1..=2).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_hexdigit());
            return if hexadecimal { u8::from_str_radix(digits, 16).map_err(|_| wrong()) } else { Err(wrong()) };
        }
        text.split(',').try_fold(0, |flags, name| {
            let bit = FLAGS.iter().position(|flag| *flag == name).ok_or_else(wrong)?;
            Ok(flags | 1 << bit)
        })
    }

    fn dscp(&mut self) -> Result<(), TextError> {
        let word = self.scan.word("a DSCP")?;
        let dscp = match names::dscp(word) {
            Some(number) => number,
            None => self.scan.within(word, "a DSCP", (0, 63))? as u8,
        };
        self.pattern.dscp.replace(dscp).map_or(Ok(()), |_| Err(self.scan.fail(Fault::Twice("`dscp`"))))
    }

    fn interface(&mut self, direction: u8) -> Result<(), TextError> {
        let interface = self.scan.number("an interface", (0, MAX_INTERFACE.into()))? as u8 | direction;
        let twice = self.pattern.interface.replace(interface).is_some();
        if twice { Err(self.scan.fail(Fault::Twice("an interface"))) } else { Ok(()) }
    }

    fn tracking(&mut self) -> Result<(), TextError> {
        if !self.scan.take("state") {
            self.scan.word("`state`")?;
            return Err(self.scan.expected("`state`"));
        }
        once(&mut self.said.tracking, &self.scan, "`ct state`")?;
        let wrong = "states: new, established, related, invalid, separated by commas";
        let word = self.scan.word(wrong)?;
        self.pattern.tracking = word.split(',').try_fold(TrackingSet::NONE, |set, name| {
            let (_, state) =
                STATES.iter().find(|(known, _)| *known == name).ok_or_else(|| self.scan.expected(wrong))?;
            Ok(set.with(*state))
        })?;
        Ok(())
    }

    fn limit(&mut self) -> Result<Limit, TextError> {
        if !self.scan.take("rate") {
            self.scan.word("`rate`")?;
            return Err(self.scan.expected("`rate`"));
        }
        let word = self.scan.word("a rate such as 10/second or 1 mbytes/second")?;
        if let Some(number) = word.strip_suffix("/second") {
            let rate = self.scan.within(number, "a rate", (1, MOST))?;
            let mut burst = BURST_PACKETS;
            if self.scan.take("burst") {
                burst = self.scan.number("a burst", (1, MOST))?;
                if !self.scan.take("packets") {
                    self.scan.word("`packets`")?;
                    return Err(self.scan.expected("`packets`"));
                }
            }
            return Ok(Limit { rate, burst, octets: false });
        }
        let number = self.scan.within(word, "a rate", (1, MOST))?;
        let unit = self.scan.word("a unit and `/second`")?;
        let unit = unit
            .strip_suffix("/second")
            .ok_or_else(|| self.scan.expected("`bytes/second`, `kbytes/second` or `mbytes/second`"))?;
        let rate = self.octets("a rate", number, unit)?;
        let mut burst = BURST_OCTETS;
        if self.scan.take("burst") {
            let number = self.scan.number("a burst", (1, MOST))?;
            let unit = self.scan.word("`bytes`, `kbytes` or `mbytes`")?;
            burst = self.octets("a burst", number, unit)?;
        }
        Ok(Limit { rate, burst, octets: true })
    }

    fn octets(&self, what: &'static str, number: u64, unit: &str) -> Result<u64, TextError> {
        let factor = match unit {
            "bytes" => 1,
            "kbytes" => 1 << 10,
            "mbytes" => 1 << 20,
            _ => return Err(self.scan.expected("`bytes`, `kbytes` or `mbytes`")),
        };
        let found = number.saturating_mul(factor);
        if found > MOST {
            return Err(self.scan.fail(Fault::Range { what, found, range: (1, MOST) }));
        }
        Ok(found)
    }
}
