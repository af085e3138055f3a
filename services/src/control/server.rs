//! The control service itself.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use protocols::control::{Code, Page, Record, Refusal, Reply, Request, TraceRecord, Verb, shown};
use protocols::time::{Duration, Instant};

use super::host::{Answer, Host, Object, Question, Started, Ticket};
use super::memory::{Known, Memory};
use super::pending::{Pending, To, Wait, cursor, mailbox_full, paged, position};
use super::rules;
use super::upload::Uploads;

/// Requests that may wait at once.
const MAX_PENDING: usize = 32;
/// Traces that are kept.
const MAX_TRACES: usize = 64;
/// Time for a processor to answer a question.
const PATIENCE: Duration = Duration::from_secs(2);
/// Time for a swap when the request does not say.
const DEFAULT_DEADLINE_MS: u32 = 1000;
/// Time for a batch of rules, or for a swap to be prepared.
const RULES_PATIENCE: Duration = Duration::from_secs(60);
/// The longest time that a request may give a swap.
const MAX_DEADLINE_MS: u32 = 60_000;

/// The control service. `P` names a peer.
pub struct Server<P> {
    pending: Vec<Pending<P>>,
    memory: Memory<P>,
    traces: VecDeque<TraceRecord>,
    uploads: Uploads<P>,
    next_ticket: Ticket,
}

/// What a request leads to at once.
enum Handled {
    Reply(Reply),
    Wait(Wait, Ticket, Instant),
}

impl<P: Copy + Eq> Default for Server<P> {
    fn default() -> Server<P> {
        Server::new()
    }
}

impl<P: Copy + Eq> Server<P> {
    /// A service that has seen nothing yet.
    pub fn new() -> Server<P> {
        Server {
            pending: Vec::new(),
            memory: Memory::new(),
            traces: VecDeque::new(),
            uploads: Uploads::new(),
            next_ticket: 1,
        }
    }

    /// A datagram came.
    pub fn request(&mut self, host: &mut dyn Host<P>, peer: P, datagram: &[u8]) {
        let (id, json) = Request::head(datagram);
        let to = To { peer, id, json };
        // A piece of an upload can be taken twice without harm, and there are too many to remember.
        if let Some(id) = id.filter(|_| !Request::is_part(datagram)) {
            match self.memory.note(peer, id) {
                Known::New => {}
                Known::Waiting => return,
                Known::Answered(answer) => return host.reply(peer, answer.as_bytes()),
            }
        }
        match Request::parse(datagram).and_then(|request| self.handle(host, peer, request)) {
            Ok(Handled::Reply(reply)) => self.reply(host, to, reply),
            Ok(Handled::Wait(wait, ticket, until)) => self.pending.push(Pending { to, ticket, until, wait }),
            Err(refusal) => self.reply(host, to, Reply::refused(refusal, Vec::new())),
        }
    }

    /// A processor answered a question.
    pub fn answered(&mut self, host: &mut dyn Host<P>, processor: usize, ticket: Ticket, answer: Answer) {
        // An answer that comes after its request was given up has nobody to go to.
        let waiting =
            |pending: &Pending<P>| pending.ticket == ticket && !matches!(pending.wait, Wait::Swap | Wait::Rules);
        let Some(index) = self.pending.iter().position(waiting) else { return };
        if let Some(reply) = self.pending[index].answered(processor, answer, host) {
            let pending = self.pending.swap_remove(index);
            self.reply(host, pending.to, reply);
        }
    }

    /// A swap was decided. Its record is kept for `trace`.
    pub fn swapped(&mut self, host: &mut dyn Host<P>, ticket: Ticket, trace: TraceRecord) {
        let waiting = |pending: &Pending<P>| pending.ticket == ticket && matches!(pending.wait, Wait::Swap);
        if let Some(index) = self.pending.iter().position(waiting) {
            let pending = self.pending.swap_remove(index);
            let records = alloc::vec![Record::from(&trace)];
            let reply = match trace.outcome.as_str() {
                "committed" => Reply::ok(records),
                _ => {
                    let text = format!("{} is still in place: {}", trace.from, trace.reason);
                    Reply::refused(Refusal::new(Code::Undone, text), records)
                }
            };
            self.reply(host, pending.to, reply);
        }
        if self.traces.len() == MAX_TRACES {
            self.traces.pop_front();
        }
        self.traces.push_back(trace);
    }

