//! The loop: frames in, at their time out.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use protocols::sim::{Duplex, Link, Spec};
use protocols::time::Instant;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use tap::Tap;

use crate::clock::Clock;
use crate::report::{Counters, Direction};

/// Frames that are taken in from one end before the other has its turn.
const BURST: usize = 64;
/// Longer than any frame of a TAP device without offloads.
const LONGEST: usize = 16 << 10;

type Frame = Vec<u8>;

/// Frames between the two ends of the link.
pub struct Forwarder {
    link: Duplex<Frame>,
    guest: Guest,
    host: Tap,
    clock: Clock,
    counters: Counters,
    published: Arc<Mutex<Counters>>,
    seeds: mpsc::Receiver<u64>,
    stop: OwnedFd,
}

/// Ends a forwarder from another thread.
pub struct Stopper(OwnedFd);

impl Stopper {
    /// Makes it return.
    pub fn stop(self) {
        // Without it the parent's kill ends the program.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }
}

/// The virtual machine's end.
struct Guest {
    socket: UnixDatagram,
    remote: PathBuf,
    connected: bool,
    /// A frame for which it had no room: it and those behind it wait.
    stalled: Option<Frame>,
}

impl Forwarder {
    /// Between these two ends.
    pub fn new(
        spec: &Spec,
        host: Tap,
        socket: UnixDatagram,
        remote: PathBuf,
        published: Arc<Mutex<Counters>>,
        seeds: mpsc::Receiver<u64>,
    ) -> io::Result<Self> {
        Ok(Self {
            link: Duplex::new(spec.up, spec.down, spec.seed),
            guest: Guest { socket, remote, connected: false, stalled: None },
            host,
            clock: Clock::start(),
            counters: Counters::default(),
            published,
            seeds,
            stop: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
        })
    }

    /// What ends it.
    pub fn stopper(&self) -> io::Result<Stopper> {
        Ok(Stopper(self.stop.try_clone()?))
    }

    /// Forwards until it is stopped.
    ///
    /// # Errors
    /// An end that is gone.
    pub fn run(&mut self) -> io::Result<Counters> {
        let mut buffer = vec![0; LONGEST];
        loop {
            self.take_in(&mut buffer)?;
            self.deliver()?;
            self.publish();
            if self.wait()? {
                return Ok(self.counters);
            }
        }
    }

    fn take_in(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        if let Ok(seed) = self.seeds.try_recv() {
            self.link.reseed(seed);
        }
        for _ in 0..BURST {
            match self.guest.socket.recv(buffer) {
                Ok(length) => offer(&mut self.link.forward, self.clock.now(), &buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The machine is ending: nothing will come any more, and its end is not our failure.
                Err(_) => break,
            }
        }
        for _ in 0..BURST {
            let Some(length) = self.host.receive(buffer)? else { break };
            offer(&mut self.link.backward, self.clock.now(), &buffer[..length]);
        }
        Ok(())
    }

    fn deliver(&mut self) -> io::Result<()> {
        let now = self.clock.now();
        while let Some((frame, due)) = due(&mut self.link.forward, now) {
            self.counters.up.delivered(now, due);
            // A TAP device has room always; what the kernel finds wrong with a frame is the guest's doing.
            if !self.host.send(&frame).unwrap_or(false) {
                self.counters.up.refused += 1;
            }
        }
        if let Some(frame) = self.guest.stalled.take() {
            self.guest.send(frame, &mut self.counters.down);
        }
        while self.guest.stalled.is_none()
            && let Some((frame, due)) = due(&mut self.link.backward, now)
        {
            self.counters.down.delivered(now, due);
            self.guest.send(frame, &mut self.counters.down);
        }
        Ok(())
    }

    fn publish(&mut self) {
        self.counters.up.link = *self.link.forward.counters();
        self.counters.down.link = *self.link.backward.counters();
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = self.counters;
    }

    /// Sleeps until something comes or is due; whether it was stopped.
    fn wait(&mut self) -> io::Result<bool> {
        let stalled = self.guest.stalled.is_some();
        // While the guest takes nothing, only its having room again matters to that direction.
        let next = if stalled { self.link.forward.next_delivery() } else { self.link.next_delivery() };
        let now = self.clock.now();
        let timeout = next.map(|at| {
            let micros = (at.total_micros() - now.total_micros()).max(0);
            Timespec { tv_sec: micros / 1_000_000, tv_nsec: micros % 1_000_000 * 1_000 }
        });
        let guest = if stalled { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut files = [
            PollFd::from_borrowed_fd(self.stop.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.guest.socket.as_fd(), guest),
            PollFd::from_borrowed_fd(self.host.as_fd(), PollFlags::IN),
        ];
        match poll(&mut files, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(!files[0].revents().is_empty()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Guest {
    fn send(&mut self, frame: Frame, counters: &mut Direction) {
        // A connected socket, because only that one tells when the peer has room again.
        self.connected = self.connected || self.socket.connect(&self.remote).is_ok();
        match self.socket.send(&frame) {
            Ok(_) => {}
            Err(error) if self.connected && error.kind() == io::ErrorKind::WouldBlock => self.stalled = Some(frame),
            Err(_) => {
                self.connected = false;
                counters.refused += 1;
            }
        }
    }
}

impl Direction {
    fn delivered(&mut self, now: Instant, due: Instant) {
        let late = u64::try_from(now.total_micros() - due.total_micros()).unwrap_or(0);
        self.late_sum += late;
        self.late_most = self.late_most.max(late);
    }
}

fn offer(link: &mut Link<Frame>, now: Instant, frame: &[u8]) {
    // A frame that the queue refuses is counted there.
    let _ = link.send(now, frame.len(), frame.to_vec());
}

/// A frame that is due, and since when.
fn due(link: &mut Link<Frame>, now: Instant) -> Option<(Frame, Instant)> {
    let due = link.next_delivery()?;
    Some((link.receive(now)?, due))
}
