//! Many connections: one after the other, or all at once.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::times::Times;

/// A connection that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);
/// Opening all of those that are held must not take longer, nor must their answers.
const PATIENCE_FOR_ALL: Duration = Duration::from_secs(60);
/// Octets sent before their answers are read: a TAP's queue holds a thousand frames, and what it drops says nothing of the guest.
const BURST: usize = 500;
/// Files that are open besides the connections.
const OTHERS: u64 = 64;

/// Opened, and closed in order from this side first, for `time`.
pub fn in_turn(to: SocketAddrV4, time: Duration) -> io::Result<String> {
    let mut times = Times::new();
    while times.elapsed() < time {
        let began = Instant::now();
        match open_and_close(to) {
            Ok(()) => times.add(began.elapsed()),
            Err(_) => times.failed += 1,
        }
    }
    Ok(times.line())
}

fn open_and_close(to: SocketAddrV4) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&to.into(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.shutdown(Shutdown::Write)?;
    match stream.read(&mut [0; 8])? {
        0 => Ok(()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Opens `count`, and when all are open sends an octet on each and reads it back, some hundreds at a time.
pub fn hold(to: SocketAddrV4, count: usize) -> io::Result<String> {
    let wanted = count as u64 + OTHERS;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        let maximum = limit.maximum.map(|maximum| maximum.max(wanted));
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })?;
    }
    let began = Instant::now();
    let mut open = Vec::with_capacity(count);
    let mut failed = 0;
    for _ in 0..count {
        match TcpStream::connect_timeout(&to.into(), PATIENCE) {
            Ok(stream) => open.push(stream),
            Err(_) => failed += 1,
        }
        // A guest that takes no more: there is no sense in waiting for each of the rest.
        if failed > 20 || began.elapsed() > PATIENCE_FOR_ALL {
            break;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let asked = Instant::now();
    let mut answered = 0;
    for burst in open.chunks_mut(BURST) {
        for stream in burst.iter_mut() {
            stream.set_nodelay(true)?;
            // It is seen below which of them had no success.
            let _ = stream.write_all(b"x");
        }
        for stream in burst {
            let left = PATIENCE_FOR_ALL.saturating_sub(asked.elapsed()).min(PATIENCE);
            if left.is_zero() {
                continue;
            }
            stream.set_read_timeout(Some(left))?;
            answered += usize::from(stream.read_exact(&mut [0]).is_ok());
        }
    }
    let answers = asked.elapsed().as_secs_f64();
    let open = open.len();
    Ok(format!(
        "{{\"open\":{open},\"answered\":{answered},\"failed\":{failed},\"seconds\":{seconds:.3},\"answers\":{answers:.3}}}"
    ))
}
