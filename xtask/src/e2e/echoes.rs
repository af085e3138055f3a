//! Datagrams that are numbered and come back, so that one that is lost is known.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Datagrams under way: fewer than any queue on the way holds, so that one that does not come back was dropped by the guest.
const WINDOW: usize = 8;
/// After so long without any answer what is under way is lost.
const LOST: Duration = Duration::from_secs(5);

/// What became of the datagrams.
#[derive(Debug, Default)]
pub struct Echoes {
    /// That came back.
    pub answered: u64,
    /// That did not.
    pub lost: u64,
}

/// Has datagrams come back from the guest's port for echo, always some of them under way, until `end`.
pub fn until(end: &AtomicBool, port: SocketAddr) -> Result<Echoes> {
    let socket = UdpSocket::bind(("0.0.0.0", 0))?;
    socket.connect(port)?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let (mut echoes, mut under_way, mut next) = (Echoes::default(), BTreeSet::new(), 0u64);
    let mut heard = Instant::now();
    loop {
        while under_way.len() < WINDOW && !end.load(Ordering::Relaxed) {
            socket.send(&next.to_be_bytes()).context("a datagram could not be sent")?;
            under_way.insert(next);
            next += 1;
        }
        if under_way.is_empty() {
            return Ok(echoes);
        }
        let mut number = [0; 8];
        match socket.recv(&mut number) {
            Ok(8) if under_way.remove(&u64::from_be_bytes(number)) => {
                echoes.answered += 1;
                heard = Instant::now();
            }
            // What was given up before, or is none of ours.
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if heard.elapsed() > LOST {
                    echoes.lost += under_way.len() as u64;
                    under_way.clear();
                    heard = Instant::now();
                }
            }
            Err(error) => return Err(error).context("the guest's port for echo is gone"),
        }
    }
}
