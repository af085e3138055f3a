//! What the sets are like: tables condensed from ClassBench's parameter files acl1, fw1 and ipc1 (what is below about 1 % is
//! left out).

use super::{Kind, TCP, UDP};
use crate::classification::rule::Bits;

/// ClassBench's classes of port ranges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// WC: every port.
    Any,
    /// HI: 1024 to 65535.
    High,
    /// LO: 0 to 1023.
    #[allow(dead_code, reason = "one of ClassBench's classes; none of its three files that we follow has it")]
    Low,
    /// AR: another range.
    Range,
    /// EM: one port.
    Exact,
}

/// Rules that are alike in their classes of source and destination ports.
pub(super) struct Group {
    pub weight: u64,
    pub ports: [Class; 2],
    /// In per cent; the rest is UDP. Without meaning if both classes are [`Class::Any`].
    pub tcp: u64,
    /// Weight, length of the source prefix, length of the destination prefix.
    pub shapes: &'static [(u64, u8, u8)],
}

/// How many addresses the trie has that rules draw from: `factor * rules^(power/4)`, in 16ths.
pub(super) struct Distinct {
    factor: u64,
    power: u32,
}

impl Distinct {
    pub fn at(&self, rules: usize) -> u64 {
        let fourth = (rules as u64).isqrt().isqrt().max(1);
        (self.factor * fourth.pow(self.power) / 16).max(4)
    }
}

