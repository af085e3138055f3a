//! The one test that runs, as all processors see it.
//!
//! The streams of a test live on whatever processors the steering sends them to. What they count stays there; the lobby
//! holds what they have to agree on, and is touched only when the test goes from one phase to the next.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use protocols::stack::{IpAddress, UdpPeer};
use protocols::tcp::ConnId;
use protocols::time::Instant;
use spin::mutex::SpinMutex;

use super::parameters::{Mode, Parameters};
use super::wire::Cookie;
use crate::service::System;

/// Shared by the iperf3 services of all processors.
#[derive(Debug)]
pub struct Lobby {
    /// Octets of the longest IP packet of the link.
    mtu: usize,
    /// Counts the changes of `test`, so that a processor sees without the lock whether there is something to look at.
    changes: AtomicU64,
    /// Time of the last data of any stream, microseconds; each processor notes it about once a second.
    moved_us: AtomicU64,
    test: SpinMutex<State>,
    /// What all streams send.
    block: Arc<[u8]>,
}

/// Octets of what streams send over and over, each of which shows its place: no segment that a card cuts is longer, so that each lies in two pieces at most.
const BLOCK: usize = 64 << 10;

#[derive(Debug, Default)]
pub(super) struct State {
    /// Number of the test that came last.
    pub(super) number: u64,
    pub(super) test: Option<Test>,
}

/// Where a test stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Phase {
    /// The control connection exchanges parameters.
    Parameters,
    /// Streams connect.
    Creating,
    /// All streams are there.
    Ready,
    /// Data flows since then.
    Running(Instant),
    /// The client ended the test then; the processors report what they counted.
    Ending(Instant, Instant),
}

/// The test.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) number: u64,
    pub(super) cookie: Cookie,
    /// Who asked for it, once that is known; datagrams of others belong to no stream of it.
    pub(super) client: Option<IpAddress>,
    pub(super) parameters: Option<Parameters>,
    pub(super) phase: Phase,
    /// In the order in which the client opened them, once all are there.
    pub(super) streams: Vec<Stream>,
}

/// What a stream is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A connection of this processor.
    Connection { processor: usize, conn: ConnId },
    /// The datagrams of this peer.
    Datagrams(UdpPeer),
}

/// One stream of the test.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) place: Place,
    /// When its connection was accepted, or the datagram came that began it.
    pub(super) accepted: Instant,
    /// As the client numbers it: 1, 3, 4, 5 …
    pub(super) id: u32,
    /// Whether the server sends on it.
    pub(super) sends: bool,
    pub(super) report: Option<Report>,
}

/// What a processor counted of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Report {
    pub(super) bytes: u64,
    pub(super) retransmits: i64,
    pub(super) datagrams: Count,
}

/// What was counted of datagrams; nothing of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Count {
    /// The highest number that was sent or received, so all that there are.
    pub(super) packets: u64,
    /// Of those, what did not arrive.
    pub(super) errors: u64,
    /// Of both, what was counted before the end of the omission.
    pub(super) omitted_packets: u64,
    pub(super) omitted_errors: u64,
    /// Seconds, smoothed (RFC 3550 section 6.4.1).
    pub(super) jitter: f64,
}

/// What a cookie opens.
#[derive(Debug, PartialEq)]
pub(super) enum Admission {
    /// The control connection of the test with this number.
    Control(u64),
    /// A stream of the test with this number; whether it is the last of them.
    Stream { test: u64, last: bool },
    /// Another test runs.
    Busy,
}

/// Octets of the headers of a datagram: UDP's and those of IP (RFC 768, RFC 791, RFC 8200).
const UDP_HEADER: usize = 8;
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;

impl Lobby {
    /// Without a test, on a link with this MTU in octets.
    pub fn new(mtu: usize) -> Self {
        Lobby {
            mtu,
            changes: AtomicU64::new(0),
            moved_us: AtomicU64::new(0),
            test: SpinMutex::default(),
            block: (0..BLOCK).map(|at| (at ^ at >> 8) as u8).collect(),
        }
    }

    /// Octets of the longest datagram that needs no fragments on its way to `client`.
    pub(super) fn longest(&self, client: Option<IpAddress>) -> u64 {
        let ip = if matches!(client, None | Some(IpAddress::Ipv4(_))) { IPV4_HEADER } else { IPV6_HEADER };
        self.mtu.saturating_sub(ip + UDP_HEADER) as u64
    }

    /// What streams send, over and over.
    pub(super) fn block(&self) -> Arc<[u8]> {
        self.block.clone()
    }

