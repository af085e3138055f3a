//! Measuring on several processors at once.

use crate::suite::PROCESSORS;
use alloc::vec::Vec;
use core::{
    hint,
    sync::atomic::{AtomicUsize, Ordering},
};
use spin::mutex::SpinMutex;
use swapper::{Processor, System};

/// A value with cache lines to itself: two, because processors fetch them in pairs.
#[repr(align(128))]
#[derive(Default, Debug)]
pub struct Padded<T>(pub T);

/// Lets processors begin together. They spin: one that sleeps would begin tens of microseconds later than the other.
#[derive(Debug)]
pub(crate) struct Gate {
    processors: usize,
    arrived: Padded<AtomicUsize>,
}

impl Gate {
    /// For so many processors.
    pub(crate) fn new(processors: usize) -> Self {
        Self { processors, arrived: Padded::default() }
    }

    /// Returns when as many processors as there are have called it as often as this one has.
    pub(crate) fn pass(&self) {
        self.pass_while(hint::spin_loop);
    }

    /// The same, doing this again and again meanwhile.
    pub(crate) fn pass_while(&self, mut meanwhile: impl FnMut()) {
        let ticket = self.arrived.0.fetch_add(1, Ordering::AcqRel);
        let target = (ticket / self.processors + 1) * self.processors;
        while self.arrived.0.load(Ordering::Acquire) < target {
            meanwhile();
        }
    }
}

/// One of the processors that go through the suite together.
pub struct Lane<'a> {
    pub(crate) system: &'a System,
    pub(crate) processor: &'a Processor,
    pub(crate) gate: &'a Gate,
    /// Told how far a step is: what, so many of so many. Only on processor 0.
    pub(crate) progress: &'a dyn Fn(&'static str, usize, usize),
}

impl Lane<'_> {
    /// Its number.
    pub(crate) fn number(&self) -> usize {
        self.processor.id().index()
    }

    /// Whether it is the one that orders swaps and gathers samples.
    pub(crate) fn leads(&self) -> bool {
        self.number() == 0
    }

    /// The clock, nanoseconds.
    pub(crate) fn now(&self) -> u64 {
        self.system.now()
    }

    /// `done` of `total` are done.
    pub(crate) fn report(&self, what: &'static str, done: usize, total: usize) {
        if self.leads() {
            (self.progress)(what, done, total);
        }
    }
}

/// Where each processor leaves what it found, for processor 0.
pub(crate) struct Gathered<T>(SpinMutex<[Option<T>; PROCESSORS]>);

impl<T> Gathered<T> {
    pub(crate) const fn new() -> Self {
        Self(SpinMutex::new([const { None }; PROCESSORS]))
    }

    /// What all found, by processor, on processor 0; nothing on the others.
    pub(crate) fn gather(&self, lane: &Lane<'_>, found: T) -> Vec<T> {
        self.0.lock()[lane.number()] = Some(found);
        lane.gate.pass();
        if lane.leads() { self.0.lock().iter_mut().filter_map(Option::take).collect() } else { Vec::new() }
    }
}

/// `value`, of which the compiler knows nothing any more, after a moment in which all memory may have changed. Costs no
/// instruction.
///
/// Around the argument and the result of a call that is measured, it keeps the compiler from calculating the result, from
/// leaving the call out, and from loading the function once for all calls of a loop. `core::hint::black_box` does
/// so too, but sends the value through memory, four cycles or more each time: as long as the calls in question, and so
/// a cover for differences between them.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn opaque(mut value: u64) -> u64 {
    // SAFETY: there is no instruction in it.
    unsafe { core::arch::asm!("/* {0} */", inout(reg) value, options(nostack, preserves_flags)) };
    value
}

/// As above, by way of memory.
#[cfg(not(target_arch = "x86_64"))]
pub fn opaque(value: u64) -> u64 {
    hint::black_box(value)
}

/// As [`opaque`], without a value: all memory may have changed.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn changed() {
    // SAFETY: there is no instruction in it.
    unsafe { core::arch::asm!("", options(nostack, preserves_flags)) };
}

/// As above, by way of memory.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn changed() {
    hint::black_box(());
}

#[cfg(test)]
mod tests;