    /// The batch of rules with this ticket is in force.
    pub fn rules_in_force(&mut self, host: &mut dyn Host<P>, ticket: Ticket) {
        let waiting = |pending: &Pending<P>| pending.ticket == ticket && matches!(pending.wait, Wait::Rules);
        let Some(index) = self.pending.iter().position(waiting) else { return };
        let pending = self.pending.swap_remove(index);
        let reply = Reply::ok(alloc::vec![host.rule_summary()]);
        self.reply(host, pending.to, reply);
    }

    /// Gives up what waited too long. Call it once a turn.
    pub fn poll(&mut self, host: &mut dyn Host<P>) {
        let now = host.now();
        self.uploads.expire(now);
        while let Some(index) = self.pending.iter().position(|pending| pending.until <= now) {
            let pending = self.pending.swap_remove(index);
            let text = match pending.wait {
                Wait::Swap => "the swap is not decided yet; `trace` will tell",
                Wait::Rules => "the rules are not in force yet; `rules` will tell",
                _ => "a processor did not answer in time",
            };
            self.reply(host, pending.to, Reply::refused(Refusal::new(Code::Internal, text), Vec::new()));
        }
    }

    /// When `poll` has to be called.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.pending.iter().map(|pending| pending.until).chain(self.uploads.next_deadline()).min()
    }

    fn reply(&mut self, host: &mut dyn Host<P>, to: To<P>, reply: Reply) {
        let text: String = reply.to(to.id).encode(to.json);
        host.reply(to.peer, text.as_bytes());
        if let Some(id) = to.id {
            self.memory.keep(to.peer, id, text);
        }
    }

    fn handle(&mut self, host: &mut dyn Host<P>, peer: P, request: Request) -> Result<Handled, Refusal> {
        let json = request.json;
        let wait =
            matches!(request.verb, Verb::Status { .. } | Verb::Connections { .. } | Verb::Swap { .. } | Verb::Rules(_));
        if wait && self.pending.len() == MAX_PENDING {
            return Err(Refusal::new(Code::Busy, format!("{MAX_PENDING} requests are waiting; try again")));
        }
        match request.verb {
            Verb::Help => {
                let line =
                    |(usage, does): (&'static str, &'static str)| Record::new().with("usage", usage).with("does", does);
                Ok(Handled::Reply(paged(Verb::USAGE.into_iter().map(line), 0, json)))
            }
            Verb::List { from } => {
                let from = usize::try_from(from).unwrap_or(usize::MAX);
                Ok(Handled::Reply(paged(host.objects().iter().flat_map(listed), from, json)))
            }
            Verb::Status { from } => self.status(host, usize::try_from(from).unwrap_or(usize::MAX)),
            Verb::Connections { from } => self.connections(host, from, json),
            Verb::Swap { object, implementation, deadline_ms } => swap(host, &object, &implementation, deadline_ms),
            Verb::Trace { count, before } => Ok(Handled::Reply(self.trace(count, before, json))),
            Verb::Shutdown => {
                host.shut_down();
                Ok(Handled::Reply(Reply::ok(Vec::new())))
            }
            Verb::Rules(verb) => match rules::handle(host, &mut self.uploads, peer, verb)? {
                rules::Answer::Now(reply) => Ok(Handled::Reply(reply)),
                rules::Answer::Ask(question, wait) => self.ask_all(host, question, wait),
                rules::Answer::Then(ticket) => Ok(Handled::Wait(Wait::Rules, ticket, host.now() + RULES_PATIENCE)),
            },
        }
    }

    fn status(&mut self, host: &mut dyn Host<P>, from: usize) -> Result<Handled, Refusal> {
        let processors = host.processors();
        let mut lines = alloc::vec![Vec::new(); processors + 1];
        lines[0] = host.status();
        self.ask_all(host, Question::Counters, Wait::Status { from, lines, missing: processors })
    }

    /// Asks every processor.
    fn ask_all(&mut self, host: &mut dyn Host<P>, question: Question, wait: Wait) -> Result<Handled, Refusal> {
        let ticket = self.ticket();
        for processor in 0..host.processors() {
            if !host.ask(processor, question.clone(), ticket) {
                return Err(mailbox_full(processor));
            }
        }
        Ok(Handled::Wait(wait, ticket, host.now() + PATIENCE))
    }

    fn connections(&mut self, host: &mut dyn Host<P>, from: u64, json: bool) -> Result<Handled, Refusal> {
        let (processor, slot) = position(from);
        if processor >= host.processors() {
            return Err(Refusal::new(
                Code::BadRequest,
                format!("{from} is not what a `next=` said; begin with `connections`"),
            ));
        }
        let ticket = self.ticket();
        if !host.ask(processor, Question::Connections { from: slot }, ticket) {
            return Err(mailbox_full(processor));
        }
        debug_assert_eq!(cursor(processor, slot), from);
        Ok(Handled::Wait(Wait::Connections { page: Page::new(json), processor }, ticket, host.now() + PATIENCE))
    }

    fn trace(&self, count: Option<u16>, before: u64, json: bool) -> Reply {
        let mut page = Page::new(json);
        let past = self.traces.iter().rev().filter(|trace| before == 0 || trace.swap < before);
        let mut last = before;
        for trace in past.take(count.map_or(usize::MAX, usize::from)) {
            if !page.push(Record::from(trace)) {
                return page.finish(Some(last));
            }
            last = trace.swap;
        }
        page.finish(None)
    }

    fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        self.next_ticket
    }
}

