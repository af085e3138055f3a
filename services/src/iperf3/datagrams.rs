//! The streams of a test over UDP, on the processor that has all datagrams.
//!
//! UDP knows no connections, so the client opens a stream by a datagram of four octets and waits for four octets in answer. After that the
//! first octets of each datagram say when it was sent and which one it is ([`header`]); from these the receiver knows what was lost.

pub(super) mod header;
mod stream;

use alloc::sync::Arc;
use alloc::vec::Vec;

use protocols::stack::UdpPeer;
use protocols::time::{Duration, Instant};

use super::Iperf3;
use super::lobby::{Lobby, Phase, Place};
use super::parameters::Parameters;
use crate::service::{DatagramPort, System};
use stream::Stream;

/// Datagrams that are looked at in one turn.
const RECEIVED: usize = 256;
/// Datagrams that all streams together send in one turn.
const SENT: usize = 64;
/// Data is told to the lobby at most this often, because all processors share that.
const NOTE: Duration = Duration::from_secs(1);

/// The streams.
pub struct Datagrams {
    lobby: Arc<Lobby>,
    /// Changes of the lobby that were looked at.
    seen: u64,
    /// Number of the test that has the streams.
    test: u64,
    /// What the test asks for, once it runs.
    running: Option<Parameters>,
    streams: Vec<Stream>,
    /// Which of them the last datagram belonged to, and which sends first next time.
    last: usize,
    first: usize,
    /// What is sent: zeros behind the header.
    block: Vec<u8>,
    /// Octets of all streams when the lobby was told, and when it is told again.
    noted: u64,
    note_at: Instant,
}

impl Datagrams {
    /// Its port, that of the service on TCP.
    pub const PORT: u16 = Iperf3::PORT;

    /// Without streams; the lobby is that of all processors.
    pub fn new(lobby: Arc<Lobby>) -> Datagrams {
        Datagrams {
            seen: lobby.changes(),
            lobby,
            test: 0,
            running: None,
            streams: Vec::new(),
            last: 0,
            first: 0,
            block: Vec::new(),
            noted: 0,
            note_at: Instant::ZERO,
        }
    }

    /// One turn of `processor`. Returns whether there is more to do at once.
    pub fn turn(
        &mut self,
        now: Instant,
        port: &mut dyn DatagramPort,
        system: &dyn System,
        processor: usize,
        scratch: &mut [u8],
    ) -> bool {
        // What came before the end of a test counts, that before the end of its omission does not.
        self.streams.iter_mut().for_each(|stream| stream.tick(now));
        let more = self.receive(now, port, system, processor, scratch);
        let changes = self.lobby.changes();
        if changes != self.seen {
            self.seen = changes;
            self.notice(now, system, processor);
        }
        let more = self.send(now, port) || more;
        if now >= self.note_at && !self.streams.is_empty() {
            let bytes = self.streams.iter().map(Stream::bytes).sum();
            if bytes != self.noted {
                (self.noted, self.note_at) = (bytes, now + NOTE);
                self.lobby.moved(now);
            }
        }
        more
    }

    /// When `turn` has something to do though nothing comes.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.streams.iter().filter_map(Stream::deadline).min()
    }

    /// Takes what has come. Returns whether there may be more.
    fn receive(
        &mut self,
        now: Instant,
        port: &mut dyn DatagramPort,
        system: &dyn System,
        processor: usize,
        scratch: &mut [u8],
    ) -> bool {
        for _ in 0..RECEIVED {
            let mut asks = None;
            let came = port.receive(&mut |datagram, peer| match self.stream_of(peer) {
                Some(at) => {
                    let wide = self.running.is_some_and(|parameters| parameters.wide);
                    self.streams[at].take(datagram, wide, now);
                }
                None => asks = (datagram.len() == header::HELLO).then(|| (peer, header::welcome(datagram))),
            });
            if !came {
                return false;
            }
            let Some((peer, welcome)) = asks else { continue };
            if let Some((test, last)) = self.lobby.admit_datagrams(peer, now) {
                if test != self.test {
                    self.forget(test);
                }
                self.streams.push(Stream::new(peer));
                scratch[..header::HELLO].copy_from_slice(&welcome);
                if let Err(error) = port.send(peer, &scratch[..header::HELLO]) {
                    log::warn!("iperf3: a stream got no answer: {error}");
                }
                if last {
                    self.lobby.announce(system, processor);
                }
            }
        }
        true
    }

    /// The stream of a peer.
    fn stream_of(&mut self, peer: UdpPeer) -> Option<usize> {
        if self.streams.get(self.last).is_none_or(|stream| stream.peer != peer) {
            self.last = self.streams.iter().position(|stream| stream.peer == peer)?;
        }
        Some(self.last)
    }

    /// The lobby has changed.
    fn notice(&mut self, now: Instant, system: &dyn System, processor: usize) {
        if self.streams.is_empty() {
            return;
        }
        let streams = &mut self.streams;
        let found = self.lobby.change(self.test, |test| {
            let mut whole = false;
            for stream in streams.iter_mut() {
                let place = Place::Datagrams(stream.peer);
                match (test.phase, &test.parameters) {
                    (Phase::Running(_), Some(parameters)) => {
                        let sends = test.streams.iter().any(|own| own.place == place && own.sends);
                        stream.start(sends, parameters, now);
                    }
                    (Phase::Ending(..), _) => whole = test.deliver(place, stream.report()),
                    _ => {}
                }
            }
            (test.phase, test.parameters, whole)
        });
        match found {
            Some((Phase::Running(_), Some(parameters), _)) => {
                self.block.clear();
                self.block.resize(usize::try_from(parameters.block).unwrap_or_default(), 0);
                self.running = Some(parameters);
            }
            Some((Phase::Ending(..), _, whole)) => {
                self.forget(self.test);
                if whole {
                    self.lobby.announce(system, processor);
                }
            }
            Some(_) => {}
            None => self.forget(self.test),
        }
    }

    /// From now on there are no streams; those to come are of this test.
    fn forget(&mut self, test: u64) {
        (self.test, self.running, self.noted, self.note_at) = (test, None, 0, Instant::ZERO);
        self.streams.clear();
    }

    /// Sends what is due. Returns whether there is more at once.
    fn send(&mut self, now: Instant, port: &mut dyn DatagramPort) -> bool {
        let Some(parameters) = self.running else { return false };
        let count = self.streams.len();
        if count == 0 {
            return false;
        }
        // Each has its share of a turn, and another one is first each time: what is left of the queue is not always the same stream's.
        let share = (SENT / count).max(1);
        self.first = (self.first + 1) % count;
        let (mut left, mut full) = (SENT, false);
        for at in (self.first..count).chain(0..self.first) {
            let (sent, found_full) =
                self.streams[at].send(port, &mut self.block, parameters.wide, now, share.min(left));
            left -= sent;
            full |= found_full;
            if full {
                break;
            }
        }
        if full && left == SENT {
            // Each turn empties the queue as far as the link has room: there was none.
            self.streams.iter_mut().for_each(|stream| stream.wait(now));
        }
        self.next_deadline().is_some_and(|deadline| deadline <= now)
    }
}
