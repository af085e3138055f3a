//! The services for datagrams on processor 0, which has all of them: echo and the streams of iperf3.

use alloc::sync::Arc;

use protocols::stack::{Stack, Transmit, Udp, UdpError, UdpLimits, UdpPeer};
use protocols::time::Instant;

use crate::echo::Echo;
use crate::iperf3::{self, Lobby};
use crate::service::{DatagramPort, System};

/// Their ports.
pub(super) const PORTS: [u16; 2] = [Echo::PORT, iperf3::Datagrams::PORT];
/// Datagrams of echo that may wait in each direction.
const DATAGRAMS: usize = 128;
/// Those of iperf3: what two bursts of the card bring.
const STREAMED: usize = 256;
/// Octets of the longest datagram of an ordinary link; of longer ones fewer may wait.
const LONGEST: usize = 1472;
/// Datagrams that echo answers in one turn.
const BUDGET: usize = 64;
/// Ports below belong to services. An answer to one could be answered again without end (CERT CA-1996-01).
const CLIENTS: u16 = 1024;

/// The services.
pub(super) struct DatagramServices {
    echo: Udp,
    iperf3: Udp,
    streams: iperf3::Datagrams,
}

/// The stack as the services use it in one turn.
struct Link<'a> {
    now: Instant,
    stack: &'a mut Stack,
    tx: &'a mut dyn Transmit,
}

/// A bound port of the stack.
struct Port<'a, 'b>(&'a mut Link<'b>, Udp);

impl DatagramPort for Port<'_, '_> {
    fn receive(&mut self, each: &mut dyn FnMut(&[u8], UdpPeer)) -> bool {
        self.0.stack.udp_receive(self.1, each)
    }

    fn send(&mut self, to: UdpPeer, octets: &[u8]) -> Result<(), UdpError> {
        match self.offer(to, octets) {
            Err(UdpError::Full) => self.0.stack.udp_send(self.1, to, octets),
            done => done,
        }
    }

    fn offer(&mut self, to: UdpPeer, octets: &[u8]) -> Result<(), UdpError> {
        self.0.stack.udp_transmit(self.0.now, self.1, to, octets, self.0.tx)
    }
}

impl DatagramServices {
    pub(super) fn open(stack: &mut Stack, lobby: Arc<Lobby>) -> Result<Self, UdpError> {
        let mut bind = |port, datagrams| stack.udp_bind(port, UdpLimits { datagrams, octets: datagrams * LONGEST });
        let (echo, iperf3) = (bind(PORTS[0], DATAGRAMS)?, bind(PORTS[1], STREAMED)?);
        Ok(Self { echo, iperf3, streams: iperf3::Datagrams::new(lobby) })
    }

    /// Answers what has come, and sends what is due. Returns whether there may be more.
    pub(super) fn turn(
        &mut self,
        now: Instant,
        (stack, tx): (&mut Stack, &mut dyn Transmit),
        system: &dyn System,
        processor: usize,
        scratch: &mut [u8],
    ) -> bool {
        let mut link = Link { now, stack, tx };
        let more = self.streams.turn(now, &mut Port(&mut link, self.iperf3), system, processor, scratch);
        echo(&mut Port(&mut link, self.echo), scratch) || more
    }

    /// When `turn` has something to do though nothing comes.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.streams.next_deadline()
    }
}

/// Echo (RFC 862): what comes is sent back. Returns whether there may be more.
fn echo(port: &mut Port<'_, '_>, scratch: &mut [u8]) -> bool {
    for _ in 0..BUDGET {
        let mut datagram = None;
        let came = port.receive(&mut |octets, peer| {
            // The link carries none that is longer.
            let length = octets.len().min(scratch.len());
            scratch[..length].copy_from_slice(&octets[..length]);
            datagram = Some((length, peer));
        });
        let Some((length, peer)) = datagram.filter(|_| came) else { return false };
        if peer.remote.port < CLIENTS {
            continue;
        }
        if let Err(error) = port.send(peer, &scratch[..length]) {
            log::debug!("echo: a datagram was dropped: {error}");
        }
    }
    true
}
