use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use protocols::classification::classifier::{Batch, Ruleset};
use protocols::classification::{Counter, Rule, RuleId, Shares};
use protocols::control::{Code, ConnectionRecord, MAX_REPLY, Record, Refusal, Reply, TraceRecord};
use protocols::time::{Duration, Instant};

use super::*;

mod rules;

/// A node of two processors that answers when it is told to.
struct Node {
    now: Instant,
    replies: Vec<(u8, Vec<u8>)>,
    questions: Vec<(usize, Question, Ticket)>,
    room: usize,
    orders: Vec<(String, Duration)>,
    order: Result<Started, Refusal>,
    status: Vec<Record>,
    rules: Ruleset,
    batches: Vec<Batch>,
}

impl Host<u8> for Node {
    fn now(&self) -> Instant {
        self.now
    }

    fn reply(&mut self, peer: u8, datagram: &[u8]) {
        assert!(datagram.len() <= MAX_REPLY);
        self.replies.push((peer, datagram.to_vec()));
    }

    fn processors(&self) -> usize {
        2
    }

    fn ask(&mut self, processor: usize, question: Question, ticket: Ticket) -> bool {
        let room = self.questions.len() < self.room;
        if room {
            self.questions.push((processor, question, ticket));
        }
        room
    }

    fn shut_down(&mut self) {
        panic!("no test asks for the end")
    }

    fn objects(&self) -> Vec<Object> {
        let implementations = vec![("cubic", "CUBIC"), ("reno", "Reno")];
        vec![Object { name: "congestion", current: "cubic", implementations }]
    }

    fn swap(&mut self, _object: &str, implementation: &str, deadline: Duration) -> Result<Started, Refusal> {
        self.orders.push((implementation.into(), deadline));
        self.order.clone()
    }

    fn status(&self) -> Vec<Record> {
        self.status.clone()
    }

    fn rules(&self, from: Option<RuleId>, most: usize) -> Option<Vec<(RuleId, Rule)>> {
        Some(self.rules.from(from)?.take(most).map(|(id, entry)| (id, entry.rule)).collect())
    }

    fn shares(&self) -> Option<Shares> {
        self.rules.shares().copied()
    }

    fn rule_summary(&self) -> Record {
        Record::new().with("rules", self.rules.len() as u64)
    }

    fn change_rules(&mut self, batch: Batch) -> Result<Ticket, Refusal> {
        self.batches.push(batch);
        Ok(self.batches.len() as Ticket)
    }
}

struct Rig {
    server: Server<u8>,
    node: Node,
}

impl Rig {
    fn new() -> Rig {
        let node = Node {
            now: Instant::from_secs(1),
            replies: Vec::new(),
            questions: Vec::new(),
            room: usize::MAX,
            orders: Vec::new(),
            order: Ok(Started::Swap(7)),
            status: vec![Record::new().with("version", "1")],
            rules: Ruleset::new(),
            batches: Vec::new(),
        };
        Rig { server: Server::new(), node }
    }

    fn say(&mut self, request: &str) {
        self.server.request(&mut self.node, 1, request.as_bytes());
    }

    /// The one reply that came since the last call.
    fn hear(&mut self) -> Reply {
        assert_eq!(self.node.replies.len(), 1, "one reply is due");
        Reply::parse(&self.node.replies.remove(0).1).unwrap()
    }

    fn ask(&mut self, request: &str) -> Reply {
        self.say(request);
        self.hear()
    }

    fn refused(&mut self, request: &str) -> Refusal {
        self.ask(request).outcome.unwrap_err().0
    }

    /// Answers the oldest question.
    fn answer(&mut self, answer: Answer) {
        let (processor, _, ticket) = self.node.questions.remove(0);
        self.server.answered(&mut self.node, processor, ticket, answer);
    }

    fn decide(&mut self, swap: u64, outcome: &str) {
        self.server.swapped(&mut self.node, swap, trace(swap, outcome));
    }
}

fn trace(swap: u64, outcome: &str) -> TraceRecord {
    TraceRecord {
        swap,
        object: "congestion".into(),
        from: "cubic".into(),
        to: "reno".into(),
        outcome: outcome.into(),
        reason: if outcome == "undone" { "the time was up".into() } else { "-".into() },
        protocol: "common-window".into(),
        ..TraceRecord::default()
    }
}

fn connections(processor: u64, slots: impl Iterator<Item = u32>) -> Vec<(u32, ConnectionRecord)> {
    let record = |slot: u32| ConnectionRecord {
        processor,
        local: "10.77.0.2:5201".into(),
        remote: alloc::format!("10.77.0.1:{}", 40_000 + slot),
        state: "ESTABLISHED".into(),
        congestion: "cubic".into(),
        cwnd: u64::from(slot),
        ssthresh: u64::from(u32::MAX),
        bytes_out: u64::MAX,
        ..ConnectionRecord::default()
    };
    slots.map(|slot| (slot, record(slot))).collect()
}

