//! The swaps that people have ordered.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use protocols::congestion;
use protocols::control::{Code, Refusal, TraceRecord};
use protocols::time::Duration;
use swapper::{Outcome, ProcessorId, Report, Swap, SwapError, SwapOptions};

use super::shared::Shared;
use crate::control::{Object, Started, Ticket};
use crate::service::System;

/// Name of the congestion controller as an object.
pub(super) const CONGESTION: &str = "congestion";

/// Kept by processor 0.
#[derive(Default)]
pub(super) struct Swaps {
    running: Vec<Running>,
    /// Number of the last swap that began.
    number: u64,
}

struct Running {
    number: u64,
    from: &'static str,
    to: usize,
    swap: Swap,
}

impl Swaps {
    /// The objects that can be swapped.
    pub(super) fn objects(shared: &Shared) -> Vec<Object> {
        let implementations = congestion::implementations().iter().map(|known| (known.name, known.summary)).collect();
        alloc::vec![Object { name: CONGESTION, current: shared.controller().name, implementations }]
    }

    /// Begins a swap of the congestion controller.
    pub(super) fn order(&mut self, shared: &Shared, to: &str, deadline: Duration) -> Result<Started, Refusal> {
        let implementations = congestion::implementations();
        let Some(to) = implementations.iter().position(|known| known.name == to) else {
            return Err(Refusal::new(Code::UnknownImplementation, format!("there is no controller {to}")));
        };
        if !self.running.is_empty() {
            return Err(Refusal::new(Code::Busy, "a swap of congestion is under way; try again when it is decided"));
        }
        if to == shared.current.load(Ordering::Relaxed) {
            return Ok(Started::Unchanged);
        }
        let Some(&coid) = shared.congestion.get() else {
            return Err(Refusal::new(Code::Internal, "the congestion controller is not published yet"));
        };
        let time_limit = deadline.total_micros().saturating_mul(1000);
        let options = SwapOptions { time_limit, notify: ProcessorId::new(0) };
        let swap = shared.system.swap(coid, (implementations[to].create)(), options).map_err(refusal)?;
        self.number += 1;
        self.running.push(Running { number: self.number, from: shared.controller().name, to, swap });
        Ok(Started::Swap(self.number))
    }

    /// Takes out a swap that is decided, and its record.
    pub(super) fn finished(&mut self, shared: &Shared) -> Option<(Ticket, TraceRecord)> {
        let (index, report) =
            self.running.iter().enumerate().find_map(|(index, running)| Some((index, running.swap.poll()?)))?;
        let running = self.running.swap_remove(index);
        if report.is_committed() {
            shared.current.store(running.to, Ordering::Relaxed);
        }
        let record = trace(&running, &report, shared.processors());
        log::debug!(
            "swap {}: {} {} -> {} {} in {} us, {} connections moved{}",
            record.swap,
            record.object,
            record.from,
            record.to,
            record.outcome,
            record.total_ns / 1000,
            record.moved,
            if record.reason == "-" { String::new() } else { format!(": {}", record.reason) }
        );
        Some((running.number, record))
    }
}

fn refusal(error: SwapError) -> Refusal {
    let code = match error {
        SwapError::InSwap(_) => Code::Busy,
        _ => Code::Undone,
    };
    Refusal::new(code, error.to_string())
}

fn trace(running: &Running, report: &Report, processors: usize) -> TraceRecord {
    let (outcome, reason) = match &report.outcome {
        Outcome::Committed => ("committed", String::from("-")),
        Outcome::Undone(reason) => ("undone", reason.to_string()),
    };
    let items = |processor: usize| {
        report.processors.iter().find(|own| own.processor.index() == processor).map_or(0, |own| own.items)
    };
    let moved: Vec<String> = (0..processors).map(|processor| items(processor).to_string()).collect();
    TraceRecord {
        swap: running.number,
        object: CONGESTION.into(),
        from: running.from.into(),
        to: congestion::implementations()[running.to].name.into(),
        outcome: outcome.into(),
        reason,
        protocol: report.protocol.name().into(),
        processors: report.processors.len() as u64,
        forward_ns: report.phases.forward,
        block_ns: report.phases.block,
        transfer_ns: report.phases.transfer,
        complete_ns: report.phases.complete,
        total_ns: report.total(),
        forwarded: report.forwarded(),
        suspended: report.suspended(),
        longest_suspension_ns: report.longest_suspension(),
        moved: report.items(),
        moved_per_processor: moved.join(","),
    }
}
