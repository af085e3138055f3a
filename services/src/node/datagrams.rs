//! Echo on UDP port 7 (RFC 862) on processor 0, which has all datagrams: what comes is sent back.

use protocols::stack::{Stack, Udp, UdpError, UdpLimits};

use crate::echo::Echo;

/// Its port, that of the service on TCP.
pub(super) const PORT: u16 = Echo::PORT;
/// Datagrams that may wait in each direction.
const DATAGRAMS: usize = 128;
/// Datagrams that are answered in one turn.
const BUDGET: usize = 64;
/// Ports below belong to services. An answer to one could be answered again without end (CERT CA-1996-01).
const CLIENTS: u16 = 1024;

/// The echo service for datagrams.
pub(super) struct DatagramEcho {
    udp: Udp,
}

impl DatagramEcho {
    pub(super) fn open(stack: &mut Stack) -> Result<DatagramEcho, UdpError> {
        let udp = stack.udp_bind(PORT, UdpLimits { datagrams: DATAGRAMS, octets: DATAGRAMS * 1472 })?;
        Ok(DatagramEcho { udp })
    }

    /// Sends back what has come. Returns whether there may be more.
    pub(super) fn turn(&mut self, stack: &mut Stack, scratch: &mut [u8]) -> bool {
        for _ in 0..BUDGET {
            let mut datagram = None;
            let came = stack.udp_receive(self.udp, &mut |octets, peer| {
                // The link carries none that is longer.
                let length = octets.len().min(scratch.len());
                scratch[..length].copy_from_slice(&octets[..length]);
                datagram = Some((length, peer));
            });
            let Some((length, peer)) = datagram.filter(|_| came) else { return false };
            if peer.remote.port < CLIENTS {
                continue;
            }
            if let Err(error) = stack.udp_send(self.udp, peer, &scratch[..length]) {
                log::debug!("echo: a datagram was dropped: {error}");
            }
        }
        true
    }
}
