//! How long a processor looks for work before it sleeps.
//!
//! To be woken costs an emulated processor tens of microseconds: an interrupt, and a thread of the host that has to be scheduled. Whoever is spoken with
//! usually answers sooner. So the processor goes on looking for as long as recent sleeps were short, and sleeps at once where they were long: an
//! idle machine looks for nothing. The rule is that of Linux's cpuidle-haltpoll, with its constants.
//!
//! Who sends in bulk does not wait for an answer. To look for each of his frames takes the host's processor from him, and answers them one by one: after
//! a sleep, what has come meanwhile is taken at once. So the processor does not look for more after it has moved much.

#[cfg(test)]
mod tests;

/// The longest time to look, in microseconds.
const MOST: u64 = 200;
/// The shortest that is worth it.
const LEAST: u64 = 50;
/// Looks between two readings of the clock, which takes an emulated processor longer than a look.
const LOOKS: u32 = 16;

/// Octets received and sent since the last look that are much: above what a request and its answer have, below one frame of joined segments.
const BULK: u64 = 16 * 1024;

/// How long this processor looks for work before it sleeps.
#[derive(Debug, Default)]
pub struct Patience {
    /// In microseconds.
    span: u64,
    /// Octets moved in all, at the last look.
    octets: u64,
}

impl Patience {
    /// Looks for work, after the processor has received and sent `octets` in all; `now` says the time in microseconds. True: `found` says that there is some,
    /// or it is `until` (microseconds). False: there is none, and it is time to sleep.
    #[inline]
    pub fn look(
        &mut self,
        until: Option<u64>,
        octets: u64,
        mut now: impl FnMut() -> u64,
        mut found: impl FnMut() -> bool,
    ) -> bool {
        let moved = octets.wrapping_sub(self.octets);
        self.octets = octets;
        if self.span == 0 || moved >= BULK {
            return false;
        }
        let end = now() + self.span;
        loop {
            for _ in 0..LOOKS {
                if found() {
                    return true;
                }
                // No `pause`: an emulated processor leaves the translated code for it and waits for the emulator's lock.
            }
            let now = now();
            if until.is_some_and(|until| until <= now) {
                return true;
            }
            if now >= end {
                return false;
            }
        }
    }

    /// The processor has slept for so many microseconds.
    pub fn slept(&mut self, micros: u64) {
        self.span = next(self.span, micros);
    }
}

/// The span after a sleep of `slept` that came after looking for `span`: longer if looking on would have spared the sleep, shorter if not.
fn next(span: u64, slept: u64) -> u64 {
    if slept > MOST {
        let half = span / 2;
        if half < LEAST { 0 } else { half }
    } else if slept > span {
        (span * 2).clamp(LEAST, MOST)
    } else {
        span
    }
}
