use alloc::string::ToString;

use super::*;

fn parse(line: &str) -> Result<Options, OptionError> {
    Options::parse(line.split_whitespace())
}

#[test]
fn nothing_said_means_the_defaults() {
    assert_eq!(parse(""), Ok(Options::default()));
    assert_eq!(parse("ip=dhcp"), Ok(Options::default()));
}

#[test]
fn every_option_is_read() {
    let options = parse(
        "ip=10.77.0.2/24 gateway=10.77.0.1 mtu=9000 log=debug congestion=cubic-nofc ecn=offer rps=on tx-copybreak=9",
    )
    .unwrap();
    let expected = Address::Static {
        address: Ipv4Addr::new(10, 77, 0, 2),
        prefix: 24,
        gateway: Some(Ipv4Addr::new(10, 77, 0, 1)),
    };
    assert_eq!(options.address, expected);
    assert_eq!(options.mtu, Some(9000));
    assert_eq!(options.log, log::LevelFilter::Debug);
    assert_eq!(options.congestion, "cubic-nofc");
    assert_eq!(options.ecn, Ecn::Offer);
    assert!(options.rps);
    assert_eq!(options.tx_copybreak, Some(9));
}

#[test]
fn ip6_is_read() {
    let fixed = |prefix, gateway| Address6::Static { address: "fd00::2".parse().unwrap(), prefix, gateway };
    for (line, expected) in [
        ("", Address6::Auto),
        ("ip6=auto", Address6::Auto),
        ("ip6=off", Address6::Off),
        ("ip6=fd00::2/64", fixed(64, None)),
        ("ip6=fd00::2/128,fe80::1", fixed(128, Some("fe80::1".parse().unwrap()))),
    ] {
        assert_eq!(parse(line).unwrap().address6, expected, "{line}");
    }
    for value in
        ["", "fd00::2", "fd00::2/0", "fd00::2/129", "10.0.0.2/24", "fd00::2/64,", "fd00::2/64,10.0.0.1", "auto,off"]
    {
        assert_eq!(parse(&alloc::format!("ip6={value}")), Err(OptionError::Ip6(value.into())));
    }
}

#[test]
fn a_network_of_two_has_two_hosts() {
    assert!(parse("ip=10.0.0.0/31 gateway=10.0.0.1").is_ok());
}

#[test]
fn each_malformed_option_has_its_error() {
    let table = [
        ("quiet", OptionError::Unknown("quiet".into())),
        ("mac=52:54:00:00:00:01", OptionError::Unknown("mac=52:54:00:00:00:01".into())),
        ("mtu=1500 mtu=1500", OptionError::Repeated("mtu")),
        ("ip=", OptionError::Ip("".into())),
        ("ip=10.0.2.15", OptionError::Ip("10.0.2.15".into())),
        ("ip=10.0.2/24", OptionError::Ip("10.0.2/24".into())),
        ("ip=10.0.2.15/0", OptionError::Ip("10.0.2.15/0".into())),
        ("ip=10.0.2.15/32", OptionError::Ip("10.0.2.15/32".into())),
        ("ip=10.0.2.0/24", OptionError::NoHostAddress(Ipv4Addr::new(10, 0, 2, 0))),
        ("ip=10.0.2.255/24", OptionError::NoHostAddress(Ipv4Addr::new(10, 0, 2, 255))),
        ("ip=127.0.0.1/8", OptionError::NoHostAddress(Ipv4Addr::LOCALHOST)),
        ("ip=224.0.0.5/8", OptionError::NoHostAddress(Ipv4Addr::new(224, 0, 0, 5))),
        ("ip=10.0.2.15/24 gateway=x", OptionError::Gateway("x".into())),
        ("gateway=10.0.2.2", OptionError::GatewayWithDhcp),
        ("ip=dhcp gateway=10.0.2.2", OptionError::GatewayWithDhcp),
        ("ip=10.0.2.15/24 gateway=10.0.3.1", OptionError::GatewayElsewhere(Ipv4Addr::new(10, 0, 3, 1))),
        ("ip=10.0.2.15/24 gateway=10.0.2.15", OptionError::GatewayElsewhere(Ipv4Addr::new(10, 0, 2, 15))),
        ("ip=10.0.2.15/24 gateway=10.0.2.255", OptionError::NoHostAddress(Ipv4Addr::new(10, 0, 2, 255))),
        ("mtu=575", OptionError::Mtu("575".into())),
        ("mtu=9001", OptionError::Mtu("9001".into())),
        ("mtu=-1", OptionError::Mtu("-1".into())),
        ("mtu=99999", OptionError::Mtu("99999".into())),
        ("ecn=on", OptionError::Ecn("on".into())),
        ("log=loud", OptionError::Log("loud".into())),
        ("log=off", OptionError::Log("off".into())),
        ("congestion=", OptionError::Congestion("".into())),
        ("congestion=Reno!", OptionError::Congestion("Reno!".into())),
        ("rps=1", OptionError::Rps("1".into())),
        ("nic=", OptionError::Nic("".into())),
        ("tx-copybreak=", OptionError::TxCopybreak("".into())),
        ("tx-copybreak=65536", OptionError::TxCopybreak("65536".into())),
        ("nic=no-tso,no-fun", OptionError::Nic("no-fun".into())),
    ];
    for (line, error) in table {
        assert!(!error.to_string().is_empty());
        assert_eq!(parse(line), Err(error), "{line}");
    }
}

#[test]
fn features_of_the_card_can_be_left_unused() {
    assert_eq!(parse("").unwrap().unused, Unused::default());
    let unused = parse("nic=no-tso,no-mq").unwrap().unused;
    assert_eq!(unused, Unused { tso: true, mq: true, ..Unused::default() });
    let all = Unused { csum: true, guest_csum: true, tso: true, guest_tso: true, event_idx: true, mq: true };
    assert_eq!(parse("nic=no-csum,no-guest-csum,no-tso,no-guest-tso,no-event-idx,no-mq").unwrap().unused, all);
}
