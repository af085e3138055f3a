//! What can go wrong before anything runs.

use alloc::string::String;
use core::fmt;

use protocols::stack::{ConfigError, UdpError};
use protocols::tcp::ListenError;
use swapper::{ObjectError, SystemError};

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
