//! Bringing processors up, putting them to sleep, waking them.
//!
//! Each processor runs one task of the kernel for ever, pinned; it never yields, and sleeps by itself. Nothing here blocks in the kernel, so the
//! APIC's timer is ours.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use protocols::handover::Parking;

use crate::arch::exceptions::{self, Stack};
use crate::arch::{cpu, interrupts, lapic};
use crate::{clock, console, hermit, local};

/// Most processors that the image uses.
pub const MAXIMUM: usize = 64;
/// Octets of the stack of a processor's loop.
const STACK: usize = 1 << 20;

struct State {
    /// Identity of its APIC.
    apic: AtomicU32,
    /// When its timer fires, in microseconds; 0: it is not set.
    timer: AtomicU64,
    parking: Parking,
}

impl State {
    const fn new() -> Self {
        Self { apic: AtomicU32::new(0), timer: AtomicU64::new(0), parking: Parking::new() }
    }
}

static STATES: [State; MAXIMUM] = [const { State::new() }; MAXIMUM];

/// Processors that are set up.
static UP: AtomicUsize = AtomicUsize::new(0);

/// How many processors the image uses.
pub fn count() -> usize {
    hermit::processors().clamp(1, MAXIMUM)
}

/// Sets this processor up: private memory, exception stack, timer.
fn set_up(processor: usize) -> Result<(), local::LocalError> {
    exceptions::use_stack(Box::leak(Box::new(Stack::new())));
    local::install(processor, count())?;
    STATES[processor].apic.store(lapic::id(), Ordering::Release);
    lapic::use_timer(interrupts::TIMER);
    UP.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

/// What the other processors run: given its number, never returns.
static LOOP: spin::Once<fn(usize)> = spin::Once::new();

/// Sets up the boot processor; before everything that needs to know where it runs.
pub fn set_up_first() -> Result<(), local::LocalError> {
    set_up(0)?;
    exceptions::install();
    Ok(())
}

/// Starts all other processors and waits until they are set up; each then runs `run(processor)`.
pub fn start_others(run: fn(usize)) {
    LOOP.call_once(|| run);
    let count = count();
    for processor in 1..count {
        hermit::spawn(processor, STACK, enter);
    }
    // The kernel's own wake-up of an idle processor can get lost, so it is repeated until the task runs.
    let mut next = clock::micros();
    while UP.load(Ordering::SeqCst) < count {
        let now = clock::micros();
        if now >= next {
            lapic::interrupt_others(interrupts::WAKE);
            next = now + 1_000;
        }
        core::hint::spin_loop();
    }
}

/// The identities of all processors' APICs; once they are set up.
pub fn apics() -> Vec<u32> {
    STATES[..count()].iter().map(|state| state.apic.load(Ordering::Acquire)).collect()
}

/// Where the kernel's task begins on each other processor.
extern "C" fn enter(processor: usize) {
    if let Err(error) = set_up(processor) {
        console::line(format_args!("midflight: error: {error}"));
        crate::arch::exit::fail();
    }
    // All processors are set up before any goes on, so that the self-check finds what others might have overwritten.
    while UP.load(Ordering::SeqCst) < count() {
        core::hint::spin_loop();
    }
    if let Some(run) = LOOP.get() {
        run(processor);
    }
    cpu::stop()
}

/// Makes `processor` look for work soon. From any processor, also for itself; costs an interrupt only if it sleeps.
pub fn wake(processor: usize) {
    let Some(state) = STATES.get(processor) else { return };
    if state.parking.unpark() {
        lapic::interrupt(state.apic.load(Ordering::Acquire), interrupts::WAKE);
    }
}

/// Whether this processor has been woken since this was asked last.
pub fn take_wake(processor: usize) -> bool {
    STATES.get(processor).is_some_and(|state| state.parking.take())
}

/// Whether this processor has been woken since [`take_wake`] asked last.
#[inline]
pub fn is_woken(processor: usize) -> bool {
    STATES.get(processor).is_some_and(|state| state.parking.is_woken())
}

/// Sleeps as [`sleep`] does, in the middle of a turn: whatever woke this processor is still reported by [`take_wake`], since it may have
/// concerned the rest of the loop.
pub fn wait(processor: usize, until: Option<u64>) {
    let _ = sleep(processor, until, || true);
    if let Some(state) = STATES.get(processor) {
        state.parking.owe();
    }
}

/// Sleeps on this processor until something interrupts it, somebody wakes it, or it is `until` (microseconds).
///
/// `arm` is called with interrupts off, last of all, and says whether sleeping is still right: a device that has to be told to
/// interrupt is told there. Returns at once if [`wake`] has been called since the last time. Returns how long it slept, in microseconds.
pub fn sleep(processor: usize, until: Option<u64>, arm: impl FnOnce() -> bool) -> u64 {
    let Some(state) = STATES.get(processor) else { return 0 };
    cpu::interrupts_off();
    let now = clock::micros();
    let due = until.is_some_and(|until| until <= now);
    let slept = if state.parking.park() && !due && arm() {
        if let Some(until) = until {
            set_timer(state, now, until);
        }
        cpu::sleep();
        clock::micros().saturating_sub(now)
    } else {
        cpu::interrupts_on();
        0
    };
    state.parking.leave();
    slept
}

/// Sees to it that this processor's timer fires at `until`, which is after `now`, or before. An earlier time that is set already stays: deadlines mostly move
/// away, and each access to the timer costs an emulated one far more than a wake-up too early now and then.
fn set_timer(state: &State, now: u64, until: u64) {
    if !fires_between(state.timer.load(Ordering::Relaxed), now, until) {
        let fires = now + clock::wake_in(until - now);
        state.timer.store(fires, Ordering::Relaxed);
    }
}

/// Whether a timer that is set to fire at `set` (0: it is not) will do so after `now` and not after `until`. One whose time has passed either fires this
/// moment or never will, so it is no reason to go without.
const fn fires_between(set: u64, now: u64, until: u64) -> bool {
    now < set && set <= until
}

// The image has no tests of its own on a host.
const _: () = {
    assert!(!fires_between(0, 10, 20), "it is not set");
    assert!(fires_between(15, 10, 20) && fires_between(20, 10, 20), "it fires in time");
    assert!(!fires_between(21, 10, 20), "it fires too late");
    assert!(!fires_between(9, 10, 20) && !fires_between(10, 10, 20), "its interrupt got lost");
};

/// This processor's timer has fired. Called by the interrupt.
pub fn timer_fired() {
    if let Some(state) = STATES.get(local::processor()) {
        state.timer.store(0, Ordering::Relaxed);
    }
}
