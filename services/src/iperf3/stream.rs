//! One data connection of a test, on its processor.

use alloc::sync::Arc;

use protocols::tcp::{ConnId, Error};
use protocols::time::{Duration, Instant};

use super::lobby::{Count, Report};
use super::parameters::Parameters;
use crate::service::Sockets;

/// A sender that is limited to a rate looks this often whether it may send again.
const PACE: Duration = Duration::from_millis(1);
/// Data is told to the lobby at most this often, because all processors share that.
const NOTE: Duration = Duration::from_secs(1);

/// A data connection.
#[derive(Debug)]
pub(super) struct Stream {
    /// Number of the test.
    pub(super) test: u64,
    flow: Flow,
    /// What it sends, over and over.
    block: Arc<[u8]>,
    bytes: u64,
    /// What was counted when data was last told to the lobby.
    noted: u64,
    /// What was counted before the end of the omission.
    omitted: u64,
    omitted_retransmits: u64,
    /// When the omission ends.
    omit_until: Option<Instant>,
    /// When a limited sender may send again.
    resume: Option<Instant>,
    /// When data is told to the lobby again.
    note_at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flow {
    /// The test has not begun. What comes early counts.
    Waiting,
    Receiving,
    Sending {
        since: Instant,
        block: u64,
        rate: u64,
        rest: u64,
    },
}

impl Stream {
    pub(super) fn new(test: u64, block: Arc<[u8]>) -> Stream {
        Stream {
            test,
            flow: Flow::Waiting,
            block,
            bytes: 0,
            noted: 0,
            omitted: 0,
            omitted_retransmits: 0,
            omit_until: None,
            resume: None,
            note_at: Instant::ZERO,
        }
    }

    /// The test begins.
    pub(super) fn start(&mut self, sends: bool, parameters: &Parameters, now: Instant) {
        if self.flow != Flow::Waiting {
            return;
        }
        let rest = parameters.share().unwrap_or(u64::MAX);
        self.flow = match sends {
            true => Flow::Sending { since: now, block: parameters.block, rate: parameters.rate, rest },
            false => Flow::Receiving,
        };
        if parameters.omit > 0 {
            self.omit_until = Some(now + Duration::from_secs(parameters.omit));
        }
    }

    /// The test is over. Returns what was counted.
    pub(super) fn stop(&self, conn: ConnId, tcp: &mut dyn Sockets) -> Report {
        let sent = matches!(self.flow, Flow::Sending { .. });
        let retransmits = match sent {
            true => tcp.retransmits(conn).saturating_sub(self.omitted_retransmits).cast_signed(),
            false => -1,
        };
        if sent {
            // The client reads to the end or has gone; either is well.
            let _ = tcp.shutdown(conn);
        }
        Report { bytes: self.bytes - self.omitted, retransmits, datagrams: Count::default() }
    }

    /// When `tick` has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match (self.omit_until, self.resume) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Does what is due; `pump` has to follow.
    pub(super) fn tick(&mut self, conn: ConnId, tcp: &dyn Sockets, now: Instant) {
        if self.omit_until.is_some_and(|until| until <= now) {
            self.omit_until = None;
            self.omitted = self.bytes;
            self.omitted_retransmits = tcp.retransmits(conn);
        }
        if self.resume.is_some_and(|resume| resume <= now) {
            self.resume = None;
        }
    }

    /// Receives or sends as much as is possible now. Returns whether the lobby should know that data moves.
    ///
    /// # Errors
    /// As the engine's; `Finished` when the client will send no more.
    pub(super) fn pump(&mut self, conn: ConnId, tcp: &mut dyn Sockets, now: Instant) -> Result<bool, Error> {
        match self.flow {
            Flow::Sending { .. } => {
                // The client sends nothing here, but this is how its end is seen.
                while tcp.recv_with(conn, &mut |octets| octets.len())? > 0 {}
                self.send(conn, tcp, now)?;
            }
            Flow::Waiting | Flow::Receiving => while self.receive(conn, tcp)? > 0 {},
        }
        // A sender that waits for its rate is not stuck.
        let note = now >= self.note_at && (self.bytes != self.noted || self.resume.is_some());
        if note {
            self.noted = self.bytes;
            self.note_at = now + NOTE;
        }
        Ok(note)
    }

    /// Takes octets of the client where they lie.
    pub(super) fn take(&mut self, octets: usize) -> usize {
        // As in `pump`: from a client that receives nothing counts.
        if !matches!(self.flow, Flow::Sending { .. }) {
            self.bytes += octets as u64;
        }
        octets
    }

    fn receive(&mut self, conn: ConnId, tcp: &mut dyn Sockets) -> Result<usize, Error> {
        let received = tcp.recv_with(conn, &mut |octets| octets.len())?;
        self.bytes += received as u64;
        Ok(received)
    }

    fn send(&mut self, conn: ConnId, tcp: &mut dyn Sockets, now: Instant) -> Result<(), Error> {
        let Flow::Sending { since, block, rate, mut rest } = self.flow else { return Ok(()) };
        while rest > 0 {
            if rate > 0 {
                let elapsed = now.total_micros().saturating_sub(since.total_micros()).cast_unsigned();
                // Like the client: a block goes out whenever the average is below the rate.
                if u128::from(self.bytes) * 1_000_000 > u128::from(rate) * u128::from(elapsed) {
                    self.resume = Some(now + PACE);
                    break;
                }
            }
            let most = usize::try_from(if rate > 0 { rest.min(block) } else { rest }).unwrap_or(usize::MAX);
            // What continues where the last block ended is nothing new to the engine.
            let start = self.bytes % self.block.len() as u64;
            let sent = tcp.send_lent(conn, &self.block, start as usize, most)?;
            self.bytes += sent as u64;
            rest -= sent as u64;
            // The buffer is full; the engine tells when there is room.
            if sent < most {
                break;
            }
        }
        self.flow = Flow::Sending { since, block, rate, rest };
        Ok(())
    }
}
