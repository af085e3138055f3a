//! ClassBench's filters (Taylor and Turner, "ClassBench: A Packet Classification Benchmark", IEEE/ACM ToN 2007), as its
//! `db_generator` and ClassBench-ng write them:
//!
//! ```text
//! @192.168.0.0/16  10.1.2.3/32  0 : 65535  1521 : 1521  0x06/0xFF  0x0000/0x0200
//! ```
//!
//! Addresses with prefixes, ranges of ports, protocol and mask, and perhaps TCP flags and mask: 16 bits, of which the upper
//! eight are octet 13 of the TCP header. The order of the filters is their priority. They have no verdicts: each accepts.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::error::{Fault, TextError};
use super::scan::Scan;
use crate::classification::{Action, Bits, Family, Pattern, Ports, Prefix, Rule, Verdict};

/// Reads one filter; it gets this priority.
///
/// # Errors
/// Where it stops making sense, and why; the line is left at 0.
pub fn parse_classbench(text: &str, priority: u32) -> Result<Rule, TextError> {
    let mut scan = Scan::new(text);
    if priority > Rule::LAST_PRIORITY {
        let range = (0, Rule::LAST_PRIORITY.into());
        return Err(scan.fail(Fault::Range { what: "the number of a filter", found: priority.into(), range }));
    }
    let word = scan.word("`@` and a source address")?;
    let source = word.strip_prefix('@').ok_or_else(|| scan.expected("`@` and a source address"))?;
    let (family, source) = prefix(&scan, source)?;
    let word = scan.word("a destination address")?;
    let (other, destination) = prefix(&scan, word)?;
    if other != family {
        return Err(scan.fail(Fault::Conflict("the version of IP")));
    }
    let source_ports = ports(&mut scan)?;
    let destination_ports = ports(&mut scan)?;
    let (protocol, mask) = masked(&mut scan, "a protocol such as 0x06/0xFF", 0xff)?;
    let protocol = match mask {
        0 => None,
        0xff => Some(protocol as u8),
        _ => return Err(scan.expected("a protocol whose mask is 0x00 or 0xFF")),
    };
    let mut flags = Bits::ANY;
    if scan.peek().is_some() {
        let (value, mask) = masked(&mut scan, "TCP flags such as 0x0000/0x0200", 0xffff)?;
        if (value | mask) & 0xff != 0 {
            return Err(scan.expected("flags in the upper eight of 16 bits"));
        }
        if value & !mask != 0 {
            return Err(scan.fail(Fault::Never("a flag must be set that is not looked at")));
        }
        flags = Bits { mask: (mask >> 8) as u8, value: (value >> 8) as u8 };
    }
    if scan.next().is_some() {
        return Err(scan.expected("the end of the filter"));
    }
    let pattern = Pattern {
        family: Some(family),
        source,
        destination,
        source_ports,
        destination_ports,
        protocol,
        flags,
        ..Pattern::ANY
    };
    Ok(Rule { priority, pattern, action: Action::of(Verdict::Accept) })
}

/// Bits beyond the prefix are cut off, as ClassBench's own programs do.
fn prefix(scan: &Scan<'_>, text: &str) -> Result<(Family, Prefix), TextError> {
    const WHAT: &str = "an address with the length of its prefix";
    let (address, length) = text.split_once('/').ok_or_else(|| scan.expected(WHAT))?;
    let length = |bits: u8| scan.within(length, "the length of a prefix", (0, bits.into())).map(|length| length as u8);
    if let Ok(address) = address.parse::<Ipv4Addr>() {
        return Ok((Family::V4, Prefix::v4(address.to_bits(), length(32)?)));
    }
    let address: Ipv6Addr = address.parse().map_err(|_| scan.expected(WHAT))?;
    Ok((Family::V6, Prefix::new(address.to_bits(), length(128)?)))
}

/// `0 : 65535`.
fn ports(scan: &mut Scan<'_>) -> Result<Ports, TextError> {
    let first = scan.number("a port", (0, 65_535))?;
    if scan.word("a colon")? != ":" {
        return Err(scan.expected("a colon"));
    }
    let last = scan.number("a port", (0, 65_535))?;
    if first > last {
        return Err(scan.fail(Fault::Backwards(first, last)));
    }
    Ok(Ports { first: first as u16, last: last as u16 })
}

/// `0x06/0xFF`: value and mask, at most `most` each. Bits of the value beyond the mask stay.
fn masked(scan: &mut Scan<'_>, what: &'static str, most: u32) -> Result<(u32, u32), TextError> {
    let word = scan.word(what)?;
    let hexadecimal = |text: &str| {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
        let good = !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|octet| octet.is_ascii_hexdigit());
        if good { u32::from_str_radix(digits, 16).ok().filter(|number| *number <= most) } else { None }
    };
    word.split_once('/')
        .and_then(|(value, mask)| Some((hexadecimal(value)?, hexadecimal(mask)?)))
        .ok_or_else(|| scan.expected(what))
}