    /// How often the test has changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Tells every processor that the test has changed.
    pub(super) fn announce(&self, system: &dyn System, except: usize) {
        self.changes.fetch_add(1, Ordering::Release);
        (0..system.processors()).filter(|&processor| processor != except).for_each(|processor| system.wake(processor));
    }

    /// Notes that data moved.
    pub(super) fn moved(&self, now: Instant) {
        self.moved_us.fetch_max(now.total_micros().cast_unsigned(), Ordering::Relaxed);
    }

    /// When data moved last.
    pub(super) fn last_moved(&self) -> Instant {
        Instant::from_micros(self.moved_us.load(Ordering::Relaxed).cast_signed())
    }

    /// Looks at the test, or changes it; who changes it has to `announce` that. `look` must be short.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.test.lock())
    }

    /// Decides about a connection that has shown its cookie.
    pub(super) fn admit(&self, cookie: Cookie, processor: usize, conn: ConnId, accepted: Instant) -> Admission {
        self.with(|state| match &mut state.test {
            None => {
                state.number += 1;
                let number = state.number;
                state.test = Some(Test {
                    number,
                    cookie,
                    client: None,
                    parameters: None,
                    phase: Phase::Parameters,
                    streams: Vec::new(),
                });
                Admission::Control(number)
            }
            Some(test) => match &test.parameters {
                Some(parameters) if test.phase == Phase::Creating && !parameters.datagrams && test.cookie == cookie => {
                    let last = test.add(Place::Connection { processor, conn }, accepted);
                    Admission::Stream { test: test.number, last }
                }
                _ => Admission::Busy,
            },
        })
    }

    /// Decides about a peer that asks by a datagram to be a stream: the number of the test, and whether this is the last stream of it.
    pub(super) fn admit_datagrams(&self, peer: UdpPeer, came: Instant) -> Option<(u64, bool)> {
        self.with(|state| {
            let test = state.test.as_mut().filter(|test| test.phase == Phase::Creating)?;
            let wanted = test.parameters.as_ref().is_some_and(|parameters| parameters.datagrams);
            // A forged source address must not make this server send to whoever has that address.
            let known = test.client == Some(peer.remote.addr);
            (wanted && known).then(|| (test.number, test.add(Place::Datagrams(peer), came)))
        })
    }

    /// Runs `change` on the test if it is still the one with this number.
    pub(super) fn change<T>(&self, number: u64, change: impl FnOnce(&mut Test) -> T) -> Option<T> {
        self.with(|state| state.test.as_mut().filter(|test| test.number == number).map(change))
    }

    /// Ends the test if it is still the one with this number.
    pub(super) fn end(&self, number: u64) -> Option<Test> {
        self.with(
            |state| {
                if state.test.as_ref().is_some_and(|test| test.number == number) { state.test.take() } else { None }
            },
        )
    }
}

impl Test {
    /// Adds a stream. Returns whether it is the last.
    fn add(&mut self, place: Place, accepted: Instant) -> bool {
        self.streams.push(Stream { place, accepted, id: 0, sends: false, report: None });
        let last = self.parameters.as_ref().filter(|asked| self.streams.len() == asked.streams());
        if let Some(parameters) = last {
            number_streams(&mut self.streams, parameters);
            self.phase = Phase::Ready;
        }
        last.is_some()
    }

    /// Keeps what was counted of a stream. Returns whether all are known now that the test is over.
    pub(super) fn deliver(&mut self, place: Place, report: Report) -> bool {
        if let Some(own) = self.streams.iter_mut().find(|own| own.place == place) {
            own.report.get_or_insert(report);
        }
        matches!(self.phase, Phase::Ending(..)) && self.streams.iter().all(|stream| stream.report.is_some())
    }
}

/// Gives each stream its number and direction.
///
/// The client opens them one after another, each after it has seen the answer to the one before; so the order of their
/// acceptance is that order, on whatever processors they are. It numbers them 1, 3, 4, 5 …, and of a test in both
/// directions the first half sends to the server.
fn number_streams(streams: &mut [Stream], parameters: &Parameters) {
    streams.sort_by_key(|stream| stream.accepted);
    for (index, stream) in streams.iter_mut().enumerate() {
        stream.id = if index == 0 { 1 } else { index as u32 + 2 };
        stream.sends = match parameters.mode {
            Mode::Receive => false,
            Mode::Send => true,
            Mode::Both => index >= parameters.parallel,
        };
    }
}