#[test]
fn help_and_list_are_answered_at_once() {
    let mut rig = Rig::new();
    assert_eq!(rig.ask("help").records().len(), protocols::control::Verb::USAGE.len());
    let list = rig.ask("list");
    assert_eq!(list.records()[0].text("in_place"), Some("yes"));
    assert_eq!(list.records()[1].text("implementation"), Some("reno"));
    rig.say("json help");
    assert!(rig.node.replies[0].1.starts_with(b"{\"ok\":true"));
}

#[test]
fn bad_requests_are_refused_and_change_nothing() {
    let mut rig = Rig::new();
    let table = [
        ("", Code::BadRequest),
        ("fly", Code::UnknownVerb),
        ("swap congestion", Code::BadRequest),
        ("swap classifier reno", Code::UnknownObject),
        ("swap congestion vegas", Code::UnknownImplementation),
        ("swap congestion reno deadline=60001", Code::Limit),
        ("connections 8589934592", Code::BadRequest),
        ("shutdown now", Code::BadRequest),
    ];
    for (request, code) in table {
        assert_eq!(rig.refused(request).code, code, "{request}");
    }
    for (request, value) in [("swap classifier reno", "`classifier`"), ("swap congestion vegas", "`vegas`")] {
        let said = rig.refused(request).to_string();
        assert!(said.contains(value), "{said}");
    }
    let long = "x".repeat(2000);
    assert_eq!(rig.refused(&long).code, Code::TooLong);
    assert_eq!(rig.ask("#9 fly").id.unwrap().as_str(), "9", "a refusal has the ID too");
    assert!(rig.node.orders.is_empty() && rig.node.questions.is_empty());
}

#[test]
fn a_swap_is_answered_when_it_is_decided() {
    let mut rig = Rig::new();
    rig.say("#a swap congestion reno");
    assert!(rig.node.replies.is_empty());
    assert_eq!(rig.node.orders, [("reno".to_string(), Duration::from_secs(1))]);
    rig.decide(6, "committed");
    assert!(rig.node.replies.is_empty(), "that was another one");
    rig.decide(7, "committed");
    let reply = rig.hear();
    assert_eq!(reply.id.unwrap().as_str(), "a");
    assert_eq!(TraceRecord::try_from(&reply.outcome.unwrap()[0]).unwrap(), trace(7, "committed"));
}

#[test]
fn a_swap_that_is_undone_is_an_error_with_its_record() {
    let mut rig = Rig::new();
    rig.say("swap congestion reno deadline=0");
    assert_eq!(rig.node.orders[0].1, Duration::ZERO);
    rig.decide(7, "undone");
    let (refusal, records) = rig.hear().outcome.unwrap_err();
    assert_eq!(refusal.code, Code::Undone);
    assert!(refusal.text.contains("cubic is still in place: the time was up"), "{}", refusal.text);
    assert_eq!(records[0].text("outcome"), Some("undone"));
}

#[test]
fn a_swap_to_what_is_in_place_says_so() {
    let mut rig = Rig::new();
    rig.node.order = Ok(Started::Unchanged);
    assert_eq!(rig.ask("swap congestion cubic").outcome.unwrap()[0].text("result"), Some("unchanged"));
    rig.node.order = Err(Refusal::new(Code::Busy, "a swap is under way"));
    assert_eq!(rig.refused("swap congestion reno").code, Code::Busy);
}

#[test]
fn a_repeated_request_is_answered_from_memory() {
    let mut rig = Rig::new();
    rig.say("#a swap congestion reno");
    rig.say("#a swap congestion reno");
    rig.decide(7, "committed");
    let first = rig.hear();
    assert_eq!(rig.ask("#a swap congestion reno"), first);
    assert_eq!(rig.node.orders.len(), 1);
    rig.server.request(&mut rig.node, 2, b"#a swap congestion reno");
    assert_eq!(rig.node.orders.len(), 2, "another peer's ID is another one");
}

#[test]
fn memory_is_bounded_and_forgets_the_oldest() {
    let mut rig = Rig::new();
    rig.node.order = Ok(Started::Unchanged);
    for id in 0..=64 {
        rig.ask(&alloc::format!("#{id} swap congestion cubic"));
    }
    rig.ask("#1 swap congestion cubic");
    assert_eq!(rig.node.orders.len(), 65);
    rig.ask("#0 swap congestion cubic");
    assert_eq!(rig.node.orders.len(), 66);
}

