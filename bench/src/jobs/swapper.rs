//! The swapper: calls, null swaps, transfer of state.

mod checks;
mod figures;
mod markdown;
mod peers;

use super::{Findings, Setting};
use crate::{
    lane::{self, Polling},
    plot, progress,
    report::Report,
    series::{Place, Series},
};
use bench_jobs::{METHOD, PROCESSORS, Plan, Suite};
use std::{cell::RefCell, error::Error, thread};
use swapper::System;

/// The job's name.
pub const NAME: &str = "swapper";

/// Measures all of it in this process.
#[allow(unsafe_code)]
pub fn run(setting: &Setting) -> Result<Findings, Box<dyn Error>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    if cores < PROCESSORS {
        return Err("this job needs 2 cores: what it measures on 2 processors would be the scheduler".into());
    }
    let suite = Suite::new(if setting.quick { Plan::QUICK } else { Plan::FULL }, peers::all);
    let system = System::new(PROCESSORS, Polling::new(PROCESSORS))?;
    let measured = lane::run(PROCESSORS, |thread| {
        // SAFETY: the suite runs workers between activities, and makes its calls inside of them.
        let processor = unsafe { system.attach(thread) }.expect("each thread attaches once");
        let bar = RefCell::new(progress::Steps::default());
        suite.run(&system, &processor, &|what, done, total| bar.borrow_mut().show(what, done, total))
    });
    let series = measured.into_iter().flatten().map(|raw| Series::nanoseconds(Place::Host, raw)).collect();
    let method = METHOD.concat().iter().map(ToString::to_string).collect();
    Ok(Findings { method, published: checks::published(), series })
}

pub use checks::checks;
pub use markdown::markdown;

/// The plots of the README.
pub fn plots(report: &Report) -> Vec<(&'static str, String)> {
    vec![
        ("calls", plot::dots("A null call, in nanoseconds (less is better)", &figures::panels(report))),
        ("swaps", plot::lines(&figures::swaps(report))),
        ("transfer", plot::lines(&figures::transfers(report))),
    ]
}

#[cfg(test)]
mod tests;