fn swap<P>(
    host: &mut dyn Host<P>,
    object: &str,
    implementation: &str,
    deadline_ms: Option<u32>,
) -> Result<Handled, Refusal> {
    let objects = host.objects();
    let Some(known) = objects.iter().find(|known| known.name == object) else {
        let known = names(objects.iter().map(|known| known.name));
        let text = format!("there is no object {}; there is {known}", shown(object));
        return Err(Refusal::new(Code::UnknownObject, text));
    };
    if !known.implementations.iter().any(|(name, _)| *name == implementation) {
        let names = names(known.implementations.iter().map(|(name, _)| *name));
        let text = format!("{object} has no implementation {}; it has {names}", shown(implementation));
        return Err(Refusal::new(Code::UnknownImplementation, text));
    }
    let deadline_ms = deadline_ms.unwrap_or(DEFAULT_DEADLINE_MS);
    if deadline_ms > MAX_DEADLINE_MS {
        return Err(Refusal::new(Code::Limit, format!("the deadline is at most {MAX_DEADLINE_MS} ms")));
    }
    let deadline = Duration::from_millis(u64::from(deadline_ms));
    match host.swap(object, implementation, deadline)? {
        Started::Swap(ticket) => Ok(Handled::Wait(Wait::Swap, ticket, host.now() + deadline + PATIENCE)),
        Started::Prepared(ticket) => {
            Ok(Handled::Wait(Wait::Swap, ticket, host.now() + RULES_PATIENCE + deadline + PATIENCE))
        }
        Started::Unchanged => {
            let record =
                Record::new().with("result", "unchanged").with("object", object).with("implementation", implementation);
            Ok(Handled::Reply(Reply::ok(alloc::vec![record])))
        }
    }
}

fn listed(object: &Object) -> Vec<Record> {
    let line = |&(name, summary): &(&'static str, &'static str)| {
        let place = if name == object.current { "yes" } else { "no" };
        Record::new()
            .with("object", object.name)
            .with("implementation", name)
            .with("in_place", place)
            .with("summary", summary)
    };
    object.implementations.iter().map(line).collect()
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for name in names {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name);
    }
    text
}
