//! What was started and what was judged: a test that starts a machine and lets nobody look at what it sends has not passed.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Result, ensure};

use super::Found;

static TALLY: Mutex<Tally> = Mutex::new(Tally { started: 0, excused: Vec::new(), judged: 0, frames: 0, faulty: 0 });

/// Of the machines since the last [`take`].
#[derive(Debug, Default)]
pub struct Tally {
    /// Machines that were started; each has a network card.
    started: u64,
    /// Why some of them need not be judged.
    excused: Vec<&'static str>,
    /// Those of which tshark has seen what they sent.
    judged: u64,
    /// Frames that they sent and tshark found no fault with.
    frames: u64,
    /// Those that sent others, or could not be judged.
    faulty: u64,
}

/// A machine has been started.
pub fn started() {
    lock().started += 1;
}

/// The machine that was started last is not judged, and why.
pub fn excuse(reason: &'static str) {
    lock().excused.push(reason);
}

/// A machine has been judged.
pub fn judged(verdict: &Result<Found>) {
    let mut tally = lock();
    tally.judged += 1;
    match verdict {
        Ok(found) => tally.frames += found.sent,
        Err(_) => tally.faulty += 1,
    }
}

/// What there is, and begins anew.
pub fn take() -> Tally {
    std::mem::take(&mut *lock())
}

fn lock() -> MutexGuard<'static, Tally> {
    TALLY.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tally {
    /// Fails unless every machine was judged or is excused.
    pub fn complete(&self) -> Result<()> {
        let known = self.judged + self.excused.len() as u64;
        ensure!(
            known >= self.started,
            "{} machines were started, but tshark judged what {} sent ({} are excused)",
            self.started,
            self.judged,
            self.excused.len()
        );
        Ok(())
    }
}

impl fmt::Display for Tally {
    /// An addition to the line of a step; nothing for one that starts no machine.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.judged > 0 {
            let plural = if self.judged == 1 { "" } else { "s" };
            write!(f, ", tshark judged {} frames of {} machine{plural}", self.frames, self.judged)?;
            match self.faulty {
                0 => write!(f, ", none bad")?,
                faulty => write!(f, ", and blames {faulty} of them")?,
            }
        }
        for reason in &self.excused {
            write!(f, ", one machine was not judged: {reason}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn a_machine_that_nobody_judged_is_missed() {
        let of = |started, judged, excused| Tally { started, judged, excused, ..Tally::default() };
        assert!(of(0, 0, vec![]).complete().is_ok());
        assert!(of(2, 2, vec![]).complete().is_ok());
        assert!(of(2, 1, vec!["it sends nothing"]).complete().is_ok());
        assert!(of(1, 0, vec![]).complete().is_err());
        assert!(of(3, 1, vec!["it sends nothing"]).complete().is_err());
    }
}
