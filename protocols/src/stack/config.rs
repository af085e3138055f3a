//! What a stack has to be told.

use smoltcp::wire::{Ipv4Address, Ipv4Cidr, Ipv6Address, Ipv6Cidr};

use crate::frame::{MacAddress, Own6, is_host6};

/// The least MTU that every IPv4 host must be able to receive (RFC 791 section 3.1), in octets.
pub const MINIMUM_MTU: usize = 576;
/// The largest MTU that is supported: jumbo frames, in octets.
pub const MAXIMUM_MTU: usize = 9000;
/// The least MTU of a link that carries IPv6 (RFC 8200 section 5), in octets. Below it there is only IPv4.
pub const MINIMUM_MTU6: usize = 1280;

/// What a stack has to be told. The same on all processors of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The network card's address.
    pub mac: MacAddress,
    /// The longest IP datagram of the link, in octets: [`MINIMUM_MTU`]`..=`[`MAXIMUM_MTU`].
    pub mtu: usize,
    /// Where the IPv4 address comes from.
    pub addressing: Addressing,
    /// Where the IPv6 addresses come from.
    pub addressing6: Addressing6,
}

/// Where the IPv4 address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// From a DHCP server (RFC 2131); it is asked until it answers.
    Dhcp,
    /// Fixed.
    Static {
        /// Our address and the length of its network's prefix.
        address: Ipv4Cidr,
        /// The router to other networks.
        gateway: Option<Ipv4Address>,
    },
}

/// Where the IPv6 addresses come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addressing6 {
    /// There is no IPv6.
    #[default]
    Off,
    /// One of the link from the card's address (RFC 4291 appendix A), another from what routers advertise (RFC 4862).
    Auto,
    /// One of the link as with `Auto`, another fixed; no router is listened to.
    Static {
        /// Our address and the length of its network's prefix.
        address: Ipv6Cidr,
        /// The router to other networks.
        gateway: Option<Ipv6Address>,
    },
}

/// A [`Config`] that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// The card's address is a group address or zero.
    Mac(MacAddress),
    /// The MTU is out of range.
    Mtu(usize),
    /// No host can have this address.
    Address(Ipv4Cidr),
    /// The gateway is not a host of our network.
    Gateway {
        /// What was configured as the gateway.
        gateway: Ipv4Address,
        /// Our address and network.
        address: Ipv4Cidr,
    },
    /// No host can have this IPv6 address.
    Address6(Ipv6Cidr),
    /// The IPv6 gateway is no other host of our network or link.
    Gateway6 {
        /// What was configured as the gateway.
        gateway: Ipv6Address,
        /// Our address and network.
        address: Ipv6Cidr,
    },
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            ConfigError::Mac(mac) => {
                write!(f, "MAC address {} is not a single station's", smoltcp::wire::EthernetAddress(*mac))
            }
            ConfigError::Mtu(mtu) => {
                write!(f, "MTU {mtu} is out of range: give {MINIMUM_MTU} to {MAXIMUM_MTU} octets")
            }
            ConfigError::Address(address) => {
                write!(f, "{address} cannot be a host's address: give a unicast address and a prefix of 1 to 32")
            }
            ConfigError::Gateway { gateway, address } => {
                write!(f, "gateway {gateway} is not another host in the network of {address}")
            }
            ConfigError::Address6(address) => {
                write!(f, "{address} cannot be a host's address: give a unicast address and a prefix of 1 to 128")
            }
            ConfigError::Gateway6 { gateway, address } => {
                write!(f, "gateway {gateway} is not another host in the network of {address} or on the link")
            }
        }
    }
}

impl core::error::Error for ConfigError {}

impl Config {
    /// Checks that the values make sense.
    ///
    /// # Errors
    /// The first one that does not.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !crate::frame::is_station(&self.mac) {
            return Err(ConfigError::Mac(self.mac));
        }
        if !(MINIMUM_MTU..=MAXIMUM_MTU).contains(&self.mtu) {
            return Err(ConfigError::Mtu(self.mtu));
        }
        if let Addressing::Static { address, gateway } = self.addressing {
            if !is_usable(address) {
                return Err(ConfigError::Address(address));
            }
            if let Some(gateway) = gateway
                && !(address.contains_addr(&gateway) && crate::frame::is_host(gateway, Some(address)))
            {
                return Err(ConfigError::Gateway { gateway, address });
            }
        }
        if let Addressing6::Static { address, gateway } = self.addressing6 {
            if address.prefix_len() == 0 || !is_host6(&address.address(), &Own6::default()) {
                return Err(ConfigError::Address6(address));
            }
            let own = Own6 { global: Some(address.address()), link_local: None };
            if let Some(gateway) = gateway
                && !((address.contains_addr(&gateway) || gateway.is_unicast_link_local()) && is_host6(&gateway, &own))
            {
                return Err(ConfigError::Gateway6 { gateway, address });
            }
        }
        Ok(())
    }
}

impl Config {
    /// Where IPv6 addresses come from on this link.
    pub(super) fn possible6(&self) -> Addressing6 {
        if self.mtu < MINIMUM_MTU6 { Addressing6::Off } else { self.addressing6 }
    }
}

/// Whether a host can have this address.
pub(super) fn is_usable(address: Ipv4Cidr) -> bool {
    address.prefix_len() > 0
        && crate::frame::is_host(address.address(), None)
        && address.broadcast() != Some(address.address())
}
