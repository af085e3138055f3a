//! The network stack of one processor.
//!
//! A [`Stack`] takes bursts of frames from a link, checks each ([`frame`](crate::frame)), gives TCP segments to the processor's own
//! [engine](crate::tcp) and hands frames of other processors' connections over. Processor 0 also runs the host functions:
//! ARP, Neighbor Discovery, ICMP echo, DHCP and UDP, by smoltcp. One activity of an event loop is: [`Stack::receive`], the services, [`Stack::transmit`].
//!
//! ```
//! use std::{collections::VecDeque, sync::Arc};
//! use protocols::{congestion::lookup, handover::Hub, stack::*, steering::Steering, tcp, time::Instant};
//!
//! /// A link in memory, one direction.
//! #[derive(Default)]
//! struct Link(VecDeque<Vec<u8>>);
//!
//! impl Receive for Link {
//!     fn receive(&mut self, budget: usize, each: &mut dyn FnMut(&mut [u8], RxMeta)) -> usize {
//!         let count = self.0.len().min(budget);
//!         self.0.drain(..count).for_each(|mut frame| each(&mut frame, RxMeta::default()));
//!         count
//!     }
//! }
//!
//! impl Transmit for Link {
//!     fn offloads(&self) -> Offloads {
//!         Offloads::default()
//!     }
//!     fn transmit(&mut self, len: usize, _: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
//!         self.0.push_back(vec![0; len]);
//!         fill(self.0.back_mut().unwrap());
//!         Ok(())
//!     }
//!     fn flush(&mut self) {}
//! }
//!
//! let config = Config { mac: [0x52, 0x54, 0, 0, 0, 1], mtu: 1500, addressing: Addressing::Dhcp, addressing6: Addressing6::Off };
//! let reno = lookup("reno").ok_or("no such controller")?;
//! let engine = tcp::Engine::new(tcp::Config::default(), tcp::Secrets::from_seed([1; 32]), reno.standalone());
//! // A real system takes the seeds and the key from a source of randomness.
//! let first = First { seed: 1, steering: Steering::new([1; 16], 1), hub: Hub::default() };
//! let now = Instant::ZERO;
//! let mut stack = Stack::first(&config, Arc::new(Shared::new()), engine, first, now)?;
//! stack.engine().listen(7, 16)?;
//!
//! let (mut rx, mut tx) = (Link::default(), Link::default());
//! stack.receive(now, &mut rx, &mut tx, 64);
//! while stack.transmit(now, &mut tx) {}
//! assert_eq!(tx.0.len(), 1, "the DHCP client has asked for an address");
//! assert_eq!(stack.address(), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits, and what happens at them
//! | what | limit | beyond it |
//! |---|---|---|
//! | frames waiting for the host functions | 64 | dropped, counted (`host_full`) |
//! | frames of the host functions waiting for the link | 64 | nothing more is taken from the queue above |
//! | messages of Neighbor Discovery and reports of groups waiting for the link | 32 | not made; reports wait |
//! | UDP ports | 8 | [`UdpError::TooManyPorts`] |
//! | datagrams waiting at a UDP port | [`UdpLimits`] | dropped coming in, [`UdpError::Full`] going out |
//! | octets waiting for the turn of their class | 128 KiB for each class, without what connections keep | frames of the host functions are dropped, counted (`dropped` of the class) |
//! | ways that datagrams take without smoltcp | 16 | the oldest is found out again |
//! | neighbors known by ARP and Neighbor Discovery | 64 | the oldest is forgotten |
//! | frames on their way between processors | [`Sizes`](crate::handover::Sizes) | see [`handover`](crate::handover) |
//! | connections, half-open ones, their buffers | the engine's [`Config`](crate::tcp::Config) | see [`tcp`](crate::tcp) |

mod autoconf;
mod config;
mod counters;
mod datagram;
mod device;
mod filter;
mod gate;
mod host;
mod ip;
mod link;
mod listener;
mod probe;
mod queue;
mod reject;
mod scheduler;
mod shared;
#[allow(clippy::module_inception)]
mod stack;
mod udp;
mod ways;
mod wire;

#[cfg(test)]
mod tests;

pub use crate::tcp::{Part, Payload};
pub use config::{Addressing, Addressing6, Config, ConfigError, MAXIMUM_MTU, MINIMUM_MTU, MINIMUM_MTU6};
pub use counters::Counters;
pub use link::{Fill, Full, Offloads, PartialChecksum, Receive, RxMeta, Segmentation, Transmit, TxMeta};
pub use shared::Shared;
pub use smoltcp::wire::{IpAddress, IpEndpoint, Ipv4Address, Ipv4Cidr, Ipv6Address, Ipv6Cidr};
pub use stack::{Event, First, Relay, Stack};
pub use udp::{Udp, UdpError, UdpLimits, UdpPeer};
