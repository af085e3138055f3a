//! The swaps that people have ordered.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use protocols::classification::classifier;
use protocols::congestion;
use protocols::control::{Code, Refusal, TraceRecord};
use protocols::time::Duration;
use swapper::{Outcome, ProcessorId, Report, Swap, SwapError, SwapOptions};

use super::rules::Rules;
use super::shared::Shared;
use crate::control::{Object, Started, Ticket};
use crate::service::System;

/// Name of the congestion controller as an object.
pub(super) const CONGESTION: &str = "congestion";

/// Name of the classifier as an object.
pub(super) const CLASSIFIER: &str = "classifier";

/// Kept by processor 0.
#[derive(Default)]
pub(super) struct Swaps {
    running: Vec<Running>,
    /// A swap of the classifier whose tables are being made ready.
    preparing: Option<Preparing>,
    /// Number of the last swap that began.
    number: u64,
}

struct Running {
    number: u64,
    object: &'static str,
    from: &'static str,
    to: &'static str,
    swap: Swap,
    /// What was needed before: how long it took, and how long a turn worked for it at most.
    prepared_ns: [u64; 2],
}

struct Preparing {
    number: u64,
    to: &'static str,
    options: SwapOptions,
    began_ns: u64,
}

impl Swaps {
    /// The objects that can be swapped.
    pub(super) fn objects(shared: &Shared, rules: &Rules) -> Vec<Object> {
        let controllers = congestion::implementations().iter().map(|known| (known.name, known.summary)).collect();
        let classifiers = classifier::implementations().iter().map(|known| (known.name, known.summary)).collect();
        alloc::vec![
            Object { name: CONGESTION, current: shared.controller().name, implementations: controllers },
            Object { name: CLASSIFIER, current: rules.book.implementation().name, implementations: classifiers },
        ]
    }

    /// Begins a swap.
    pub(super) fn order(
        &mut self,
        shared: &Shared,
        rules: &mut Rules,
        object: &str,
        to: &str,
        deadline: Duration,
    ) -> Result<Started, Refusal> {
        let time_limit = deadline.total_micros().saturating_mul(1000);
        let options = SwapOptions { time_limit, notify: ProcessorId::new(0) };
        if object == CLASSIFIER {
            return self.order_classifier(shared, rules, to, options);
        }
        let implementations = congestion::implementations();
        let Some(to) = implementations.iter().position(|known| known.name == to) else {
            return Err(Refusal::new(Code::UnknownImplementation, format!("there is no controller {to}")));
        };
        if self.running.iter().any(|running| running.object == CONGESTION) {
            return Err(Refusal::new(Code::Busy, "a swap of congestion is under way; try again when it is decided"));
        }
        if to == shared.current.load(Ordering::Relaxed) {
            return Ok(Started::Unchanged);
        }
        let Some(&coid) = shared.congestion.get() else {
            return Err(Refusal::new(Code::Internal, "the congestion controller is not published yet"));
        };
        let swap = shared.system.swap(coid, (implementations[to].create)(), options).map_err(refusal)?;
        self.number += 1;
        let (from, to) = (shared.controller().name, implementations[to].name);
        self.running.push(Running { number: self.number, object: CONGESTION, from, to, swap, prepared_ns: [0; 2] });
        Ok(Started::Swap(self.number))
    }

    /// Begins to make the tables of another classifier ready. The deadline is for the swap, which begins when they are.
    fn order_classifier(
        &mut self,
        shared: &Shared,
        rules: &mut Rules,
        to: &str,
        options: SwapOptions,
    ) -> Result<Started, Refusal> {
        let Some(to) = classifier::lookup(to) else {
            return Err(Refusal::new(Code::UnknownImplementation, format!("there is no classifier {to}")));
        };
        if to.name == rules.book.implementation().name && !rules.book.is_busy() {
            return Ok(Started::Unchanged);
        }
        rules.book.prepare(to).map_err(|busy| Refusal::new(Code::Busy, busy.to_string()))?;
        (rules.again, rules.longest_ns) = (true, 0);
        self.number += 1;
        let began_ns = shared.platform.now_ns();
        self.preparing = Some(Preparing { number: self.number, to: to.name, options, began_ns });
        Ok(Started::Prepared(self.number))
    }

    /// The tables of another classifier are ready: swaps it in. If that cannot even begin, that is the end of it.
    pub(super) fn prepared(&mut self, shared: &Shared, rules: &mut Rules) -> Option<(Ticket, TraceRecord)> {
        let Preparing { number, to, options, began_ns } = self.preparing.take()?;
        let from = rules.book.implementation().name;
        let took_ns = shared.platform.now_ns().saturating_sub(began_ns);
        log::debug!("the tables of {to} for {} rules took {} us", rules.book.rules().len(), took_ns / 1000);
        let order = shared.classifier.get().zip(rules.book.prepared());
        let begun = order.map(|(&coid, object)| shared.system.swap(coid, object, options));
        let reason = match begun {
            Some(Ok(swap)) => {
                let prepared_ns = [took_ns, rules.longest_ns];
                self.running.push(Running { number, object: CLASSIFIER, from, to, swap, prepared_ns });
                return None;
            }
            Some(Err(error)) => error.to_string(),
            None => String::from("the classifier is not published"),
        };
        rules.book.swapped(false);
        let outcome = String::from("undone");
        let head = TraceRecord {
            swap: number,
            object: CLASSIFIER.into(),
            from: from.into(),
            to: to.into(),
            ..TraceRecord::default()
        };
        Some((number, TraceRecord { outcome, reason, protocol: "-".into(), ..head }))
    }

    /// Takes out a swap that is decided, and its record.
    pub(super) fn finished(&mut self, shared: &Shared, rules: &mut Rules) -> Option<(Ticket, TraceRecord)> {
        let (index, report) =
            self.running.iter().enumerate().find_map(|(index, running)| Some((index, running.swap.poll()?)))?;
        let running = self.running.swap_remove(index);
        if running.object == CLASSIFIER {
            rules.book.swapped(report.is_committed());
            rules.again = true;
        } else if let Some(place) = congestion::implementations().iter().position(|known| known.name == running.to)
            && report.is_committed()
        {
            shared.current.store(place, Ordering::Relaxed);
        }
        let record = trace(&running, &report, shared.processors());
        log::debug!(
            "swap {}: {} {} -> {} {} in {} us, {} moved{}",
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
        object: running.object.into(),
        from: running.from.into(),
        to: running.to.into(),
        outcome: outcome.into(),
        reason,
        protocol: report.protocol.name().into(),
        processors: report.processors.len() as u64,
        prepare_ns: running.prepared_ns[0],
        prepare_turn_ns: running.prepared_ns[1],
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
