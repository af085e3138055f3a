//! The options of the image: words of the kernel's command line.
//!
//! | word | values | default |
//! |---|---|---|
//! | `ip=` | `dhcp`, or an address with prefix such as `10.77.0.2/24` | `dhcp` |
//! | `gateway=` | address of the router, only beside a fixed `ip=` | none |
//! | `ip6=` | `auto` (of the link, and from routers), `off`, or an address with prefix, and a router behind a comma: `fd00::2/64,fd00::1` | `auto` |
//! | `mtu=` | [`MTU_MIN`] to [`MTU_MAX`] octets, at most what the network card carries | 1500, or what the card carries if that is less |
//! | `log=` | `error`, `warn`, `info`, `debug`, `trace` | `info` |
//! | `congestion=` | name of the congestion controller at the start | `cubic` |
//! | `ecn=` | explicit congestion notification (RFC 3168): `off`, `accept` if a peer offers it, `offer` it too | `accept` |
//! | `rps=` | Receive Packet Steering: `on` lets connections live on processors without a queue pair of the network card, too; those get their frames from processor 0 | `off` |
//! | `nic=` | what the network card offers and is not used, for tests: `no-csum`, `no-guest-csum`, `no-tso`, `no-guest-tso`, `no-event-idx`, `no-mq`, with commas between | nothing |
//! | `tx-copybreak=` | 0 to 65535: from how many octets in a row on the network card reads what a service lends where it lies (what is shorter is copied), for tests and measurements: ethtool's `tx-copybreak` | 0 where the card cuts frames into segments, else 2048 |

mod ip6;

use alloc::string::String;
use core::fmt;
use core::net::Ipv4Addr;

use protocols::tcp::Ecn;

pub use ip6::Address6;

/// Smallest MTU: every IPv4 host takes datagrams of this size (RFC 791 section 3.1).
pub const MTU_MIN: u16 = 576;
/// Largest MTU: the usual size of jumbo frames.
pub const MTU_MAX: u16 = 9000;
/// The MTU if none is asked for: Ethernet's (RFC 894).
pub const MTU_DEFAULT: u16 = 1500;

/// How the image gets its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// Ask by DHCP.
    Dhcp,
    /// A fixed one.
    Static {
        /// Own address.
        address: Ipv4Addr,
        /// Bits of the network's part, 1 to 31.
        prefix: u8,
        /// The router, in the same network.
        gateway: Option<Ipv4Addr>,
    },
}

/// Features of the network card that are not used even if it offers them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unused {
    /// Checksums that the card completes.
    pub csum: bool,
    /// Received frames whose checksum the card vouches for.
    pub guest_csum: bool,
    /// Frames that the card cuts into segments.
    pub tso: bool,
    /// Frames that the card joined of segments.
    pub guest_tso: bool,
    /// Notifications and interrupts asked for by index.
    pub event_idx: bool,
    /// Several queue pairs.
    pub mq: bool,
}

/// The options of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How the image gets its address.
    pub address: Address,
    /// How it gets its IPv6 addresses.
    pub address6: Address6,
    /// Largest IP datagram, octets; `None`: [`MTU_DEFAULT`], or less if the network card carries less.
    pub mtu: Option<u16>,
    /// How much is logged.
    pub log: log::LevelFilter,
    /// Name of the congestion controller at the start. Whether there is one of that name is checked when the node is set up.
    pub congestion: String,
    /// What connections do about ECN.
    pub ecn: Ecn,
    /// Whether connections live on processors without a queue pair, too. That pays where their work costs more than to hand over each frame
    /// and to wake another processor, and where the host has a core for it.
    pub rps: bool,
    /// What the network card offers and is not used.
    pub unused: Unused,
    /// From how many octets in a row on the network card reads what a service lends where it lies; `None`: what costs least.
    pub tx_copybreak: Option<u16>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            address: Address::Dhcp,
            address6: Address6::Auto,
            mtu: None,
            log: log::LevelFilter::Info,
            congestion: "cubic".into(),
            ecn: Ecn::Accept,
            rps: false,
            unused: Unused::default(),
            tx_copybreak: None,
        }
    }
}

