//! The network stack of one processor.
//!
//! A [`Stack`] takes bursts of frames from a link, checks each ([`frame`](crate::frame)), gives TCP segments to the processor's own
//! [engine](crate::tcp) and hands frames of other processors' connections over. Processor 0 also runs the host functions:
//! ARP, ICMP echo, DHCP and UDP, by smoltcp. One activity of an event loop is: [`Stack::receive`], the services, [`Stack::transmit`].
//!
//! # Limits, and what happens at them
//! | what | limit | beyond it |
//! |---|---|---|
//! | frames waiting for the host functions | 64 | dropped, counted (`host_full`) |
//! | frames of the host functions waiting for the link | 64 | nothing more is taken from the queue above |
//! | UDP ports | 8 | [`UdpError::TooManyPorts`] |
//! | datagrams waiting at a UDP port | [`UdpLimits`] | dropped coming in, [`UdpError::Full`] going out |
//! | neighbours known by ARP | 64 | the oldest is forgotten |
//! | frames on their way between processors | [`Sizes`](crate::handover::Sizes) | see [`handover`](crate::handover) |
//! | connections, half-open ones, their buffers | the engine's [`Config`](crate::tcp::Config) | see [`tcp`](crate::tcp) |

mod config;
mod counters;
mod device;
mod host;
mod link;
mod probe;
mod queue;
mod shared;
#[allow(clippy::module_inception)]
mod stack;
mod udp;
mod wire;

#[cfg(test)]
mod tests;

pub use config::{Addressing, Config, ConfigError, MAXIMUM_MTU, MINIMUM_MTU};
pub use counters::Counters;
pub use link::{Full, Offloads, PartialChecksum, Receive, RxMeta, Segmentation, Transmit, TxMeta};
pub use shared::Shared;
pub use smoltcp::wire::{IpAddress, IpEndpoint, Ipv4Address, Ipv4Cidr};
pub use stack::{Event, First, Stack};
pub use udp::{Udp, UdpError, UdpLimits, UdpPeer};