pub(super) struct Profile {
    pub groups: &'static [Group],
    /// Of rules without ports.
    pub protocols: &'static [(u64, Option<u8>)],
    /// Of rules for TCP.
    pub flags: &'static [(u64, Bits)],
    /// Source and destination ports of [`Class::Exact`]; port 0 stands for one of 60 others.
    pub exact: [&'static [(u64, u16)]; 2],
    /// Ranges of [`Class::Range`].
    pub ranges: &'static [(u16, u16)],
    /// Of source and destination.
    pub distinct: [Distinct; 2],
}

use Class::{Any, Exact, High, Range};

const fn group(weight: u64, ports: [Class; 2], tcp: u64, shapes: &'static [(u64, u8, u8)]) -> Group {
    Group { weight, ports, tcp, shapes }
}

const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

const fn flags(mask: u8, value: u8) -> Bits {
    Bits { mask, value }
}

pub(super) const fn of(kind: Kind) -> Profile {
    match kind {
        Kind::Acl => ACL,
        Kind::Firewall => FIREWALL,
        Kind::Chain => CHAIN,
        Kind::Ranges => RANGES,
    }
}

const ACL: Profile = Profile {
    groups: &[
        group(
            600,
            [Any, Exact],
            98,
            &[(850, 32, 32), (25, 31, 32), (15, 32, 31), (43, 32, 22), (28, 23, 32), (20, 24, 31)],
        ),
        group(
            285,
            [Any, Any],
            0,
            &[
                (490, 32, 32),
                (112, 32, 24),
                (100, 23, 32),
                (81, 32, 22),
                (54, 23, 16),
                (30, 31, 32),
                (9, 23, 31),
                (5, 8, 0),
                (20, 0, 12),
            ],
        ),
        group(115, [Any, Range], 98, &[(953, 32, 32), (35, 31, 32), (12, 23, 32)]),
    ],
    protocols: &[(59, Some(TCP)), (30, None), (11, Some(1))],
    flags: &[(81, Bits::ANY), (9, flags(SYN, 0)), (10, flags(ACK, ACK))],
    exact: [
        &[(1, 0)],
        &[
            (19, 1521),
            (5, 1526),
            (4, 1221),
            (4, 1433),
            (3, 1525),
            (3, 135),
            (2, 20),
            (2, 21),
            (1, 80),
            (1, 443),
            (56, 0),
        ],
    ],
    ranges: &[
        (1600, 1649),
        (1300, 1349),
        (1300, 1350),
        (7500, 7599),
        (2200, 2210),
        (1025, 65535),
        (1700, 1750),
        (5001, 65535),
        (8000, 8100),
        (61700, 61709),
        (20000, 20010),
        (62200, 62239),
    ],
    distinct: [Distinct { factor: 16, power: 4 }, Distinct { factor: 320, power: 1 }],
};

const FIREWALL: Profile = Profile {
    groups: &[
        group(595, [Any, Exact], 76, &[(880, 0, 32), (62, 0, 0), (25, 32, 32), (20, 32, 0), (6, 0, 27)]),
        group(
            180,
            [Any, Any],
            0,
            &[
                (117, 0, 0),
                (67, 21, 0),
                (67, 23, 0),
                (67, 27, 0),
                (33, 28, 0),
                (33, 29, 0),
                (83, 30, 0),
                (184, 32, 0),
                (16, 0, 32),
                (67, 28, 32),
                (67, 32, 28),
                (67, 30, 32),
                (67, 32, 30),
                (17, 8, 0),
            ],
        ),
        group(95, [Exact, Any], 0, &[(820, 32, 0), (110, 0, 32), (70, 0, 0)]),
        group(63, [High, High], 65, &[(353, 0, 32), (294, 32, 21), (353, 32, 32)]),
        group(27, [Exact, Exact], 0, &[(1, 0, 32), (1, 32, 0), (1, 28, 28)]),
        group(21, [High, Exact], 0, &[(4, 0, 32), (6, 32, 32)]),
        group(21, [Exact, High], 0, &[(4, 32, 0), (6, 32, 32)]),
        group(1, [Range, High], 0, &[(1, 0, 0)]),
        group(1, [High, Range], 0, &[(1, 0, 0)]),
    ],
    protocols: &[(50, Some(TCP)), (27, Some(47)), (18, Some(1)), (5, None)],
    flags: &[
        (96, flags(SYN | ACK, SYN)),
        (1, Bits::ANY),
        (1, flags(SYN, 0)),
        (1, flags(ACK, ACK)),
        (1, flags(RST, RST)),
    ],
    exact: [
        &[(23, 123), (21, 53), (13, 750), (10, 161), (8, 88), (8, 69), (5, 67), (3, 162), (9, 0)],
        &[(17, 22), (11, 80), (10, 25), (10, 53), (7, 123), (3, 21), (3, 544), (3, 750), (2, 443), (2, 23), (32, 0)],
    ],
    ranges: &[(33434, 33600)],
    distinct: [Distinct { factor: 6, power: 4 }, Distinct { factor: 32, power: 4 }],
};

const CHAIN: Profile = Profile {
    groups: &[
        group(
            380,
            [Any, Any],
            0,
            &[
                (240, 24, 24),
                (78, 24, 16),
                (50, 16, 24),
                (30, 0, 24),
                (30, 24, 0),
                (12, 0, 0),
                (26, 17, 24),
                (32, 22, 24),
                (80, 23, 24),
                (20, 24, 23),
                (34, 24, 25),
                (50, 24, 26),
                (50, 26, 24),
                (25, 24, 28),
                (18, 28, 24),
                (12, 16, 0),
                (40, 25, 24),
                (100, 32, 32),
            ],
        ),
        group(
            350,
            [Any, Exact],
            37,
            &[
                (459, 32, 32),
                (165, 24, 32),
                (12, 32, 24),
                (65, 0, 32),
                (10, 32, 0),
                (52, 23, 32),
                (20, 16, 32),
                (20, 24, 24),
                (13, 32, 16),
                (20, 0, 24),
                (38, 24, 0),
                (20, 23, 24),
                (5, 0, 0),
            ],
        ),
        group(
            155,
            [Exact, Any],
            50,
            &[
                (262, 32, 24),
                (80, 24, 32),
                (73, 0, 32),
                (49, 32, 0),
                (25, 16, 32),
                (16, 24, 24),
                (16, 32, 16),
                (25, 28, 26),
                (24, 28, 16),
                (45, 23, 32),
                (16, 32, 23),
                (45, 32, 25),
                (145, 32, 26),
                (118, 32, 32),
            ],
        ),
        group(
            60,
            [Any, High],
            0,
            &[(811, 32, 32), (63, 24, 32), (27, 23, 32), (27, 16, 32), (27, 0, 32), (10, 32, 24)],
        ),
        group(
            25,
            [Any, Range],
            75,
            &[(500, 24, 32), (119, 23, 32), (95, 26, 32), (95, 16, 32), (71, 0, 32), (48, 25, 32), (24, 32, 32)],
        ),
        group(
            20,
            [Range, Any],
            85,
            &[(440, 32, 24), (118, 32, 16), (118, 32, 26), (59, 32, 23), (59, 32, 0), (29, 0, 32), (29, 24, 32)],
        ),
        group(4, [High, Any], 0, &[(1, 32, 0), (3, 32, 16), (2, 32, 24)]),
        group(3, [Exact, Exact], 0, &[(1, 32, 32)]),
        group(1, [Exact, Range], 100, &[(1, 32, 32)]),
    ],
    protocols: &[
        (880, None),
        (60, Some(TCP)),
        (30, Some(1)),
        (10, Some(UDP)),
        (10, Some(47)),
        (5, Some(50)),
        (5, Some(51)),
    ],
    flags: &[(59, Bits::ANY), (41, flags(SYN, 0))],
    exact: [
        &[(25, 161), (13, 53), (9, 80), (8, 25), (8, 1433), (4, 22), (4, 5540), (4, 143), (3, 5550), (22, 0)],
        &[(18, 69), (18, 514), (11, 80), (8, 9003), (8, 53), (5, 25), (3, 1433), (2, 137), (2, 22), (2, 162), (23, 0)],
    ],
    ranges: &[(20, 23), (109, 110), (20, 21), (1645, 1646), (1812, 1813), (20, 2511), (5000, 5001)],
    distinct: [Distinct { factor: 16, power: 4 }, Distinct { factor: 20, power: 4 }],
};

const RANGES: Profile = Profile {
    groups: &[
        group(60, [Any, Range], 80, &[(80, 0, 32), (20, 24, 32)]),
        group(20, [Range, Any], 50, &[(50, 32, 0), (50, 0, 32)]),
        group(20, [Range, Range], 80, &[(50, 0, 32), (40, 0, 24), (10, 0, 0)]),
    ],
    protocols: &[(1, Some(TCP))],
    flags: &[(1, Bits::ANY)],
    exact: [&[(1, 0)], &[(1, 0)]],
    ranges: &[(0, 65535)],
    distinct: [Distinct { factor: 160, power: 1 }, Distinct { factor: 160, power: 1 }],
};