#[test]
fn connections_of_all_processors_come_page_by_page() {
    let mut rig = Rig::new();
    let (mut from, mut cwnds) = (String::from("0"), Vec::new());
    // Ten connections on processor 0, three on processor 1.
    loop {
        rig.say(&alloc::format!("connections {from}"));
        while let Some(&(processor, Question::Connections { from }, _)) = rig.node.questions.first() {
            let end = if processor == 0 { 10 } else { 3 };
            let slots = (from..end).take(Question::BATCH);
            let more = from + 8 < end;
            rig.answer(Answer::Connections(connections(processor as u64, slots), more));
        }
        let records = rig.hear().outcome.unwrap();
        let typed = records.iter().filter_map(|record| ConnectionRecord::try_from(record).ok());
        cwnds.extend(typed.map(|record| (record.processor, record.cwnd)));
        match records.last().and_then(|record| record.number("next")) {
            Some(next) => from = next.to_string(),
            None => break,
        }
    }
    let expected: Vec<(u64, u64)> = (0..10).map(|slot| (0, slot)).chain((0..3).map(|slot| (1, slot))).collect();
    assert_eq!(cwnds, expected);
}

#[test]
fn status_waits_for_every_processor() {
    let mut rig = Rig::new();
    rig.say("status");
    let counters = |value: u64| Answer::Counters(vec![Record::new().with("frames", value)]);
    rig.node.questions.reverse();
    rig.answer(counters(2));
    assert!(rig.node.replies.is_empty());
    rig.answer(counters(1));
    let records = rig.hear().outcome.unwrap();
    assert_eq!(records[0].text("version"), Some("1"));
    assert_eq!([records[1].number("frames"), records[2].number("frames")], [Some(1), Some(2)], "in their order");
}

#[test]
fn a_long_status_is_paged() {
    let mut rig = Rig::new();
    rig.node.status = (0..10).map(|line| Record::new().with("line", line).with("text", "x".repeat(300))).collect();
    let (mut from, mut lines) = (0, Vec::new());
    loop {
        rig.say(&alloc::format!("status {from}"));
        rig.answer(Answer::Counters(vec![Record::new().with("frames", 1)]));
        rig.answer(Answer::Counters(vec![Record::new().with("frames", 2)]));
        let records = rig.hear().outcome.unwrap();
        lines.extend(records.iter().filter_map(|record| record.number("line").or(record.number("frames"))));
        match records.last().and_then(|record| record.number("next")) {
            Some(next) => from = next,
            None => break,
        }
    }
    assert_eq!(lines, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2]);
}

#[test]
fn a_processor_that_does_not_answer_is_an_error_in_time() {
    let mut rig = Rig::new();
    rig.say("status");
    let deadline = rig.server.next_deadline().unwrap();
    rig.node.now = deadline;
    rig.server.poll(&mut rig.node);
    assert_eq!(rig.hear().outcome.unwrap_err().0.code, Code::Internal);
    rig.answer(Answer::Counters(Vec::new()));
    assert!(rig.node.replies.is_empty(), "a late answer goes nowhere");
    rig.node.room = rig.node.questions.len();
    assert_eq!(rig.refused("status").code, Code::Busy);
}

#[test]
fn only_so_many_requests_wait() {
    let mut rig = Rig::new();
    for _ in 0..32 {
        rig.say("connections");
    }
    assert_eq!(rig.refused("connections").code, Code::Busy);
    assert!(rig.ask("help").outcome.is_ok(), "what need not wait is still answered");
}

#[test]
fn traces_are_kept_and_shown_newest_first() {
    let mut rig = Rig::new();
    (1..=70).for_each(|swap| rig.decide(swap, "committed"));
    let (mut request, mut swaps) = (String::from("trace"), Vec::new());
    loop {
        let records = rig.ask(&request).outcome.unwrap();
        swaps.extend(records.iter().filter_map(|record| record.number("swap")));
        match records.last().and_then(|record| record.number("next")) {
            Some(next) => request = alloc::format!("trace before={next}"),
            None => break,
        }
    }
    assert_eq!(swaps, (7..=70).rev().collect::<Vec<u64>>());
    let records = rig.ask("trace 2").outcome.unwrap();
    assert_eq!(records.iter().filter_map(|record| record.number("swap")).collect::<Vec<_>>(), [70, 69]);
}

proptest! {
    #[test]
    fn whatever_comes_is_answered_once_or_waits(datagram in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut rig = Rig::new();
        rig.server.request(&mut rig.node, 1, &datagram);
        let waits = rig.server.next_deadline().is_some();
        prop_assert_eq!(rig.node.replies.len(), usize::from(!waits));
    }
}
