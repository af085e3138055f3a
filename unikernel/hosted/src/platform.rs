//! What the node asks of the process: time, waking, waiting.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant as Host;

use protocols::handover::Parking;
use protocols::time::Instant;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use services::node::{Memory, Platform, Ready};

use crate::nic::Counters;

/// One processor: how it is woken.
struct State {
    /// Readable when it was woken while it slept.
    bell: OwnedFd,
    parking: Parking,
}

/// The process as a machine.
pub struct Process {
    start: Host,
    states: Vec<State>,
    /// Of the network device: each processor's queue.
    pub counters: Vec<Counters>,
}

impl Process {
    /// With so many processors.
    ///
    /// # Errors
    /// The kernel has no files left.
    pub fn new(processors: usize) -> io::Result<Self> {
        let state = |_| {
            let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
            Ok(State { bell, parking: Parking::new() })
        };
        let states = (0..processors).map(state).collect::<io::Result<_>>()?;
        let counters = (0..processors).map(|_| Counters::default()).collect();
        Ok(Self { start: Host::now(), states, counters })
    }

    /// Makes this thread that processor: pinned, and woken when it said.
    pub fn pin(&self, processor: usize) {
        swapper::Host::pin(processor);
        // Without it deadlines come up to 50 µs late.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    }

    /// The time on the node's scale.
    pub fn time(&self) -> Instant {
        Instant::from_micros((self.now_ns() / 1_000).cast_signed())
    }

    /// Whether the processor has been woken since this was asked last.
    pub fn take_wake(&self, processor: usize) -> bool {
        self.states[processor].parking.take()
    }

    /// Sleeps until `file` is ready for `events`, somebody wakes the processor, or it is `until`.
    pub fn sleep(&self, processor: usize, until: Option<Instant>, file: Option<(&dyn AsFd, PollFlags)>) {
        let state = &self.states[processor];
        if state.parking.park() {
            let timeout = until.map(|until| {
                let micros = (until.total_micros() - self.time().total_micros()).max(0);
                Timespec { tv_sec: micros / 1_000_000, tv_nsec: micros % 1_000_000 * 1_000 }
            });
            let bell = PollFd::from_borrowed_fd(state.bell.as_fd(), PollFlags::IN);
            let rung = match file {
                Some((file, events)) => {
                    let mut files = [bell, PollFd::from_borrowed_fd(file.as_fd(), events)];
                    poll(&mut files, timeout.as_ref()).is_ok() && !files[0].revents().is_empty()
                }
                None => poll(&mut [bell], timeout.as_ref()).is_ok_and(|ready| ready > 0),
            };
            if rung {
                let _ = rustix::io::read(&state.bell, &mut [0; 8]);
                let _ = state.parking.take();
            }
        }
        state.parking.leave();
    }
}

impl Platform for Process {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn wake(&self, processor: usize) {
        let Some(state) = self.states.get(processor) else { return };
        if state.parking.unpark() {
            // Full would mean that it is rung already.
            let _ = rustix::io::write(&state.bell, &1u64.to_ne_bytes());
        }
    }

    fn wait(&self, processor: usize, until_ns: Option<u64>) {
        let until = until_ns.map(|nanos| Instant::from_micros(nanos.div_ceil(1_000).cast_signed()));
        self.sleep(processor, until, None);
        // Whatever woke it may have concerned the rest of the loop.
        self.states[processor].parking.owe();
    }

    fn ready(&self, ready: &Ready) {
        println!("{ready}");
    }

    fn end(&self) {
        println!("midflight: shut down");
        std::process::exit(0)
    }

    fn memory(&self) -> Memory {
        let system = rustix::system::sysinfo();
        let octets = |pages: u64| pages.saturating_mul(u64::from(system.mem_unit));
        Memory { total: octets(system.totalram), free: octets(system.freeram) }
    }

    fn nic(&self) -> Vec<(&'static str, u64)> {
        Counters::list(&self.counters)
    }
}
