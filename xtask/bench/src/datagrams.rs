//! Datagrams to an echo service and back, some of them under way at a time.

use std::io;
use std::net::{SocketAddrV4, UdpSocket};
use std::time::Duration;

use crate::times::Times;

/// What has not come back after this is lost.
const LOST: Duration = Duration::from_millis(200);
/// Octets of the number and the time in front of each datagram.
const HEAD: usize = 16;

/// Keeps `window` datagrams under way for `time`.
pub fn run(to: SocketAddrV4, size: usize, window: usize, time: Duration) -> io::Result<String> {
    let socket = UdpSocket::bind(("0.0.0.0", 0))?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(LOST))?;
    let mut out = vec![0; size.max(HEAD)];
    let mut back = vec![0; 65_536];
    let mut times = Times::new();
    let (mut number, mut under_way, mut round) = (0u64, 0usize, 0u64);
    while times.elapsed() < time {
        while under_way < window.max(1) {
            out[..8].copy_from_slice(&number.to_le_bytes());
            out[8..HEAD].copy_from_slice(&micros(times.elapsed()).to_le_bytes());
            socket.send(&out)?;
            number += 1;
            under_way += 1;
        }
        match socket.recv(&mut back) {
            Ok(length) if length >= HEAD => {
                let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| back[at + index]));
                // What was given up may still come.
                if word(0) >= round {
                    under_way = under_way.saturating_sub(1);
                    times.add(Duration::from_micros(micros(times.elapsed()).saturating_sub(word(8))));
                }
            }
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                times.failed += under_way as u64;
                (under_way, round) = (0, number);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(times.line())
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
