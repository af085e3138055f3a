//! The word `ip6=`.

use core::net::Ipv6Addr;

use super::{OptionError, shown};

/// How the image gets its IPv6 addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Address6 {
    /// It has none.
    Off,
    /// One of the link, and what routers advertise.
    #[default]
    Auto,
    /// One of the link, and a fixed one. That a host can have it is checked when the node is set up.
    Static {
        /// Own address.
        address: Ipv6Addr,
        /// Bits of the network's part, 1 to 128.
        prefix: u8,
        /// The router.
        gateway: Option<Ipv6Addr>,
    },
}

impl Address6 {
    pub(super) fn parse(value: &str) -> Result<Self, OptionError> {
        let fixed = || {
            let (own, gateway) = value.split_once(',').map_or((value, None), |(own, gateway)| (own, Some(gateway)));
            let (address, prefix) = own.split_once('/')?;
            let gateway = gateway.map(str::parse).transpose().ok()?;
            let prefix = prefix.parse().ok().filter(|prefix| (1..=128).contains(prefix))?;
            Some(Address6::Static { address: address.parse().ok()?, prefix, gateway })
        };
        match value {
            "off" => Ok(Address6::Off),
            "auto" => Ok(Address6::Auto),
            _ => fixed().ok_or_else(|| OptionError::Ip6(shown(value))),
        }
    }
}