/// A word that is no option, or has a value that is none. `Display` gives one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionError {
    /// The word is not of the form `name=value`, or the name is not known.
    Unknown(String),
    /// The same option twice.
    Repeated(&'static str),
    /// The value of `ip` is neither `dhcp` nor `ADDRESS/PREFIX`.
    Ip(String),
    /// The value of `ip6` is neither `auto` nor `off` nor `ADDRESS/PREFIX` with or without `,GATEWAY`.
    Ip6(String),
    /// The address of `ip` or `gateway` is not one that a host can have.
    NoHostAddress(Ipv4Addr),
    /// The value of `gateway` is no IPv4 address.
    Gateway(String),
    /// A gateway beside DHCP, which brings its own.
    GatewayWithDhcp,
    /// The gateway is not in the network of `ip`.
    GatewayElsewhere(Ipv4Addr),
    /// The value of `mtu` is no number in range.
    Mtu(String),
    /// The value of `log` is no level.
    Log(String),
    /// The value of `congestion` is no name.
    Congestion(String),
    /// The value of `ecn` is none of its words.
    Ecn(String),
    /// The value of `rps` is none of its words.
    Rps(String),
    /// A part of the value of `nic` is none of its words.
    Nic(String),
    /// The value of `tx-copybreak` is no number in range.
    TxCopybreak(String),
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionError::Unknown(word) => {
                write!(
                    f,
                    "unknown option `{word}`; there are ip= gateway= ip6= mtu= log= congestion= ecn= rps= nic= tx-copybreak="
                )
            }
            OptionError::Repeated(name) => write!(f, "the option `{name}` is given twice"),
            OptionError::Ip(value) => {
                write!(f, "ip={value} is neither `dhcp` nor an address with prefix (1 to 31) such as 10.77.0.2/24")
            }
            OptionError::Ip6(value) => {
                write!(
                    f,
                    "ip6={value} is neither `auto` nor `off` nor an address such as fd00::2/64 or fd00::2/64,fd00::1"
                )
            }
            OptionError::NoHostAddress(address) => write!(f, "{address} is not an address that a host can have there"),
            OptionError::Gateway(value) => write!(f, "gateway={value} is no address such as 10.77.0.1"),
            OptionError::GatewayWithDhcp => {
                f.write_str("gateway= stands beside ip=dhcp; give a fixed ip= or leave it out")
            }
            OptionError::GatewayElsewhere(address) => write!(f, "gateway={address} is not in the network of ip="),
            OptionError::Mtu(value) => write!(f, "mtu={value} is no number from {MTU_MIN} to {MTU_MAX}"),
            OptionError::Log(value) => write!(f, "log={value} is none of error, warn, info, debug, trace"),
            OptionError::Ecn(value) => write!(f, "ecn={value} is none of off, accept, offer"),
            OptionError::Rps(value) => write!(f, "rps={value} is neither on nor off"),
            OptionError::Congestion(value) => write!(f, "congestion={value} is no name of a controller"),
            OptionError::Nic(word) => write!(
                f,
                "nic= knows no-csum, no-guest-csum, no-tso, no-guest-tso, no-event-idx and no-mq, but not `{word}`"
            ),
            OptionError::TxCopybreak(value) => write!(f, "tx-copybreak={value} is no number from 0 to {}", u16::MAX),
        }
    }
}

impl core::error::Error for OptionError {}

#[derive(Default)]
struct Given<'a> {
    ip: Option<&'a str>,
    gateway: Option<&'a str>,
    ip6: Option<&'a str>,
    mtu: Option<&'a str>,
    log: Option<&'a str>,
    congestion: Option<&'a str>,
    ecn: Option<&'a str>,
    rps: Option<&'a str>,
    nic: Option<&'a str>,
    tx_copybreak: Option<&'a str>,
}

