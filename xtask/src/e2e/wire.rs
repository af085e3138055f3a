//! The guest's Ethernet segment as a socket: frames in, frames out, by QEMU's own format (length as 32 bits big-endian, then the frame).

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Where QEMU connects to.
pub struct Socket(TcpListener);

/// The connected segment.
pub struct Wire(TcpStream);

impl Socket {
    pub fn new() -> Result<Self> {
        Ok(Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port of the host is free")?))
    }

    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.0.local_addr()?)
    }

    /// The connection that QEMU has made; it makes it before it boots the guest, so this does not wait for a ready guest.
    pub fn accept(&self) -> Result<Wire> {
        let (stream, _) = self.0.accept().context("QEMU did not connect")?;
        stream.set_nodelay(true)?;
        Ok(Wire(stream))
    }
}

impl Wire {
    /// Puts `frame` on the segment.
    pub fn send(&mut self, frame: &[u8]) -> Result<()> {
        let mut message = u32::try_from(frame.len())?.to_be_bytes().to_vec();
        message.extend_from_slice(frame);
        self.0.write_all(&message).context("QEMU closed the segment")
    }

    /// Reads and forgets what the guest sends from now on, so that neither QEMU nor the guest waits for us.
    pub fn drain(&self) -> Result<()> {
        let mut stream = self.0.try_clone()?;
        stream.set_read_timeout(None)?;
        std::thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
        Ok(())
    }

    /// Waits for a frame that `wanted` accepts, passing over others.
    pub fn receive(&mut self, limit: Duration, wanted: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>> {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("no such frame within {} s", limit.as_secs());
            }
            self.0.set_read_timeout(Some(left))?;
            let mut length = [0; 4];
            self.0.read_exact(&mut length).context("no frame")?;
            let mut frame = vec![0; u32::from_be_bytes(length).min(1 << 17) as usize];
            self.0.set_read_timeout(Some(limit))?;
            self.0.read_exact(&mut frame).context("half a frame")?;
            if wanted(&frame) {
                return Ok(frame);
            }
        }
    }
}
