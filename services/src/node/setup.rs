//! From options to a configuration, and what can go wrong before anything runs.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use protocols::congestion;
use protocols::stack::{self, Addressing, Addressing6, ConfigError, Ipv4Cidr, Ipv6Cidr, UdpError};
use protocols::tcp::ListenError;
use swapper::{ObjectError, SystemError};

use crate::options::{Address, Address6, MTU_DEFAULT, Options};

/// Any station's address, in place of a card's.
const STATION: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// Whether a system can have these options, as far as that can be said without its network card: for whoever starts one elsewhere, beforehand.
///
/// # Errors
/// What is wrong with them: [`SetupError::Congestion`] or [`SetupError::Stack`].
pub fn check(options: &Options) -> Result<(), SetupError> {
    controller(options)?;
    stack(options, STATION, u16::MAX).map(drop)
}

/// Place of the controller of that name in the list of implementations.
pub(super) fn controller(options: &Options) -> Result<usize, SetupError> {
    let all = congestion::implementations();
    all.iter().position(|controller| controller.name == options.congestion).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|controller| controller.name).collect();
        SetupError::Congestion(options.congestion.clone(), names.join(", "))
    })
}

/// The configuration of the stack on a card of this address, which carries packets of so many octets at most.
pub(super) fn stack(options: &Options, mac: [u8; 6], most: u16) -> Result<stack::Config, SetupError> {
    let addressing = match options.address {
        Address::Dhcp => Addressing::Dhcp,
        Address::Static { address, prefix, gateway } => {
            Addressing::Static { address: Ipv4Cidr::new(address, prefix), gateway }
        }
    };
    let addressing6 = match options.address6 {
        Address6::Off => Addressing6::Off,
        Address6::Auto => Addressing6::Auto,
        Address6::Static { address, prefix, gateway } => {
            Addressing6::Static { address: Ipv6Cidr::new(address, prefix), gateway }
        }
    };
    let mtu = options.mtu.unwrap_or(MTU_DEFAULT.min(most));
    if mtu > most {
        return Err(SetupError::Mtu { asked: mtu, most });
    }
    let stack = stack::Config { mac, mtu: usize::from(mtu), addressing, addressing6 };
    stack.check().map_err(SetupError::Stack)?;
    Ok(stack)
}

/// A system that cannot be set up. `Display` gives one sentence.
#[derive(Debug)]
pub enum SetupError {
    /// There is no congestion controller of this name; the second is the list of those that there are.
    Congestion(String, String),
    /// The MTU is above what the network card carries.
    Mtu {
        /// What the options say.
        asked: u16,
        /// What the card carries.
        most: u16,
    },
    /// The stack's configuration.
    Stack(ConfigError),
    /// The swapper cannot have this system, or not this processor.
    System(SystemError),
    /// A clustered object (congestion controller, classifier) could not be published or bound.
    Object(ObjectError),
    /// A port of a service cannot be listened on.
    Listen(&'static str, ListenError),
    /// The control port cannot be bound.
    Control(UdpError),
    /// The ports of the services for datagrams cannot be bound.
    Datagrams(UdpError),
    /// The node of this processor came before that of processor 0.
    Order(usize),
    /// There is no such processor, or it has its node already.
    Processor(usize),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetupError::Congestion(name, names) => {
                write!(f, "congestion={name} is no controller; there are {names}")
            }
            SetupError::Mtu { asked, most } => {
                write!(f, "mtu={asked} is above the {most} octets that the network card carries")
            }
            SetupError::Stack(error) => error.fmt(f),
            SetupError::System(error) => error.fmt(f),
            SetupError::Object(error) => write!(f, "a clustered object: {error}"),
            SetupError::Listen(service, error) => write!(f, "{service} cannot listen: {error}"),
            SetupError::Control(error) => write!(f, "the control port: {error}"),
            SetupError::Datagrams(error) => write!(f, "echo or iperf3 cannot have its UDP port: {error}"),
            SetupError::Order(processor) => {
                write!(f, "the node of processor {processor} was made before that of processor 0")
            }
            SetupError::Processor(processor) => write!(f, "there is no processor {processor} without a node"),
        }
    }
}

impl core::error::Error for SetupError {}
