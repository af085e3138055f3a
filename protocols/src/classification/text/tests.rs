use alloc::string::{String, ToString};

use proptest::prelude::*;

use super::*;
use crate::classification::Setting;
use crate::classification::{
    Action, Bits, Family, Limit, Pattern, Ports, Prefix, Reject, Rule, Tracking, TrackingSet, Verdict,
};

fn rule(text: &str) -> Rule {
    parse_rule(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn again(text: &str) -> String {
    Printed(&rule(text)).to_string()
}

#[test]
fn every_field_is_read() {
    let text = "10 ip saddr 10.0.0.0/8 ip daddr 192.0.2.1 tcp sport 1024-65535 tcp dport 80-443 tcp flags syn / syn,ack \
                dscp cs1 iif 0 ct state new,established limit rate 100/second burst 20 packets counter 1 class 2 accept";
    let expected = Rule {
        priority: 10,
        pattern: Pattern {
            family: Some(Family::V4),
            source: Prefix::v4(0x0a00_0000, 8),
            destination: Prefix::v4(0xc000_0201, 32),
            source_ports: Ports { first: 1024, last: 65_535 },
            destination_ports: Ports { first: 80, last: 443 },
            protocol: Some(6),
            flags: Bits { mask: 0x12, value: 0x02 },
            dscp: Some(8),
            interface: Some(0),
            tracking: TrackingSet::NONE.with(Tracking::New).with(Tracking::Established),
        },
        action: Action {
            verdict: Verdict::Accept,
            class: Some(2),
            limit: Some(Limit { rate: 100, burst: 20, octets: false }),
            counter: Some(1),
        },
    };
    assert_eq!(rule(text), expected);
    assert_eq!(again(text), text);
}

#[test]
fn other_spellings_read_as_the_same_rule() {
    for (spelling, printed) in [
        ("1 accept", "1 accept"),
        ("1 ip protocol tcp drop", "1 meta nfproto ipv4 meta l4proto tcp drop"),
        ("1 meta l4proto 6 drop", "1 meta l4proto tcp drop"),
        ("1 tcp flags syn drop", "1 tcp flags syn / syn drop"),
        ("1 tcp flags 0x02/0x12 drop", "1 tcp flags syn / syn,ack drop"),
        ("1 tcp flags 0x0 / fin,syn drop", "1 tcp flags 0x0 / fin,syn drop"),
        ("1 ip dscp 46 drop", "1 meta nfproto ipv4 dscp ef drop"),
        ("1 dscp 5 drop", "1 dscp 5 drop"),
        ("1 ip6 saddr 2001:db8::/32 meta l4proto icmpv6 drop", "1 ip6 saddr 2001:db8::/32 meta l4proto ipv6-icmp drop"),
        ("1 oif 0 tcp sport 5201 class 3 accept", "1 tcp sport 5201 oif 0 class 3 accept"),
        ("1 reject with icmp port-unreachable", "1 reject"),
        ("1 reject with icmpv6 admin-prohibited", "1 reject with icmpx admin-prohibited"),
        ("1 reject with tcp reset", "1 reject with tcp reset"),
        ("1 limit rate 10/second accept", "1 limit rate 10/second burst 5 packets accept"),
        ("1 limit rate 1 mbytes/second accept", "1 limit rate 1048576 bytes/second burst 65536 bytes accept"),
        ("1 th dport 53 accept", "1 th dport 53 accept"),
        ("1 meta l4proto gre th dport 0-5 accept", "1 meta l4proto gre th dport 0-5 accept"),
        ("1 ip saddr 10.1.2.3/32 accept", "1 ip saddr 10.1.2.3 accept"),
    ] {
        assert_eq!(again(spelling), printed);
        assert_eq!(rule(printed), rule(spelling));
    }
}

#[test]
fn an_error_names_line_column_and_reason() {
    for (text, message) in [
        ("", "column 1: the line ends where a priority is expected"),
        ("x accept", "column 1: expected a priority, found `x`"),
        ("16777216 accept", "column 1: a priority 16777216 is not within 0 to 16777215"),
        ("1", "column 2: the line ends where a match, a statement or a verdict is expected"),
        ("1 accept drop", "column 10: expected the end of the rule after its verdict, found `drop`"),
        ("1 ip saddr 10.0.0.1/8 accept", "column 12: the address has bits beyond the prefix; write 10.0.0.0/8"),
        (
            "1 ip saddr 10.0.0/8 accept",
            "column 12: expected an address, or one with the length of its prefix, found `10.0.0/8`",
        ),
        ("1 ip saddr 10.0.0.0/33 accept", "column 12: the length of a prefix 33 is not within 0 to 32"),
        (
            "1 ip saddr 10.0.0.1 ip6 daddr ::1 drop",
            "column 21: this contradicts the version of IP, which stands before",
        ),
        ("1 tcp dport 443-80 drop", "column 13: the range 443-80 ends before it begins"),
        ("1 tcp dport 80 udp sport 5 drop", "column 16: this contradicts the protocol, which stands before"),
        ("1 tcp dport 80 tcp dport 81 drop", "column 26: the destination port is given twice"),
        ("1 tcp dport 65536 drop", "column 13: a port 65536 is not within 0 to 65535"),
        (
            "1 tcp flags syn,oops drop",
            "column 13: expected TCP flags: fin, syn, rst, psh, ack, urg, ece, cwr, separated by commas, or 0x0, found `syn,oops`",
        ),
        ("1 tcp flags syn / ack drop", "column 19: nothing can match this: a flag must be set that is not looked at"),
        ("1 class 16 accept", "column 9: a class 16 is not within 0 to 15"),
        ("1 oif 0 reject", "column 9: this contradicts `oif`: only what comes in is rejected, which stands before"),
        ("1 limit rate 10/minute accept", "column 14: expected a rate, found `10/minute`"),
        (
            "1 ct state maybe accept",
            "column 12: expected states: new, established, related, invalid, separated by commas, found `maybe`",
        ),
    ] {
        assert_eq!(parse_rule(text).expect_err(text).to_string(), message, "{text}");
    }
    let error = parse_line(7, "10 foo drop # a comment", Format::Rules).expect_err("no match is called foo");
    assert_eq!(error.to_string(), "line 7, column 4: expected a match, a statement or a verdict, found `foo`");
    for nothing in ["", "   ", "# 10 accept", "\t# x"] {
        assert_eq!(parse_line(1, nothing, Format::Rules), Ok(None));
    }
}

#[test]
fn settings_are_read_and_printed() {
    for (text, setting) in [
        ("class 3 weight 10", Setting::Weight { class: 3, weight: 10 }),
        ("egress rate 50mbit", Setting::Rate(Some(6_250_000))),
        ("egress rate 1gbit", Setting::Rate(Some(125_000_000))),
        ("egress rate 8008bit", Setting::Rate(Some(1_001))),
        ("egress rate none", Setting::Rate(None)),
    ] {
        assert_eq!(parse_setting(text), Ok(setting));
        assert_eq!(PrintedSetting(setting).to_string(), text);
        assert_eq!(parse_line(1, &alloc::format!("  {text} # so"), Format::Rules), Ok(Some(Line::Setting(setting))));
    }
    for (text, message) in [
        ("class 16 weight 1", "column 7: a class 16 is not within 0 to 15"),
        ("class 3 weight 0", "column 16: a weight 0 is not within 1 to 100"),
        ("class 3", "column 8: the line ends where `weight` is expected"),
        ("class 3 weight 1 2", "column 18: expected the end of the setting, found `2`"),
        (
            "egress rate 7kbit",
            "column 13: expected a rate such as 50mbit (8kbit to 1000gbit), or `none`, found `7kbit`",
        ),
        ("egress 5", "column 8: expected `rate`, found `5`"),
    ] {
        assert_eq!(parse_setting(text).expect_err(text).to_string(), message, "{text}");
    }
}

#[test]
fn filters_of_classbench_are_read() {
    let text = "@192.168.0.0/16\t10.1.2.3/32\t0 : 65535\t1521 : 1521\t0x06/0xFF\t0x0000/0x0200";
    let read = parse_classbench(text, 3).expect("a filter");
    assert_eq!(
        Printed(&read).to_string(),
        "3 ip saddr 192.168.0.0/16 ip daddr 10.1.2.3 tcp dport 1521 tcp flags 0x0 / syn accept"
    );
    let any = parse_classbench("@0.0.0.0/0 0.0.0.0/0 0 : 65535 0 : 65535 0x00/0x00", 1).expect("a filter");
    assert_eq!(Printed(&any).to_string(), "1 meta nfproto ipv4 accept");
    let six = parse_classbench("@2001:db8::/32 ::/0 0 : 1 0 : 65535 0x11/0xff 0x0000/0x0000", 1).expect("a filter");
    assert_eq!(Printed(&six).to_string(), "1 ip6 saddr 2001:db8::/32 udp sport 0-1 accept");
    for (text, column) in [
        ("192.168.0.0/16 10.1.2.3/32 0 : 1 0 : 1 0x06/0xFF", 1),
        ("@192.168.0.0 10.1.2.3/32 0 : 1 0 : 1 0x06/0xFF", 1),
        ("@192.168.0.0/16 ::1/128 0 : 1 0 : 1 0x06/0xFF", 17),
        ("@1.0.0.0/8 1.0.0.0/8 0 - 1 0 : 1 0x06/0xFF", 24),
        ("@1.0.0.0/8 1.0.0.0/8 2 : 1 0 : 1 0x06/0xFF", 26),
        ("@1.0.0.0/8 1.0.0.0/8 0 : 1 0 : 1 0x06/0x0F", 34),
        ("@1.0.0.0/8 1.0.0.0/8 0 : 1 0 : 1 0x06/0xFF 0x0002/0x0002", 44),
        ("@1.0.0.0/8 1.0.0.0/8 0 : 1 0 : 1 0x06/0xFF 0x0200/0x0200 5", 58),
        ("@1.0.0.0/8 1.0.0.0/8 0 : 1 0 : 1", 33),
    ] {
        assert_eq!(parse_classbench(text, 1).expect_err(text).column, column, "{text}");
    }
}

fn prefix(bits: u8) -> impl Strategy<Value = Prefix> {
    (any::<u128>(), 0..=bits).prop_map(move |(address, length)| {
        let address = if bits == 32 { address >> 96 << 96 } else { address };
        Prefix::new(address, length)
    })
}

fn ports() -> impl Strategy<Value = Ports> {
    prop_oneof![
        Just(Ports::ANY),
        (any::<u16>(), any::<u16>()).prop_map(|(a, b)| Ports { first: a.min(b), last: a.max(b) })
    ]
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let addresses = prop_oneof![
        Just((None, Prefix::ANY, Prefix::ANY)),
        (prefix(32), prefix(32)).prop_map(|(a, b)| (Some(Family::V4), a, b)),
        (prefix(128), prefix(128)).prop_map(|(a, b)| (Some(Family::V6), a, b)),
    ];
    let bits = (any::<u8>(), any::<u8>()).prop_map(|(mask, value)| Bits { mask, value: value & mask });
    let states = (1u8..16).prop_map(|set| {
        let all = [Tracking::New, Tracking::Established, Tracking::Related, Tracking::Invalid];
        all.into_iter().filter(|state| set & *state as u8 != 0).fold(TrackingSet::NONE, TrackingSet::with)
    });
    let rest = (prop::option::of(any::<u8>()), bits, prop::option::of(0u8..64), prop::option::of(any::<u8>()), states);
    (addresses, ports(), ports(), rest).prop_map(
        |(
            (family, source, destination),
            source_ports,
            destination_ports,
            (protocol, flags, dscp, interface, tracking),
        )| {
            Pattern {
                family,
                source,
                destination,
                source_ports,
                destination_ports,
                protocol,
                flags,
                dscp,
                interface,
                tracking,
            }
        },
    )
}

fn rules() -> impl Strategy<Value = Rule> {
    let verdict = prop_oneof![
        Just(Verdict::Accept),
        Just(Verdict::Drop),
        Just(Verdict::Reject(Reject::Reset)),
        Just(Verdict::Reject(Reject::Port)),
        Just(Verdict::Reject(Reject::Prohibited)),
    ];
    let limit =
        (1..=1u64 << 40, 1..=1u64 << 40, any::<bool>()).prop_map(|(rate, burst, octets)| Limit { rate, burst, octets });
    let action = (verdict, prop::option::of(0..=MAX_CLASS), prop::option::of(limit), prop::option::of(0..=MAX_COUNTER))
        .prop_map(|(verdict, class, limit, counter)| Action { verdict, class, limit, counter });
    (0..=Rule::LAST_PRIORITY, pattern(), action).prop_map(|(priority, pattern, mut action)| {
        if pattern.interface.is_some_and(|interface| interface & OUT != 0)
            && matches!(action.verdict, Verdict::Reject(_))
        {
            action.verdict = Verdict::Drop;
        }
        Rule { priority, pattern, action }
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_as_the_same_rule(rule in rules()) {
        let text = Printed(&rule).to_string();
        prop_assert_eq!(parse_rule(&text), Ok(rule), "{}", text);
    }

    #[test]
    fn any_text_is_a_rule_or_an_error_within_it(text in ".{0,80}", classbench: bool) {
        let format = if classbench { Format::ClassBench } else { Format::Rules };
        if let Err(error) = parse_line(1, &text, format) {
            prop_assert!(error.column as usize <= text.chars().count() + 1);
        }
    }

    #[test]
    fn text_near_the_grammar_is_a_rule_or_an_error_within_it(
        words in prop::collection::vec(prop::sample::select(WORDS), 0..14), classbench: bool
    ) {
        let text = words.join(" ");
        let format = if classbench { Format::ClassBench } else { Format::Rules };
        match parse_line(1, &text, format) {
            Ok(Some(Line::Setting(setting))) => {
                let printed = PrintedSetting(setting).to_string();
                prop_assert_eq!(parse_setting(&printed), Ok(setting), "{}", printed);
            }
            Ok(Some(Line::Rule(rule))) => {
                let printed = Printed(&rule).to_string();
                prop_assert_eq!(parse_rule(&printed), Ok(rule), "{}", printed);
            }
            Ok(None) => {}
            Err(error) => prop_assert!(error.column as usize <= text.len() + 1),
        }
    }
}

const WORDS: &[&str] = &[
    "class",
    "weight",
    "egress",
    "rate",
    "50mbit",
    "none",
    "1",
    "10",
    "16777215",
    "ip",
    "ip6",
    "saddr",
    "daddr",
    "10.0.0.0/8",
    "192.0.2.1",
    "2001:db8::/32",
    "protocol",
    "nexthdr",
    "tcp",
    "udp",
    "th",
    "sport",
    "dport",
    "80",
    "80-443",
    "65535-1",
    "flags",
    "syn",
    "/",
    "syn,ack",
    "0x02/0x12",
    "meta",
    "l4proto",
    "nfproto",
    "ipv4",
    "dscp",
    "cs1",
    "63",
    "iif",
    "oif",
    "0",
    "ct",
    "state",
    "new,established",
    "limit",
    "rate",
    "10/second",
    "burst",
    "5",
    "packets",
    "kbytes",
    "mbytes/second",
    "class",
    "counter",
    "accept",
    "drop",
    "reject",
    "with",
    "reset",
    "icmpx",
    "admin-prohibited",
    "@10.0.0.0/8",
    "0.0.0.0/0",
    ":",
    "0x06/0xFF",
    "0x0000/0x0200",
    "#",
    "\t",
    "é",
    "@/",
];
