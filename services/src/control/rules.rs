//! Requests about rules.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use protocols::classification::classifier::{Batch, CLASSES, Change, Ruleset, Totals};
use protocols::classification::text::{Printed, PrintedSetting, parse_rule, parse_setting};
use protocols::classification::{Counter, Rule, RuleId, Setting, Shares, Waiting};
use protocols::control::{Code, Page, Record, Refusal, Reply, RulesVerb};

use super::host::{Host, Question, Ticket};
use super::pending::Wait;
use super::upload::Uploads;

/// Rules that one page asks the node for: more than fit.
const PAGE: usize = 40;

/// What a request about rules leads to.
pub(super) enum Answer {
    Now(Reply),
    /// When the batch is in force.
    Then(Ticket),
    /// When every processor has answered this.
    Ask(Question, Wait),
}

/// Handles a request.
pub(super) fn handle<P: Copy + Eq>(
    host: &mut dyn Host<P>,
    uploads: &mut Uploads<P>,
    peer: P,
    verb: RulesVerb,
) -> Result<Answer, Refusal> {
    let now = host.now();
    let change = |host: &mut dyn Host<P>, batch| host.change_rules(batch).map(Answer::Then);
    let one = |record: Record| Ok(Answer::Now(Reply::ok(alloc::vec![record])));
    match verb {
        RulesVerb::List { from } => list(host, from),
        RulesVerb::Counters { from } => {
            let (from, missing) = (usize::try_from(from).unwrap_or(usize::MAX), host.processors());
            Ok(Answer::Ask(Question::RuleTotals, Wait::RuleTotals { from, totals: Box::default(), missing }))
        }
        RulesVerb::Add { rule } => {
            let rule = parse_rule(&rule).map_err(|error| Refusal::new(Code::BadRule, format!("{error}")))?;
            change(host, Batch::Change(alloc::vec![(1, Change::Add(rule))]))
        }
        RulesVerb::Shares => Ok(Answer::Now(Reply::ok(shares(&host.shares().unwrap_or_default())))),
        RulesVerb::Set { setting } => {
            let setting = parse_setting(&setting).map_err(|error| Refusal::new(Code::BadRule, format!("{error}")))?;
            change(host, Batch::Change(alloc::vec![(1, Change::Set(setting))]))
        }
        RulesVerb::Delete { handle } => change(host, Batch::Change(alloc::vec![(1, Change::Delete(RuleId(handle)))])),
        RulesVerb::Flush => change(host, Batch::Replace(Ruleset::new())),
        RulesVerb::Begin(upload) => {
            let number = uploads.begin(peer, upload, now)?;
            one(Record::new().with("upload", u64::from(number)).with("received", 0))
        }
        RulesVerb::Part { upload, offset, text } => {
            let received = uploads.part(peer, upload, offset, &text, now)?;
            one(Record::new().with("upload", u64::from(upload)).with("received", u64::from(received)))
        }
        RulesVerb::Commit { upload } => {
            let batch = uploads.commit(peer, upload)?;
            change(host, batch)
        }
        RulesVerb::Abort { upload } => {
            uploads.abort(peer, upload)?;
            one(Record::new().with("upload", u64::from(upload)).with("result", "aborted"))
        }
    }
}

/// Each setting as it is set, classes without a weight left out.
fn shares(shares: &Shares) -> Vec<Record> {
    let rate = format!("{}", PrintedSetting(Setting::Rate(shares.rate)));
    let mut records = alloc::vec![Record::new().with("setting", rate)];
    for (class, weight) in (0u8..).zip(shares.weights).filter(|(_, weight)| *weight > 1) {
        records.push(Record::new().with("setting", format!("{}", PrintedSetting(Setting::Weight { class, weight }))));
    }
    records
}

/// Asks what the rules of a page counted.
fn list<P>(host: &mut dyn Host<P>, from: Option<u32>) -> Result<Answer, Refusal> {
    let Some(rules) = host.rules(from.map(RuleId), PAGE) else {
        let text = "the rule at which the page begins is gone; begin with `rules`";
        return Err(Refusal::new(Code::BadRequest, text));
    };
    let ids = rules.iter().map(|(id, _)| *id).collect();
    let rules = rules.into_iter().map(|(id, rule)| (id, rule, Counter::default())).collect();
    Ok(Answer::Ask(Question::Rules(ids), Wait::RuleList { rules, missing: host.processors() }))
}

/// The rules in order, each with what it counted.
pub(super) fn listed(rules: &[(RuleId, Rule, Counter)], json: bool) -> Reply {
    let mut page = Page::new(json);
    let mut last = None;
    for (taken, (id, rule, counter)) in rules.iter().enumerate() {
        let record = Record::new()
            .with("handle", u64::from(id.0))
            .with("packets", counter.packets)
            .with("octets", counter.octets)
            .with("rule", format!("{}", Printed(rule)));
        // The last one of a full question is where the next page begins.
        if taken + 1 == PAGE || !page.push(record) {
            last = Some(u64::from(id.0));
            break;
        }
    }
    page.finish(last)
}

/// What was counted otherwise; classes and shared counters that counted nothing are left out.
pub(super) fn counted(summary: Record, totals: &Totals) -> Vec<Record> {
    let mut records = alloc::vec![
        summary
            .with("unmatched_packets", totals.unmatched.packets)
            .with("unmatched_octets", totals.unmatched.octets)
            .with("limited_packets", totals.limited.packets)
            .with("limited_octets", totals.limited.octets)
            .with("tracked", totals.tracked)
            .with("tracked_noted", totals.tracking.noted)
            .with("tracked_evicted", totals.tracking.evicted),
    ];
    for class in 0..CLASSES {
        let [incoming, outgoing] = totals.classes.map(|classes| classes[class]);
        let waiting = &totals.waiting[class];
        if incoming.packets + outgoing.packets > 0 || *waiting != Waiting::default() {
            records.push(
                Record::new()
                    .with("class", class as u64)
                    .with("packets_in", incoming.packets)
                    .with("octets_in", incoming.octets)
                    .with("packets_out", outgoing.packets)
                    .with("octets_out", outgoing.octets)
                    .with("backlogs", waiting.backlogs)
                    .with("queued", waiting.queued)
                    .with("dropped", waiting.dropped),
            );
        }
    }
    for (number, counter) in totals.shared.iter().enumerate().filter(|(_, counter)| counter.packets > 0) {
        let record = Record::new().with("counter", number as u64);
        records.push(record.with("packets", counter.packets).with("octets", counter.octets));
    }
    records
}
