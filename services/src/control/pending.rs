//! Requests that wait for other processors or for a swap.

use alloc::boxed::Box;
use alloc::vec::Vec;

use protocols::classification::classifier::Totals;
use protocols::classification::{Counter, Rule, RuleId};
use protocols::control::{Code, Id, Page, Record, Refusal, Reply};
use protocols::time::Instant;

use super::host::{Answer, Host, Question, Ticket};
use super::rules;

/// Who gets the reply, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct To<P> {
    pub(super) peer: P,
    pub(super) id: Option<Id>,
    pub(super) json: bool,
}

/// A request that waits.
pub(super) struct Pending<P> {
    pub(super) to: To<P>,
    pub(super) ticket: Ticket,
    /// When it is answered with an error.
    pub(super) until: Instant,
    pub(super) wait: Wait,
}

/// What it waits for.
pub(super) enum Wait {
    /// A swap.
    Swap,
    /// A batch of rules.
    Rules,
    /// The connections of a processor, then of the next one.
    Connections { page: Page, processor: usize },
    /// The counters of each processor.
    Status { from: usize, lines: Vec<Vec<Record>>, missing: usize },
    /// What rules counted on each processor.
    RuleList { rules: Vec<(RuleId, Rule, Counter)>, missing: usize },
    /// What classifiers counted otherwise on each processor.
    RuleTotals { from: usize, totals: Box<Totals>, missing: usize },
}

/// Where a page of connections begins: processor and slot in one number.
pub(super) fn cursor(processor: usize, slot: u32) -> u64 {
    (processor as u64) << 32 | u64::from(slot)
}

/// The same backwards.
pub(super) fn position(cursor: u64) -> (usize, u32) {
    (usize::try_from(cursor >> 32).unwrap_or(usize::MAX), cursor as u32)
}

pub(super) fn mailbox_full(processor: usize) -> Refusal {
    Refusal::new(Code::Busy, alloc::format!("processor {processor} has too many questions waiting; try again"))
}

/// Some lines, from the one with number `from` on, as many as fit.
pub(super) fn paged(lines: impl IntoIterator<Item = Record>, from: usize, json: bool) -> Reply {
    let mut page = Page::new(json);
    for (number, line) in lines.into_iter().enumerate().skip(from) {
        if !page.push(line) {
            return page.finish(Some(number as u64));
        }
    }
    page.finish(None)
}

impl<P> Pending<P> {
    /// Takes an answer. Returns the reply if that was the last piece; `ask` puts the next question.
    pub(super) fn answered(&mut self, processor: usize, answer: Answer, host: &mut dyn Host<P>) -> Option<Reply> {
        match (&mut self.wait, answer) {
            (Wait::Connections { page, processor: asked }, Answer::Connections(connections, more))
                if *asked == processor =>
            {
                let mut next = None;
                for (slot, connection) in connections {
                    if !page.push(Record::from(&connection)) {
                        return Some(take(page).finish(Some(cursor(processor, slot))));
                    }
                    next = slot.checked_add(1);
                }
                let (processor, from) = match next {
                    Some(next) if more => (processor, next),
                    _ => (processor + 1, 0),
                };
                if processor >= host.processors() {
                    return Some(take(page).finish(None));
                }
                *asked = processor;
                let asked = host.ask(processor, Question::Connections { from }, self.ticket);
                (!asked).then(|| Reply::refused(mailbox_full(processor), Vec::new()))
            }
            (Wait::Status { from, lines, missing }, Answer::Counters(records)) => {
                let place = lines.get_mut(processor + 1).filter(|place| place.is_empty())?;
                *place = records;
                *missing -= 1;
                (*missing == 0).then(|| paged(core::mem::take(lines).into_iter().flatten(), *from, self.to.json))
            }
            (Wait::RuleList { rules, missing }, Answer::Rules(counters)) => {
                for ((_, _, sum), counter) in rules.iter_mut().zip(counters) {
                    sum.packets += counter.packets;
                    sum.octets += counter.octets;
                }
                *missing -= 1;
                (*missing == 0).then(|| rules::listed(rules, self.to.json))
            }
            (Wait::RuleTotals { from, totals, missing }, Answer::RuleTotals(counted)) => {
                totals.add(&counted);
                *missing -= 1;
                (*missing == 0).then(|| paged(rules::counted(host.rule_summary(), totals), *from, self.to.json))
            }
            _ => None,
        }
    }
}

fn take(page: &mut Page) -> Page {
    core::mem::replace(page, Page::new(false))
}
