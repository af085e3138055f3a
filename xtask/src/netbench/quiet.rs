//! Whether a sample is clean: nothing but the guests and the traffic used the host's processors.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::vm::Vm;

/// Cores that others may use during a clean sample.
pub const NOISE: f64 = 0.15;
/// Attempts at a clean sample.
const ATTEMPTS: usize = 3;

/// One sample.
#[derive(Clone, Copy, Debug)]
pub struct Sample<T> {
    /// What was measured.
    pub value: T,
    /// Cores that others used meanwhile.
    pub others: f64,
    /// Cores that the guest's process used.
    pub guest: f64,
}

impl<T> Sample<T> {
    /// One number of what was measured.
    pub fn with(&self, value: f64) -> Sample<f64> {
        Sample { value, others: self.others, guest: self.guest }
    }

    /// Whether it counts as clean.
    pub fn is_clean(&self) -> bool {
        self.others <= NOISE
    }
}

/// Measures until a sample is clean, a few times at most; else the one that was disturbed least. `vm` is the guest that is measured,
/// `all` are those that run.
pub fn sample<T>(vm: &Vm, all: &[&Vm], measure: impl Fn() -> Result<T>) -> Result<Sample<T>> {
    let mut best = once(vm, all, &measure)?;
    for _ in 1..ATTEMPTS {
        if best.is_clean() {
            break;
        }
        let again = once(vm, all, &measure)?;
        if again.others < best.others {
            best = again;
        }
    }
    Ok(best)
}

/// Measures once, clean or not.
pub fn once<T>(vm: &Vm, all: &[&Vm], measure: impl Fn() -> Result<T>) -> Result<Sample<T>> {
    let before = Usage::now(vm, all)?;
    let value = measure()?;
    let (others, guest) = before.since(vm, all)?;
    Ok(Sample { value, others, guest })
}

/// Processor time used so far.
pub struct Usage {
    at: Instant,
    machine: Duration,
    guests: Duration,
    guest: Duration,
    own: Duration,
}

impl Usage {
    /// Up to now; `vm` is the guest that is measured, `all` are those that run.
    pub fn now(vm: &Vm, all: &[&Vm]) -> Result<Self> {
        let guests = all.iter().map(|vm| vm.cpu_time()).sum::<Result<Duration>>()?;
        Ok(Self { at: Instant::now(), machine: machine()?, guests, guest: vm.cpu_time()?, own: own()? })
    }

    /// Cores used since by others than the guests and the traffic, and by the guest.
    pub fn since(&self, vm: &Vm, all: &[&Vm]) -> Result<(f64, f64)> {
        let now = Self::now(vm, all)?;
        let time = (now.at - self.at).as_secs_f64().max(1e-3);
        let known = (now.guests - self.guests) + (now.own - self.own);
        let others = (now.machine - self.machine).as_secs_f64() - known.as_secs_f64();
        Ok((others.max(0.0) / time, (now.guest - self.guest).as_secs_f64() / time))
    }
}

/// Does `work`; what it returns, and how many of the host's cores were idle meanwhile.
pub fn with_idle<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let (began, before) = (Instant::now(), idle()?);
    let value = work()?;
    Ok((value, (idle()? - before).as_secs_f64() / began.elapsed().as_secs_f64().max(1e-3)))
}

/// Time in which processors had nothing to do, waiting for disks included.
fn idle() -> Result<Duration> {
    Ok(ticks(states()?.iter().skip(3).take(2).sum()))
}

/// All processors together, idle time and waiting for disks aside, what the hypervisor took away included.
fn machine() -> Result<Duration> {
    let busy =
        states()?.iter().take(8).enumerate().filter(|(at, _)| !matches!(at, 3 | 4)).map(|(_, ticks)| ticks).sum();
    Ok(ticks(busy))
}

/// Ticks in each state, of all processors: user, nice, system, idle, iowait, irq, softirq, steal, and what counts among the first two again.
fn states() -> Result<Vec<u64>> {
    let stat = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    let first = stat.lines().next().unwrap_or_default();
    Ok(first.split_whitespace().skip(1).map_while(|field| field.parse().ok()).collect())
}

/// This process and its children that have ended: the traffic.
fn own() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").context("cannot read /proc/self/stat")?;
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    // utime, stime, cutime, cstime: fields 14 to 17; the first here is field 3.
    let used = fields.split_whitespace().skip(11).take(4).map_while(|field| field.parse::<u64>().ok()).sum();
    Ok(ticks(used))
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
}
