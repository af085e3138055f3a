//! Request and response on one TCP connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use crate::times::Times;

/// No answer for this long ends the run.
const PATIENCE: Duration = Duration::from_secs(10);

/// One after the other, for `time`.
pub fn run(to: SocketAddrV4, size: usize, time: Duration) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&to.into(), PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut octets = vec![0x55; size.max(1)];
    let mut times = Times::new();
    while times.elapsed() < time {
        let began = Instant::now();
        stream.write_all(&octets)?;
        stream.read_exact(&mut octets)?;
        times.add(began.elapsed());
    }
    Ok(times.line())
}
