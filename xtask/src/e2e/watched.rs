//! A machine whose card is watched, from its start until tshark has judged what it sent.

use std::ops::Deref;

use anyhow::Result;

use super::Lab;
use crate::capture::{Capture, Found, tally};
use crate::machine::Machine;
use crate::vm::Vm;

/// A machine of the tests. It is not to be dropped but ended: [`test`](crate::test) fails a step that has not judged every machine it started.
#[must_use = "`end` judges what it sent"]
pub struct Watched {
    vm: Vm,
    capture: Capture,
}

impl Deref for Watched {
    type Target = Vm;

    fn deref(&self) -> &Vm {
        &self.vm
    }
}

impl Watched {
    /// Ends it, if it has not ended, and fails if tshark finds fault with a frame that it sent.
    pub fn end(self) -> Result<Found> {
        let Self { vm, capture } = self;
        vm.end();
        let verdict = capture.judge();
        tally::judged(&verdict);
        verdict
    }
}

impl Lab {
    /// Starts a machine.
    pub fn start(&self, machine: Machine) -> Result<Watched> {
        let capture = Capture::of(&machine)?;
        let vm = Vm::start_captured(machine, |_| (), Some(&capture))?;
        Ok(Watched { vm, capture })
    }

    /// Starts a machine and waits for a line of its log; one that does not say it is ended and judged, too.
    pub fn start_until(&self, machine: Machine, wait: impl Fn(&Vm) -> Result<String>) -> Result<(Watched, String)> {
        let watched = self.start(machine)?;
        match wait(&watched) {
            Ok(line) => Ok((watched, line)),
            Err(error) => match watched.end() {
                Ok(_) => Err(error),
                Err(blame) => Err(blame.context(format!("{error:#}"))),
            },
        }
    }
}
