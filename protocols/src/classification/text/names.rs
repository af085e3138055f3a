//! Names of numbers: protocols and DSCPs (IANA), TCP flags, states.

use crate::classification::Tracking;

/// Protocols above IP; the first name of a number is printed.
const PROTOCOLS: &[(&str, u8)] = &[
    ("icmp", 1),
    ("igmp", 2),
    ("ipv4", 4),
    ("tcp", 6),
    ("egp", 8),
    ("udp", 17),
    ("dccp", 33),
    ("ipv6", 41),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("eigrp", 88),
    ("ospf", 89),
    ("pim", 103),
    ("vrrp", 112),
    ("l2tp", 115),
    ("sctp", 132),
    ("udplite", 136),
];

/// Codepoints: RFC 2474, 2597, 3246, 5865, 8622.
const CODEPOINTS: &[(&str, u8)] = &[
    ("cs0", 0),
    ("be", 0),
    ("le", 1),
    ("cs1", 8),
    ("af11", 10),
    ("af12", 12),
    ("af13", 14),
    ("cs2", 16),
    ("af21", 18),
    ("af22", 20),
    ("af23", 22),
    ("cs3", 24),
    ("af31", 26),
    ("af32", 28),
    ("af33", 30),
    ("cs4", 32),
    ("af41", 34),
    ("af42", 36),
    ("af43", 38),
    ("cs5", 40),
    ("va", 44),
    ("ef", 46),
    ("cs6", 48),
    ("cs7", 56),
];

/// Octet 13 of a TCP header (RFC 9293 section 3.1), from the lowest bit.
pub(super) const FLAGS: [&str; 8] = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];

/// States, in the order in which they are printed.
pub(super) const STATES: [(&str, Tracking); 4] = [
    ("new", Tracking::New),
    ("established", Tracking::Established),
    ("related", Tracking::Related),
    ("invalid", Tracking::Invalid),
];

pub(super) fn protocol(name: &str) -> Option<u8> {
    number(PROTOCOLS, name)
}

pub(super) fn protocol_name(number: u8) -> Option<&'static str> {
    name(PROTOCOLS, number)
}

pub(super) fn dscp(name: &str) -> Option<u8> {
    number(CODEPOINTS, name)
}

pub(super) fn dscp_name(number: u8) -> Option<&'static str> {
    name(CODEPOINTS, number)
}

fn number(table: &[(&str, u8)], name: &str) -> Option<u8> {
    table.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

fn name(table: &[(&'static str, u8)], number: u8) -> Option<&'static str> {
    table.iter().find(|(_, known)| *known == number).map(|(name, _)| *name)
}