impl Options {
    /// Reads the words of the command line.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Options, OptionError> {
        let mut given = Given::default();
        for word in words {
            let Some((name, value)) = word.split_once('=') else {
                return Err(OptionError::Unknown(shown(word)));
            };
            let (name, place) = match name {
                "ip" => ("ip", &mut given.ip),
                "gateway" => ("gateway", &mut given.gateway),
                "ip6" => ("ip6", &mut given.ip6),
                "mtu" => ("mtu", &mut given.mtu),
                "log" => ("log", &mut given.log),
                "congestion" => ("congestion", &mut given.congestion),
                "ecn" => ("ecn", &mut given.ecn),
                "rps" => ("rps", &mut given.rps),
                "nic" => ("nic", &mut given.nic),
                "tx-copybreak" => ("tx-copybreak", &mut given.tx_copybreak),
                _ => return Err(OptionError::Unknown(shown(word))),
            };
            if place.replace(value).is_some() {
                return Err(OptionError::Repeated(name));
            }
        }
        let mut options = Options { address: address(given.ip, given.gateway)?, ..Options::default() };
        if let Some(value) = given.ip6 {
            options.address6 = Address6::parse(value)?;
        }
        if let Some(value) = given.mtu {
            let mtu = value.parse().ok().filter(|mtu| (MTU_MIN..=MTU_MAX).contains(mtu));
            options.mtu = Some(mtu.ok_or_else(|| OptionError::Mtu(shown(value)))?);
        }
        if let Some(value) = given.log {
            let level: Option<log::Level> = value.parse().ok();
            options.log = level.ok_or_else(|| OptionError::Log(shown(value)))?.to_level_filter();
        }
        if let Some(value) = given.congestion {
            let good = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
            if value.is_empty() || value.len() > 32 || !value.bytes().all(good) {
                return Err(OptionError::Congestion(shown(value)));
            }
            options.congestion = value.into();
        }
        if let Some(value) = given.ecn {
            options.ecn = match value {
                "off" => Ecn::Off,
                "accept" => Ecn::Accept,
                "offer" => Ecn::Offer,
                _ => return Err(OptionError::Ecn(shown(value))),
            };
        }
        if let Some(value) = given.rps {
            options.rps = match value {
                "on" => true,
                "off" => false,
                _ => return Err(OptionError::Rps(shown(value))),
            };
        }
        for word in given.nic.into_iter().flat_map(|value| value.split(',')) {
            *options.unused.named(word).ok_or_else(|| OptionError::Nic(shown(word)))? = true;
        }
        if let Some(value) = given.tx_copybreak {
            options.tx_copybreak = Some(value.parse().map_err(|_| OptionError::TxCopybreak(shown(value)))?);
        }
        Ok(options)
    }
}

impl Unused {
    fn named(&mut self, word: &str) -> Option<&mut bool> {
        Some(match word {
            "no-csum" => &mut self.csum,
            "no-guest-csum" => &mut self.guest_csum,
            "no-tso" => &mut self.tso,
            "no-guest-tso" => &mut self.guest_tso,
            "no-event-idx" => &mut self.event_idx,
            "no-mq" => &mut self.mq,
            _ => return None,
        })
    }
}

fn address(ip: Option<&str>, gateway: Option<&str>) -> Result<Address, OptionError> {
    let ip = match ip {
        None | Some("dhcp") if gateway.is_some() => return Err(OptionError::GatewayWithDhcp),
        None | Some("dhcp") => return Ok(Address::Dhcp),
        Some(ip) => ip,
    };
    let parts = ip.split_once('/').and_then(|(address, prefix)| Some((address.parse().ok()?, prefix.parse().ok()?)));
    let Some((address, prefix @ 1..=31)) = parts else {
        return Err(OptionError::Ip(shown(ip)));
    };
    let mask = u32::MAX << (32 - u32::from(prefix));
    let host = |address: Ipv4Addr| {
        let part = u32::from(address) & !mask;
        // A network of two addresses has neither a network's nor a broadcast address (RFC 3021 section 2.1).
        let reserved = prefix < 31 && (part == 0 || part == !mask);
        if reserved
            || address.is_loopback()
            || address.is_multicast()
            || address.octets()[0] == 0
            || address.octets()[0] >= 240
        {
            return Err(OptionError::NoHostAddress(address));
        }
        Ok(address)
    };
    let address = host(address)?;
    let gateway = match gateway {
        None => None,
        Some(text) => {
            let gateway: Ipv4Addr = text.parse().map_err(|_| OptionError::Gateway(shown(text)))?;
            if u32::from(gateway) & mask != u32::from(address) & mask || gateway == address {
                return Err(OptionError::GatewayElsewhere(gateway));
            }
            Some(host(gateway)?)
        }
    };
    Ok(Address::Static { address, prefix, gateway })
}

/// A word as a message quotes it: short and printable.
fn shown(word: &str) -> String {
    word.chars().take(60).map(|character| if character.is_control() { '?' } else { character }).collect()
}

#[cfg(test)]
mod tests;
