use alloc::string::ToString;

use super::peer::STATIC;
use crate::stack::*;

fn fixed(address: Ipv4Cidr, gateway: Option<Ipv4Address>) -> Config {
    Config { addressing: Addressing::Static { address, gateway }, ..STATIC }
}

const NET: Ipv4Cidr = Ipv4Cidr::new(Ipv4Address::new(10, 77, 0, 2), 24);

#[test]
fn what_cannot_be_is_refused() {
    for mac in [[0; 6], [1, 2, 3, 4, 5, 6], [0xff; 6]] {
        assert_eq!(Config { mac, ..STATIC }.check(), Err(ConfigError::Mac(mac)));
    }
    for mtu in [0, 575, 9001] {
        assert_eq!(Config { mtu, ..STATIC }.check(), Err(ConfigError::Mtu(mtu)));
    }
    for (octets, prefix) in [
        ([0; 4], 24),
        ([224, 0, 0, 1], 24),
        ([127, 0, 0, 1], 8),
        ([255; 4], 32),
        ([10, 0, 0, 255], 24),
        ([10, 0, 0, 1], 0),
    ] {
        let address = Ipv4Cidr::new(Ipv4Address::from_octets(octets), prefix);
        assert_eq!(fixed(address, None).check(), Err(ConfigError::Address(address)));
    }
    for octets in [[10, 77, 1, 1], [10, 77, 0, 2], [10, 77, 0, 255], [0; 4]] {
        let gateway = Ipv4Address::from_octets(octets);
        let error = ConfigError::Gateway { gateway, address: NET };
        assert_eq!(fixed(NET, Some(gateway)).check(), Err(error));
        assert!(error.to_string().contains("10.77.0.2/24"));
    }
}

#[test]
fn an_ipv6_address_that_cannot_be_is_refused() {
    let fixed = |address: &str, prefix, gateway: Option<&str>| {
        let address = Ipv6Cidr::new(address.parse().unwrap(), prefix);
        let gateway = gateway.map(|gateway| gateway.parse().unwrap());
        (address, Config { addressing6: Addressing6::Static { address, gateway }, ..STATIC }.check())
    };
    for (address, prefix) in [("::", 64), ("::1", 128), ("ff02::1", 64), ("::ffff:10.0.0.1", 96), ("fd00::2", 0)] {
        let (address, checked) = fixed(address, prefix, None);
        assert_eq!(checked, Err(ConfigError::Address6(address)));
    }
    for gateway in ["fd00::2", "fd01::1", "ff02::2", "::"] {
        let (address, checked) = fixed("fd00::2", 64, Some(gateway));
        assert_eq!(checked, Err(ConfigError::Gateway6 { gateway: gateway.parse().unwrap(), address }));
    }
    for gateway in [None, Some("fd00::1"), Some("fe80::1")] {
        assert_eq!(fixed("fd00::2", 64, gateway).1, Ok(()));
    }
}

#[test]
fn what_can_be_is_accepted() {
    for mtu in [576, 1500, 9000] {
        assert_eq!(Config { mtu, ..STATIC }.check(), Ok(()));
    }
    assert_eq!(fixed(NET, Some(Ipv4Address::new(10, 77, 0, 1))).check(), Ok(()));
    assert_eq!(fixed(Ipv4Cidr::new(NET.address(), 32), None).check(), Ok(()));
    assert_eq!(Config { addressing: Addressing::Dhcp, ..STATIC }.check(), Ok(()));
}
