//! TCP: the whole protocol of RFC 9293, for one processor.
//!
//! An [`Engine`] has the connections of its processor and shares nothing with the others, but the names of its
//! connections where they are asked for ([`Directory`]). It knows nothing of platforms: time, randomness
//! and segments are passed in, and what it sends goes to an [`Egress`]. It is deterministic: the same calls give the same segments.
//!
//! ```text
//!    link ──receive()──► lookup ──► Connection ──► events ──next_event()──► service
//!      ▲                               │  ▲                                    │
//!      └───Egress::send() ◄── poll() ──┘  └──── send(), recv(), close() … ◄────┘
//! ```
//!
//! Segments are taken one by one with [`Engine::receive`]; [`Engine::poll`] ends a burst: it lets timers expire and sends everything that
//! has become due, ACKs included, so that an ACK goes with data where it can and a burst has few ACKs. What must not wait for the end of
//! the burst (ACKs for segments out of order, challenge ACKs, resets) is sent by `receive`.
//!
//! Octets that come in order go into the connection's receive buffer, unless the service takes them where they lie:
//! [`Engine::receive_with`] offers them to an [`Intake`] first, if nothing waits before them, which may answer at once. A service that has its octets in
//! memory anyway lends them ([`Engine::send_lent`]): a segment names where they lie ([`Part`]), and a link may read them there.
//!
//! Beyond RFC 9293: window scaling, timestamps and PAWS (RFC 7323), SACK both ways (RFC 2018, 2883), loss found by time and tail loss probes
//! (RACK-TLP, RFC 8985), proportional rate reduction (RFC 9937), NewReno where there is no SACK (RFC 6582), needless recoveries taken back
//! (RFC 3522, 3708, 5682), retransmission timeout (RFC 6298), explicit congestion notification (RFC 3168) with a smaller reduction (RFC 8511),
//! pacing, initial sequence numbers (RFC 6528), protection against blind attacks (RFC 5961), SYN cookies (RFC 4987), TIME-WAIT reuse (RFC 6191)
//! and no assassination of it (RFC 1337). Limited transmit (RFC 3042) needs no rule of its own: what a SACK or a duplicate ACK reports as arrived is not
//! in flight any more, and cwnd lets as much follow. Window decisions belong to the controller ([`crate::congestion`]); which octets are
//! sent again belongs to the connection.
//!
//! # Example
//!
//! ```
//! use protocols::congestion::lookup;
//! use protocols::tcp::{Checksum, Config, Egress, Engine, Full, Header, Path, Payload, Secrets};
//! use protocols::time::Instant;
//! use smoltcp::wire::IpAddress;
//!
//! /// A wire: what one engine sends, the other receives.
//! struct Wire(Vec<Vec<u8>>);
//!
//! impl Egress for Wire {
//!     fn send(&mut self, _: &Path, header: &Header, payload: Payload<'_>) -> Result<(), Full> {
//!         let mut segment = vec![0; header.len()];
//!         header.write(&mut segment);
//!         payload.iter().for_each(|part| segment.extend(part.octets));
//!         self.0.push(segment);
//!         Ok(())
//!     }
//! }
//!
//! let reno = || lookup("reno").expect("it is in the registry").standalone();
//! let engine = |seed| Engine::new(Config::default(), Secrets::from_seed([seed; 32]), reno());
//! let mut engines = [engine(1), engine(2)];
//! let (a, b) = (IpAddress::v4(10, 0, 0, 1), IpAddress::v4(10, 0, 0, 2));
//! let paths = [Path { local: a, remote: b, link: [0; 6] }, Path { local: b, remote: a, link: [0; 6] }];
//! let now = Instant::from_millis(1);
//!
//! engines[1].listen(7, 16).expect("the port is free");
//! let client = engines[0].connect(now, paths[0], 7, None).expect("there is room");
//! let mut received = Vec::new();
//! for turn in 0..8 {
//!     let (from, to) = (turn % 2, 1 - turn % 2);
//!     let mut wire = Wire(Vec::new());
//!     engines[from].poll(now, &mut wire);
//!     for segment in wire.0 {
//!         engines[to].receive(now, &paths[to], &segment, Checksum::Verified, &mut Wire(Vec::new()));
//!     }
//!     while let Some(event) = engines[to].next_event() {
//!         if event.conn == client && to == 0 {
//!             engines[0].send(client, b"hello").expect("the connection is open");
//!         } else {
//!             let _ = engines[1].recv_with(event.conn, |octets| {
//!                 received.extend_from_slice(octets);
//!                 octets.len()
//!             });
//!         }
//!     }
//! }
//! assert_eq!(received, b"hello");
//! ```
//!
//! # Limits, and what happens at each
//!
//! | limit | at the limit |
//! |---|---|
//! | connections ([`Config::max_connections`]) | the SYN is dropped |
//! | connections in TIME-WAIT ([`Config::max_time_wait`]) | the oldest ends |
//! | half-open connections of a listener (`backlog`) | SYNs are answered by cookies (RFC 4987 section 3.6), or the oldest half-open one is dropped (section 3.4) |
//! | octets of buffers ([`Config::buffer_bytes`]) | received data is dropped and comes again, a service waits until it may send; before, no buffer grows beyond a quarter of what is free |
//! | ranges received out of order, per connection (256) | the segment is dropped, the peer sends it again |
//! | SACKed ranges remembered, per connection (1024) | the SACK block is ignored |
//! | pieces of lent octets, per connection (64) | nothing more is taken until the peer acknowledges |
//! | transmissions on record, per connection | sending waits for ACKs |
//! | retransmissions on their way that RACK watches, per connection (4096) | the loss of the oldest is left to the timer |
//! | resets per second, challenge ACKs per connection | not sent, counted |
//! | events | one per connection: later ones are merged into it |

mod config;
mod connection;
mod cookie;
mod counters;
mod directory;
mod egress;
mod engine;
mod error;
mod event;
mod header;
mod info;
mod intake;
mod isn;
mod limiter;
mod listener;
mod lookup;
mod memory;
mod options;
mod pacer;
mod payload;
mod prr;
mod rack;
mod ranges;
mod rate;
mod reassembly;
mod ring;
mod rto;
mod scoreboard;
mod send_buffer;
mod seq;
mod slab;
mod state;
mod time_wait;
mod timer_wheel;

#[cfg(test)]
mod tests;

pub use config::{Config, Ecn, Secrets};
pub use counters::Counters;
pub use directory::Directory;
pub use egress::{Arrival, Checksum, Egress, Full, Path, Progress};
pub use engine::Engine;
pub use error::{CloseReason, ConnectError, Error, ListenError};
pub use event::{Event, Kinds};
pub use header::{Flags, HEADER_LEN, Header, MAX_HEADER_LEN, Malformed};
pub use info::Info;
pub use intake::{Answer, Buffered, Intake};
pub(crate) use limiter::Limiter;
pub use listener::{MAX_BACKLOG, MAX_LISTENERS};
pub use options::{MAX_WINDOW_SCALE, Options, SackBlocks, Timestamps};
pub(crate) use payload::octets_of;
pub use payload::{Part, Payload};
pub use slab::ConnId;
pub use state::State;
